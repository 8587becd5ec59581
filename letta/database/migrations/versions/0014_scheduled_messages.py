"""Messages that are sent later."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "scheduled_messages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("messages", postgresql.JSONB(), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("scheduled_at", sa.Float()),
        sa.Column("cron_expression", sa.Text()),
        sa.Column("occurs_at", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("last_run_id", sa.Text()),
        sa.Column("last_error", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_scheduled_messages_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], [f"{SCHEMA}.agents.id"], name=op.f("fk_scheduled_messages_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_messages")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_scheduled_messages_organization_id"), "scheduled_messages", ["organization_id"], schema=SCHEMA
    )
    op.create_index(
        "ix_scheduled_messages_agent_id_created_at_id",
        "scheduled_messages",
        ["agent_id", "created_at", "id"],
        schema=SCHEMA,
    )
    op.create_index(
        "ix_scheduled_messages_due_at",
        "scheduled_messages",
        ["due_at"],
        postgresql_where=sa.text("due_at IS NOT NULL"),
        schema=SCHEMA,
    )
    close_to_data_api()
