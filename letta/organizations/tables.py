"""Organizations own everything; users act within one."""

from sqlalchemy import Boolean, Column, Table, Text, func

from letta.database.base import metadata, reference, timestamp

organizations = Table(
    "organizations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    timestamp("created_at", nullable=False, server_default=func.now()),
    Column("privileged_tools", Boolean, nullable=False, server_default="false"),
)

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    reference("organization_id", "organizations", nullable=False, index=True),
    Column("name", Text, nullable=False),
    timestamp("created_at", nullable=False, server_default=func.now()),
    timestamp("updated_at", nullable=False, server_default=func.now()),
)
