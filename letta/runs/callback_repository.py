"""Queries on the callbacks of runs, and of jobs, whose runs are all over."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select, update

from letta.jobs.repository import get_job
from letta.jobs.tables import jobs
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.runs.tables import runs

_UNDER_WAY = timedelta(minutes=1)
"""After that time, a process that began to send a callback has gone without telling what came of it."""


def _unsent(table: Table) -> ColumnElement[bool]:
    return (
        table.c.callback_url.is_not(None)
        & table.c.callback_status_code.is_(None)
        & table.c.callback_error.is_(None)
        & or_(table.c.callback_sent_at.is_(None), table.c.callback_sent_at < func.now() - _UNDER_WAY)
    )


_UNFINISHED = select(runs.c.id).where(runs.c.job_id == jobs.c.id, runs.c.status.in_(["created", "running"]))
_DUE_RUN = _unsent(runs) & runs.c.completed_at.is_not(None)
_DUE_JOB = _unsent(jobs) & ~_UNFINISHED.correlate(jobs).exists()


@dataclass(frozen=True, slots=True)
class Callback:
    """What is to be sent, and whereto."""

    url: str
    payload: JsonObject


def due(connection: Connection, limit: int) -> list[str]:
    """Ids of runs and jobs that are over and whose callback nobody seems to be sending."""
    of_runs = connection.scalars(select(runs.c.id).where(_DUE_RUN).order_by(runs.c.completed_at).limit(limit))
    return [*of_runs, *connection.scalars(select(jobs.c.id).where(_DUE_JOB).order_by(jobs.c.id).limit(limit))]


def claim(connection: Connection, thing_id: str) -> Callback | None:
    """The callback of a run or a job, for the caller alone to send; None if there is nothing to send."""
    return _claim_of_job(connection, thing_id) if _is_job(thing_id) else _claim_of_run(connection, thing_id)


def note_result(connection: Connection, thing_id: str, status: int | None, error: str | None) -> None:
    """Note what came of a callback."""
    table = jobs if _is_job(thing_id) else runs
    connection.execute(
        update(table).where(table.c.id == thing_id).values(callback_status_code=status, callback_error=error)
    )


def _is_job(thing_id: str) -> bool:
    return thing_id.startswith("job-")


def _claim_of_run(connection: Connection, run_id: str) -> Callback | None:
    row = connection.execute(
        update(runs).where(runs.c.id == run_id, _DUE_RUN).values(callback_sent_at=func.now()).returning(runs)
    ).first()
    if row is None:
        return None
    metadata = row.metadata if row.error is None else row.metadata | {"error": row.error}
    return Callback(row.callback_url, {"run_id": row.id} | _told(row.status, row.completed_at, metadata))


def _claim_of_job(connection: Connection, job_id: str) -> Callback | None:
    row = connection.execute(
        update(jobs).where(jobs.c.id == job_id, _DUE_JOB).values(callback_sent_at=func.now()).returning(jobs)
    ).first()
    if row is None:
        return None
    job = get_job(connection, Actor(row.created_by_id, row.organization_id), job_id)
    ended_at = job.completed_at or job.updated_at
    return Callback(row.callback_url, {"job_id": job.id} | _told(job.status, ended_at, job.metadata))


def _told(status: str, completed_at: datetime, metadata: JsonObject) -> JsonObject:
    moment = completed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"status": status, "completed_at": moment, "metadata": metadata}
