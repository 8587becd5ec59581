"""Queries on leases: which process carries a run out, and what becomes of runs whose process is gone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select, text, update

from letta.conversations.tables import conversations
from letta.database.base import SCHEMA
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.runs.repository import ACTIVE
from letta.runs.tables import runs
from letta.steps.tables import steps
from letta.turn.failures import error_message
from letta.turn.place_repository import is_held
from letta.turn.turn import Turn


@dataclass(frozen=True, slots=True)
class Waiting:
    """What there is to do for a process, beside its own runs.

    Attributes:
        expired: runs wait for somebody to take them over.
        others: other processes carry out runs, which may be left behind soon.
        callbacks: ends of runs wait to be told.
        webhooks: webhooks wait to be told of ends of runs.
        queued: runs wait to begin.
        scheduled: after how many seconds the next scheduled message is due, if there is one.
    """

    expired: bool
    others: bool
    callbacks: bool
    webhooks: bool
    queued: bool
    scheduled: float | None


@dataclass(frozen=True, slots=True)
class LostRun:
    """An active run whose lease has expired. Its conversation's row is locked.

    Attributes:
        steps: how many of its steps were committed.
        last_stop_reason: that of its last step: not None if the turn was over but for its end being noted.
    """

    id: str
    conversation_id: str
    actor: Actor
    request: JsonObject
    cancel_requested: bool
    take_overs: int
    usage: JsonObject | None
    created_at: datetime
    ttft_ns: int | None
    steps: int
    last_stop_reason: str | None


_WAITING = text(f"""
SELECT
    EXISTS (SELECT FROM {SCHEMA}.conversations WHERE lease_owner IS NOT NULL AND lease_expires_at < now()),
    EXISTS (
        SELECT FROM {SCHEMA}.conversations
        WHERE lease_owner IS NOT NULL AND lease_owner <> :owner AND lease_expires_at >= now()
    ),
    EXISTS (
        SELECT FROM {SCHEMA}.runs
        WHERE callback_url IS NOT NULL AND callback_status_code IS NULL AND callback_error IS NULL
            AND completed_at < now() - interval '10 seconds'
    ) OR EXISTS (
        SELECT FROM {SCHEMA}.jobs
        WHERE callback_url IS NOT NULL AND callback_status_code IS NULL AND callback_error IS NULL
            AND NOT EXISTS (
                SELECT FROM {SCHEMA}.runs WHERE runs.job_id = jobs.id AND status IN ('created', 'running')
            )
    ),
    EXISTS (SELECT FROM {SCHEMA}.webhook_deliveries WHERE next_attempt_at < now()),
    EXISTS (SELECT FROM {SCHEMA}.runs WHERE queued IS NOT NULL),
    (SELECT CAST(extract(epoch FROM min(due_at) - now()) AS float8) FROM {SCHEMA}.scheduled_messages)
""")  # noqa: S608 - the schema's name is validated by the settings


def what_waits(connection: Connection, owner: str) -> Waiting:
    """Whether there is anything to do that nobody asks for. One cheap statement."""
    return Waiting(*connection.execute(_WAITING, {"owner": owner}).one())


def renew_leases(connection: Connection, owner: str, run_ids: Sequence[str], seconds: float) -> dict[str, bool]:
    """Renew the leases of a process's runs. Returns those that it still holds, and whether each is to be cancelled."""
    statement = (
        update(conversations)
        .where(conversations.c.lease_owner == owner, conversations.c.active_run_id.in_(run_ids))
        .values(lease_expires_at=func.now() + timedelta(seconds=seconds))
        .returning(conversations.c.active_run_id, conversations.c.cancel_requested)
    )
    return {row.active_run_id: row.cancel_requested for row in connection.execute(statement)}


def release_lease(connection: Connection, turn: Turn) -> None:
    """Give a run's lease back before its time, so that another process may go on at once."""
    connection.execute(update(conversations).where(is_held(turn)).values(lease_expires_at=func.now()))


def lost_runs(connection: Connection, limit: int) -> list[str]:
    """Ids of active runs whose lease has expired, those that have waited longest first."""
    query = select(conversations.c.active_run_id).where(
        conversations.c.lease_owner.is_not(None),
        conversations.c.lease_expires_at < func.now(),
        conversations.c.active_run_id.is_not(None),
    )
    return list(connection.scalars(query.order_by(conversations.c.lease_expires_at).limit(limit)))


def lock_lost_run(connection: Connection, run_id: str) -> LostRun | None:
    """A run whose lease has expired; None if it has not (any more), or if another transaction is looking at it."""
    query = (
        select(conversations.c.id.label("held_id"), conversations.c.cancel_requested, runs)
        .join(runs, runs.c.id == conversations.c.active_run_id)
        .where(conversations.c.active_run_id == run_id, conversations.c.lease_expires_at < func.now())
        .with_for_update(of=conversations, skip_locked=True)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    if row.status not in ACTIVE:
        give_back(connection, row.held_id)
        return None
    return _lost(connection, row)


def _lost(connection: Connection, row: Row[Any]) -> LostRun:
    query = select(steps.c.stop_reason).where(steps.c.run_id == row.id, steps.c.status == "success")
    stop_reasons = list(connection.scalars(query.order_by(steps.c.created_at, steps.c.id)))
    return LostRun(
        id=row.id,
        conversation_id=row.conversation_id,
        actor=Actor(row.created_by_id, row.organization_id),
        request=row.request,
        cancel_requested=row.cancel_requested,
        take_overs=row.take_overs,
        usage=row.usage,
        created_at=row.created_at,
        ttft_ns=row.ttft_ns,
        steps=len(stop_reasons),
        last_stop_reason=stop_reasons[-1] if stop_reasons else None,
    )


def take(connection: Connection, turn: Turn) -> None:
    """Give a turn the lease of its conversation, whose row is locked."""
    connection.execute(
        update(conversations)
        .where(conversations.c.id == turn.conversation.id)
        .values(
            lease_owner=turn.lease.owner,
            lease_epoch=turn.lease.epoch,
            lease_expires_at=func.now() + timedelta(seconds=turn.lease.seconds),
            system_digest=turn.conversation.system_digest,
        )
    )
    connection.execute(
        update(runs).where(runs.c.id == turn.run_id).values(take_overs=runs.c.take_overs + 1, updated_at=func.now())
    )


def give_back(connection: Connection, conversation_id: str) -> None:
    """Let a conversation, whose row is locked, be held by nobody."""
    connection.execute(
        update(conversations)
        .where(conversations.c.id == conversation_id)
        .values(lease_owner=None, lease_expires_at=None, active_run_id=None, cancel_requested=False)
    )


_ABANDON = text(f"""
WITH run AS (
    UPDATE {SCHEMA}.runs
    SET status = 'failed', stop_reason = 'error', error = CAST(:error AS jsonb), completed_at = now(),
        updated_at = now()
    WHERE id = :run_id AND status IN ('created', 'running')
    RETURNING id
)
DELETE FROM {SCHEMA}.context_messages
WHERE conversation_id = :conversation_id
    AND message_id IN (
        SELECT m.id FROM {SCHEMA}.messages m JOIN run ON m.run_id = run.id
        WHERE m.step_id IS NULL AND m.role <> 'summary'
    )
    AND NOT EXISTS (SELECT 1 FROM {SCHEMA}.steps WHERE run_id = :run_id AND status = 'success')
    AND NOT EXISTS (SELECT 1 FROM {SCHEMA}.messages WHERE run_id = :run_id AND step_id IS NOT NULL)
""")  # noqa: S608 - the schema's name is validated by the settings


def abandon_run(connection: Connection, conversation_id: str, run_id: str, detail: str) -> None:
    """End a run as failed. Its input leaves the context unless something that followed from it is there to stay."""
    error = error_message(run_id, detail, message="The run was interrupted.")
    values = {"run_id": run_id, "conversation_id": conversation_id, "error": json.dumps(error)}
    connection.execute(_ABANDON, values)


def end_broken_run(connection: Connection, turn: Turn, detail: str) -> None:
    """End a run that met an unforeseen error, and give its lease back if it is still ours."""
    held = connection.scalar(select(conversations.c.id).where(is_held(turn)).with_for_update(nowait=True))
    if held is not None:
        give_back(connection, held)
        abandon_run(connection, turn.conversation.id, turn.run_id, detail)


def request_cancel(connection: Connection, actor: Actor, run_ids: Sequence[str]) -> dict[str, bool]:
    """Ask the processes that carry out these runs to cancel them.

    Returns the runs that are active, and of each whether its process seems to be gone.
    """
    statement = (
        update(conversations)
        .where(
            conversations.c.organization_id == actor.organization_id, conversations.c.active_run_id.in_(list(run_ids))
        )
        .values(cancel_requested=True)
        .returning(conversations.c.active_run_id, (conversations.c.lease_expires_at < func.now()).label("lost"))
    )
    return {row.active_run_id: row.lost for row in connection.execute(statement)}


def has_place(connection: Connection, turn: Turn) -> bool:
    """Whether the conversation of a turn is still there."""
    query = select(conversations.c.id).where(
        conversations.c.id == turn.conversation.id, conversations.c.deleted_at.is_(None)
    )
    return connection.scalar(query) is not None
