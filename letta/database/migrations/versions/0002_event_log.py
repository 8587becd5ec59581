"""The event log of background runs; forked, archived and deleted conversations."""

import sqlalchemy as sa
from alembic import op

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "run_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("frames", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_run_events_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], [f"{SCHEMA}.runs.id"], name=op.f("fk_run_events_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_events")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_run_events_organization_id"), "run_events", ["organization_id"], schema=SCHEMA)
    op.create_index("ix_run_events_run_id_last_seq", "run_events", ["run_id", "last_seq"], schema=SCHEMA)
    op.create_table(
        "shared_messages",
        sa.Column("conversation_id", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            [f"{SCHEMA}.conversations.id"],
            name=op.f("fk_shared_messages_conversation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            [f"{SCHEMA}.messages.id"],
            name=op.f("fk_shared_messages_message_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", "message_id", name=op.f("pk_shared_messages")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_shared_messages_message_id"), "shared_messages", ["message_id"], schema=SCHEMA)
    op.add_column("conversations", sa.Column("archived_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.add_column("conversations", sa.Column("deleted_at", sa.DateTime(timezone=True)), schema=SCHEMA)
    op.create_index(
        "ix_runs_callback_due",
        "runs",
        ["completed_at"],
        schema=SCHEMA,
        postgresql_where=sa.text(
            "callback_url IS NOT NULL AND callback_status_code IS NULL AND callback_error IS NULL"
        ),
    )
    close_to_data_api()
