"""From settings to a server that is ready: database, schema, key, models. Says in a few lines what it found."""

import logging
import os
import secrets
import time
from pathlib import Path

from sqlalchemy import Connection

from letta import __version__
from letta.database.configured import configured_dsn
from letta.database.dsn import Dsn, parse_dsn
from letta.database.embedded import EmbeddedPostgres, default_data_directory
from letta.database.encryption import keyring
from letta.database.engine import Database
from letta.database.failures import FailureKind, classify, hint
from letta.database.migrations import migrate
from letta.errors import ConfigurationError
from letta.llm.catalog import Catalog
from letta.organizations.actor import DEFAULT_ACTOR
from letta.search.indexing_repository import set_language
from letta.server import facts, policy
from letta.server.server import SyncServer
from letta.settings import Settings
from letta.settings import settings as configured
from letta.tools.service import ensure_builtin_tools

logger = logging.getLogger(__name__)

_HOPELESS = {FailureKind.PERMANENT, FailureKind.CONFIGURATION}
_BANNING = {FailureKind.AUTHENTICATION, FailureKind.BLOCKED}
"""Repeated at once, as by a host that restarts us, these get the address banned: so we wait before we give up."""
_PATIENCE_SECONDS = 600
_KEY_FILE = "encryption-key"


def open_server(settings: Settings) -> SyncServer:
    """Open everything that a server needs, in the order in which it can fail.

    Raises:
        ConfigurationError: the server must not, or can't, start as it is configured.
    """
    policy.check_settings(settings)
    database, embedded = open_database(settings)
    try:
        prepare_database(database, restarted_by_host=settings.render)
    except BaseException:
        database.close()
        if embedded is not None:
            embedded.stop()
        raise
    return SyncServer(settings, database, Catalog.from_settings(settings), embedded)


def open_database(settings: Settings) -> tuple[Database, EmbeddedPostgres | None]:
    """The configured database, or the embedded one. The encryption key that goes with it is loaded."""
    chosen = configured_dsn(settings)
    if chosen is not None:
        policy.check_encryption_key(settings)
        keyring.load(settings.encryption_key.get_secret_value() if settings.encryption_key else None)
        for note in chosen.dsn.notes:
            logger.warning("%s: %s", chosen.setting, note)
        logger.info("database: %s (from %s)", chosen.dsn.masked(), chosen.setting)
        return _database(settings, chosen.dsn), None
    directory = settings.pg_data or default_data_directory(os.environ)
    policy.check_embedded(settings, directory)
    embedded = EmbeddedPostgres(directory)
    dsn = parse_dsn(embedded.start())
    keyring.load(settings.encryption_key.get_secret_value() if settings.encryption_key else kept_key(directory))
    logger.info("database: embedded Postgres, data in %s", directory)
    return _database(settings, dsn), embedded


def prepare_database(database: Database, *, restarted_by_host: bool = False) -> None:
    """Bring the schema up to date and check the key, waiting for a database that is not up yet."""
    if keyring.fingerprint is None:
        logger.warning("LETTA_ENCRYPTION_KEY is not set: secrets are stored unencrypted")
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            migrate(database)
            database.run_sync(facts.check_encryption_key, keyring.fingerprint)
            database.run_sync(_seed)
            return
        except ConfigurationError:
            raise
        except Exception as error:
            cause = error.__cause__ or error
            kind = classify(cause)
            if kind is FailureKind.READ_ONLY:
                logger.warning("the database is read-only: serving what can be served without writing")
                return
            if kind is None or kind in _HOPELESS or time.monotonic() > give_up:
                raise ConfigurationError(hint(cause)) from error
            logger.warning("waiting for the database: %s", hint(cause))
            time.sleep(kind.boot_pause_seconds if restarted_by_host or kind not in _BANNING else 0)
            if kind in _BANNING:
                raise ConfigurationError(hint(cause)) from error


def _seed(connection: Connection) -> None:
    ensure_builtin_tools(connection, DEFAULT_ACTOR)
    set_language(connection, configured.search_language)


def kept_key(directory: Path) -> str:
    """The encryption key that lies beside the embedded database's data; made when there is none yet."""
    path = directory / _KEY_FILE
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return path.read_text().strip()


def _database(settings: Settings, dsn: Dsn) -> Database:
    instance = (settings.render_instance_id or "")[-8:]
    return Database(
        dsn,
        pool_size=settings.pg_pool_size,
        max_overflow=settings.pg_max_overflow,
        pool_timeout=settings.pg_pool_timeout,
        application_name=f"letta/{__version__} {instance}".strip(),
    )
