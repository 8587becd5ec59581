"""`letta reset-encryption-key`: going on after the key was lost, without what only that key could open."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from letta.database.embedded import DataDirectoryError, EmbeddedPostgres
from letta.database.encryption import keyring
from letta.errors import ConfigurationError
from letta.server import facts_repository, sealed_repository
from letta.server.keys import configured_key
from letta.server.startup import opened_database
from letta.settings import Settings

_FITS = "The current encryption key is the database's key and decrypts every secret. There is nothing to reset."
_UNUSED = "The database has no encryption key yet, so there is nothing to reset."


def reset_key(settings: Settings, say: Callable[[str], None], *, confirmed: bool) -> bool:
    """Make the key in force the database's, and empty the secrets that it can't open. Says what that means.

    Without confirmation nothing is changed. Returns whether all is well now.

    Raises:
        ConfigurationError: there is no database, or no new key.
    """
    with opened_database(settings) as (database, embedded):
        keyring.load(_present_key(settings, embedded))
        known = database.run_sync(facts_repository.known_fingerprint)
        lost = database.run_sync(_lost)
        if not lost and known in {None, keyring.fingerprint}:
            say(_FITS if known else _UNUSED)
            return True
        if not confirmed:
            say(_warning(lost))
            return False
        if embedded is not None and keyring.fingerprint is None:
            keyring.load(embedded.renew_key())
        say(f"The current encryption key is now the database's key. Emptied: {_told(database.run_sync(_reset))}.")
        return True


def _present_key(settings: Settings, embedded: EmbeddedPostgres | None) -> str | None:
    key = configured_key(settings)
    if key is None and embedded is None:
        raise ConfigurationError("LETTA_ENCRYPTION_KEY is not set. Set it to the new key, a long random text.")
    try:
        return key or (embedded.read_key() if embedded else None)
    except DataDirectoryError:
        return None


def _lost(connection: Connection) -> Mapping[str, int]:
    """How many secrets the key in force can't open, by where they are."""
    return {str(column): len(rows) for column, rows in sealed_repository.unreadable(connection).items()}


def _reset(connection: Connection) -> Mapping[str, int]:
    lost = _lost(connection)
    for column, rows in sealed_repository.unreadable(connection).items():
        sealed_repository.empty(connection, column, rows)
    facts_repository.replace_fingerprint(connection, str(keyring.fingerprint))
    return lost


def _warning(lost: Mapping[str, int]) -> str:
    return (
        f"Secrets that the current encryption key can't decrypt: {_told(lost)}. If you have the key they were "
        "encrypted with, set LETTA_ENCRYPTION_KEY to it instead, and nothing is lost. If not, stop the server and run "
        "this command again with --yes. That empties these secrets for good, so you have to enter them again (their "
        "names and everything else are kept), and the database continues with the current key. Nothing was changed "
        "yet."
    )


def _told(lost: Mapping[str, int]) -> str:
    return ", ".join(f"{count} in {place}" for place, count in lost.items()) or "none"
