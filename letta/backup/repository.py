"""Copying tables out of the schema and into it, whatever tables it has."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import IO

from psycopg2 import sql
from sqlalchemy import Connection, null, text, update

from letta.archives.tables import archives
from letta.backup.manifest import Table
from letta.constants import DEFAULT_ORGANIZATION_ID, DEFAULT_USER_ID
from letta.database.base import SCHEMA

_VERSION_TABLE = "alembic_version"
_FACTS = "server_facts"
"""Copied first: triggers of other tables read it."""
_MADE_AT_START = {
    "organizations": f"id = '{DEFAULT_ORGANIZATION_ID}'",
    "users": f"id = '{DEFAULT_USER_ID}'",
    "tools": "starts_with(tool_type, 'letta_')",
    _FACTS: "true",
    _VERSION_TABLE: "true",
}
"""What the first start puts into tables, before anybody has stored anything: the condition on their rows."""

# As pg_dump does: whatever the role or the database has set, the text means the same everywhere.
_STEADY = (
    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '30s'; "
    "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL client_encoding = 'UTF8'; "
    "SET LOCAL datestyle = 'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL extra_float_digits = 1; "
)
BEGIN_READING = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_STEADY}"
"""All tables as they are at one moment."""
BEGIN_WRITING = f"BEGIN; {_STEADY}"


def tables(connection: Connection) -> list[Table]:
    """The tables of the schema with the columns that are stored, those first that others refer to."""
    found = connection.execute(
        text("""
            SELECT c.table_name, array_agg(c.column_name::text ORDER BY c.ordinal_position) AS columns
            FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
            WHERE c.table_schema = :schema AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'
                AND c.table_name <> :version_table
            GROUP BY c.table_name
        """),
        {"schema": SCHEMA, "version_table": _VERSION_TABLE},
    )
    columns: dict[str, list[str]] = {name: list(names) for name, names in found}
    return [Table(name, columns[name]) for name in _in_order(connection, columns)]


def _in_order(connection: Connection, names: Iterable[str]) -> list[str]:
    references = connection.execute(
        text("""
            SELECT referring.relname, referred.relname FROM pg_constraint
            JOIN pg_class referring ON referring.oid = conrelid JOIN pg_class referred ON referred.oid = confrelid
            WHERE contype = 'f' AND connamespace = to_regnamespace(:schema) AND conrelid <> confrelid
        """),
        {"schema": SCHEMA},
    )
    graph: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(names), ()))
    for referring, referred in references:
        graph.add(referring, referred)
    return sorted(graph.static_order(), key=lambda name: name != _FACTS)


def keep_as_they_are(connection: Connection, kept: Sequence[Table]) -> None:
    """Let nobody change the definition of these tables until the transaction ends. Their rows may change."""
    names = ", ".join(f'{SCHEMA}."{table.name}"' for table in kept)
    connection.execute(text(f"LOCK TABLE {names} IN ACCESS SHARE MODE"))


def copy_out(connection: Connection, table: Table, into: IO[bytes]) -> Table:
    """Write the rows of a table. Returns it with their number, and with where its numbering goes on."""
    statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(_columns(table), _name(table))
    rows = _copy(connection, statement, into)
    return replace(table, rows=rows, numbering=_numbering(connection, table))


def copy_in(connection: Connection, table: Table, source: IO[bytes]) -> int:
    """Store rows that were copied out. Returns their number."""
    rows = _copy(connection, sql.SQL("COPY {} ({}) FROM STDIN").format(_name(table), _columns(table)), source)
    for column, last in table.numbering.items():
        statement = text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)")
        connection.execute(statement, {"table": f'{SCHEMA}."{table.name}"', "column": column, "last": last})
    return rows


def holds_anything(connection: Connection) -> str | None:
    """A table in which somebody has stored something already."""
    for table in tables(connection):
        ours = _MADE_AT_START.get(table.name, "false")
        statement = text(f'SELECT EXISTS (SELECT FROM {SCHEMA}."{table.name}" WHERE NOT ({ours}))')  # noqa: S608 - ours
        if connection.scalar(statement):
            return table.name
    return None


def drop_schema(connection: Connection) -> None:
    """Drop the schema with all that is in it."""
    connection.execute(text(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE"))


def empty(connection: Connection, emptied: Sequence[Table]) -> None:
    """Take out what the migrations put into the tables."""
    names = ", ".join(f'{SCHEMA}."{table.name}"' for table in emptied)
    connection.execute(text(f"TRUNCATE {names}"))


def forget_vector_indexes(connection: Connection) -> None:
    """Note that archives have no indexes, which aren't part of a backup: searches have them built when need be."""
    connection.execute(update(archives).values(vector_index=null()))


def _numbering(connection: Connection, table: Table) -> dict[str, int]:
    statement = text("""
        SELECT column_name, pg_sequence_last_value(pg_get_serial_sequence(:qualified, column_name)::regclass)
        FROM information_schema.columns
        WHERE table_schema = :schema AND table_name = :name AND is_identity = 'YES'
    """)
    values = {"qualified": f'{SCHEMA}."{table.name}"', "schema": SCHEMA, "name": table.name}
    return {column: last for column, last in connection.execute(statement, values) if last is not None}


def _copy(connection: Connection, statement: sql.Composed, file: IO[bytes]) -> int:
    connection.execute(text("SELECT 1"))  # which opens the transaction, if it isn't open yet
    raw = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("the connection is closed")
    with raw.cursor() as cursor:
        cursor.copy_expert(statement, file)
        return int(cursor.rowcount)


def _name(table: Table) -> sql.Composable:
    return sql.Identifier(SCHEMA, table.name)


def _columns(table: Table) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, table.columns))
