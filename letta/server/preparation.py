"""Bringing the database to the state that this version needs, and waiting for one that isn't up yet."""

import logging
import time

from sqlalchemy import Connection

from letta.database.embedded import EmbeddedPostgres
from letta.database.encryption import keyring
from letta.database.engine import Database
from letta.database.failures import FailureKind, classify, hint
from letta.database.migrations import HEAD, current_revision, migrate
from letta.errors import ConfigurationError
from letta.search.indexing_repository import set_language
from letta.server import facts_repository
from letta.server.facts_repository import Known
from letta.server.keys import load_key
from letta.settings import Settings
from letta.tools.service import ensure_builtin_tools_everywhere

logger = logging.getLogger(__name__)

_FOR_SOMEBODY = {FailureKind.AUTHENTICATION, FailureKind.BLOCKED, FailureKind.CONFIGURATION}
"""Somebody has to change something. Repeated at once, as by a host that restarts us, they get the address banned."""
_PATIENCE_SECONDS = 600


def prepare_database(settings: Settings, database: Database, embedded: EmbeddedPostgres | None) -> Known | None:
    """Check the key and bring the schema up to date, waiting for a database that isn't up yet.

    A read-only database whose schema is up to date is good enough: it can be read.

    Returns:
        what the database knew before; None if it can only be read.

    Raises:
        ConfigurationError: it can't be used, or can't be had in time.
    """
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return _prepare(settings, database, embedded)
        except ConfigurationError:
            raise
        except Exception as error:
            cause = error.__cause__ or error
            kind = classify(cause)
            if kind is FailureKind.READ_ONLY:
                _make_do_with_reading(database, cause)
                return None
            if kind is None or kind is FailureKind.PERMANENT:
                raise _unexpected(kind, cause) from error
            if kind in _FOR_SOMEBODY or time.monotonic() > give_up:
                _pause_before_restart(kind, restarted=settings.render)
                raise ConfigurationError(hint(cause)) from error
            logger.warning("waiting for the database, for at most %.0f s", give_up - time.monotonic())
            time.sleep(kind.boot_pause_seconds)


def _prepare(settings: Settings, database: Database, embedded: EmbeddedPostgres | None) -> Known:
    known = load_key(settings, database, embedded)
    migrate(database)
    if keyring.fingerprint is None:
        logger.warning("LETTA_ENCRYPTION_KEY is not set: secrets are stored unencrypted")
    elif known.fingerprint is None:
        database.run_sync(facts_repository.check_encryption_key, keyring.fingerprint)
    database.run_sync(_seed, settings.search_language)
    return known


def _seed(connection: Connection, search_language: str) -> None:
    ensure_builtin_tools_everywhere(connection)
    set_language(connection, search_language)


def _make_do_with_reading(database: Database, cause: BaseException) -> None:
    revision = database.run_sync(current_revision)
    if revision != HEAD:
        found = f"at revision {revision}" if revision else "missing"
        raise ConfigurationError(
            f"The schema is {found}, but this version needs {HEAD}, and the database can't be written to. {hint(cause)}"
        ) from cause
    logger.warning("the database is read-only: only requests that don't write are served")


def _unexpected(kind: FailureKind | None, cause: BaseException) -> ConfigurationError:
    """The sentence for a person; what is needed to find the cause goes to the log."""
    logger.error("the database could not be prepared", exc_info=cause)
    if kind is None:
        return ConfigurationError(
            f"The database could not be prepared because of a bug in this server ({type(cause).__name__}). Please "
            "report the last lines of the log."
        )
    return ConfigurationError(hint(cause))


def _pause_before_restart(kind: FailureKind, *, restarted: bool) -> None:
    if restarted and kind in _FOR_SOMEBODY:
        logger.warning("exiting in %.0f s, because the host restarts the process at once", kind.boot_pause_seconds)
        time.sleep(kind.boot_pause_seconds)
