"""Reading the tables of the former server. Nothing here writes.

Columns that a database doesn't have read as null: older versions had fewer. JSON is read as the text that it is, since
it may hold what can be kept in no other type.
"""
# ruff: noqa: S608 - what is put together are names of tables and columns, quoted

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, text

from letta.json_types import JsonObject
from letta.legacy.upstream import Shape


@dataclass(frozen=True, slots=True)
class Table:
    """What is read of a table, page by page.

    Attributes:
        key: a unique column that says in which order.
        columns: what is wanted.
        large: those of them that may hold much; of a page, they together hold about `bytes`.
        rows: most rows of a page.
        deleted: whether rows that were deleted, but are there, are wanted as well.
    """

    name: str
    columns: tuple[str, ...]
    key: str = "id"
    large: tuple[str, ...] = ()
    rows: int = 500
    bytes: int = 4_000_000
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows a table has, and how many of them are marked as deleted."""

    rows: int
    deleted: int = 0

    @property
    def live(self) -> int:
        """Those that aren't."""
        return self.rows - self.deleted


def find_shape(connection: Connection, schema: str) -> Shape:
    """The tables that there are in a schema, whether or not they may be read."""
    query = text("""
        SELECT c.relname, a.attname, t.typname FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
        WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    """)
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(query, {"schema": schema}):
        columns.setdefault(table, {})[column] = kind
    shape = Shape(schema, columns, None)
    if not shape.has("alembic_version", "version_num") or "alembic_version" in closed(connection, schema):
        return shape
    revision = connection.scalar(text(f"SELECT max(version_num) FROM {_name(shape, 'alembic_version')}"))
    return Shape(schema, columns, revision)


def closed(connection: Connection, schema: str) -> dict[str, str]:
    """Tables of which this user sees nothing, or perhaps not all rows, and the remedy."""
    query = text("""
        SELECT c.relname, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (
            has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
            AND NOT row_security_active(c.oid)
        )
    """)
    rows = connection.execute(query, {"schema": schema})
    return {name: _HIDDEN if readable else _FORBIDDEN for name, readable in rows}


_FORBIDDEN = "which this user may not read. Grant USAGE on the schema and SELECT on all its tables"
_HIDDEN = "whose rows are hidden from this user by row security. Use their owner, or a user with BYPASSRLS"


def page(connection: Connection, shape: Shape, table: Table, after: str | int | None) -> list[JsonObject]:
    """The next rows of a table behind a key, in the order of the keys: as many as fit, and at least one if there is."""
    if not shape.has(table.name, table.key):
        return []
    key = _column(table.key)
    conditions = [] if table.deleted else _live(shape, table.name)
    if after is not None:
        conditions.append(f"{key} > :after")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    sizes = [f"coalesce(octet_length(CAST({_column(c)} AS text)), 0)" for c in table.large if shape.has(table.name, c)]
    columns = _selected(shape, table.name, table.columns)
    query = text(f"""
        SELECT * FROM (
            SELECT entry.*, sum(entry.bytes_) OVER (ORDER BY entry.key_) - entry.bytes_ AS before_ FROM (
                SELECT {columns}, {key} AS key_, {" + ".join(sizes) or "0"} AS bytes_
                FROM {_name(shape, table.name)} {where} ORDER BY {key} LIMIT :limit
            ) AS entry
        ) AS fitting WHERE before_ < :budget ORDER BY key_
    """)
    values = {"after": after, "limit": table.rows, "budget": table.bytes}
    return [_as_read(row._mapping) for row in connection.execute(query, values)]


def related(
    connection: Connection,
    shape: Shape,
    name: str,
    columns: Sequence[str],
    column: str,
    ids: Collection[str],
    *,
    order: str | None = None,
    deleted: bool = False,
) -> list[JsonObject]:
    """The rows of a table that refer to some of these ids."""
    if not ids or not shape.has(name, column):
        return []
    conditions = [f"{_column(column)} = ANY(:ids)", *([] if deleted else _live(shape, name))]
    ordered = f"ORDER BY {_column(order)}" if order is not None and shape.has(name, order) else ""
    query = text(
        f"SELECT {_selected(shape, name, columns)} FROM {_name(shape, name)} WHERE {' AND '.join(conditions)} {ordered}"
    )
    return [_as_read(row._mapping) for row in connection.execute(query, {"ids": list(ids)})]


def everything(
    connection: Connection, shape: Shape, name: str, columns: Sequence[str], *, deleted: bool = False
) -> list[JsonObject]:
    """Some columns of all rows of a table that has few."""
    if not shape.has(name):
        return []
    conditions = [] if deleted else _live(shape, name)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    query = text(f"SELECT {_selected(shape, name, columns)} FROM {_name(shape, name)} {where}")
    return [_as_read(row._mapping) for row in connection.execute(query)]


def take_time(connection: Connection) -> None:
    """Let statements of this transaction take long, as those do that read whole tables."""
    connection.execute(text("SET LOCAL statement_timeout = '30min'"))


def count(connection: Connection, shape: Shape, name: str) -> Counts:
    """How many rows a table has."""
    if not shape.has(name):
        return Counts(0)
    deleted = "count(*) FILTER (WHERE is_deleted)" if shape.has(name, "is_deleted") else "0"
    return Counts(*connection.execute(text(f"SELECT count(*), {deleted} FROM {_name(shape, name)}")).one())


def vectors(
    connection: Connection, shape: Shape, name: str, dimensions: dict[str, int | None]
) -> dict[str, tuple[str, int]]:
    """Vectors without the zeros that they were padded with, as `[…]`, and how many dimensions are left, by row id.

    Args:
        dimensions: by row id, how many the model has; None where nobody knows. Then, and where there is something
            behind them, all zeros at the end count as padding.
    """
    if not dimensions or not shape.has(name, "embedding"):
        return {}
    query = text(f"""
        SELECT id, CAST(kept AS text), cardinality(kept) FROM (
            SELECT t.id, t.all_[1:CASE
                WHEN wanted.dimensions IS NULL OR t.all_[wanted.dimensions + 1:] <> array_fill(
                    CAST(0 AS real), ARRAY[greatest(cardinality(t.all_) - wanted.dimensions, 0)]
                ) THEN (SELECT max(place) FROM unnest(t.all_) WITH ORDINALITY AS part (value, place) WHERE value <> 0)
                ELSE wanted.dimensions
            END] AS kept
            FROM unnest(CAST(:ids AS text[]), CAST(:dimensions AS int[])) AS wanted (id, dimensions)
            JOIN (
                SELECT id, CAST(embedding AS real[]) AS all_ FROM {_name(shape, name)}
                WHERE id = ANY(CAST(:ids AS text[])) AND embedding IS NOT NULL
            ) AS t ON t.id = wanted.id
        ) AS found WHERE cardinality(kept) > 0
    """)
    rows = connection.execute(query, {"ids": list(dimensions), "dimensions": list(dimensions.values())})
    return {row_id: (f"[{literal[1:-1]}]", size) for row_id, literal, size in rows}


def first_steps(connection: Connection, shape: Shape, run_ids: Collection[str]) -> dict[str, str]:
    """The id of the first step of each of these runs, by run id."""
    if not run_ids or not shape.has("steps", "run_id"):
        return {}
    query = text(f"""
        SELECT DISTINCT ON (run_id) run_id, id FROM {_name(shape, "steps")}
        WHERE run_id = ANY(:ids) ORDER BY run_id, created_at, id
    """)
    return dict(connection.execute(query, {"ids": list(run_ids)}).tuples().all())


def usage_of_runs(connection: Connection, shape: Shape, run_ids: Collection[str]) -> dict[str, JsonObject]:
    """What the steps of these runs used, summed, by run id."""
    if not run_ids or not shape.has("steps", "run_id"):
        return {}
    query = text(f"""
        SELECT run_id, count(*) AS step_count, sum(prompt_tokens) AS prompt_tokens,
            sum(completion_tokens) AS completion_tokens, sum(total_tokens) AS total_tokens
        FROM {_name(shape, "steps")} WHERE run_id = ANY(:ids) GROUP BY run_id
    """)
    found = connection.execute(query, {"ids": list(run_ids)})
    return {row.run_id: {name: int(row._mapping[name]) for name in _USAGE} for row in found}


_USAGE = ("step_count", "prompt_tokens", "completion_tokens", "total_tokens")


def last_sequence_id(connection: Connection, shape: Shape) -> int:
    """The highest number that a message has."""
    return connection.scalar(text(f"SELECT max(sequence_id) FROM {_name(shape, 'messages')}")) or 0


def _live(shape: Shape, name: str) -> list[str]:
    return ["is_deleted IS NOT TRUE"] if shape.has(name, "is_deleted") else []


def _selected(shape: Shape, name: str, columns: Sequence[str]) -> str:
    known = shape.columns[name]
    return ", ".join(_one(column, known.get(column)) for column in columns)


def _one(column: str, kind: str | None) -> str:
    if kind is None:
        return f"CAST(NULL AS text) AS {_column(column)}"
    if kind in _TAKEN_AS_THEY_ARE:
        return _column(column)
    return f"CAST({_column(column)} AS text) AS {_column(column)}"


_TAKEN_AS_THEY_ARE = {"varchar", "text", "bool", "int2", "int4", "int8", "float8", "timestamptz", "timestamp"}


def _as_read(row: Any) -> JsonObject:
    """Times without a zone are meant in UTC."""
    return {
        name: value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
        for name, value in row.items()
    }


def _name(shape: Shape, table: str) -> str:
    return f"{_column(shape.schema)}.{_column(table)}"


def _column(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))
