"""Where the former server's data are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from letta.database.dsn import parse_dsn
from letta.database.engine import Database
from letta.errors import ConfigurationError
from letta.legacy import source_repository
from letta.legacy.upstream import Shape, check_known
from letta.settings import Settings


@dataclass(frozen=True, slots=True)
class Source:
    """A database, and the tables that were found in it."""

    database: Database
    shape: Shape
    place: str


@contextmanager
def opened_source(settings: Settings, ours: Database, accepted: str | None = None) -> Iterator[Source]:
    """The database of the former server: the one that LETTA_LEGACY_PG_URI names, else our own.

    Raises:
        ConfigurationError: there are no such tables there, or they are of an unknown revision.
    """
    schema = settings.legacy_pg_schema
    stated = settings.legacy_pg_uri
    if stated is None:
        if schema == settings.pg_schema:
            raise ConfigurationError(
                f"LETTA_LEGACY_PG_SCHEMA and LETTA_PG_SCHEMA are both {schema}. Set LETTA_PG_SCHEMA to another name: "
                "the tables of the former server stay as they are."
            )
        yield _found(ours, schema, f"schema {schema} of this database", accepted)
        return
    dsn = parse_dsn(stated.get_secret_value(), setting="LETTA_LEGACY_PG_URI")
    database = Database(dsn, pool_size=1, max_overflow=1, application_name="letta import")
    try:
        yield _found(database, schema, f"schema {schema} of {dsn.masked()}", accepted)
    finally:
        database.close()


def _found(database: Database, schema: str, place: str, accepted: str | None) -> Source:
    shape = database.read_sync(source_repository.find_shape, schema)
    check_known(shape, accepted)
    return Source(database, shape, place)
