"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.constants import (
    DEFAULT_ORGANIZATION_ID,
    DEFAULT_ORGANIZATION_NAME,
    DEFAULT_USER_ID,
    DEFAULT_USER_NAME,
)
from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        schema=SCHEMA,
    )
    op.create_table(
        "server_facts",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_server_facts")),
        schema=SCHEMA,
    )
    op.create_table(
        "agents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("agent_type", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("llm_config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("embedding_config", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("compaction_settings", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("response_format", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("tool_rules", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("message_buffer_autoclear", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("enable_sleeptime", sa.Boolean(), nullable=True),
        sa.Column("max_files_open", sa.Integer(), nullable=True),
        sa.Column("per_file_view_window_char_limit", sa.Integer(), nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=True),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("template_id", sa.Text(), nullable=True),
        sa.Column("base_template_id", sa.Text(), nullable=True),
        sa.Column("deployment_id", sa.Text(), nullable=True),
        sa.Column("entity_id", sa.Text(), nullable=True),
        sa.Column("last_run_completion", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_duration_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_stop_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("last_updated_by_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_agents_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_agents_organization_id"), "agents", ["organization_id"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_agents_organization_id_created_at_id",
        "agents",
        ["organization_id", "created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "blocks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("read_only", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("is_template", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("template_name", sa.Text(), nullable=True),
        sa.Column("template_id", sa.Text(), nullable=True),
        sa.Column("base_template_id", sa.Text(), nullable=True),
        sa.Column("deployment_id", sa.Text(), nullable=True),
        sa.Column("entity_id", sa.Text(), nullable=True),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("preserve_on_migration", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("last_updated_by_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_blocks_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_blocks_organization_id"), "blocks", ["organization_id"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_blocks_organization_id_created_at_id",
        "blocks",
        ["organization_id", "created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_blocks_organization_id_label", "blocks", ["organization_id", "label"], unique=False, schema=SCHEMA
    )
    op.create_table(
        "folders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("instructions", sa.Text(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("embedding_config", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("last_updated_by_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_folders_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folders")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_folders_organization_id_name")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_folders_organization_id"), "folders", ["organization_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "tools",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tool_type", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("source_type", sa.Text(), nullable=True),
        sa.Column("source_code", sa.Text(), nullable=True),
        sa.Column("json_schema", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("args_json_schema", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("return_char_limit", sa.Integer(), nullable=False),
        sa.Column("pip_requirements", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("npm_requirements", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("default_requires_approval", sa.Boolean(), nullable=True),
        sa.Column("enable_parallel_execution", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("last_updated_by_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_tools_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tools")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_tools_organization_id_name")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_tools_organization_id"), "tools", ["organization_id"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_tools_organization_id_created_at_id",
        "tools",
        ["organization_id", "created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_users_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_users_organization_id"), "users", ["organization_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "agent_secrets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("last_updated_by_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_agent_secrets_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_agent_secrets_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_secrets")),
        sa.UniqueConstraint("agent_id", "key", name=op.f("uq_agent_secrets_agent_id_key")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_agent_secrets_organization_id"),
        "agent_secrets",
        ["organization_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "agents_blocks",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("block_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_agents_blocks_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["block_id"], [f"{SCHEMA}.blocks.id"], name=op.f("fk_agents_blocks_block_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "block_id", name=op.f("pk_agents_blocks")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_agents_blocks_block_id"), "agents_blocks", ["block_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "agents_folders",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("folder_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_agents_folders_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["folder_id"],
            [f"{SCHEMA}.folders.id"],
            name=op.f("fk_agents_folders_folder_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agent_id", "folder_id", name=op.f("pk_agents_folders")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_agents_folders_folder_id"), "agents_folders", ["folder_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "agents_tags",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_agents_tags_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_agents_tags_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agent_id", "tag", name=op.f("pk_agents_tags")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_agents_tags_organization_id_tag",
        "agents_tags",
        ["organization_id", "tag"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "agents_tools",
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("tool_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_agents_tools_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tool_id"], [f"{SCHEMA}.tools.id"], name=op.f("fk_agents_tools_tool_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", "tool_id", name=op.f("pk_agents_tools")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_agents_tools_tool_id"), "agents_tools", ["tool_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "block_history",
        sa.Column("block_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("author_type", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["block_id"], [f"{SCHEMA}.blocks.id"], name=op.f("fk_block_history_block_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_block_history_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("block_id", "version", name=op.f("pk_block_history")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_block_history_organization_id"),
        "block_history",
        ["organization_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "blocks_tags",
        sa.Column("block_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["block_id"], [f"{SCHEMA}.blocks.id"], name=op.f("fk_blocks_tags_block_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_blocks_tags_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("block_id", "tag", name=op.f("pk_blocks_tags")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_blocks_tags_organization_id_tag",
        "blocks_tags",
        ["organization_id", "tag"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("model_settings", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("context_window_limit", sa.Integer(), nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=True),
        sa.Column("archived", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("system_digest", sa.Text(), nullable=True),
        sa.Column("active_run_id", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("last_updated_by_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_conversations_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_conversations_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_conversations_agent_id_created_at_id",
        "conversations",
        ["agent_id", "created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_conversations_leased",
        "conversations",
        ["lease_expires_at"],
        unique=False,
        schema=SCHEMA,
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_conversations_organization_id"),
        "conversations",
        ["organization_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "uq_conversations_default",
        "conversations",
        ["agent_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("is_default"),
    )
    op.create_table(
        "conversations_blocks",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("block_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["block_id"],
            [f"{SCHEMA}.blocks.id"],
            name=op.f("fk_conversations_blocks_block_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            [f"{SCHEMA}.conversations.id"],
            name=op.f("fk_conversations_blocks_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "block_id", name=op.f("pk_conversations_blocks")),
        sa.UniqueConstraint("conversation_id", "label", name=op.f("uq_conversations_blocks_conversation_id_label")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_conversations_blocks_block_id"),
        "conversations_blocks",
        ["block_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "messages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("sequence_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("tool_calls", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("tool_returns", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("approvals", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("approval_request_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("otid", sa.Text(), nullable=True),
        sa.Column("sender_id", sa.Text(), nullable=True),
        sa.Column("group_id", sa.Text(), nullable=True),
        sa.Column("batch_item_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("step_id", sa.Text(), nullable=True),
        sa.Column("is_err", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_messages_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            [f"{SCHEMA}.conversations.id"],
            name=op.f("fk_messages_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_messages_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_messages_agent_id_sequence_id",
        "messages",
        ["agent_id", "sequence_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_messages_conversation_id_otid",
        "messages",
        ["conversation_id", "otid"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_messages_conversation_id_sequence_id",
        "messages",
        ["conversation_id", "sequence_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_messages_organization_id_sequence_id",
        "messages",
        ["organization_id", "sequence_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index("ix_messages_run_id", "messages", ["run_id"], unique=False, schema=SCHEMA)
    op.create_index("ix_messages_step_id", "messages", ["step_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("background", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=True),
        sa.Column("usage", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("callback_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("callback_status_code", sa.Integer(), nullable=True),
        sa.Column("callback_error", sa.Text(), nullable=True),
        sa.Column("take_overs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("base_template_id", sa.Text(), nullable=True),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ttft_ns", sa.BigInteger(), nullable=True),
        sa.Column("total_duration_ns", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("last_updated_by_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_runs_agent_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            [f"{SCHEMA}.conversations.id"],
            name=op.f("fk_runs_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_runs_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_runs_agent_id_created_at_id",
        "runs",
        ["agent_id", "created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(
        "ix_runs_conversation_id_created_at",
        "runs",
        ["conversation_id", "created_at"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_runs_organization_id"), "runs", ["organization_id"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_runs_organization_id_created_at_id",
        "runs",
        ["organization_id", "created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "context_messages",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            [f"{SCHEMA}.conversations.id"],
            name=op.f("fk_context_messages_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            [f"{SCHEMA}.messages.id"],
            name=op.f("fk_context_messages_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "position", name=op.f("pk_context_messages")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_context_messages_message_id"),
        "context_messages",
        ["message_id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_table(
        "steps",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("stop_reason", sa.Text(), nullable=True),
        sa.Column("provider_name", sa.Text(), nullable=True),
        sa.Column("provider_category", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("model_handle", sa.Text(), nullable=True),
        sa.Column("model_endpoint", sa.Text(), nullable=True),
        sa.Column("context_window_limit", sa.Integer(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("completion_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cached_input_tokens", sa.Integer(), nullable=True),
        sa.Column("cache_write_tokens", sa.Integer(), nullable=True),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=True),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("feedback", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("project_id", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error_data", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("tools_used", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("step_ns", sa.BigInteger(), nullable=True),
        sa.Column("llm_request_ns", sa.BigInteger(), nullable=True),
        sa.Column("tool_execution_ns", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("last_updated_by_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_steps_agent_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_steps_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["run_id"], [f"{SCHEMA}.runs.id"], name=op.f("fk_steps_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_steps")),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_steps_agent_id_created_at_id",
        "steps",
        ["agent_id", "created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_steps_organization_id"), "steps", ["organization_id"], unique=False, schema=SCHEMA)
    op.create_index(
        "ix_steps_organization_id_created_at_id",
        "steps",
        ["organization_id", "created_at", "id"],
        unique=False,
        schema=SCHEMA,
    )
    op.create_index("ix_steps_run_id", "steps", ["run_id"], unique=False, schema=SCHEMA)
    op.create_table(
        "provider_traces",
        sa.Column("step_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("exchange", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_provider_traces_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["step_id"], [f"{SCHEMA}.steps.id"], name=op.f("fk_provider_traces_step_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("step_id", name=op.f("pk_provider_traces")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_provider_traces_created_at"), "provider_traces", ["created_at"], unique=False, schema=SCHEMA
    )
    op.create_index(
        op.f("ix_provider_traces_organization_id"),
        "provider_traces",
        ["organization_id"],
        unique=False,
        schema=SCHEMA,
    )
    _add_defaults()
    close_to_data_api()


def _add_defaults() -> None:
    op.execute(
        sa.text(f"INSERT INTO {SCHEMA}.organizations (id, name) VALUES (:id, :name)").bindparams(
            id=DEFAULT_ORGANIZATION_ID, name=DEFAULT_ORGANIZATION_NAME
        )
    )
    op.execute(
        sa.text(
            f"INSERT INTO {SCHEMA}.users (id, organization_id, name) VALUES (:id, :organization, :name)"
        ).bindparams(id=DEFAULT_USER_ID, organization=DEFAULT_ORGANIZATION_ID, name=DEFAULT_USER_NAME)
    )
