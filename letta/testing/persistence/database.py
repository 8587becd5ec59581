"""Where a check stores its data: a schema of its own in the configured database, or an embedded one to throw away."""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql

from letta.database.configured import configured_dsn
from letta.database.dsn import Dsn
from letta.database.embedded import EmbeddedPostgres
from letta.database.embedded.layout import Layout
from letta.database.embedded.postmaster import Postmaster
from letta.database.failures import hint
from letta.settings import Settings
from letta.testing.persistence import CheckFailedError

_PREFIX = "letta_check_"
_PASSED_ON = ("DATABASE_URL", "LETTA_PG_URI", "LETTA_PG_SSLROOTCERT")
_PARTS = ("LETTA_PG_HOST", "LETTA_PG_PORT", "LETTA_PG_USER", "LETTA_PG_PASSWORD", "LETTA_PG_DB")
_LOCK_TIMEOUT = "10s"


@dataclass(frozen=True)
class Place:
    """Where data are: in words, as the server is told, and the directory that may be written to meanwhile, if any."""

    description: str
    environment: Mapping[str, str]
    directory: Path | None = None


@contextmanager
def place(settings: Settings, directory: Path) -> Iterator[Place]:
    """A place for data that is gone at the end: what was created is dropped, and nothing else.

    Args:
        directory: where an embedded database may be set up. Removing it is up to the caller.

    Raises:
        CheckFailedError: the schema's name is taken.
    """
    chosen = configured_dsn(settings)
    # A key of its own: the check must not depend on, or reveal, the one in use.
    key = {"LETTA_ENCRYPTION_KEY": secrets.token_hex(32)}
    if chosen is None:
        try:
            yield Place(f"an embedded Postgres in {directory}", {"LETTA_PG_DATA": str(directory), **key}, directory)
        finally:
            _stop_embedded(directory)
        return
    schema = schema_name(settings.pg_schema)
    passed_on = {name: value for name in (*_PASSED_ON, *_PARTS) if (value := os.environ.get(name))}
    with _own_schema(chosen.dsn, schema):
        description = f"{chosen.dsn.masked()}, schema {schema}"
        yield Place(description, {**passed_on, "LETTA_PG_SCHEMA": schema, **key})


def schema_name(configured: str) -> str:
    """The name for a check's schema: the configured one where that can only be meant for a check, else a new one."""
    return configured if configured.startswith(_PREFIX) else f"{_PREFIX}{secrets.token_hex(8)}"


def _stop_embedded(directory: Path) -> None:
    """Stop what a server that was killed has left running."""
    postmaster = Postmaster.read(Layout(directory))
    if postmaster is not None and postmaster.is_running:
        postgres = EmbeddedPostgres(directory)
        postgres.start()
        postgres.stop()


@contextmanager
def _own_schema(dsn: Dsn, schema: str) -> Iterator[None]:
    """Create a schema, and drop it at the end if it's still the one that was created."""
    mark = f"made by test_persistence.py, {secrets.token_hex(16)}"
    _create(dsn, schema, mark)
    try:
        yield
    finally:
        _drop(dsn, schema, mark)


def _create(dsn: Dsn, schema: str, mark: str) -> None:
    with _cursor(dsn) as cursor:
        try:
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        except psycopg2.errors.DuplicateSchema:
            raise CheckFailedError(
                f"The database already has a schema {schema}; it is left alone. "
                "Set LETTA_PG_SCHEMA to another name, or leave it out to have one made up."
            ) from None
        cursor.execute(sql.SQL("COMMENT ON SCHEMA {} IS %s").format(sql.Identifier(schema)), (mark,))


def _drop(dsn: Dsn, schema: str, mark: str) -> None:
    with _cursor(dsn) as cursor:
        cursor.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", (schema,))
        if cursor.fetchone() == (mark,):
            cursor.execute("SET LOCAL lock_timeout = %s", (_LOCK_TIMEOUT,))
            cursor.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


@contextmanager
def _cursor(dsn: Dsn) -> Iterator["psycopg2.extensions.cursor"]:
    """A transaction. What goes wrong with the database is explained, without secrets."""
    try:
        with closing(psycopg2.connect(**dsn.connect_arguments("letta check"))) as connection:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
    except psycopg2.Error as error:
        raise CheckFailedError(hint(error)) from error
