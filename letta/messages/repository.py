"""Queries on messages and on the context of a conversation."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Text, cast, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from letta.conversations.tables import context_messages
from letta.messages.message import Message
from letta.messages.tables import messages
from letta.organizations.actor import Actor

@dataclass(frozen=True, slots=True)
class MessageSearch:
    """What to look for among an agent's messages."""

    agent_id: str
    text: str | None
    roles: tuple[str, ...]
    start: datetime | None
    end: datetime | None
    limit: int


STORED = [field.name for field in fields(Message) if field.name not in {"sequence_id", "position"}]
COLUMNS = [messages.c[name] for name in [*STORED, "sequence_id"]]


def to_message(row: Row[Any]) -> Message:
    """The message in a row that holds all of a message's columns (and its position, if it was selected)."""
    values = row._mapping
    message = Message(**{name: values[messages.c[name]] for name in STORED})
    message.sequence_id = values[messages.c.sequence_id]
    message.position = values.get(context_messages.c.position)
    return message


def message_values(actor: Actor, message: Message) -> dict[str, Any]:
    """The row of a message that is to be inserted."""
    values = {name: getattr(message, name) for name in STORED}
    values["content"] = _without_nul(message.content)
    values["tool_calls"] = _without_nul(message.tool_calls)
    values["tool_returns"] = _without_nul(message.tool_returns)
    return values | {"organization_id": actor.organization_id}


def insert_messages(connection: Connection, actor: Actor, new: Sequence[Message]) -> None:
    """Store messages, in order. They are in no context yet."""
    if new:
        connection.execute(insert(messages), [message_values(actor, message) for message in new])


def append_to_context(connection: Connection, conversation_id: str, message_ids: Sequence[str]) -> None:
    """Put stored messages at the end of a conversation's context. The caller holds the conversation's row."""
    if not message_ids:
        return
    last = connection.scalar(
        select(func.max(context_messages.c.position)).where(context_messages.c.conversation_id == conversation_id)
    )
    start = -1 if last is None else last
    rows = [
        {"conversation_id": conversation_id, "position": start + offset, "message_id": message_id}
        for offset, message_id in enumerate(message_ids, 1)
    ]
    connection.execute(insert(context_messages), rows)


def replace_context(connection: Connection, conversation_id: str, message_ids: Sequence[str]) -> None:
    """Make these messages, in this order, the whole context. The caller holds the conversation's row."""
    connection.execute(delete(context_messages).where(context_messages.c.conversation_id == conversation_id))
    append_to_context(connection, conversation_id, message_ids)


def context_of(connection: Connection, conversation_id: str) -> list[Message]:
    """The messages that the model sees, in order."""
    query = (
        select(*COLUMNS, context_messages.c.position)
        .join(context_messages, context_messages.c.message_id == messages.c.id)
        .where(context_messages.c.conversation_id == conversation_id)
        .order_by(context_messages.c.position)
    )
    return [to_message(row) for row in connection.execute(query)]


def context_ids(connection: Connection, conversation_ids: Sequence[str]) -> dict[str, list[str]]:
    """Ids of the messages in several contexts, by conversation id."""
    query = (
        select(context_messages.c.conversation_id, context_messages.c.message_id)
        .where(context_messages.c.conversation_id.in_(conversation_ids))
        .order_by(context_messages.c.conversation_id, context_messages.c.position)
    )
    found: dict[str, list[str]] = {}
    for conversation_id, message_id in connection.execute(query):
        found.setdefault(conversation_id, []).append(message_id)
    return found


def count_of_agent(connection: Connection, agent_id: str) -> int:
    """How many messages the agent has in all conversations, in the context or not."""
    return connection.scalar(select(func.count()).where(messages.c.agent_id == agent_id)) or 0


def messages_of_step(connection: Connection, step_id: str) -> list[Message]:
    """The messages that a step stored, in order."""
    query = select(*COLUMNS).where(messages.c.step_id == step_id).order_by(messages.c.sequence_id)
    return [to_message(row) for row in connection.execute(query)]


def search_messages(connection: Connection, search: MessageSearch) -> list[Message]:
    """Messages that contain a text (whatever its case), newest first. Rows without text are left out."""
    has_text = messages.c.content.op("@>")(cast([{"type": "text"}], JSONB))
    query = select(*COLUMNS).where(
        messages.c.agent_id == search.agent_id, messages.c.role.in_(search.roles), has_text
    )
    if search.text is not None:
        texts = func.jsonb_path_query_array(messages.c.content, cast("$[*].text", JSONPATH))
        query = query.where(cast(texts, Text).icontains(json.dumps(search.text, ensure_ascii=False)[1:-1], autoescape=True))
    if search.start is not None:
        query = query.where(messages.c.created_at >= search.start)
    if search.end is not None:
        query = query.where(messages.c.created_at <= search.end)
    rows = connection.execute(query.order_by(messages.c.sequence_id.desc()).limit(search.limit))
    return [to_message(row) for row in rows]


def set_content(connection: Connection, message_id: str, content: list[dict[str, Any]]) -> None:
    """Replace a message's content in place, keeping its id and order (as is done with system messages)."""
    connection.execute(
        update(messages).where(messages.c.id == message_id).values(content=_without_nul(content), updated_at=func.now())
    )


def _without_nul(value: Any) -> Any:
    """Postgres can't store NUL in text or JSON; upstream strips it as well."""
    if value is None:
        return None
    encoded = json.dumps(value)
    return json.loads(encoded.replace("\\u0000", "")) if "\\u0000" in encoded else value
