"""Groups of agents; runs that wait until their conversation and a process are free.

Among what is new, only the index of messages that belong to a group is made of rows that are stored already; there are
hardly any.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0013"
down_revision = "0012"


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{SCHEMA}.{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )


def upgrade() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("manager_type", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("manager_agent_id", sa.Text()),
        sa.Column("termination_token", sa.Text()),
        sa.Column("max_turns", sa.Integer()),
        sa.Column("sleeptime_agent_frequency", sa.Integer()),
        sa.Column("turns_counter", sa.Integer()),
        sa.Column("last_processed_message_id", sa.Text()),
        sa.Column("hidden", sa.Boolean()),
        sa.Column("project_id", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
        _reference("groups", "organization_id", "organizations"),
        _reference("groups", "manager_agent_id", "agents"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_groups_organization_id"), "groups", ["organization_id"], schema=SCHEMA)
    op.create_index(op.f("ix_groups_manager_agent_id"), "groups", ["manager_agent_id"], schema=SCHEMA)
    op.create_index(
        "ix_groups_organization_id_created_at_id", "groups", ["organization_id", "created_at", "id"], schema=SCHEMA
    )
    op.create_table(
        "groups_agents",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("processed_sequence_id", sa.BigInteger()),
        _reference("groups_agents", "group_id", "groups"),
        _reference("groups_agents", "agent_id", "agents"),
        sa.PrimaryKeyConstraint("group_id", "agent_id", name=op.f("pk_groups_agents")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_groups_agents_agent_id"), "groups_agents", ["agent_id"], schema=SCHEMA)
    op.create_table(
        "groups_blocks",
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("block_id", sa.Text(), nullable=False),
        _reference("groups_blocks", "group_id", "groups"),
        _reference("groups_blocks", "block_id", "blocks"),
        sa.PrimaryKeyConstraint("group_id", "block_id", name=op.f("pk_groups_blocks")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_groups_blocks_block_id"), "groups_blocks", ["block_id"], schema=SCHEMA)
    op.create_index(
        "ix_messages_group_id",
        "messages",
        ["group_id", "sequence_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("group_id IS NOT NULL"),
    )
    op.add_column("runs", sa.Column("queued", postgresql.JSONB()), schema=SCHEMA)
    op.create_index(
        "ix_runs_queued",
        "runs",
        ["created_at", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("queued IS NOT NULL"),
    )
    close_to_data_api()
