"""Messages: everything ever said in a conversation, in the context or not."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Table, Text, func
from sqlalchemy.dialects.postgresql import TSVECTOR

from letta.database.base import Json, metadata, reference, timestamp

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    reference("organization_id", "organizations", nullable=False),
    reference("agent_id", "agents", nullable=False),
    reference("conversation_id", "conversations", nullable=False),
    Column("sequence_id", BigInteger, Identity(always=False), nullable=False),
    Column("role", Text, nullable=False),  # system | user | assistant | tool | approval | summary
    Column("content", Json, nullable=False, server_default="[]"),
    Column("tool_calls", Json),
    Column("tool_returns", Json),
    Column("approvals", Json),
    Column("approval_request_id", Text),
    Column("name", Text),
    Column("model", Text),
    Column("otid", Text),
    Column("sender_id", Text),
    Column("group_id", Text),
    Column("batch_item_id", Text),
    Column("run_id", Text),
    Column("step_id", Text),
    Column("is_err", Boolean),
    timestamp("created_at", nullable=False, server_default=func.now()),
    timestamp("updated_at", nullable=False, server_default=func.now()),
    Column("search", TSVECTOR),  # filled by a trigger, see `letta.search.indexing`
)
Index(
    "ix_messages_search",
    messages.c.search,
    postgresql_using="gin",
    postgresql_where=messages.c.search.is_not(None),
)
Index(
    "ix_messages_group_id",
    messages.c.group_id,
    messages.c.sequence_id,
    postgresql_where=messages.c.group_id.is_not(None),
)
Index("ix_messages_agent_id_sequence_id", messages.c.agent_id, messages.c.sequence_id)
Index("ix_messages_conversation_id_sequence_id", messages.c.conversation_id, messages.c.sequence_id)
Index("ix_messages_organization_id_sequence_id", messages.c.organization_id, messages.c.sequence_id)
Index("ix_messages_run_id", messages.c.run_id)
Index("ix_messages_step_id", messages.c.step_id)
Index("ix_messages_conversation_id_otid", messages.c.conversation_id, messages.c.otid)
