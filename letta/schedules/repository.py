"""Queries on scheduled messages."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from letta.agents.tables import agents
from letta.database.pagination import Page, paginate
from letta.errors import NotFoundError
from letta.organizations.actor import Actor
from letta.schedules.scheduled import ClaimedMessage, Scheduled
from letta.schedules.tables import scheduled_messages

_COLUMNS = [scheduled_messages.c[field.name] for field in fields(Scheduled)]
_KEPT = timedelta(days=7)
"""How long what was sent once is still listed."""


def insert_scheduled(connection: Connection, actor: Actor, scheduled: Scheduled) -> Scheduled:
    """Store a new one."""
    values = {field.name: getattr(scheduled, field.name) for field in fields(Scheduled)}
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    row = values | author | {"organization_id": actor.organization_id, "due_at": scheduled.occurs_at}
    return Scheduled(*connection.execute(insert(scheduled_messages).values(row).returning(*_COLUMNS)).one())


def list_scheduled(connection: Connection, actor: Actor, agent_id: str, page: Page) -> list[Scheduled]:
    """A page of an agent's."""
    return [Scheduled(*row) for row in connection.execute(paginate(_select(actor, agent_id), scheduled_messages, page))]


def get_scheduled(connection: Connection, actor: Actor, agent_id: str, scheduled_id: str) -> Scheduled:
    """One of an agent's.

    Raises:
        NotFoundError: there is none with this id.
    """
    row = connection.execute(_select(actor, agent_id).where(scheduled_messages.c.id == scheduled_id)).first()
    if row is None:
        raise _unknown(agent_id, scheduled_id)
    return Scheduled(*row)


def delete_scheduled(connection: Connection, actor: Actor, agent_id: str, scheduled_id: str) -> None:
    """Delete one of an agent's. What was sent already is done with.

    Raises:
        NotFoundError: there is none with this id.
    """
    statement = delete(scheduled_messages).where(scheduled_messages.c.id == scheduled_id, *_owned(actor, agent_id))
    if connection.execute(statement).rowcount == 0:
        raise _unknown(agent_id, scheduled_id)


def seconds_to_next(connection: Connection) -> float | None:
    """After how many seconds the next of all is due; None if there is none. Negative where it should have been sent."""
    seconds = connection.scalar(select(func.extract("epoch", func.min(scheduled_messages.c.due_at) - func.now())))
    return None if seconds is None else float(seconds)


def claim_due(connection: Connection, limit: int, seconds: float) -> list[ClaimedMessage]:
    """Those that are due, longest first, which nobody else looks at: nobody will for some seconds."""
    due = (
        select(scheduled_messages.c.id)
        .where(scheduled_messages.c.due_at <= func.now())
        .order_by(scheduled_messages.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    own = ("id", "agent_id", "messages", "options", "cron_expression", "occurs_at", "attempts", "organization_id")
    statement = (
        update(scheduled_messages)
        .where(scheduled_messages.c.id.in_(due.scalar_subquery()), agents.c.id == scheduled_messages.c.agent_id)
        .values(due_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds))
        .returning(*(scheduled_messages.c[name] for name in own), scheduled_messages.c.created_by_id, agents.c.timezone)
    )
    return [ClaimedMessage(*row) for row in connection.execute(statement)]


def put_off(connection: Connection, claimed: ClaimedMessage, due_at: datetime, error: str, *, attempts: int) -> None:
    """Try again later to send it, as it is."""
    _write(connection, claimed, due_at=due_at, attempts=attempts, last_error=error)


def go_on(
    connection: Connection,
    claimed: ClaimedMessage,
    following: datetime | None,
    *,
    run_id: str | None,
    error: str | None,
) -> None:
    """Note what came of sending it, and when it is to be sent next, if ever."""
    told: dict[str, Any] = {"last_error": error}
    if run_id is not None:
        told |= {"last_run_id": run_id, "sent_at": func.now()}
    _write(connection, claimed, occurs_at=following, due_at=following, attempts=0, **told)
    if following is None:
        over = (scheduled_messages.c.due_at.is_(None), scheduled_messages.c.updated_at < func.now() - _KEPT)
        connection.execute(delete(scheduled_messages).where(scheduled_messages.c.agent_id == claimed.agent_id, *over))


def _write(connection: Connection, claimed: ClaimedMessage, **values: Any) -> None:
    """Of one that was changed since it was claimed, by whoever took it over, nothing is written."""
    same = (scheduled_messages.c.id == claimed.id, scheduled_messages.c.occurs_at == claimed.occurs_at)
    connection.execute(update(scheduled_messages).where(*same).values(updated_at=func.now(), **values))


def _owned(actor: Actor, agent_id: str) -> tuple[Any, ...]:
    return (
        scheduled_messages.c.agent_id == agent_id,
        scheduled_messages.c.organization_id == actor.organization_id,
    )


def _select(actor: Actor, agent_id: str) -> Select[Any]:
    return select(*_COLUMNS).where(*_owned(actor, agent_id))


def _unknown(agent_id: str, scheduled_id: str) -> NotFoundError:
    return NotFoundError(
        f"Agent {agent_id} has no scheduled message {scheduled_id}. GET /v1/agents/{agent_id}/schedule lists them."
    )
