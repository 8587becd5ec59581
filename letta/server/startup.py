"""From settings to a server that is ready: database, schema, key, models."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from letta import __version__
from letta.database.configured import configured_dsn, data_directory
from letta.database.dsn import Dsn, parse_dsn
from letta.database.embedded import EmbeddedPostgres
from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.legacy.notice import tell_of_former_server
from letta.llm.catalog import Catalog
from letta.server import policy
from letta.server.facts_repository import Known
from letta.server.key_guard import guard_secrets
from letta.server.preparation import prepare_database
from letta.server.server import SyncServer
from letta.settings import Settings

logger = logging.getLogger(__name__)


def open_server(settings: Settings) -> SyncServer:
    """Open everything that a server needs, in the order in which it can fail.

    Raises:
        ConfigurationError: the server must not, or can't, start as it is configured.
    """
    policy.check_settings(settings)
    database, embedded = open_database(settings)
    try:
        known = prepare_database(settings, database, embedded)
        if known is not None:
            _tell_of_former_server(settings, database, known)
    except BaseException:
        close_database(database, embedded)
        raise
    guard_secrets(database)
    return SyncServer(settings, database, Catalog.from_settings(settings), embedded)


def _tell_of_former_server(settings: Settings, database: Database, known: Known) -> None:
    """Nothing is looked for, and no statement is made, where something is stored here."""
    if known.is_empty or known.import_is_unfinished:
        schema, begun = settings.legacy_pg_schema, known.import_is_unfinished
        elsewhere = settings.legacy_pg_uri is not None
        try:
            database.read_sync(tell_of_former_server, schema, begun=begun, elsewhere=elsewhere)
        except (SQLAlchemyError, UnavailableError):  # whoever owns those tables may not let us look; we serve anyway
            logger.info("could not look for tables of the former server in schema %s", schema, exc_info=True)


def open_database(settings: Settings) -> tuple[Database, EmbeddedPostgres | None]:
    """The configured database, or the embedded one, which is started.

    Raises:
        ConfigurationError: it must not, or can't, be used as it is configured.
    """
    chosen = configured_dsn(settings)
    if chosen is not None:
        policy.check_encryption_key(settings)
        for note in chosen.dsn.notes:
            logger.warning("%s: %s", chosen.setting, note)
        logger.info("database: %s (from %s)", chosen.dsn.masked(), chosen.setting)
        return _database(settings, chosen.dsn), None
    directory = data_directory(settings)
    policy.check_embedded(settings, directory)
    embedded = EmbeddedPostgres(directory)
    dsn = parse_dsn(embedded.start())
    logger.info("database: embedded Postgres, data in %s", directory)
    return _database(settings, dsn, revive=lambda: parse_dsn(embedded.start())), embedded


def close_database(database: Database, embedded: EmbeddedPostgres | None) -> None:
    """Close what `open_database` has opened."""
    database.close()
    if embedded is not None:
        embedded.stop()


@contextmanager
def opened_database(settings: Settings) -> Iterator[tuple[Database, EmbeddedPostgres | None]]:
    """The database for the duration of a command."""
    database, embedded = open_database(settings)
    try:
        yield database, embedded
    finally:
        close_database(database, embedded)


def _database(settings: Settings, dsn: Dsn, *, revive: Callable[[], Dsn] | None = None) -> Database:
    instance = (settings.render_instance_id or "")[-8:]
    return Database(
        dsn,
        pool_size=settings.pg_pool_size,
        max_overflow=settings.pg_max_overflow,
        pool_timeout=settings.pg_pool_timeout,
        application_name=f"letta/{__version__} {instance}".strip(),
        revive=revive,
    )
