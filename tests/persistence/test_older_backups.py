"""Backups made when the schema was older are brought up to date as they are restored, and nothing of them is lost."""

import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import psycopg2
import pytest
from psycopg2.extras import Json

from letta.backup.service import make_backup, restore_backup
from letta.database import migrations
from letta.database.base import SCHEMA
from letta.organizations.actor import DEFAULT_ACTOR
from letta.testing.postgres import throwaway_database
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.complaints.test_upgrades import MODEL_CONFIG
from tests.older_database import migrate_to, opened
from tests.support.servers import environment_of

pytestmark = pytest.mark.slow

Row = dict[str, Any]

OLDER = sorted(migrations.known_revisions() - {migrations.HEAD})
IDS = {"organizations": DEFAULT_ACTOR.organization_id, "users": DEFAULT_ACTOR.user_id}
VALUES: dict[str, dict[str, Any]] = {
    "agents": {"agent_type": "letta_v1_agent", "llm_config": MODEL_CONFIG},
    "conversations": {"is_default": True, "active_run_id": None, "lease_owner": None, "lease_expires_at": None},
    "messages": {
        "role": "user",
        "content": [{"type": "text", "text": "I like green tea."}],
        "tool_calls": None,
        "tool_returns": None,
        "step_id": None,
    },
    "passages": {"text": "The teapot is blue.", "tags": ["kitchen"]},
    "runs": {"status": "completed", "stop_reason": "end_turn", "queued": None},
    "scheduled_messages": {"occurs_at": None, "due_at": None},
}
"""What the rows are to say, where it isn't all the same."""
BY_TYPE: dict[str, Any] = {
    "jsonb": {"a": "b"},
    "ARRAY": ["c"],
    "boolean": False,
    "integer": 1,
    "bigint": 1,
    "double precision": 0.5,
    "bytea": b"d",
    "timestamp with time zone": "2026-01-02T03:04:05.678901+00:00",
}


class Store:
    """A schema of some revision, read and written past the server."""

    def __init__(self, uri: str, schema: str) -> None:
        self._uri = uri
        self._schema = schema

    def query(self, statement: str, *values: Any) -> list[Any]:
        with closing(psycopg2.connect(self._uri)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement.replace("{schema}", self._schema), values)
            return cursor.fetchall() if cursor.description else []

    def columns(self) -> dict[str, dict[str, str]]:
        """Of all tables, the columns that have to be given, or may be, with their types."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in self.query(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = %s"
            " AND table_name <> 'alembic_version' AND is_generated = 'NEVER' AND is_identity = 'NO'",
            self._schema,
        ):
            found.setdefault(table, {})[column] = kind
        return found

    def references(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """Which column refers to which columns of other tables."""
        rows = self.query(
            "SELECT c.conrelid::regclass::text, a.attname, c.confrelid::regclass::text, f.attname FROM pg_constraint c"
            " CROSS JOIN unnest(c.conkey, c.confkey) AS k (ours, theirs)"
            " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.ours"
            " JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = k.theirs"
            " WHERE c.contype = 'f' AND c.connamespace = to_regnamespace(%s)",
            self._schema,
        )
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for table, column, target, their_column in rows:
            if _bare(table) != _bare(target):
                found.setdefault((_bare(table), column), []).append((_bare(target), their_column))
        return found

    def fill(self) -> None:
        """A row in each table, all of whose columns say something."""
        columns, references = self.columns(), self.references()
        left = sorted(columns)
        while left:
            needed = {
                name: {table for c in columns[name] for table, _ in references.get((name, c), ())} for name in left
            }
            ready = [name for name in left if not needed[name] & {*left}]
            assert ready, f"{left} refer to each other"
            for table in ready:
                self._insert(table, _row(table, columns[table], references))
            left = [name for name in left if name not in ready]

    def _insert(self, table: str, row: Row) -> None:
        names, places = ", ".join(f'"{name}"' for name in row), ", ".join(["%s"] * len(row))
        given = [Json(value) if _is_json(value) else value for value in row.values()]
        self.query(f"INSERT INTO {{schema}}.{table} ({names}) VALUES ({places})", *given)

    def rows(self) -> dict[str, list[Row]]:
        """All rows of all tables."""
        tables = [*self.columns()]
        found = {table: self.query(f"SELECT to_jsonb(t) FROM {{schema}}.{table} t") for table in tables}
        return {table: sorted((row for (row,) in rows), key=json.dumps) for table, rows in found.items()}

    @property
    def revision(self) -> str:
        return str(self.query("SELECT version_num FROM {schema}.alembic_version")[0][0])


def _bare(name: str) -> str:
    return name.rpartition(".")[2].strip('"')


def _is_json(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _row(table: str, columns: dict[str, str], references: dict[tuple[str, str], list[tuple[str, str]]]) -> Row:
    row: Row = {}
    for column, kind in columns.items():
        owner, name = table, column
        while (owner, name) in references:
            owner, name = references[owner, name][0]
        if column in VALUES.get(table, {}):
            row[column] = VALUES[table][column]
        elif name == "id":
            row[column] = _id(owner)
        elif kind == "text":
            row[column] = f"{column} of {table}"
        elif kind in BY_TYPE:
            row[column] = BY_TYPE[kind]
    return row


def _id(table: str) -> str:
    prefix = {"conversations": "conv"}.get(table, table.removesuffix("s"))
    return IDS.get(table, f"{prefix}-123e4567-e89b-42d3-8456-426614174000")


@pytest.fixture
def older(embedded_uri: str) -> Iterator[str]:
    """An empty database."""
    with throwaway_database(embedded_uri) as uri:
        yield uri


@pytest.fixture
def elsewhere(embedded_uri: str) -> Iterator[str]:
    """Another one."""
    with throwaway_database(embedded_uri) as uri:
        yield uri


def make_older(uri: str, revision: str) -> Store:
    """A database as a version of that revision left it."""
    migrate_to(uri, revision)
    store = Store(uri, SCHEMA)
    assert store.revision == revision
    store.query("DELETE FROM {schema}.users; DELETE FROM {schema}.organizations; DELETE FROM {schema}.server_facts")
    store.fill()
    return store


@pytest.mark.parametrize("revision", OLDER)
def test_a_backup_of_an_older_revision_is_migrated_and_nothing_is_lost(
    older: str, elsewhere: str, scripted_model: ScriptedModel, tmp_path: Path, revision: str
) -> None:
    store = make_older(older, revision)
    before = store.rows()
    assert all(len(rows) == 1 for rows in before.values()), before
    file = tmp_path / f"{secrets.token_hex(4)}.zip"
    told: list[str] = []
    with opened(older) as database:
        make_backup(database, file, told.append, key_place="the key")
    with opened(elsewhere) as database:
        restore_backup(database, file, told.append)
    assert [line.partition(":")[0] for line in told] == [str(file), "Restored"]

    restored = Store(elsewhere, SCHEMA)
    assert restored.revision == migrations.HEAD
    after = restored.rows()
    for table, (row,) in before.items():
        assert _lasting(row) in [_lasting({column: found.get(column) for column in row}) for found in after[table]]
    # What migrations add beside: notes of what is to be indexed anew.
    assert {table for table, rows in after.items() if len(rows) != len(before.get(table, []))} <= {"server_facts"}
    environment = environment_of(elsewhere, SCHEMA, scripted_model)
    with ServerProcess(environment) as server, httpx2.Client(base_url=server.url, trust_env=False) as http:
        found = http.get(f"/v1/agents/{_id('agents')}/messages").raise_for_status().json()
        assert "I like green tea." in [message.get("content") for message in found]
        assert "Traceback" not in server.log


def _lasting(row: Row) -> Row:
    """What triggers make is made anew, as the version says that restores it; vector indexes are no part of a backup."""
    return {column: value for column, value in row.items() if column not in {"search", "vector_index"}}
