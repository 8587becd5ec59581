"""Queries on messages and on the context of a conversation."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from letta.agents.tables import agents
from letta.conversations.tables import context_messages, conversations, shared_messages
from letta.database.pagination import Page
from letta.database.text import storable
from letta.errors import NotFoundError
from letta.messages.message import Message
from letta.messages.tables import messages
from letta.organizations.actor import Actor


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Conditions of a message list; ``conversation_id`` may be ``default`` for an agent's own conversation."""

    conversation_id: str | None = None
    group_id: str | None = None
    include_err: bool | None = None
    run_id: str | None = None
    step_id: str | None = None


STORED = [field.name for field in fields(Message) if field.name not in {"sequence_id", "position"}]
COLUMNS = [messages.c[name] for name in [*STORED, "sequence_id"]]


def to_message(row: Row[*tuple[Any, ...]] | Sequence[Any]) -> Message:
    """The message in a row that begins with `COLUMNS` (and goes on with the position, if it was selected)."""
    message = Message(**dict(zip(STORED, row, strict=False)))
    message.sequence_id = row[len(STORED)]
    message.position = row[len(COLUMNS)] if len(row) > len(COLUMNS) else None
    return message


def message_values(actor: Actor, message: Message) -> dict[str, Any]:
    """The row of a message that is to be inserted."""
    values = {name: getattr(message, name) for name in STORED}
    values["content"] = storable(message.content)
    values["tool_calls"] = storable(message.tool_calls)
    values["tool_returns"] = storable(message.tool_returns)
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


def supersede(connection: Connection, conversation_id: str, message_ids: Sequence[str], message: Message) -> None:
    """Let a stored message take the place of others in a context; it carries the position that it takes."""
    connection.execute(
        delete(context_messages).where(
            context_messages.c.conversation_id == conversation_id,
            context_messages.c.message_id.in_(list(message_ids)),
        )
    )
    connection.execute(
        insert(context_messages).values(
            conversation_id=conversation_id, position=message.position, message_id=message.id
        )
    )


_CONTEXT = (
    select(*COLUMNS, context_messages.c.position)
    .join(context_messages, context_messages.c.message_id == messages.c.id)
    .where(context_messages.c.conversation_id == bindparam("conversation_id"))
    .order_by(context_messages.c.position)
)


def context_of(connection: Connection, conversation_id: str) -> list[Message]:
    """The messages that the model sees, in order."""
    return [to_message(row) for row in connection.execute(_CONTEXT, {"conversation_id": conversation_id})]


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


def list_messages(
    connection: Connection, actor: Actor, condition: MessageFilter, page: Page, *, agent_id: str | None = None
) -> list[Message]:
    """Messages that meet the condition. ``after`` means newer and ``before`` older, whatever the order.

    Raises:
        NotFoundError: a cursor is no message of the organization.
    """
    query = _filtered(select(*COLUMNS).where(messages.c.organization_id == actor.organization_id), condition, agent_id)
    if condition.conversation_id not in {None, "default"}:
        query = query.where(_in_conversation(connection, str(condition.conversation_id)))
    if page.after is not None:
        query = query.where(messages.c.sequence_id > _sequence(connection, actor, page.after))
    if page.before is not None:
        query = query.where(messages.c.sequence_id < _sequence(connection, actor, page.before))
    order = messages.c.sequence_id.asc() if page.order == "asc" else messages.c.sequence_id.desc()
    return [to_message(row) for row in connection.execute(query.order_by(order).limit(page.limit))]


def _filtered(query: Select[Any], condition: MessageFilter, agent_id: str | None) -> Select[Any]:
    if agent_id is not None:
        query = query.where(messages.c.agent_id == agent_id)
    if condition.conversation_id == "default":
        default = select(conversations.c.id).where(conversations.c.agent_id == agent_id, conversations.c.is_default)
        query = query.where(messages.c.conversation_id == default.scalar_subquery())
    if condition.include_err is False:
        query = query.where(messages.c.is_err.is_not(True))
    exact = ((messages.c.group_id, condition.group_id), (messages.c.run_id, condition.run_id))
    for column, value in (*exact, (messages.c.step_id, condition.step_id)):
        if value is not None:
            query = query.where(column == value)
    return query


def _in_conversation(connection: Connection, conversation_id: str) -> ColumnElement[bool]:
    """Its own messages, and those that it shares with the conversation which it was forked off."""
    shared = select(shared_messages.c.message_id).where(shared_messages.c.conversation_id == conversation_id)
    own = messages.c.conversation_id == conversation_id
    return or_(own, messages.c.id.in_(shared)) if connection.scalar(select(shared.exists())) else own


def _sequence(connection: Connection, actor: Actor, message_id: str) -> int:
    sequence: int | None = connection.scalar(
        select(messages.c.sequence_id).where(
            messages.c.id == message_id, messages.c.organization_id == actor.organization_id
        )
    )
    if sequence is None:
        raise _unknown(message_id)
    return sequence


def get_message(connection: Connection, actor: Actor, message_id: str) -> Message:
    """The message with this id."""
    row = connection.execute(
        select(*COLUMNS).where(messages.c.id == message_id, messages.c.organization_id == actor.organization_id)
    ).first()
    if row is None:
        raise _unknown(message_id)
    return to_message(row)


def _unknown(message_id: str) -> NotFoundError:
    return NotFoundError(f"There is no message {message_id}.")


def agent_type(connection: Connection, actor: Actor, agent_id: str) -> str:
    """The type of an agent, which decides how its messages are shown."""
    found: str | None = connection.scalar(
        select(agents.c.agent_type).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    )
    if found is None:
        raise NotFoundError(f"There is no agent {agent_id}.")
    return found


def count_of_agent(connection: Connection, agent_id: str) -> int:
    """How many messages the agent has in all conversations, in the context or not."""
    return connection.scalar(select(func.count()).where(messages.c.agent_id == agent_id)) or 0


def roles_of(connection: Connection, agent_id: str, message_ids: Sequence[str]) -> dict[str, str]:
    """The roles of those of these messages that are the agent's, by id."""
    query = select(messages.c.id, messages.c.role).where(
        messages.c.agent_id == agent_id, messages.c.id.in_(message_ids)
    )
    return {row.id: row.role for row in connection.execute(query)}


def open_approval_requests(connection: Connection, message_ids: Sequence[str]) -> list[Message]:
    """Those of these messages, each the last one of its context, that wait for a person's decision."""
    query = select(*COLUMNS).where(
        messages.c.id.in_(message_ids), messages.c.role == "approval", messages.c.approvals.is_(None)
    )
    return [to_message(row) for row in connection.execute(query)]


def messages_of_step(connection: Connection, step_id: str) -> list[Message]:
    """The messages that a step stored, in order."""
    query = select(*COLUMNS).where(messages.c.step_id == step_id).order_by(messages.c.sequence_id)
    return [to_message(row) for row in connection.execute(query)]


def set_content(connection: Connection, message_id: str, content: list[dict[str, Any]]) -> None:
    """Replace a message's content in place, keeping its id and order (as is done with system messages)."""
    connection.execute(
        update(messages).where(messages.c.id == message_id).values(content=storable(content), updated_at=func.now())
    )


def set_tool_calls(connection: Connection, message_id: str, tool_calls: list[dict[str, Any]]) -> None:
    """Replace the calls of a message in place."""
    connection.execute(
        update(messages)
        .where(messages.c.id == message_id)
        .values(tool_calls=storable(tool_calls), updated_at=func.now())
    )
