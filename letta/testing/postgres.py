"""Postgres for tests: a schema of one's own, and (from `letta.testing.postgres_wire`) a watched connection."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

from letta.testing.postgres_wire import PostgresWire, Traffic

__all__ = ["PostgresWire", "Traffic", "drop_schema", "throwaway_database", "throwaway_schema"]

_PREFIX = "letta_test_"
_LOCK_TIMEOUT = "10s"


@contextmanager
def throwaway_schema(uri: str) -> Iterator[str]:
    """A name for `LETTA_PG_SCHEMA` that nobody else uses. What was created under it is dropped at the end.

    The schema isn't created here; the server does that. End the server before the `with` block ends.
    """
    schema = f"{_PREFIX}{secrets.token_hex(6)}"
    try:
        yield schema
    finally:
        drop_schema(uri, schema)


def drop_schema(uri: str, schema: str) -> None:
    """Drop a schema made by `throwaway_schema`, with all that is in it.

    Raises ValueError for any other schema, and psycopg2.errors.LockNotAvailable while somebody works in it.
    """
    import psycopg2
    from psycopg2 import sql

    if not schema.startswith(_PREFIX):
        raise ValueError(f"{schema} isn't a throw-away schema; only names that begin with {_PREFIX} are dropped")
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = %s", (_LOCK_TIMEOUT,))
        cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


@contextmanager
def throwaway_database(uri: str) -> Iterator[str]:
    """The URI of an empty database beside this one. It is dropped at the end, whoever is still in it."""
    name = f"{_PREFIX}{secrets.token_hex(6)}"
    _execute(uri, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(uri)._replace(path=f"/{name}").geturl()
    finally:
        _execute(uri, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(uri: str, statement: str) -> None:
    import psycopg2

    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
