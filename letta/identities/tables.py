"""Identities, and which agents and blocks are theirs."""

from sqlalchemy import Column, PrimaryKeyConstraint, Table, Text, UniqueConstraint

from letta.database.base import Json, entity_table, metadata, reference

identities = entity_table(
    "identities",
    Column("identifier_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("identity_type", Text, nullable=False),
    Column("properties", Json, nullable=False, server_default="[]"),
    # Empty where there is no project, since nulls would not be equal: a key is unique outside projects, too.
    Column("project_id", Text, nullable=False, server_default=""),
    UniqueConstraint("organization_id", "identifier_key", "project_id"),
)

identities_agents = Table(
    "identities_agents",
    metadata,
    reference("identity_id", "identities", nullable=False),
    reference("agent_id", "agents", nullable=False, index=True),
    PrimaryKeyConstraint("identity_id", "agent_id"),
)

identities_blocks = Table(
    "identities_blocks",
    metadata,
    reference("identity_id", "identities", nullable=False),
    reference("block_id", "blocks", nullable=False, index=True),
    PrimaryKeyConstraint("identity_id", "block_id"),
)
