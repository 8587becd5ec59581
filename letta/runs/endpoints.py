"""Reading runs, and going on with their streams."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse, Response

from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import RunId, page_parameters
from letta.messages import repository as messages_repository
from letta.messages.repository import MessageFilter
from letta.messages.sending import STREAM_ANSWER, resumed
from letta.messages.wire import to_wire
from letta.runs import listing
from letta.runs.listing import RunFilter
from letta.runs.schemas import ResumeRequest, Run, RunMetrics, RunUsage
from letta.steps import repository as steps_repository
from letta.steps.schemas import Step

router = APIRouter(prefix="/v1/runs", tags=["runs"])

JsonObject = dict[str, Any]
RunsPage = Annotated[Page, page_parameters(limit=100, order="desc")]
Ids = Annotated[list[str] | None, Query()]


@router.get("", response_model=list[Run])
async def list_runs(
    actor: ActorDep,
    database: DatabaseDep,
    page: RunsPage,
    agent_id: str | None = None,
    agent_ids: Ids = None,
    statuses: Ids = None,
    background: bool | None = None,
    stop_reason: str | None = None,
    conversation_id: str | None = None,
    active: bool = False,
) -> list[Run]:
    """Runs of the organization, newest first."""
    wanted = [*(agent_ids or ()), *([agent_id] if agent_id else ())] or None
    condition = RunFilter(wanted, statuses, background, stop_reason, conversation_id, active)
    return await database.read(listing.list_runs, actor, condition, page)


@router.get("/active", response_model=list[Run])
async def list_active_runs(
    actor: ActorDep, database: DatabaseDep, page: RunsPage, agent_id: str | None = None, background: bool | None = None
) -> list[Run]:
    """Deprecated: runs that are going on."""
    condition = RunFilter(agent_ids=[agent_id] if agent_id else None, background=background, active=True)
    return await database.read(listing.list_runs, actor, condition, page)


@router.get("/{run_id}", response_model=Run)
async def retrieve_run(actor: ActorDep, database: DatabaseDep, run_id: RunId) -> Run:
    """One run."""
    return await database.read(listing.retrieve_run, actor, run_id)


@router.delete("/{run_id}", response_model=Run)
async def delete_run(actor: ActorDep, database: DatabaseDep, run_id: RunId) -> Run:
    """Delete a run that is over; its messages stay."""
    return await database.run(listing.delete_run, actor, run_id)


@router.get("/{run_id}/messages", response_model=list[JsonObject])
async def list_messages_of_run(actor: ActorDep, database: DatabaseDep, run_id: RunId, page: RunsPage) -> JSONResponse:
    """The messages that a run was given and those that it made."""
    await database.read(listing.retrieve_run, actor, run_id)
    found = await database.read(messages_repository.list_messages, actor, MessageFilter(run_id=run_id), page)
    return JSONResponse(to_wire(found))


@router.get("/{run_id}/usage", response_model=RunUsage)
async def retrieve_usage(actor: ActorDep, database: DatabaseDep, run_id: RunId) -> RunUsage:
    """Tokens that a run used."""
    return await database.read(listing.usage_of_run, actor, run_id)


@router.get("/{run_id}/metrics", response_model=RunMetrics)
async def retrieve_metrics(actor: ActorDep, database: DatabaseDep, run_id: RunId) -> RunMetrics:
    """How long a run took."""
    return await database.read(listing.metrics_of_run, actor, run_id)


@router.get("/{run_id}/steps", response_model=list[Step])
async def list_steps_of_run(actor: ActorDep, database: DatabaseDep, run_id: RunId, page: RunsPage) -> list[Step]:
    """The steps of a run."""
    await database.read(listing.retrieve_run, actor, run_id)
    return await database.read(steps_repository.list_steps, actor, steps_repository.StepFilter(run_id=run_id), page)


@router.post("/{run_id}/stream", response_model=None, responses=STREAM_ANSWER)
async def resume_stream(
    actor: ActorDep, server: ServerDep, run_id: RunId, body: Annotated[ResumeRequest | None, Body()] = None
) -> Response:
    """Read the stream of a background run from any of its messages on, while it lasts and for 3 hours after."""
    wanted = body or ResumeRequest()
    return await resumed(
        server, actor, run_id, starting_after=wanted.starting_after, pings=wanted.include_pings is not False
    )
