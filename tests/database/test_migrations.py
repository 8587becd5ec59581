"""The schema that migrations make is the one that the code's tables describe."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from letta.database import migrations
from letta.database.all_tables import metadata
from letta.database.base import SCHEMA
from letta.database.engine import Database
from letta.database.vectors import vector_support
from letta.errors import ConfigurationError


def test_head_is_the_newest_revision() -> None:
    assert max(migrations.known_revisions()) == migrations.HEAD
    assert (Path(migrations.__file__).parent / "versions").is_dir()


def test_tables_and_migrations_agree(database: Database) -> None:
    with database.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        schema = vector_support(connection).schema
        connection.execute(text(f"SET LOCAL search_path TO {schema}"))  # a type is compared by its unqualified name
        context = MigrationContext.configure(
            connection,
            opts={
                "target_metadata": metadata,
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
                "version_table_schema": SCHEMA,
            },
        )
        assert compare_metadata(context, metadata) == []


def test_a_current_schema_is_left_alone(database: Database, statements: list[str]) -> None:
    assert migrations.migrate(database) is False
    assert [statement for statement in statements if "SELECT" not in statement] == ["COMMIT"]
    assert len(statements) == 3


def test_a_newer_schema_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "current_revision", lambda _connection: "9999")
    with pytest.raises(ConfigurationError, match=r"9999.*newer version"):
        migrations.migrate(database)


def test_every_table_is_closed_to_the_data_api(connection: Connection) -> None:
    open_tables = connection.scalars(
        text("SELECT tablename FROM pg_tables WHERE schemaname = :schema AND NOT rowsecurity"), {"schema": SCHEMA}
    ).all()
    assert set(open_tables) <= {"alembic_version"}
    assert not connection.scalar(text("SELECT has_schema_privilege('public', :schema, 'usage')"), {"schema": SCHEMA})


def test_every_foreign_key_has_an_index(connection: Connection) -> None:
    """Without one, deleting a row scans the tables that point to it (Supabase's linter calls it 0001)."""
    missing = connection.execute(
        text("""
            SELECT c.conrelid::regclass::text, a.attname FROM pg_constraint c
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
            WHERE c.contype = 'f' AND c.connamespace = to_regnamespace(:schema)
                AND NOT EXISTS (
                    SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1]
                )
        """),
        {"schema": SCHEMA},
    ).all()
    assert missing == []
