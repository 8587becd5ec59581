"""Operations on batches: turns of any number of agents, which are carried out when there is room for them."""

from typing import Annotated

from fastapi import APIRouter, Query

from letta.access.grants import Access
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, PrincipalDep, ServerDep
from letta.http.parameters import BatchId, page_parameters
from letta.jobs import repository, service
from letta.jobs.job import BATCH, Job
from letta.jobs.repository import JobFilter
from letta.jobs.schemas import BatchMessages, CreateBatch, JobResponse
from letta.messages.stored_form import stored_form

router = APIRouter(prefix="/v1/messages/batches", tags=["messages"])

BatchesPage = Annotated[Page, page_parameters(limit=100, order="desc")]


@router.get("", response_model=list[JobResponse])
async def list_batches(principal: PrincipalDep, database: DatabaseDep, page: BatchesPage) -> list[Job]:
    """Batches of the organization, newest first. Those with agents that the key can't access are left out."""
    condition = JobFilter(job_type=BATCH, only_agents=principal.limited_to(Access.READ_MESSAGES))
    return await database.read(repository.list_jobs, principal.actor, condition, page)


@router.post("", response_model=JobResponse)
async def create_batch(actor: ActorDep, server: ServerDep, body: CreateBatch) -> Job:
    """Send messages to many agents at once, without waiting for their answers."""
    asked = await service.requested_runs(body)
    job = await server.database.run(service.create_batch, actor, asked, body.callback_url)
    server.executor.look_for_queued()
    return job


@router.get("/{batch_id}", response_model=JobResponse)
async def retrieve_batch(actor: ActorDep, database: DatabaseDep, batch_id: BatchId) -> Job:
    """One batch and its progress."""
    return await database.read(repository.get_job, actor, batch_id, BATCH)


@router.get("/{batch_id}/messages", response_model=BatchMessages)
async def list_messages_of_batch(
    actor: ActorDep,
    database: DatabaseDep,
    batch_id: BatchId,
    page: BatchesPage,
    agent_id: Annotated[str | None, Query(description="Only messages of this agent.")] = None,
) -> BatchMessages:
    """Messages of the turns of a batch so far, newest first, including those that were sent."""
    found = await database.read(service.list_messages, actor, batch_id, agent_id, page)
    return BatchMessages(messages=[stored_form(message) for message in found])


@router.patch("/{batch_id}/cancel", response_model=None)
async def cancel_batch(actor: ActorDep, server: ServerDep, batch_id: BatchId) -> None:
    """Cancel a batch: waiting turns never start, and running ones are cancelled."""
    running = await server.database.run(service.cancel_job, actor, batch_id, BATCH)
    await server.executor.cancel(actor, running)
