"""Groups of agents."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from letta.database.base import entity_table, metadata, reference

groups = entity_table(
    "groups",
    Column("manager_type", Text, nullable=False),
    Column("description", Text, nullable=False),
    reference("manager_agent_id", "agents", index=True),
    Column("termination_token", Text),
    Column("max_turns", Integer),
    Column("sleeptime_agent_frequency", Integer),
    Column("turns_counter", Integer),
    Column("last_processed_message_id", Text),
    Column("hidden", Boolean),
    Column("project_id", Text),
    Column("template_id", Text),
    Column("base_template_id", Text),
    Column("deployment_id", Text),
)
Index("ix_groups_organization_id_created_at_id", groups.c.organization_id, groups.c.created_at, groups.c.id)

groups_agents = Table(
    "groups_agents",
    metadata,
    reference("group_id", "groups", nullable=False),
    reference("agent_id", "agents", nullable=False, index=True),
    Column("position", Integer, nullable=False, server_default="0"),
    # Of members of sleep-time groups: the last message of the manager that they have dealt with.
    Column("processed_sequence_id", BigInteger),
    PrimaryKeyConstraint("group_id", "agent_id"),
)

groups_blocks = Table(
    "groups_blocks",
    metadata,
    reference("group_id", "groups", nullable=False),
    reference("block_id", "blocks", nullable=False, index=True),
    PrimaryKeyConstraint("group_id", "block_id"),
)
