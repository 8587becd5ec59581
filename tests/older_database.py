"""Databases as older versions left them, each of its own, so that the tests' process itself can migrate them."""

from collections.abc import Iterator
from contextlib import contextmanager

from letta.database.dsn import parse_dsn
from letta.database.engine import Database
from letta.database.migrations.upgrade import upgrade


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
