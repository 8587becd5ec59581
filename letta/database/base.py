"""What all tables share: the metadata with its schema, and the columns that every row has."""

from typing import Any

from sqlalchemy import Column, DateTime, ForeignKey, MetaData, Table, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

from letta.settings import settings

SCHEMA = settings.pg_schema
"""Schema of all our tables."""

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    },
)


Json = JSONB(none_as_null=True)
"""Type of JSON columns: None is NULL, so that `IS NULL` means what it says."""


def timestamp(name: str, **options: Any) -> Column[Any]:
    """A column of points in time; always with a time zone."""
    return Column(name, DateTime(timezone=True), **options)


def reference(name: str, target: str, *, ondelete: str = "CASCADE", **options: Any) -> Column[Any]:
    """A column that holds the id of a row of ``target`` (a table's name)."""
    return Column(name, Text, ForeignKey(f"{SCHEMA}.{target}.id", ondelete=ondelete), **options)


def audit_columns() -> list[Column[Any]]:
    """Columns telling when and by whom a row was made and last changed."""
    return [
        timestamp("created_at", nullable=False, server_default=func.now()),
        timestamp("updated_at", nullable=False, server_default=func.now()),
        Column("created_by_id", Text),
        Column("last_updated_by_id", Text),
    ]


def entity_table(name: str, *items: SchemaItem) -> Table:
    """A table of things with an id that belong to an organization."""
    return Table(
        name,
        metadata,
        Column("id", Text, primary_key=True),
        reference("organization_id", "organizations", nullable=False, index=True),
        *items,
        *audit_columns(),
    )
