"""Reading runs, and going on with their streams."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse, Response

from letta.database.pagination import Order, Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import After, Before, IncludeCost, Limit, RunId, page_parameters
from letta.json_types import JsonObject
from letta.messages import listing as messages_listing
from letta.messages.repository import MessageFilter
from letta.messages.sending import STREAM_ANSWER, resumed
from letta.runs import run_repository
from letta.runs.run_repository import RunFilter
from letta.runs.schemas import ResumeRequest, Run, RunMetrics, RunUsage, Span
from letta.runs.search_repository import CountOperator, DurationOperator, RunSearch, search_runs
from letta.runs.trace import trace_of_run
from letta.schema import Moment
from letta.steps import repository as steps_repository
from letta.steps.schemas import Step

router = APIRouter(prefix="/v1/runs", tags=["runs"])
internal_router = APIRouter(prefix="/v1/_internal_runs", tags=["runs"])

RunsPage = Annotated[Page, page_parameters(limit=100, order="desc")]
MessagesPage = Annotated[Page, page_parameters(limit=100, order="asc")]
Ascending = Annotated[bool, Query(deprecated=True, description="Use order.")]
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
    ascending: Ascending = False,
) -> list[Run]:
    """Runs of the organization, newest first."""
    page = replace(page, order="asc") if ascending else page
    wanted = [*(agent_ids or ()), *([agent_id] if agent_id else ())] or None
    condition = RunFilter(wanted, statuses, background, stop_reason, conversation_id, active)
    return await database.read(run_repository.list_runs, actor, condition, page)


@router.get("/active", response_model=list[Run])
async def list_active_runs(
    actor: ActorDep, database: DatabaseDep, page: RunsPage, agent_id: str | None = None, background: bool | None = None
) -> list[Run]:
    """Deprecated: runs in progress."""
    condition = RunFilter(agent_ids=[agent_id] if agent_id else None, background=background, active=True)
    return await database.read(run_repository.list_runs, actor, condition, page)


@router.get("/{run_id}", response_model=Run)
async def retrieve_run(actor: ActorDep, database: DatabaseDep, run_id: RunId) -> Run:
    """One run."""
    return await database.read(run_repository.retrieve_run, actor, run_id)


@router.delete("/{run_id}", response_model=Run)
async def delete_run(actor: ActorDep, database: DatabaseDep, run_id: RunId) -> Run:
    """Delete a run that has ended. Its messages are kept."""
    return await database.run(run_repository.delete_run, actor, run_id)


@router.get("/{run_id}/messages", response_model=list[JsonObject])
async def list_messages_of_run(
    actor: ActorDep, database: DatabaseDep, run_id: RunId, page: MessagesPage
) -> JSONResponse:
    """The input messages of a run and those that it produced."""
    await database.read(run_repository.retrieve_run, actor, run_id)
    found = await database.read(messages_listing.list_messages, actor, MessageFilter(run_id=run_id), page)
    return JSONResponse(found)


@router.get("/{run_id}/usage", response_model=RunUsage)
async def retrieve_usage(actor: ActorDep, database: DatabaseDep, run_id: RunId) -> RunUsage:
    """Tokens that a run used."""
    return await database.read(run_repository.usage_of_run, actor, run_id)


@router.get("/{run_id}/metrics", response_model=RunMetrics)
async def retrieve_metrics(actor: ActorDep, database: DatabaseDep, run_id: RunId) -> RunMetrics:
    """How long a run took."""
    return await database.read(run_repository.metrics_of_run, actor, run_id)


@router.get("/{run_id}/trace", response_model=list[Span])
async def retrieve_trace(
    actor: ActorDep, database: DatabaseDep, run_id: RunId, limit: Annotated[int, Query(ge=0, le=10_000)] = 1000
) -> list[Span]:
    """How the run spent its time: spans of the run, its steps, their model calls and tools."""
    return await database.read(trace_of_run, actor, run_id, limit)


@router.get("/{run_id}/steps", response_model=list[Step])
async def list_steps_of_run(
    actor: ActorDep, database: DatabaseDep, run_id: RunId, page: RunsPage, include_cost: IncludeCost = False
) -> list[Step]:
    """The steps of a run."""
    await database.read(run_repository.retrieve_run, actor, run_id)
    condition = steps_repository.StepFilter(run_id=run_id)
    return await database.read(steps_repository.list_steps, actor, condition, page, with_cost=include_cost)


@router.post("/{run_id}/stream", response_model=None, responses=STREAM_ANSWER)
async def resume_stream(
    actor: ActorDep, server: ServerDep, run_id: RunId, body: Annotated[ResumeRequest | None, Body()] = None
) -> Response:
    """Read the stream of a background run from any message on, while the run lasts and for 3 hours afterwards."""
    wanted = body or ResumeRequest()
    return await resumed(
        server, actor, run_id, starting_after=wanted.starting_after, pings=wanted.include_pings is not False
    )


@internal_router.get("", response_model=list[Run])
async def find_runs(
    actor: ActorDep,
    database: DatabaseDep,
    run_id: str | None = None,
    agent_id: str | None = None,
    agent_ids: Ids = None,
    statuses: Ids = None,
    background: bool | None = None,
    stop_reason: str | None = None,
    template_family: str | None = None,
    step_count: Annotated[int | None, Query(ge=0)] = None,
    step_count_operator: CountOperator = "eq",
    tools_used: Ids = None,
    before: Before = None,
    after: After = None,
    limit: Limit = 100,
    order: Order = "desc",
    order_by: Literal["created_at", "duration"] = "created_at",
    active: bool = False,
    ascending: Ascending = False,
    project_id: str | None = None,
    conversation_id: str | None = None,
    duration_percentile: Annotated[int | None, Query(ge=0, le=100)] = None,
    duration_value: Annotated[int | None, Query(ge=0, description="Nanoseconds.")] = None,
    duration_operator: DurationOperator | None = None,
    start_date: Moment | None = None,
    end_date: Moment | None = None,
) -> list[Run]:
    """Runs of the organization, also filtered by what they did and how long they took."""
    wanted = [*(agent_ids or ()), *([agent_id] if agent_id else ())] or None
    search = RunSearch(
        RunFilter(wanted, statuses, background, stop_reason, conversation_id, active),
        run_id=run_id,
        project_id=project_id,
        template_family=template_family,
        step_count=step_count,
        step_count_operator=step_count_operator,
        tools_used=tools_used,
        start=start_date,
        end=end_date,
        duration=duration_value,
        duration_operator=duration_operator,
        duration_percentile=duration_percentile,
    )
    page = Page(limit=limit, before=before, after=after, order="asc" if ascending else order)
    return await database.read(search_runs, actor, search, page, by_duration=order_by == "duration")
