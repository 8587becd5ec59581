"""Databases as older versions left them, each of its own, so that the tests' process itself can migrate them."""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import psycopg2

from letta.database.dsn import parse_dsn
from letta.database.engine import Database
from letta.database.migrations.upgrade import upgrade


@contextmanager
def new_database(uri: str) -> Iterator[str]:
    """The URI of an empty database beside this one, which is dropped at the end."""
    name = f"older_{secrets.token_hex(6)}"
    _execute(uri, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(uri)._replace(path=f"/{name}").geturl()
    finally:
        _execute(uri, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def opened(uri: str) -> Iterator[Database]:
    """A database, as the server's own commands have it."""
    database = Database(parse_dsn(uri))
    try:
        yield database
    finally:
        database.close()


def migrate_to(uri: str, revision: str) -> None:
    """Bring an empty database to a revision, as a version of that revision did."""
    with opened(uri) as database:
        upgrade(database, revision)


def _execute(uri: str, statement: str) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
