"""Queries on the place of a turn: its conversation, and the lease by which one process may carry the turn out there."""

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, exists, func, select, update

from letta.agents.agent import Agent
from letta.agents.tables import agents, agents_folders
from letta.conversations.conversation import Conversation
from letta.conversations.hold import Hold
from letta.conversations.tables import conversations
from letta.errors import no_such
from letta.organizations.actor import Actor
from letta.turn.request import RunRequest
from letta.turn.turn import Lease, Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPlace(Hold):
    """Where a turn is to take place: a conversation whose row is locked, its agent, and whether that has folders."""

    conversation: Conversation
    agent: Agent
    lease_epoch: int
    has_folders: bool


_HAS_FOLDERS = exists().where(agents_folders.c.agent_id == agents.c.id).label("has_folders")
_LOCKED = (
    select(conversations, agents, _HAS_FOLDERS)
    .join(agents, agents.c.id == conversations.c.agent_id)
    .where(conversations.c.organization_id == bindparam("organization_id"))
    .with_for_update(of=conversations, nowait=True)
)
_LOCKED_DEFAULT = _LOCKED.where(conversations.c.agent_id == bindparam("agent_id"), conversations.c.is_default)
_LOCKED_BY_ID = _LOCKED.where(conversations.c.id == bindparam("conversation_id"), conversations.c.deleted_at.is_(None))


def lock_place(connection: Connection, actor: Actor, request: RunRequest) -> TurnPlace:
    """Lock the conversation that a request is for.

    Raises:
        NotFoundError: there is no such agent or conversation.
        sqlalchemy.exc.OperationalError: another transaction holds the row (the unit is then repeated).
    """
    query = _LOCKED_DEFAULT if request.conversation_id is None else _LOCKED_BY_ID
    values = {
        "organization_id": actor.organization_id,
        "agent_id": request.agent_id,
        "conversation_id": request.conversation_id,
    }
    row = connection.execute(query, values).first()
    if row is None:
        missing = request.conversation_id or request.agent_id
        kind = "conversation" if request.conversation_id else "agent"
        raise no_such(kind, str(missing))
    return _locked(row)


_CONVERSATION = {field.name: conversations.c[field.name] for field in fields(Conversation)}
_AGENT = {field.name: agents.c[field.name] for field in fields(Agent)}


def _locked(row: Row[Any]) -> TurnPlace:
    values = row._mapping
    return TurnPlace(
        conversation=Conversation(**{name: values[column] for name, column in _CONVERSATION.items()}),
        agent=Agent(**{name: values[column] for name, column in _AGENT.items()}),
        active_run_id=values[conversations.c.active_run_id],
        lease_epoch=values[conversations.c.lease_epoch],
        lease_expires_at=values[conversations.c.lease_expires_at],
        has_folders=row.has_folders,
    )


def is_held(turn: Turn) -> ColumnElement[bool]:
    """The condition for the conversation of a turn whose lease is still the turn's own."""
    return and_(
        conversations.c.id == turn.conversation.id,
        conversations.c.lease_owner == turn.lease.owner,
        conversations.c.lease_epoch == turn.lease.epoch,
    )


def holds_lease(connection: Connection, turn: Turn) -> bool:
    """Whether the turn's lease is still its own; renews it, and locks it until the transaction ends."""
    until = func.now() + timedelta(seconds=turn.lease.seconds)
    return connection.execute(update(conversations).where(is_held(turn)).values(lease_expires_at=until)).rowcount > 0


def set_digest(connection: Connection, turn: Turn, digest: str | None) -> None:
    """Remember what the stored system message was compiled from."""
    connection.execute(
        update(conversations).where(conversations.c.id == turn.conversation.id).values(system_digest=digest)
    )


def new_lease(locked: TurnPlace, owner: str, seconds: float) -> Lease:
    """The lease that a new run takes."""
    return Lease(owner, locked.lease_epoch + 1, seconds)
