"""`letta rotate-encryption-key`: another key, and all that is secret encrypted with it, at one stroke."""

import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection

from letta.database.embedded import EmbeddedPostgres
from letta.database.encryption import Keyring
from letta.database.engine import Database
from letta.errors import ConfigurationError
from letta.server import facts_repository, sealed_repository
from letta.server.keys import configured_key
from letta.server.sealed_repository import Resealed
from letta.server.startup import opened_database
from letta.settings import Settings

Say = Callable[[str], None]

STANDARD_INPUT = Path("-")


def rotate_key(settings: Settings, file: Path | None, say: Say) -> None:
    """Encrypt all secrets with a new key, in one transaction. The key in force has to be the database's.

    Args:
        settings: with the key in force.
        file: holds the new key. The embedded database makes one itself where none is configured.
        say: tells what was done.

    Raises:
        ConfigurationError: the key in force isn't the database's, or there is no new one. Nothing was changed.
    """
    with opened_database(settings) as (database, embedded):
        old = configured_key(settings)
        if embedded is not None and old is None:
            _rotate_beside(database, embedded, file, say)
            return
        if old is None:
            raise ConfigurationError("LETTA_ENCRYPTION_KEY is not set. Set it to the current key. Nothing was changed.")
        new = _read(file)
        say(_told(_rotate(database, old, new)))
        say("Set LETTA_ENCRYPTION_KEY to the new key, and restart every server of this database now.")


def _rotate_beside(database: Database, embedded: EmbeddedPostgres, file: Path | None, say: Say) -> None:
    """Where the key is kept beside the data: the next one is laid there before it is used, so that it can't be lost."""
    if file is not None:
        raise ConfigurationError("This embedded database makes its own keys. Leave out the file. Nothing was changed.")
    old = embedded.read_key()
    if old is None:
        raise ConfigurationError("This database has no encryption key yet. Nothing was changed.")
    new = embedded.propose_key()
    done = _rotate(database, old, new)
    embedded.adopt_key()
    say(_told(done))
    say(
        "The new key is in the file encryption-key in the database's data directory. Keep a copy, and restart the "
        "server."
    )


def _rotate(database: Database, old: str, new: str) -> Resealed | None:
    """What was encrypted anew; None if that key is the database's already."""
    before, after = Keyring(), Keyring()
    before.load(old)
    after.load(new)
    if before.fingerprint == after.fingerprint:
        raise ConfigurationError("The new key is the same as the current key. Choose another one. Nothing was changed.")
    return database.run_sync(_resealed, before, after)


def _resealed(connection: Connection, before: Keyring, after: Keyring) -> Resealed | None:
    if facts_repository.known_fingerprint(connection) is None:
        raise ConfigurationError(
            "The database has no encryption key yet. Start the server with LETTA_ENCRYPTION_KEY set to the new key. "
            "Nothing was changed."
        )
    known = facts_repository.lock_fingerprint(connection)
    if known == after.fingerprint:
        return None
    facts_repository.refuse_another_key(known, before.fingerprint)
    resealed = sealed_repository.reseal(connection, before, after)
    facts_repository.replace_fingerprint(connection, str(after.fingerprint))
    return resealed


def _read(file: Path | None) -> str:
    if file is None:
        raise ConfigurationError(
            "Name a file that contains the new key, such as the output of `openssl rand -hex 32`, or '-' for standard "
            "input."
        )
    try:
        key = (sys.stdin.read() if file == STANDARD_INPUT else file.read_text()).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The new key can't be read from {file}: {error}.") from None
    if not key:
        raise ConfigurationError(f"{file} is empty. Write the new key into it: a long random text.")
    return key


def _told(done: Resealed | None) -> str:
    if done is None:
        return "The new key is already the database's key. There was nothing to do."
    counts = ", ".join(f"{count} in {place}" for place, count in done.counts.items() if count) or "none"
    text = f"Encrypted with the new key: {counts}."
    if done.unreadable:
        damaged = ", ".join(f"{count} in {place}" for place, count in done.unreadable.items())
        text += f" Left unchanged, because the current key can't decrypt them: {damaged}. Enter them again."
    return text
