"""What the doctor asks the database."""

from typing import NamedTuple

from sqlalchemy import Connection, text

from letta.database.base import SCHEMA

OUTSIDERS = ("public", "anon", "authenticated")
"""Everybody, and the roles that Supabase's public API works as."""


class Server(NamedTuple):
    """The server at the other end."""

    version: str
    backend_pid: int
    read_only: bool


class Extension(NamedTuple):
    """An installed extension."""

    version: str
    schema: str
    usable: bool


def server(connection: Connection) -> Server:
    """Version and state. ``backend_pid`` is the real one, also behind a pooler."""
    statement = """
        SELECT current_setting('server_version'), pg_backend_pid(),
               current_setting('default_transaction_read_only')::boolean OR pg_is_in_recovery()
    """
    return Server(*connection.execute(text(statement)).one())


def vector_extension(connection: Connection) -> Extension | None:
    """The installed pgvector."""
    statement = """
        SELECT e.extversion, n.nspname, has_schema_privilege(n.oid, 'usage')
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        WHERE e.extname = 'vector'
    """
    row = connection.execute(text(statement)).one_or_none()
    return Extension(*row) if row else None


def vector_available(connection: Connection) -> str | None:
    """The version of pgvector that could be installed."""
    statement = "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
    version: str | None = connection.scalar(text(statement))
    return version


def is_superuser(connection: Connection) -> bool:
    """Whether our role may do everything."""
    return bool(connection.scalar(text("SELECT current_setting('is_superuser')::boolean")))


def schema_exists(connection: Connection) -> bool:
    """Whether our schema is there."""
    return connection.scalar(text("SELECT to_regnamespace(:schema)"), {"schema": SCHEMA}) is not None


def may_create_schema(connection: Connection) -> bool:
    """Whether our role may make it."""
    statement = "SELECT has_database_privilege(current_database(), 'create')"
    return bool(connection.scalar(text(statement)))


def admitted_outsiders(connection: Connection) -> list[str]:
    """Those of `OUTSIDERS` that may look into our schema."""
    statement = """
        SELECT outsider FROM unnest(CAST(:outsiders AS text[])) AS outsider
        WHERE CASE WHEN outsider = 'public' OR to_regrole(outsider) IS NOT NULL
                   THEN has_schema_privilege(outsider, :schema, 'usage') END
    """
    return list(connection.scalars(text(statement), {"outsiders": list(OUTSIDERS), "schema": SCHEMA}))


def has_public_api(connection: Connection) -> bool:
    """Whether this is Supabase, or as open as Supabase."""
    return connection.scalar(text("SELECT to_regrole('anon')")) is not None


def unguarded_tables(connection: Connection) -> list[str]:
    """Our tables without row security."""
    statement = "SELECT tablename FROM pg_tables WHERE schemaname = :schema AND NOT rowsecurity ORDER BY tablename"
    return list(connection.scalars(text(statement), {"schema": SCHEMA}))


def tables(connection: Connection) -> set[str]:
    """What is in our schema, whoever made it: tables, views, sequences."""
    statement = """
        SELECT relname FROM pg_class
        WHERE relnamespace = to_regnamespace(:schema) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    """
    return set(connection.scalars(text(statement), {"schema": SCHEMA}))


def vector_indexes(connection: Connection) -> tuple[int, dict[str, str]]:
    """How many archives have a vector index, and why others that should have one don't, by their ids."""
    query = f"""
        SELECT id, vector_index ->> 'state', vector_index ->> 'reason' FROM {SCHEMA}.archives
        WHERE vector_index IS NOT NULL ORDER BY id
    """  # noqa: S608
    rows = connection.execute(text(query)).all()
    reasons = {archive_id: reason for archive_id, state, reason in rows if state == "failed"}
    return len(rows) - len(reasons), reasons
