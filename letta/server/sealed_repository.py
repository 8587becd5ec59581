"""All that is stored encrypted, in whatever room's table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Text, and_, bindparam, select, text, type_coerce, update

from letta.database.all_tables import metadata
from letta.database.base import SCHEMA
from letta.database.encryption import EncryptedText, Keyring, SecretUnreadableError, keyring

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


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many secrets were encrypted anew, and how many could not be, by where they are."""

    counts: Mapping[str, int]
    unreadable: Mapping[str, int]


def reseal(connection: Connection, before: Keyring, after: Keyring) -> Resealed:
    """Encrypt every secret with another key. Those that can't be read with the one before stay as they are."""
    counts, unreadable = {}, {}
    for column in _sealed_columns(connection):
        rows = [(row, _opened(before, str(row[0]), column)) for row in _rows(connection, column)]
        readable = [(row, secret) for row, secret in rows if secret is not None]
        context = _context(column)
        _write(connection, column, [(tuple(row[1:]), after.encrypt(secret, context)) for row, secret in readable])
        counts[str(column)] = len(readable)
        if len(readable) < len(rows):
            unreadable[str(column)] = len(rows) - len(readable)
    return Resealed(counts, unreadable)


def _write(connection: Connection, column: Column[str], sealed: Sequence[tuple[_Key, str]]) -> None:
    if not sealed:
        return
    keys = list(column.table.primary_key)
    same = and_(*(key == bindparam(f"key_{place}") for place, key in enumerate(keys)))
    statement = update(column.table).where(same).values({column: bindparam("sealed", type_=Text())})
    named = [{f"key_{place}": part for place, part in enumerate(key)} | {"sealed": text} for key, text in sealed]
    connection.execute(statement, named)


def _opened(key: Keyring, stored: str, column: Column[str]) -> str | None:
    try:
        return key.decrypt(stored, _context(column))
    except SecretUnreadableError:
        return None


def _unreadable(connection: Connection, column: Column[str]) -> Sequence[_Key]:
    rows = _rows(connection, column)
    return [tuple(row[1:]) for row in rows if _opened(keyring, str(row[0]), column) is None]


def _rows(connection: Connection, column: Column[str]) -> Sequence[Row[Any]]:
    """What is stored in a column, as it is there, with the rows' primary keys."""
    query = select(type_coerce(column, Text), *column.table.primary_key).where(column.is_not(None))
    return connection.execute(query).all()


def _context(column: Column[str]) -> str:
    return column.type.context if isinstance(column.type, EncryptedText) else ""


def _sealed_columns(connection: Connection) -> Iterator[Column[str]]:
    """The encrypted columns that the database has, at whatever revision its schema is."""
    query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = :schema"
    present = {tuple(row) for row in connection.execute(text(query), {"schema": SCHEMA})}
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EncryptedText) and (table.name, column.name) in present:
                yield column
