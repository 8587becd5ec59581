"""Queries on runs that wait until their conversation and a process are free.

Such a run is a row of its own from the beginning, with the status ``created``: it can be looked at and cancelled. It
begins in the transaction that takes it out of the queue, so once and in one process, whatever becomes of others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, insert, select, tuple_, update

from letta.conversations.tables import conversations
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.runs.tables import runs
from letta.turn.failures import error_message
from letta.turn.request import RunOptions

_CANCELLED = {"status": "cancelled", "stop_reason": "cancelled"}


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is to wait."""

    id: str
    agent_id: str
    options: RunOptions
    queued: JsonObject


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run that waits, locked.

    Attributes:
        queued: what it is to begin with: ``messages``, or the ``group_id`` of a group of which the run's agent looks
            after the manager's memory.
    """

    id: str
    actor: Actor
    agent_id: str
    conversation_id: str
    options: RunOptions
    queued: JsonObject


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits.

    Attributes:
        ready: ids of some runs that could begin, those that came first in front.
        others: whether there are more, or such whose conversations are busy.
    """

    ready: list[str]
    others: bool


def look(connection: Connection, limit: int) -> Queue:
    """What waits, of all organizations. Of one conversation, only the run that came first is ready."""
    waiting = runs.c.queued.is_not(None)
    query = select(runs.c.id).where(waiting, _is_free(), ~_an_earlier_one().exists())
    ready = list(connection.scalars(query.order_by(runs.c.created_at, runs.c.id).limit(limit)))
    some = select(runs.c.id).where(waiting).limit(len(ready) + 1).subquery()
    return Queue(ready, others=(connection.scalar(select(func.count()).select_from(some)) or 0) > len(ready))


def _is_free() -> ColumnElement[bool]:
    return exists().where(conversations.c.id == runs.c.conversation_id, conversations.c.active_run_id.is_(None))


def _an_earlier_one() -> Select[Any]:
    earlier = runs.alias()
    return select(earlier.c.id).where(
        earlier.c.queued.is_not(None),
        earlier.c.conversation_id == runs.c.conversation_id,
        tuple_(earlier.c.created_at, earlier.c.id) < tuple_(runs.c.created_at, runs.c.id),
    )


def insert_queued(connection: Connection, actor: Actor, new: Sequence[NewRun]) -> list[str]:
    """Let runs wait, each of an agent's own conversation, in this order.

    Returns ids of agents that don't exist. If there are any, nothing was stored.
    """
    wanted = {run.agent_id for run in new}
    place = select(conversations.c.agent_id, conversations.c.id).where(
        conversations.c.agent_id.in_(wanted),
        conversations.c.organization_id == actor.organization_id,
        conversations.c.is_default,
    )
    places = {row.agent_id: row.id for row in connection.execute(place)}
    missing = sorted(wanted - places.keys())
    if new and not missing:
        now = datetime.now(UTC)
        rows = [
            _row(actor, run, places[run.agent_id]) | {"created_at": now + timedelta(microseconds=number)}
            for number, run in enumerate(new)
        ]
        connection.execute(insert(runs), rows)
    return missing


def _row(actor: Actor, run: NewRun, conversation_id: str) -> JsonObject:
    options = run.options
    return {
        "id": run.id,
        "organization_id": actor.organization_id,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
        "agent_id": run.agent_id,
        "conversation_id": conversation_id,
        "job_id": options.job_id,
        "status": "created",
        "background": options.background,
        "request": options.to_json(),
        "metadata": options.metadata(),
        "callback_url": options.callback_url,
        "queued": run.queued,
    }


def lock_queued(connection: Connection, run_id: str) -> QueuedRun | None:
    """A run that waits; None if it does no more, if another one goes first, or another transaction is busy with it."""
    query = select(runs).where(runs.c.id == run_id, runs.c.queued.is_not(None), ~_an_earlier_one().exists())
    row = connection.execute(query.with_for_update(of=runs, skip_locked=True)).first()
    if row is None:
        return None
    return QueuedRun(
        id=row.id,
        actor=Actor(row.created_by_id, row.organization_id),
        agent_id=row.agent_id,
        conversation_id=row.conversation_id,
        options=RunOptions.from_json(row.request),
        queued=row.queued,
    )


def end_queued(connection: Connection, run_id: str, *, detail: str | None = None) -> None:
    """End a run that waits: as failed where there is something to tell, else as completed, since nothing was to do."""
    error = None if detail is None else _error(run_id, detail)
    _end(connection, [run_id], {"status": "completed", "stop_reason": "end_turn"} if error is None else error)


def cancel_queued(connection: Connection, actor: Actor, run_ids: Sequence[str]) -> None:
    """Cancel those of these runs that wait."""
    own = select(runs.c.id).where(runs.c.id.in_(list(run_ids)), runs.c.organization_id == actor.organization_id)
    _end(connection, list(connection.scalars(own.where(runs.c.queued.is_not(None)))), _CANCELLED)


def _end(connection: Connection, run_ids: Sequence[str], values: JsonObject) -> None:
    if run_ids:
        statement = update(runs).where(runs.c.id.in_(run_ids), runs.c.queued.is_not(None))
        connection.execute(statement.values(queued=None, completed_at=func.now(), updated_at=func.now(), **values))


def _error(run_id: str, detail: str) -> JsonObject:
    error = error_message(run_id, detail, message="The run could not be started.")
    return {"status": "failed", "stop_reason": "error", "error": error}
