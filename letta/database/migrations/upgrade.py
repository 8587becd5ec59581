"""Running Alembic: one transaction, under a lock that ends with it."""

import zlib
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from letta.database.base import SCHEMA
from letta.database.engine import Database
from letta.errors import ConfigurationError

_LOCK = zlib.crc32(f"letta migrations {SCHEMA}".encode())


def alembic_config() -> Config:
    """Alembic's configuration; no file is needed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def upgrade(database: Database, revision: str = "head") -> None:
    """Migrate to a revision, the newest by default. A second process waits for the first, then finds nothing to do."""
    connection = database.engine.connect().execution_options(isolation_level="READ COMMITTED")
    with connection, connection.begin():
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _create_schema(connection)
        _ensure_vector(connection)
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _create_schema(connection: Connection) -> None:
    present = connection.scalar(text("SELECT to_regnamespace(:name)"), {"name": SCHEMA})
    if present is None:
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))


def _ensure_vector(connection: Connection) -> None:
    if connection.scalar(text("SELECT 1 FROM pg_extension WHERE extname = 'vector'")):
        return
    supabase = connection.scalar(text("SELECT to_regnamespace('extensions')")) is not None
    # Named, because a role called like our schema has it first in its search path, and would lose it with the schema.
    statement = f"CREATE EXTENSION vector WITH SCHEMA {'extensions' if supabase else 'public'}"
    try:
        connection.execute(text(statement))
    except ProgrammingError as error:
        raise ConfigurationError(
            "The database has no pgvector extension, and its role may not create it. "
            f"As an administrator run: {statement};"
        ) from error
