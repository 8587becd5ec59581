"""Queries on messages and on the context of a conversation."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from letta.agents.tables import agents
from letta.conversations.tables import context_messages, conversations, shared_messages
from letta.database.pagination import Page
from letta.database.text import storable
from letta.errors import no_such
from letta.messages.message import Message
from letta.messages.tables import messages
from letta.organizations.actor import Actor
from letta.runs.tables import runs
from letta.steps.tables import steps


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Conditions of a message list; ``conversation_id`` may be ``default`` for agents' own conversations."""

    conversation_id: str | None = None
    group_id: str | None = None
    include_err: bool | None = None
    run_id: str | None = None
    step_id: str | None = None
    job_id: str | None = None
    of_agent: str | None = None


STORED = [field.name for field in fields(Message) if field.name not in {"sequence_id", "position"}]
COLUMNS = [messages.c[name] for name in [*STORED, "sequence_id"]]
PRODUCED = or_(messages.c.step_id.is_not(None), messages.c.role == "summary")
"""Of the messages of a run, those that it brought forth; with the others it was started (`Message.is_input`)."""


def to_message(row: Row[*tuple[Any, ...]] | Sequence[Any]) -> Message:
    """The message in a row of `COLUMNS`, which are in the order of its fields, and of its position, if selected."""
    return Message(*row)


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
    """Messages that meet the condition, in the requested order. ``before`` means older, whatever the order.

    ``after`` means what follows in the list. Lists of one agent (``agent_id``) are shown oldest first in either order,
    so there it means newer; and so it does together with ``before``: what lies between.

    Raises:
        NotFoundError: a cursor is no message of the organization.
    """
    query = _filtered(select(*COLUMNS).where(messages.c.organization_id == actor.organization_id), condition, agent_id)
    key: ColumnElement[int] = messages.c.sequence_id
    if condition.conversation_id not in {None, "default"}:
        condition_of_it, key = _in_conversation(connection, str(condition.conversation_id))
        query = query.where(condition_of_it)
    if page.after is not None:
        place = _place(connection, actor, page.after, key)
        goes_back = page.order == "desc" and page.before is None and agent_id is None
        query = query.where(key < place if goes_back else key > place)
    if page.before is not None:
        query = query.where(key < _place(connection, actor, page.before, key))
    rows = connection.execute(query.order_by(key.asc() if page.order == "asc" else key.desc()).limit(page.limit))
    return _with_first_steps(connection, [to_message(row) for row in rows])


def _with_first_steps(connection: Connection, found: list[Message]) -> list[Message]:
    """Let the messages that runs were started with belong to the first steps of these, as the API has it."""
    started = {message.run_id for message in found if message.is_input}
    if not started:
        return found
    first = (
        select(steps.c.run_id, steps.c.id)
        .distinct(steps.c.run_id)
        .where(steps.c.run_id.in_(started))
        .order_by(steps.c.run_id, steps.c.created_at, steps.c.id)
    )
    step_ids = {row.run_id: row.id for row in connection.execute(first)}
    for message in found:
        if message.is_input:
            message.step_id = step_ids.get(message.run_id)
    return found


def _filtered(query: Select[Any], condition: MessageFilter, agent_id: str | None) -> Select[Any]:
    if agent_id is not None:
        query = query.where(messages.c.agent_id == agent_id)
    if condition.conversation_id == "default":
        default = select(conversations.c.id).where(conversations.c.is_default)
        of_agent = default.where(conversations.c.agent_id == agent_id).scalar_subquery()
        query = query.where(
            messages.c.conversation_id.in_(default) if agent_id is None else messages.c.conversation_id == of_agent
        )
    if condition.include_err is False:
        query = query.where(messages.c.is_err.is_not(True))
    if condition.job_id is not None:
        query = query.where(messages.c.run_id.in_(select(runs.c.id).where(runs.c.job_id == condition.job_id)))
    for column, value in (
        (messages.c.group_id, condition.group_id),
        (messages.c.run_id, condition.run_id),
        (messages.c.agent_id, condition.of_agent),
    ):
        if value is not None:
            query = query.where(column == value)
    return query if condition.step_id is None else query.where(_of_step(condition.step_id))


def _of_step(step_id: str) -> ColumnElement[bool]:
    """What a step stored, and, if it is the first of its run, what the run was started with."""
    earlier, own = steps.alias(), steps.alias()
    before = select(earlier.c.id).where(
        earlier.c.run_id == own.c.run_id,
        tuple_(earlier.c.created_at, earlier.c.id) < tuple_(own.c.created_at, own.c.id),
    )
    run = select(own.c.run_id).where(own.c.id == step_id, ~before.exists()).scalar_subquery()
    return or_(messages.c.step_id == step_id, and_(messages.c.run_id == run, not_(PRODUCED)))


def _in_conversation(connection: Connection, conversation_id: str) -> tuple[ColumnElement[bool], ColumnElement[int]]:
    """Which messages are its own, or shared with the conversation that it was forked off; and what they are sorted by.

    A fork's own system message is younger than what is shared, and yet the first.
    """
    shared = select(shared_messages.c.message_id).where(shared_messages.c.conversation_id == conversation_id)
    own = messages.c.conversation_id == conversation_id
    if not connection.scalar(select(shared.exists())):
        return own, messages.c.sequence_id
    opening = and_(own, messages.c.role == "system", messages.c.run_id.is_(None))
    return or_(own, messages.c.id.in_(shared)), case((opening, 0), else_=messages.c.sequence_id)


def _place(connection: Connection, actor: Actor, message_id: str, key: ColumnElement[int]) -> int:
    place: int | None = connection.scalar(
        select(key).where(messages.c.id == message_id, messages.c.organization_id == actor.organization_id)
    )
    if place is None:
        raise no_such("message", message_id)
    return place


def get_message(connection: Connection, actor: Actor, message_id: str) -> Message:
    """The message with this id."""
    row = connection.execute(
        select(*COLUMNS).where(messages.c.id == message_id, messages.c.organization_id == actor.organization_id)
    ).first()
    if row is None:
        raise no_such("message", message_id)
    return _with_first_steps(connection, [to_message(row)])[0]


def agent_type(connection: Connection, actor: Actor, agent_id: str) -> str:
    """The type of an agent, which decides how its messages are shown."""
    found: str | None = connection.scalar(
        select(agents.c.agent_type).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    )
    if found is None:
        raise no_such("agent", agent_id)
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


def inputs_of_run(connection: Connection, run_id: str) -> list[Message]:
    """The messages that a run was started with, in order."""
    query = select(*COLUMNS).where(messages.c.run_id == run_id, not_(PRODUCED))
    return [to_message(row) for row in connection.execute(query.order_by(messages.c.sequence_id))]


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
