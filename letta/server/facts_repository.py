"""What the database remembers of the installation."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, Select, exists, select, text
from sqlalchemy.dialects.postgresql import insert

from letta.agents.tables import agents
from letta.database.base import SCHEMA
from letta.database.tables import ENCRYPTION_KEY, LEGACY_IMPORT, server_facts
from letta.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before anything is done.

    Attributes:
        fingerprint: of the key that the secrets were written with; None before the first start with one.
        is_empty: whether there is no agent yet.
        legacy_import: how far the import from the former server is, as JSON; None where none was begun.
    """

    fingerprint: str | None = None
    is_empty: bool = True
    legacy_import: str | None = None

    @property
    def import_is_unfinished(self) -> bool:
        """Whether an import was begun, and has to be gone on with."""
        return self.legacy_import is not None and json.loads(self.legacy_import).get("finished_at") is None


def known_facts(connection: Connection) -> Known:
    """All of it, with one statement where there is a schema, beside the one that looks whether there is."""
    table = {"name": f"{SCHEMA}.{server_facts.name}"}
    if connection.scalar(text("SELECT to_regclass(:name)"), table) is None:
        return Known()
    imported = select(server_facts.c.value).where(server_facts.c.key == LEGACY_IMPORT)
    columns = (_fact().scalar_subquery(), ~exists().select_from(agents), imported.scalar_subquery())
    return Known(*connection.execute(select(*columns)).one())


def known_fingerprint(connection: Connection) -> str | None:
    """Fingerprint of the key that the secrets were written with, or None before the first start with one.

    There may be no schema yet.
    """
    table = {"name": f"{SCHEMA}.{server_facts.name}"}
    if connection.scalar(text("SELECT to_regclass(:name)"), table) is None:
        return None
    return read_fingerprint(connection)


def check_encryption_key(connection: Connection, fingerprint: str | None) -> None:
    """Hold the encryption key to the one that the database's secrets were written with.

    The first key is remembered by its fingerprint. Nothing is written when it is the same one.

    Raises:
        ConfigurationError: the key is another one, or is missing.
    """
    known = read_fingerprint(connection)
    if known is None and fingerprint is not None:
        connection.execute(insert(server_facts).values(key=ENCRYPTION_KEY, value=fingerprint).on_conflict_do_nothing())
        known = read_fingerprint(connection)  # it may be that of a process which was first by a moment
    refuse_another_key(known, fingerprint)


def refuse_another_key(known: str | None, fingerprint: str | None) -> None:
    """Compare the key's fingerprint with the one that the database knows, if it knows one.

    Raises:
        ConfigurationError: the key is another one, or is missing.
    """
    if known is None or known == fingerprint:
        return
    problem = "is not the key" if fingerprint else "is not set to the key"
    raise ConfigurationError(
        f"LETTA_ENCRYPTION_KEY {problem} that this database's secrets were encrypted with. "
        "Set it to that key. If that is lost, run `letta reset-encryption-key`. Nothing was changed."
    )


def lock_fingerprint(connection: Connection) -> str | None:
    """As `known_fingerprint`; nobody writes anything secret, or changes the key, until this transaction ends."""
    return connection.scalar(_fact().with_for_update())


def share_fingerprint(connection: Connection) -> str | None:
    """As `known_fingerprint`; nobody changes the key until this transaction ends."""
    return connection.scalar(_fact().with_for_update(read=True))


def replace_fingerprint(connection: Connection, fingerprint: str) -> None:
    """Remember this key instead of the one known so far."""
    row = insert(server_facts).values(key=ENCRYPTION_KEY, value=fingerprint)
    connection.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": fingerprint}))


def read_fingerprint(connection: Connection) -> str | None:
    """As `known_fingerprint`, where it is certain that there is a schema: with one statement."""
    return connection.scalar(_fact())


def _fact() -> Select[str]:
    return select(server_facts.c.value).where(server_facts.c.key == ENCRYPTION_KEY)
