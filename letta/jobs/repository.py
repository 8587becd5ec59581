"""Queries on jobs. How far each is, and when it ended, is read from its runs."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from letta.database.pagination import Page, paginate
from letta.errors import no_such
from letta.jobs.job import Job
from letta.jobs.tables import jobs
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.runs.tables import runs

AnyRow = Row[*tuple[Any, ...]]

_ACTIVE = ("created", "running")
_STATUSES = ("created", "running", "completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Conditions of a job list; those that are None don't count.

    Attributes:
        only_agents: those to which all runs of a job belong.
    """

    job_type: str | None = None
    source_id: str | None = None
    active: bool = False
    only_agents: Collection[str] | None = None


def insert_job(
    connection: Connection, actor: Actor, job_id: str, job_type: str, metadata: JsonObject, callback_url: str | None
) -> None:
    """Store a new job, which has no runs yet."""
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    own = {"id": job_id, "job_type": job_type, "metadata": metadata, "callback_url": callback_url}
    connection.execute(insert(jobs).values(own | author | {"organization_id": actor.organization_id}))


def get_job(connection: Connection, actor: Actor, job_id: str, job_type: str | None = None) -> Job:
    """The job with this id.

    Raises:
        NotFoundError: no such job, or it is of another type.
    """
    query = _select(actor).where(jobs.c.id == job_id)
    row = connection.execute(query if job_type is None else query.where(jobs.c.job_type == job_type)).first()
    if row is None:
        raise no_such("job", job_id, "/v1/jobs")
    return _job(row)


def list_jobs(connection: Connection, actor: Actor, condition: JobFilter, page: Page) -> list[Job]:
    """Jobs of the organization that meet the condition."""
    query = _select(actor)
    if condition.job_type is not None:
        query = query.where(jobs.c.job_type == condition.job_type)
    if condition.source_id is not None:
        query = query.where(jobs.c.metadata["source_id"].astext == condition.source_id)
    if condition.active:
        query = query.where(_unfinished().exists())
    if condition.only_agents is not None:
        of_job = select(runs.c.id).where(runs.c.job_id == jobs.c.id).correlate(jobs)
        theirs = runs.c.agent_id.in_(condition.only_agents)
        query = query.where(of_job.where(theirs).exists(), ~of_job.where(~theirs).exists())
    return [_job(row) for row in connection.execute(paginate(query, jobs, page))]


def note_cancelled(connection: Connection, actor: Actor, job_id: str) -> None:
    """Note that somebody cancelled a job, unless all of its runs are over."""
    statement = update(jobs).where(jobs.c.id == job_id, jobs.c.cancelled_at.is_(None), _unfinished().exists())
    values = {"cancelled_at": func.now(), "updated_at": func.now(), "last_updated_by_id": actor.user_id}
    connection.execute(statement.values(values))


def unfinished_runs(connection: Connection, job_id: str) -> list[str]:
    """Ids of the runs of a job that aren't over."""
    return list(connection.scalars(select(runs.c.id).where(runs.c.job_id == job_id, runs.c.status.in_(_ACTIVE))))


def delete_job(connection: Connection, job_id: str) -> None:
    """Delete a job. Its runs and their messages stay."""
    connection.execute(delete(jobs).where(jobs.c.id == job_id))


def _select(actor: Actor) -> Select[Any]:
    counted = (
        select(
            *(func.count().filter(runs.c.status == status).label(status) for status in _STATUSES),
            func.max(runs.c.completed_at).label("last_completed_at"),
        )
        .where(runs.c.job_id == jobs.c.id)
        .lateral("counted")
    )
    return select(jobs, counted).join(counted, true()).where(jobs.c.organization_id == actor.organization_id)


def _unfinished() -> Select[Any]:
    return select(runs.c.id).where(runs.c.job_id == jobs.c.id, runs.c.status.in_(_ACTIVE)).correlate(jobs)


def _job(row: AnyRow) -> Job:
    counts = {status: int(row._mapping[status]) for status in _STATUSES}
    over = counts["created"] + counts["running"] == 0
    counted = {"request_counts": {"total": sum(counts.values())} | counts}
    return Job(
        id=row.id,
        job_type=row.job_type,
        status=row.status or _status(counts, cancelled=row.cancelled_at is not None),
        metadata=row.metadata if row.status else row.metadata | counted,
        created_at=row.created_at,
        updated_at=row.updated_at,
        completed_at=(row.completed_at or row.last_completed_at or row.created_at) if over else None,
        created_by_id=row.created_by_id,
        last_updated_by_id=row.last_updated_by_id,
        callback_url=row.callback_url,
        callback_sent_at=row.callback_sent_at,
        callback_status_code=row.callback_status_code,
        callback_error=row.callback_error,
    )


def _status(counts: dict[str, int], *, cancelled: bool) -> str:
    if cancelled:
        return "cancelled"
    if counts["created"] + counts["running"] > 0:
        begun = sum(counts.values()) > counts["created"]
        return "running" if begun else "created"
    return "failed" if counts["failed"] and not counts["completed"] else "completed"
