"""What the database remembers of the installation."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from letta.errors import ConfigurationError
from letta.server.tables import server_facts

_FINGERPRINT = "encryption_key_fingerprint"


def check_encryption_key(connection: Connection, fingerprint: str | None) -> None:
    """Hold the encryption key to the one that the database's secrets were written with.

    The first key is remembered by its fingerprint. Nothing is written when it is the same one.

    Raises:
        ConfigurationError: the key is another one, or is missing.
    """
    known = connection.scalar(select(server_facts.c.value).where(server_facts.c.key == _FINGERPRINT))
    if known == fingerprint:
        return
    if known is None:
        connection.execute(insert(server_facts).values(key=_FINGERPRINT, value=fingerprint).on_conflict_do_nothing())
        return
    problem = "is another key than the one" if fingerprint else "is not set, but a key is known"
    raise ConfigurationError(
        f"LETTA_ENCRYPTION_KEY {problem} that this database's secrets were encrypted with. "
        "Set it to that key. Nothing was changed."
    )
