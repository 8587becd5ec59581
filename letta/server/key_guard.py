"""Nothing secret is read or written by a server whose encryption key isn't the database's any more."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, Update, event

from letta.database.encryption import EncryptedText, keyring
from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.server.facts_repository import read_fingerprint, share_fingerprint


class KeyReplacedError(UnavailableError):
    """The database's secrets have been given another key while this server was running."""

    def __init__(self) -> None:
        super().__init__(
            "The database's encryption key was changed while this server was running, so the server can neither read "
            "nor write secrets. Nothing was stored. Restart the server with LETTA_ENCRYPTION_KEY set to the new key."
        )


def guard_secrets(database: Database) -> None:
    """Hold the key in force to the database's whenever a row is written that has something secret.

    The fact stays locked until the end of that transaction, so that no change of the key can miss the row. Reading
    costs nothing: only where a secret of another key is met, it is looked whether that is the database's by now.
    """
    event.listen(database.engine, "before_execute", _check)
    database.check_key = check_key
    keyring.is_watched = True


def check_key(connection: Connection) -> None:
    """Hold the key in force to the database's.

    Raises:
        KeyReplacedError: the database's is another one by now.
    """
    if read_fingerprint(connection) not in {None, keyring.fingerprint}:
        raise KeyReplacedError


def _check(connection: Connection, statement: Any, *_: Any) -> None:
    if not isinstance(statement, Insert | Update) or not isinstance(statement.table, Table):
        return
    if keyring.fingerprint is None or not _has_secrets(statement.table):
        return
    known = share_fingerprint(connection)
    if known not in {None, keyring.fingerprint}:
        raise KeyReplacedError


@cache
def _has_secrets(table: Table) -> bool:
    return any(isinstance(column.type, EncryptedText) for column in table.columns)
