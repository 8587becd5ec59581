"""pgvector, wherever it is installed: the type of its columns, and how its operators are named.

The extension's schema may be outside the search path (Supabase keeps it in ``extensions``), so every name is qualified.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from letta.database.base import SCHEMA

_HALF_SINCE = (0, 7)
"""Version of pgvector that brought vectors of half precision, which take half the space."""
_ITERATES_SINCE = (0, 8)
"""Version that goes on with reading an index where what it found first doesn't meet the other conditions."""


@dataclass(frozen=True, slots=True)
class VectorSupport:
    """How to write vectors in SQL.

    Attributes:
        schema: where pgvector is, quoted.
        type_name: ``halfvec``, or ``vector`` where pgvector is older.
        iterates: whether an index can be read on until enough of what it finds meets other conditions.
    """

    schema: str
    type_name: str
    iterates: bool = False

    @property
    def type(self) -> str:
        """The qualified type."""
        return f"{self.schema}.{self.type_name}"

    @property
    def cosine_distance(self) -> str:
        """The qualified operator: 0 for the same direction, 2 for opposite ones."""
        return f"OPERATOR({self.schema}.<=>)"

    @property
    def dimensions(self) -> str:
        """The qualified function that counts a vector's dimensions."""
        return f"{self.schema}.vector_dims"


class Vector(UserDefinedType[list[float]]):
    """A column of vectors, of any number of dimensions each. Migrations write its type by `installed_support`."""

    cache_ok = True

    def get_col_spec(self, **_options: Any) -> str:
        """The type's name, for whoever shows a table's definition."""
        return "halfvec"

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[float] | None], str | None]:  # noqa: ARG002
        """From numbers to pgvector's text form."""
        return to_literal

    def result_processor(
        self,
        dialect: Dialect,  # noqa: ARG002
        coltype: object,  # noqa: ARG002
    ) -> Callable[[str | None], list[float] | None]:
        """From pgvector's text form to numbers."""
        return _from_literal


ischema_names["halfvec"] = ischema_names["vector"] = Vector


def to_literal(values: Sequence[float] | None) -> str | None:
    """A vector in pgvector's text form: digits enough for single precision, in a quarter of the time that all take."""
    return None if values is None else f"[{','.join(['%.9g'] * len(values))}]" % tuple(values)


def _from_literal(literal: str | None) -> list[float] | None:
    return None if literal is None else [float(value) for value in literal[1:-1].split(",")]


_INSTALLED = text("""
SELECT quote_ident(n.nspname), e.extversion
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'vector'
""")

_IN_USE = text("""
SELECT quote_ident(n.nspname), t.typname, (SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector')
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE a.attrelid = to_regclass(:table) AND a.attname = 'embedding'
""")

_known: VectorSupport | None = None


def installed_support(connection: Connection) -> VectorSupport:
    """The best type for a new column."""
    schema, version = connection.execute(_INSTALLED).one()
    return VectorSupport(schema, "halfvec" if _parts(version) >= _HALF_SINCE else "vector")


def vector_support(connection: Connection) -> VectorSupport:
    """How to write vectors that are compared with the stored ones. Asked of the database once per process."""
    global _known
    if _known is None:
        schema, name, version = connection.execute(_IN_USE, {"table": f"{SCHEMA}.passages"}).one()
        _known = VectorSupport(schema, name, _parts(version) >= _ITERATES_SINCE)
    return _known


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])
