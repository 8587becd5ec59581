"""Messages that are sent later, once or again and again."""

from sqlalchemy import Column, Float, Index, Integer, Text

from letta.database.base import Json, entity_table, reference, timestamp

scheduled_messages = entity_table(
    "scheduled_messages",
    reference("agent_id", "agents", nullable=False),
    Column("messages", Json, nullable=False),
    Column("options", Json, nullable=False),
    Column("scheduled_at", Float),  # as it was given, where it is sent once
    Column("cron_expression", Text),  # where it is sent again and again
    # When it is to be sent next. Null when it is over.
    timestamp("occurs_at"),
    # When somebody has to look at it next: then, or later where somebody is at it, or the agent was busy.
    timestamp("due_at"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    timestamp("sent_at"),
    Column("last_run_id", Text),
    Column("last_error", Text),
)
Index(
    "ix_scheduled_messages_agent_id_created_at_id",
    scheduled_messages.c.agent_id,
    scheduled_messages.c.created_at,
    scheduled_messages.c.id,
)
Index(
    "ix_scheduled_messages_due_at",
    scheduled_messages.c.due_at,
    postgresql_where=scheduled_messages.c.due_at.is_not(None),
)
