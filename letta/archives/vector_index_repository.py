"""SQL of approximate vector indexes: one for each archive that is too large to compare with every vector.

Such an index holds one bit for each dimension (whether it is positive), 16 times less than the vectors take; a search
reads its candidates from there and compares those exactly. It is a partial index, so other archives pay nothing for it.
Source: https://github.com/pgvector/pgvector (binary quantization, re-ranking, HNSW).
"""
# ruff: noqa: S608 - what is put together are names and numbers of our own; ids are checked or parameters

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Connection, select, text, update

from letta.archives.tables import archives
from letta.database.base import SCHEMA
from letta.database.dsn import Dsn, DsnKind
from letta.database.vectors import vector_support
from letta.errors import ConfigurationError
from letta.json_types import JsonObject

_PREFIX = "ix_passages_vectors_"
_ARCHIVE_ID = re.compile(r"archive-[0-9a-f-]{36}")
_LINKS, _BREADTH = 16, 64
"""Neighbours of a vector (``m``), and how many are looked at for them (``ef_construction``)."""
_ROW_OVERHEAD_BYTES = 330
"""Of an index entry beside its bits: links on about 1.07 levels, headers, page space that is left over."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an archive has to be indexed for.

    Attributes:
        vectors: how many it has, counted no further than asked.
        dimensions: of its newest vector.
        state: what its row says of its index.
    """

    vectors: int
    dimensions: int
    state: JsonObject | None


def measure(connection: Connection, archive_id: str, at_most: int) -> Measured | None:
    """Size up an archive; None where it has gone or has no vectors."""
    support = vector_support(connection)
    row = connection.execute(
        text(f"""
            SELECT a.vector_index,
                (SELECT count(*) FROM (
                    SELECT FROM {SCHEMA}.passages AS p
                    WHERE p.archive_id = a.id AND p.embedding IS NOT NULL LIMIT :at_most
                ) AS counted),
                (SELECT {support.dimensions}(p.embedding) FROM {SCHEMA}.passages AS p
                 WHERE p.archive_id = a.id AND p.embedding IS NOT NULL ORDER BY p.created_at DESC, p.id DESC LIMIT 1)
            FROM {SCHEMA}.archives AS a WHERE a.id = :archive_id
        """),
        {"archive_id": archive_id, "at_most": at_most},
    ).first()
    return None if row is None or row[2] is None else Measured(row[1], row[2], row[0])


def count_vectors(connection: Connection, archive_id: str, dimensions: int) -> int:
    """How many vectors of so many dimensions an archive has: to estimate an index, which reads them all anyway."""
    support = vector_support(connection)
    query = f"SELECT count(*) FROM {SCHEMA}.passages WHERE archive_id = :id AND {support.dimensions}(embedding) = :d"
    return connection.scalar(text(query), {"id": archive_id, "d": dimensions}) or 0


def set_state(connection: Connection, archive_id: str, state: JsonObject | None) -> None:
    """Say in an archive's row what is known of its index."""
    connection.execute(update(archives).where(archives.c.id == archive_id).values(vector_index=state))


def left_over(connection: Connection) -> list[str]:
    """Indexes of archives that are gone, or have vectors of other dimensions by now."""
    query = text("SELECT indexname FROM pg_indexes WHERE schemaname = :schema AND starts_with(indexname, :prefix)")
    names = set(connection.scalars(query, {"schema": SCHEMA, "prefix": _PREFIX}))
    if not names:
        return []
    known = select(archives.c.id, archives.c.vector_index).where(archives.c.vector_index.is_not(None))
    wanted = {index_name(row.id, row.vector_index["dimensions"]) for row in connection.execute(known)}
    return sorted(names - wanted)


def can_quantize(connection: Connection) -> bool:
    """Whether pgvector is new enough (0.7) for such indexes."""
    return vector_support(connection).type_name == "halfvec"


def estimated_bytes(vectors: int, dimensions: int) -> int:
    """About how large the index of so many vectors gets, on disk, and while it is built in memory."""
    return vectors * (dimensions // 8 + _ROW_OVERHEAD_BYTES)


def index_name(archive_id: str, dimensions: int) -> str:
    """The index's name, which tells whose it is."""
    if not _ARCHIVE_ID.fullmatch(archive_id):
        raise ValueError(f"{archive_id} is not the id of an archive")
    return f"{_PREFIX}{archive_id.removeprefix('archive-').replace('-', '')[:24]}_{dimensions}"


class NoSessionError(ConfigurationError):
    """The way to the database for maintenance leads to a pooler that gives every transaction another session."""

    def __init__(self) -> None:
        super().__init__(
            "The maintenance connection uses a pooler in transaction mode, which can't build indexes. Set "
            "LETTA_PG_MAINTENANCE_URI to the connection string of the database itself, or of a pooler in session mode "
            "(Supabase: port 5432)."
        )


class IndexBuilder:
    """A connection with a session of its own, on which indexes are built and dropped without blocking writers."""

    def __init__(self, connection: Any, vector_schema: str) -> None:
        self._connection = connection
        self._vector_schema = vector_schema

    def build(self, archive_id: str, dimensions: int, memory_mb: int) -> int:
        """Build an archive's index, anew where an earlier attempt left a useless one. Returns its size in bytes.

        Raises:
            psycopg2.Error: it could not be built, and nothing of it is left.
        """
        name, schema = index_name(archive_id, dimensions), self._vector_schema
        if self._is_valid(name) is False:
            self.drop(name)
        self._execute(f"SET maintenance_work_mem = '{memory_mb}MB'")
        try:
            self._execute(f"""
                CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {SCHEMA}.passages USING hnsw (
                    CAST({schema}.binary_quantize(embedding) AS bit({dimensions})) {schema}.bit_hamming_ops
                ) WITH (m = {_LINKS}, ef_construction = {_BREADTH})
                WHERE archive_id = '{archive_id}' AND {schema}.vector_dims(embedding) = {dimensions}
            """)
        except psycopg2.Error:
            self.drop(name)
            raise
        return int(self._value(f"SELECT pg_relation_size('{SCHEMA}.{name}')"))

    def drop(self, name: str) -> None:
        """Drop an index."""
        self._execute(f"DROP INDEX CONCURRENTLY IF EXISTS {SCHEMA}.{name}")

    def names(self) -> list[str]:
        """All such indexes that there are."""
        query = f"SELECT array_agg(indexname) FROM pg_indexes WHERE schemaname = '{SCHEMA}' AND indexname LIKE %s"
        return list(self._value(query, f"{_PREFIX}%") or ())

    def _is_valid(self, name: str) -> bool | None:
        found = f"SELECT bool_and(indisvalid) FROM pg_index WHERE indexrelid = to_regclass('{SCHEMA}.{name}')"
        valid: bool | None = self._value(found)
        return valid

    def _execute(self, statement: str, *values: object) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)

    def _value(self, statement: str, *values: object) -> Any:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchone()[0]


@contextmanager
def index_builder(dsn: Dsn, vector_schema: str) -> Iterator[IndexBuilder | None]:
    """The one builder of all processes; None where another process is building.

    Raises:
        NoSessionError: ``dsn`` doesn't lead to a session: a pooler would neither keep the lock for us, nor lift the
            time limit of statements.
    """
    if not leads_to_session(dsn):
        raise NoSessionError
    with closing(_connect(dsn)) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (f"{SCHEMA} vector indexes",))
            if not cursor.fetchone()[0]:
                yield None
                return
            cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")
        yield IndexBuilder(connection, vector_schema)


def leads_to_session(dsn: Dsn) -> bool:
    """Whether a connection keeps its session, as one to Postgres itself or to a pooler in session mode does."""
    if dsn.kind in {DsnKind.SUPAVISOR_TRANSACTION, DsnKind.DEDICATED_POOLER}:
        return False
    with closing(_connect(dsn)) as connection:
        before = _backend(connection)
        if connection.info.backend_pid == before:
            return True  # a pooler makes up the process id that it greets its clients with
        # In transaction mode, another client's transaction gets the backend that we had.
        with closing(_connect(dsn)) as other:
            other.autocommit = False
            return bool(_backend(other) != before and _backend(connection) == before)


def _connect(dsn: Dsn) -> Any:
    connection = psycopg2.connect(**dsn.connect_arguments("letta/indexes"))
    connection.autocommit = True
    return connection


def _backend(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])
