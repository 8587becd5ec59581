"""Queries on conversations."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from letta.conversations.tables import conversations
from letta.database.ids import new_id
from letta.errors import BusyError, NotFoundError
from letta.organizations.actor import Actor


@dataclass(frozen=True, slots=True)
class ConversationName:
    """A conversation's id, and how its agent is told of it."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class LockedDefault:
    """An agent's default conversation, whose row is locked, and the run that holds it."""

    id: str
    system_digest: str | None
    active_run_id: str | None
    lease_expires_at: datetime | None

    def raise_if_busy(self) -> None:
        """Make sure that no run is active.

        Raises:
            BusyError: one is.
        """
        if self.active_run_id is not None:
            seconds = (self.lease_expires_at - datetime.now(UTC)).total_seconds() if self.lease_expires_at else 0
            raise BusyError(self.active_run_id, min(5, round(seconds)))


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
    conversation_id = new_id("conv")
    values = {
        "id": conversation_id,
        "organization_id": actor.organization_id,
        "agent_id": agent_id,
        "is_default": is_default,
        "system_digest": system_digest,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
    }
    connection.execute(insert(conversations).values(values))
    return conversation_id


def default_conversation_id(connection: Connection, agent_id: str) -> str:
    """The id of the conversation that an agent has by itself.

    Raises:
        NotFoundError: there is no such agent.
    """
    query = select(conversations.c.id).where(conversations.c.agent_id == agent_id, conversations.c.is_default)
    found: str | None = connection.scalar(query)
    if found is None:
        raise NotFoundError(f"There is no agent {agent_id}.")
    return found


def conversation_of_agent(connection: Connection, agent_id: str, conversation_id: str | None) -> ConversationName:
    """One of an agent's conversations: None and ``default`` stand for the one that it has by itself.

    Raises:
        NotFoundError: the agent has no such conversation.
    """
    if conversation_id in {None, "default"}:
        return ConversationName(default_conversation_id(connection, agent_id), "default")
    query = select(conversations.c.id, conversations.c.is_default)
    row = connection.execute(
        query.where(conversations.c.agent_id == agent_id, conversations.c.id == conversation_id)
    ).first()
    if row is None:
        raise NotFoundError(f"Agent {agent_id} has no conversation {conversation_id}.")
    return ConversationName(row.id, "default" if row.is_default else row.id)


def lock_default(connection: Connection, agent_id: str) -> LockedDefault:
    """The agent's default conversation, locked. The unit is repeated when another transaction has it.

    Raises:
        NotFoundError: there is no such agent.
    """
    row = connection.execute(_default(agent_id).with_for_update(nowait=True, key_share=True)).first()
    if row is None:
        raise NotFoundError(f"There is no agent {agent_id}.")
    return _locked(row)


def lock_default_if_free(connection: Connection, agent_id: str) -> LockedDefault | None:
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


def _locked(row: Row[*tuple[Any, ...]]) -> LockedDefault:
    return LockedDefault(row.id, row.system_digest, row.active_run_id, row.lease_expires_at)


def _default(agent_id: str) -> Select[*tuple[Any, ...]]:
    columns = (
        conversations.c.id,
        conversations.c.system_digest,
        conversations.c.active_run_id,
        conversations.c.lease_expires_at,
    )
    return select(*columns).where(conversations.c.agent_id == agent_id, conversations.c.is_default)
