"""Where the former server's data are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from letta.database.dsn import parse_dsn
from letta.database.engine import Database
from letta.errors import ConfigurationError, UnavailableError
from letta.legacy import source_repository
from letta.legacy.sections import known
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
                "the tables of the former server are not changed."
            )
        yield _found(ours, schema, f"schema {schema} of this database", accepted)
        return
    dsn = parse_dsn(stated.get_secret_value(), setting="LETTA_LEGACY_PG_URI")
    database = Database(dsn, pool_size=1, max_overflow=1, application_name="letta import")
    place = f"schema {schema} of {dsn.masked()}"
    try:
        yield _found_elsewhere(database, schema, place, accepted)
    finally:
        database.close()


def _found_elsewhere(database: Database, schema: str, place: str, accepted: str | None) -> Source:
    try:
        return _found(database, schema, place, accepted)
    except UnavailableError as error:
        detail = error.detail.replace("LETTA_PG_URI", "LETTA_LEGACY_PG_URI (or --from)")
        raise ConfigurationError(f"The former server's database can't be read ({place}). {detail}") from error


def _found(database: Database, schema: str, place: str, accepted: str | None) -> Source:
    shape = database.read_sync(source_repository.find_shape, schema)
    closed = database.read_sync(source_repository.closed, schema)
    _check_open({name: reason for name, reason in closed.items() if name in known()})
    check_known(shape, accepted)
    return Source(database, shape, place)


def _check_open(closed: Mapping[str, str]) -> None:
    """Refuse what would look as if nothing, or less, were there."""
    for reason in sorted(set(closed.values())):
        tables = sorted(name for name in closed if closed[name] == reason)
        shown = ", ".join(tables[:5]) + (f" and {len(tables) - 5} more" if len(tables) > 5 else "")
        raise ConfigurationError(f"There are tables of the former server ({shown}) {reason}, then import.")
