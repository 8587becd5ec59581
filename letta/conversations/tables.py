"""Conversations: what an agent's turns happen in. Each agent has a default one.

A conversation's row is also its lease: while a run is active, it names the process that executes the run.
"""

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

conversations = entity_table(
    "conversations",
    reference("agent_id", "agents", nullable=False),
    Column("is_default", Boolean, nullable=False, server_default="false"),
    Column("summary", Text),
    Column("description", Text),
    Column("model", Text),
    Column("model_settings", Json),
    Column("context_window_limit", Integer),
    Column("hidden", Boolean),
    Column("archived", Boolean, nullable=False, server_default="false"),
    timestamp("archived_at"),
    timestamp("deleted_at"),
    timestamp("last_message_at"),
    Column("system_digest", Text),
    Column("client_key", Text),
    Column("active_run_id", Text),
    Column("lease_owner", Text),
    Column("lease_epoch", BigInteger, nullable=False, server_default="0"),
    timestamp("lease_expires_at"),
    Column("cancel_requested", Boolean, nullable=False, server_default="false"),
)
Index(
    "uq_conversations_default",
    conversations.c.agent_id,
    unique=True,
    postgresql_where=conversations.c.is_default,
)
Index(
    "ix_conversations_agent_id_created_at_id",
    conversations.c.agent_id,
    conversations.c.created_at,
    conversations.c.id,
)
Index(
    "ix_conversations_leased",
    conversations.c.lease_expires_at,
    postgresql_where=conversations.c.lease_owner.is_not(None),
)

Index(
    "uq_conversations_client_key",
    conversations.c.agent_id,
    conversations.c.client_key,
    unique=True,
    postgresql_where=conversations.c.client_key.is_not(None) & conversations.c.deleted_at.is_(None),
)

conversations_blocks = Table(
    "conversations_blocks",
    metadata,
    reference("conversation_id", "conversations", nullable=False),
    reference("block_id", "blocks", nullable=False, index=True),
    Column("label", Text, nullable=False),
    PrimaryKeyConstraint("conversation_id", "block_id"),
    UniqueConstraint("conversation_id", "label"),
)
"""Isolated blocks: inside the conversation they stand in for the agent's blocks of the same label."""

context_messages = Table(
    "context_messages",
    metadata,
    reference("conversation_id", "conversations", nullable=False),
    Column("position", BigInteger, nullable=False),
    reference("message_id", "messages", nullable=False, index=True),
    PrimaryKeyConstraint("conversation_id", "position"),
)
"""What the model sees of a conversation, in order. The system message is at the lowest position."""

shared_messages = Table(
    "shared_messages",
    metadata,
    reference("conversation_id", "conversations", nullable=False),
    reference("message_id", "messages", nullable=False, index=True),
    PrimaryKeyConstraint("conversation_id", "message_id"),
)
"""Messages of other conversations that belong to this one's history as well, because it was forked off them."""
