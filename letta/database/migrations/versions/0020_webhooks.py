"""Webhooks, and the trigger that notes what they are to be told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0020"
down_revision = "0019"

_FUNCTION = f"""
CREATE FUNCTION {SCHEMA}.note_end_of_run() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    event text := 'run.' || CASE WHEN NEW.stop_reason = 'requires_approval' THEN NEW.stop_reason ELSE NEW.status END;
BEGIN
    INSERT INTO {SCHEMA}.webhook_deliveries
        (id, organization_id, webhook_id, event_type, run_id, payload, next_attempt_at)
    SELECT 'delivery-' || gen_random_uuid(), NEW.organization_id, webhooks.id, event, NEW.id,
        jsonb_build_object(
            'type', event,
            'timestamp', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\\:MI\\:SS.US"Z"'),
            'data', jsonb_build_object(
                'run_id', NEW.id,
                'agent_id', NEW.agent_id,
                'conversation_id', (
                    SELECT conversations.id FROM {SCHEMA}.conversations
                    WHERE conversations.id = NEW.conversation_id AND NOT is_default
                ),
                'status', NEW.status,
                'stop_reason', NEW.stop_reason,
                'usage', NEW.usage,
                'error', CASE WHEN NEW.error IS NOT NULL THEN jsonb_build_object(
                    'type', NEW.error -> 'error_type', 'message', NEW.error -> 'message'
                ) END
            )
        ),
        now()
    FROM {SCHEMA}.webhooks
    WHERE webhooks.organization_id = NEW.organization_id AND webhooks.enabled
        AND webhooks.events @> jsonb_build_array(event)
        AND (webhooks.agent_id IS NULL OR webhooks.agent_id = NEW.agent_id);
    RETURN NULL;
END $$
"""
_TRIGGER = f"""
CREATE TRIGGER note_end_of_run AFTER UPDATE OF status ON {SCHEMA}.runs FOR EACH ROW
WHEN (NEW.status IN ('completed', 'failed', 'cancelled') AND OLD.status IS DISTINCT FROM NEW.status)
EXECUTE FUNCTION {SCHEMA}.note_end_of_run()
"""


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{SCHEMA}.{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", postgresql.JSONB(), nullable=False),
        sa.Column("agent_id", sa.Text()),
        sa.Column("description", sa.Text()),
        sa.Column("include_messages", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
        _reference("webhooks", "organization_id", "organizations"),
        _reference("webhooks", "agent_id", "agents"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_webhooks_organization_id"), "webhooks", ["organization_id"], schema=SCHEMA)
    op.create_index(op.f("ix_webhooks_agent_id"), "webhooks", ["agent_id"], schema=SCHEMA)
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status_code", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        _reference("webhook_deliveries", "organization_id", "organizations"),
        _reference("webhook_deliveries", "webhook_id", "webhooks"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        schema=SCHEMA,
    )
    table = "webhook_deliveries"
    op.create_index(op.f(f"ix_{table}_organization_id"), table, ["organization_id"], schema=SCHEMA)
    op.create_index(f"ix_{table}_webhook_id_created_at_id", table, ["webhook_id", "created_at", "id"], schema=SCHEMA)
    op.create_index(
        f"ix_{table}_next_attempt_at",
        table,
        ["next_attempt_at"],
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        schema=SCHEMA,
    )
    op.execute(_FUNCTION)
    op.execute(_TRIGGER)
    close_to_data_api()
