"""Operations on jobs, which are batches of messages. Single turns are runs, and files have a status of their own."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import JobId, page_parameters
from letta.jobs import repository, service
from letta.jobs.job import Job
from letta.jobs.repository import JobFilter
from letta.jobs.schemas import JobResponse

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

JobsPage = Annotated[Page, page_parameters(limit=100, order="desc")]
ActiveJobsPage = Annotated[Page, page_parameters(limit=50, order="desc")]
SourceId = Annotated[str | None, Query(description="Only jobs about this folder.")]
Ascending = Annotated[bool, Query(deprecated=True, description="No effect; use order.")]


@router.get("", response_model=list[JobResponse])
async def list_jobs(
    actor: ActorDep,
    database: DatabaseDep,
    page: JobsPage,
    source_id: SourceId = None,
    active: Annotated[bool, Query(description="Only jobs that have not ended.")] = False,
    ascending: Ascending = True,  # noqa: ARG001 - part of the contract
) -> list[Job]:
    """Jobs of the organization, newest first."""
    return await database.read(repository.list_jobs, actor, JobFilter(source_id=source_id, active=active), page)


@router.get("/active", response_model=list[JobResponse], deprecated=True)
async def list_active_jobs(
    actor: ActorDep,
    database: DatabaseDep,
    page: ActiveJobsPage,
    source_id: SourceId = None,
    ascending: Annotated[bool, Query(description="Oldest first.")] = True,
) -> list[Job]:
    """Jobs that have not ended, oldest first."""
    page = replace(page, order="asc" if ascending else "desc")
    return await database.read(repository.list_jobs, actor, JobFilter(source_id=source_id, active=True), page)


@router.get("/{job_id}", response_model=JobResponse)
async def retrieve_job(actor: ActorDep, database: DatabaseDep, job_id: JobId) -> Job:
    """One job."""
    return await database.read(repository.get_job, actor, job_id)


@router.delete("/{job_id}", response_model=JobResponse)
async def delete_job(actor: ActorDep, database: DatabaseDep, job_id: JobId) -> Job:
    """Delete a job that has ended. Its runs and their messages are kept."""
    return await database.run(service.delete_job, actor, job_id)


@router.patch("/{job_id}/cancel", response_model=JobResponse)
async def cancel_job(actor: ActorDep, server: ServerDep, job_id: JobId) -> Job:
    """Cancel a job: waiting runs never start, and running ones are cancelled."""
    running = await server.database.run(service.cancel_job, actor, job_id)
    await server.executor.cancel(actor, running)
    return await server.database.read(repository.get_job, actor, job_id)
