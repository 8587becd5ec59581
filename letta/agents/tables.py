"""Agents, and what belongs to exactly one of them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from letta.database.base import Json, entity_table, metadata, reference, timestamp
from letta.database.encryption import EncryptedText

agents = entity_table(
    "agents",
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("agent_type", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("metadata", Json),
    Column("llm_config", Json, nullable=False),
    Column("embedding_config", Json),
    Column("compaction_settings", Json),
    Column("response_format", Json),
    Column("tool_rules", Json, nullable=False, server_default="[]"),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("message_buffer_autoclear", Boolean, nullable=False, server_default="false"),
    Column("enable_sleeptime", Boolean),
    Column("max_files_open", Integer),
    Column("per_file_view_window_char_limit", Integer),
    Column("hidden", Boolean),
    Column("project_id", Text),
    Column("template_id", Text),
    Column("base_template_id", Text),
    Column("deployment_id", Text),
    Column("entity_id", Text),
    timestamp("last_run_completion"),
    Column("last_run_duration_ms", BigInteger),
    Column("last_stop_reason", Text),
)
Index("ix_agents_base_template_id", agents.c.base_template_id, postgresql_where=agents.c.base_template_id.is_not(None))
Index("ix_agents_organization_id_created_at_id", agents.c.organization_id, agents.c.created_at, agents.c.id)

agents_tags = Table(
    "agents_tags",
    metadata,
    reference("agent_id", "agents", nullable=False),
    Column("tag", Text, nullable=False),
    reference("organization_id", "organizations", nullable=False),
    PrimaryKeyConstraint("agent_id", "tag"),
)
Index("ix_agents_tags_organization_id_tag", agents_tags.c.organization_id, agents_tags.c.tag)

agents_blocks = Table(
    "agents_blocks",
    metadata,
    reference("agent_id", "agents", nullable=False),
    reference("block_id", "blocks", nullable=False, index=True),
    Column("position", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("agent_id", "block_id"),
)

agents_tools = Table(
    "agents_tools",
    metadata,
    reference("agent_id", "agents", nullable=False),
    reference("tool_id", "tools", nullable=False, index=True),
    PrimaryKeyConstraint("agent_id", "tool_id"),
)

agents_folders = Table(
    "agents_folders",
    metadata,
    reference("agent_id", "agents", nullable=False),
    reference("folder_id", "folders", nullable=False, index=True),
    PrimaryKeyConstraint("agent_id", "folder_id"),
)

agent_secrets = entity_table(
    "agent_secrets",
    reference("agent_id", "agents", nullable=False),
    Column("key", Text, nullable=False),
    Column("value", EncryptedText("agent_secrets.value"), nullable=False),
    Column("description", Text),
    UniqueConstraint("agent_id", "key"),
)
