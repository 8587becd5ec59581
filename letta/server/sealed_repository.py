"""All that is stored encrypted, in whatever room's table."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Column, Connection, Text, and_, select, text, type_coerce, update

from letta.database.all_tables import metadata
from letta.database.base import SCHEMA
from letta.database.encryption import EncryptedText, SecretUnreadableError, keyring

_Key = tuple[object, ...]
"""A row's primary key."""


def unreadable(connection: Connection) -> dict[Column[str], Sequence[_Key]]:
    """By column, the primary keys of the rows whose secret can't be read with the key in force."""
    found = {column: _unreadable(connection, column) for column in _sealed_columns(connection)}
    return {column: rows for column, rows in found.items() if rows}


def empty(connection: Connection, column: Column[str], rows: Sequence[_Key]) -> None:
    """Empty that secret of these rows."""
    table = column.table
    for row in rows:
        same = and_(*(key == value for key, value in zip(table.primary_key, row, strict=True)))
        connection.execute(update(table).where(same).values({column: None if column.nullable else ""}))


def _unreadable(connection: Connection, column: Column[str]) -> Sequence[_Key]:
    context = column.type.context if isinstance(column.type, EncryptedText) else ""
    keys = list(column.table.primary_key)
    query = select(type_coerce(column, Text), *keys).where(column.is_not(None))
    rows = connection.execute(query).all()
    return [tuple(row[1:]) for row in rows if not _is_readable(str(row[0]), context)]


def _is_readable(stored: str, context: str) -> bool:
    try:
        keyring.decrypt(stored, context)
    except SecretUnreadableError:
        return False
    return True


def _sealed_columns(connection: Connection) -> Iterator[Column[str]]:
    """The encrypted columns that the database has, at whatever revision its schema is."""
    query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = :schema"
    present = set(connection.execute(text(query), {"schema": SCHEMA}).tuples())
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EncryptedText) and (table.name, column.name) in present:
                yield column
