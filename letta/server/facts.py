"""What the database remembers of the installation."""

from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert

from letta.database.base import SCHEMA
from letta.errors import ConfigurationError
from letta.server.tables import server_facts

_FINGERPRINT = "encryption_key_fingerprint"


def known_fingerprint(connection: Connection) -> str | None:
    """Fingerprint of the key that the secrets were written with, or None before the first start with one."""
    table = {"name": f"{SCHEMA}.{server_facts.name}"}
    if connection.scalar(text("SELECT to_regclass(:name)"), table) is None:
        return None
    return _read(connection)


def check_encryption_key(connection: Connection, fingerprint: str | None) -> None:
    """Hold the encryption key to the one that the database's secrets were written with.

    The first key is remembered by its fingerprint. Nothing is written when it is the same one.

    Raises:
        ConfigurationError: the key is another one, or is missing.
    """
    known = _read(connection)
    if known is None and fingerprint is not None:
        connection.execute(insert(server_facts).values(key=_FINGERPRINT, value=fingerprint).on_conflict_do_nothing())
        known = _read(connection)  # it may be that of a process which was first by a moment
    refuse_another_key(known, fingerprint)


def refuse_another_key(known: str | None, fingerprint: str | None) -> None:
    """Compare the key's fingerprint with the one that the database knows, if it knows one.

    Raises:
        ConfigurationError: the key is another one, or is missing.
    """
    if known is None or known == fingerprint:
        return
    problem = "is another key than the one" if fingerprint else "is not set, but a key is known"
    raise ConfigurationError(
        f"LETTA_ENCRYPTION_KEY {problem} that this database's secrets were encrypted with. "
        "Set it to that key. If that is lost, run `letta reset-encryption-key`. Nothing was changed."
    )


def replace_fingerprint(connection: Connection, fingerprint: str) -> None:
    """Remember this key instead of the one known so far."""
    connection.execute(delete(server_facts).where(server_facts.c.key == _FINGERPRINT))
    connection.execute(insert(server_facts).values(key=_FINGERPRINT, value=fingerprint))


def _read(connection: Connection) -> str | None:
    return connection.scalar(select(server_facts.c.value).where(server_facts.c.key == _FINGERPRINT))
