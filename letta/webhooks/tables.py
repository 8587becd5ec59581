"""Webhooks, and what they are told.

The rows of deliveries are made by a trigger, in the transaction in which a run ends, whoever ends it: so none is lost,
and a turn costs no statement more.
"""

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, func

from letta.database.base import Json, entity_table, metadata, reference, timestamp
from letta.database.encryption import EncryptedText

webhooks = entity_table(
    "webhooks",
    Column("url", Text, nullable=False),
    Column("events", Json, nullable=False),
    reference("agent_id", "agents", index=True),
    Column("description", Text),
    Column("include_messages", Boolean, nullable=False, server_default="false"),
    Column("enabled", Boolean, nullable=False, server_default="true"),
    Column("secret", EncryptedText("webhooks.secret"), nullable=False),
    Column("former_secret", EncryptedText("webhooks.former_secret")),
    timestamp("former_secret_until"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    reference("organization_id", "organizations", nullable=False, index=True),
    reference("webhook_id", "webhooks", nullable=False),
    Column("event_type", Text, nullable=False),
    Column("run_id", Text),
    Column("payload", Json, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("status_code", Integer),
    Column("error", Text),
    timestamp("next_attempt_at"),  # null when it was received, or given up
    timestamp("delivered_at"),
    timestamp("created_at", nullable=False, server_default=func.now()),
)
Index(
    "ix_webhook_deliveries_webhook_id_created_at_id",
    webhook_deliveries.c.webhook_id,
    webhook_deliveries.c.created_at,
    webhook_deliveries.c.id,
)
Index(
    "ix_webhook_deliveries_next_attempt_at",
    webhook_deliveries.c.next_attempt_at,
    postgresql_where=webhook_deliveries.c.next_attempt_at.is_not(None),
)
