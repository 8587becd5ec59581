"""The encryption key in force: that of the settings, or the one beside the embedded database."""

from letta.database.embedded import DataDirectoryError, EmbeddedPostgres
from letta.database.encryption import keyring
from letta.database.engine import Database
from letta.server import facts_repository
from letta.server.facts_repository import Known
from letta.settings import Settings


def load_key(settings: Settings, database: Database, embedded: EmbeddedPostgres | None) -> Known:
    """Load the key, and hold it to the one that the database knows before anything is changed.

    Returns:
        what the database knows; no fingerprint where no key was used yet.

    Raises:
        ConfigurationError: it is another key, or is missing.
    """
    known = database.run_sync(facts_repository.known_facts)
    key = configured_key(settings)
    if key is None and embedded is not None:
        key = embedded.ensure_key(one_is_known=known.fingerprint is not None)
    keyring.load(key)
    facts_repository.refuse_another_key(known.fingerprint, keyring.fingerprint)
    return known


def present_key(settings: Settings, embedded: EmbeddedPostgres | None) -> str | None:
    """The key that is in force already: none is made."""
    key = configured_key(settings)
    if key is not None or embedded is None:
        return key
    try:
        return embedded.read_key()
    except DataDirectoryError:
        return None


def key_place(settings: Settings, embedded: EmbeddedPostgres | None) -> str:
    """What holds the key in force: the name of the setting, or the path of the file beside the embedded database."""
    if embedded is None or configured_key(settings) is not None:
        return "LETTA_ENCRYPTION_KEY"
    return str(embedded.key_file)


def configured_key(settings: Settings) -> str | None:
    """The key that the settings hold."""
    return settings.encryption_key.get_secret_value() if settings.encryption_key else None
