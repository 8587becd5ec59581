"""Queries on conversations."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from letta.blocks.block import Block
from letta.blocks.tables import blocks
from letta.conversations.conversation import Conversation
from letta.conversations.hold import Hold
from letta.conversations.tables import context_messages, conversations, conversations_blocks, shared_messages
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import NotFoundError, no_such
from letta.messages.tables import messages
from letta.organizations.actor import Actor

_COLUMNS = [conversations.c[field.name] for field in fields(Conversation)]
_TIMES = {"created_at", "updated_at"}
_LEASE = (
    conversations.c.id,
    conversations.c.system_digest,
    conversations.c.active_run_id,
    conversations.c.lease_expires_at,
)


@dataclass(frozen=True, slots=True)
class ConversationName:
    """A conversation's id, and how its agent is told of it."""

    id: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedConversation(Hold):
    """A conversation whose row is locked, and the run that holds it."""

    id: str
    system_digest: str | None


@dataclass(frozen=True, slots=True)
class ConversationFilter:
    """Conditions of a conversation list; those that are None don't count."""

    agent_id: str | None = None
    summary_search: str | None = None
    archived: bool | None = None


def create_conversation(
    connection: Connection,
    actor: Actor,
    agent_id: str,
    *,
    is_default: bool = False,
    system_digest: str | None = None,
) -> str:
    """Make a conversation with an empty context and return its id.

    ``system_digest`` is that of the system message which the caller puts into the context.
    """
    conversation = Conversation(new_id("conv"), agent_id, is_default, system_digest=system_digest)
    return insert_conversation(connection, actor, conversation).id


def insert_conversation(connection: Connection, actor: Actor, conversation: Conversation) -> Conversation:
    """Store a new conversation with an empty context."""
    made = replace(conversation, created_by_id=actor.user_id, last_updated_by_id=actor.user_id)
    values = {column.name: getattr(made, column.name) for column in _COLUMNS if column.name not in _TIMES}
    statement = insert(conversations).values(values | {"organization_id": actor.organization_id})
    row = connection.execute(statement.returning(conversations.c.created_at, conversations.c.updated_at)).one()
    return replace(made, created_at=row.created_at, updated_at=row.updated_at)


def get_conversation(connection: Connection, actor: Actor, conversation_id: str) -> Conversation:
    """The conversation with this id.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_select(actor).where(conversations.c.id == conversation_id)).first()
    if row is None:
        raise no_such("conversation", conversation_id)
    return _to_conversation(row)


def get_default(connection: Connection, actor: Actor, agent_id: str) -> Conversation:
    """The conversation that an agent has by itself.

    Raises:
        NotFoundError: there is no such agent.
    """
    query = _select(actor).where(conversations.c.agent_id == agent_id, conversations.c.is_default)
    row = connection.execute(query).first()
    if row is None:
        raise no_such("agent", agent_id)
    return _to_conversation(row)


def find_by_client_key(connection: Connection, actor: Actor, agent_id: str, key: str) -> Conversation | None:
    """The conversation of an agent that a client has given this name, if there is one."""
    query = _select(actor).where(conversations.c.agent_id == agent_id, conversations.c.client_key == key)
    row = connection.execute(query).first()
    return None if row is None else _to_conversation(row)


def list_conversations(
    connection: Connection, actor: Actor, condition: ConversationFilter, page: Page, *, by_last_message: bool = False
) -> list[Conversation]:
    """Conversations that meet the condition. Default and hidden ones are left out."""
    query = _select(actor).where(~conversations.c.is_default, conversations.c.hidden.is_not(True))
    if condition.agent_id is not None:
        query = query.where(conversations.c.agent_id == condition.agent_id)
    if condition.summary_search:
        query = query.where(conversations.c.summary.icontains(condition.summary_search, autoescape=True))
    if condition.archived is not None:
        query = query.where(conversations.c.archived.is_(condition.archived))
    sort = conversations.c.last_message_at if by_last_message else conversations.c.created_at
    query = paginate(query, conversations, page, sort=sort, nulls_last=by_last_message)
    return [_to_conversation(row) for row in connection.execute(query)]


def update_conversation(
    connection: Connection, actor: Actor, conversation_id: str, changes: Mapping[str, Any]
) -> Conversation:
    """Store changes of a conversation and return it.

    Raises:
        NotFoundError: it is gone.
    """
    values = {**changes, "updated_at": func.now(), "last_updated_by_id": actor.user_id}
    statement = update(conversations).where(conversations.c.id == conversation_id).values(values)
    row = connection.execute(statement.returning(*_COLUMNS)).first()
    if row is None:
        raise no_such("conversation", conversation_id)
    return _to_conversation(row)


def lock_conversation(connection: Connection, conversation_id: str) -> LockedConversation:
    """A conversation, locked. The unit is repeated when another transaction has it.

    Raises:
        NotFoundError: it is gone.
    """
    query = select(*_LEASE).where(conversations.c.id == conversation_id)
    row = connection.execute(query.with_for_update(nowait=True, key_share=True)).first()
    if row is None:
        raise no_such("conversation", conversation_id)
    return _locked(row)


def isolate_blocks(connection: Connection, conversation_id: str, isolated: Sequence[Block]) -> None:
    """Let these blocks stand in for the agent's blocks of the same labels."""
    if isolated:
        rows = [{"conversation_id": conversation_id, "block_id": block.id, "label": block.label} for block in isolated]
        connection.execute(insert(conversations_blocks), rows)


def isolated_block_ids(connection: Connection, conversation_ids: Sequence[str]) -> dict[str, list[str]]:
    """Ids of the isolated blocks of several conversations, by conversation id."""
    query = select(conversations_blocks).where(conversations_blocks.c.conversation_id.in_(conversation_ids))
    found: dict[str, list[str]] = {}
    for row in connection.execute(query.order_by(conversations_blocks.c.block_id)):
        found.setdefault(row.conversation_id, []).append(row.block_id)
    return found


def share_messages(connection: Connection, conversation_id: str, message_ids: Sequence[str]) -> None:
    """Let messages of other conversations belong to the history of this one as well."""
    if message_ids:
        rows = [{"conversation_id": conversation_id, "message_id": message_id} for message_id in message_ids]
        connection.execute(insert(shared_messages), rows)


def delete_conversation(connection: Connection, conversation_id: str) -> None:
    """Delete a conversation with its isolated blocks, and the messages that no other conversation shares.

    Its row stays, so that the runs that were made in it can still be looked up.
    """
    blocks_of_it = select(conversations_blocks.c.block_id).where(
        conversations_blocks.c.conversation_id == conversation_id
    )
    connection.execute(delete(blocks).where(blocks.c.id.in_(blocks_of_it)))
    connection.execute(delete(context_messages).where(context_messages.c.conversation_id == conversation_id))
    deleted = update(conversations).where(conversations.c.id == conversation_id).values(deleted_at=func.now())
    connection.execute(deleted)
    was_shared = select(shared_messages.c.message_id).where(shared_messages.c.conversation_id == conversation_id)
    orphaned = select(messages.c.id).join(conversations, conversations.c.id == messages.c.conversation_id)
    orphaned = orphaned.where(
        or_(messages.c.conversation_id == conversation_id, messages.c.id.in_(was_shared)),
        conversations.c.deleted_at.is_not(None),
    )
    other = shared_messages.alias()
    shared = select(other.c.message_id).where(
        other.c.message_id == messages.c.id, other.c.conversation_id != conversation_id
    )
    connection.execute(delete(messages).where(messages.c.id.in_(orphaned.where(~shared.exists()))))
    connection.execute(delete(shared_messages).where(shared_messages.c.conversation_id == conversation_id))


def active_run(connection: Connection, conversation_id: str) -> str | None:
    """The run that goes on in a conversation."""
    return connection.scalar(select(conversations.c.active_run_id).where(conversations.c.id == conversation_id))


def default_conversation_id(connection: Connection, agent_id: str) -> str:
    """The id of the conversation that an agent has by itself.

    Raises:
        NotFoundError: there is no such agent.
    """
    query = select(conversations.c.id).where(conversations.c.agent_id == agent_id, conversations.c.is_default)
    found: str | None = connection.scalar(query)
    if found is None:
        raise no_such("agent", agent_id)
    return found


def default_among(connection: Connection, conversation_ids: Collection[str]) -> set[str]:
    """Which of these are conversations that agents have by themselves."""
    query = select(conversations.c.id).where(conversations.c.id.in_(conversation_ids), conversations.c.is_default)
    return set(connection.scalars(query)) if conversation_ids else set()


def conversation_of_agent(connection: Connection, agent_id: str, conversation_id: str | None) -> ConversationName:
    """One of an agent's conversations: None and ``default`` stand for the one that it has by itself.

    Raises:
        NotFoundError: the agent has no such conversation.
    """
    if conversation_id in {None, "default"}:
        return ConversationName(default_conversation_id(connection, agent_id), "default")
    query = select(conversations.c.id, conversations.c.is_default)
    row = connection.execute(
        query.where(
            conversations.c.agent_id == agent_id,
            conversations.c.id == conversation_id,
            conversations.c.deleted_at.is_(None),
        )
    ).first()
    if row is None:
        raise NotFoundError(f"Agent {agent_id} has no conversation {conversation_id}.")
    return ConversationName(row.id, "default" if row.is_default else row.id)


def lock_default(connection: Connection, agent_id: str) -> LockedConversation:
    """The agent's default conversation, locked. The unit is repeated when another transaction has it.

    Raises:
        NotFoundError: there is no such agent.
    """
    row = connection.execute(_default(agent_id).with_for_update(nowait=True, key_share=True)).first()
    if row is None:
        raise no_such("agent", agent_id)
    return _locked(row)


def lock_default_if_free(connection: Connection, agent_id: str) -> LockedConversation | None:
    """As `lock_default`, but None when another transaction has it at the moment."""
    row = connection.execute(_default(agent_id).with_for_update(skip_locked=True, key_share=True)).first()
    return None if row is None else _locked(row)


def set_system_digest(connection: Connection, conversation_id: str, digest: str) -> None:
    """Note what a conversation's system message was compiled from."""
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(system_digest=digest, updated_at=func.now())
    )


def _to_conversation(row: Row[Any]) -> Conversation:
    values = row._mapping
    return Conversation(**{column.name: values[column] for column in _COLUMNS})


def _select(actor: Actor) -> Select[Any]:
    return select(*_COLUMNS).where(
        conversations.c.organization_id == actor.organization_id, conversations.c.deleted_at.is_(None)
    )


def _locked(row: Row[*tuple[Any, ...]]) -> LockedConversation:
    return LockedConversation(
        id=row.id,
        system_digest=row.system_digest,
        active_run_id=row.active_run_id,
        lease_expires_at=row.lease_expires_at,
    )


def _default(agent_id: str) -> Select[*tuple[Any, ...]]:
    return select(*_LEASE).where(conversations.c.agent_id == agent_id, conversations.c.is_default)
