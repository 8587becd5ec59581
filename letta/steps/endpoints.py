"""Reading steps, and rating them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse

from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import IncludeCost, StepId, page_parameters
from letta.json_types import JsonObject
from letta.messages import listing as messages_listing
from letta.messages.repository import MessageFilter
from letta.schema import Moment
from letta.steps import repository
from letta.steps.repository import StepFilter
from letta.steps.schemas import Feedback, ProviderTrace, Step, StepMetrics

router = APIRouter(prefix="/v1", tags=["steps"])

StepsPage = Annotated[Page, page_parameters(limit=50, order="desc")]
MessagesPage = Annotated[Page, page_parameters(limit=100, order="asc")]


@router.get("/steps", response_model=list[Step])
async def list_steps(
    actor: ActorDep,
    database: DatabaseDep,
    page: StepsPage,
    agent_id: str | None = None,
    model: str | None = None,
    project_id: str | None = None,
    feedback: Literal["positive", "negative"] | None = None,
    has_feedback: bool | None = None,
    tags: Annotated[list[str] | None, Query()] = None,
    trace_ids: Annotated[list[str] | None, Query()] = None,
    start_date: Moment | None = None,
    end_date: Moment | None = None,
    include_cost: IncludeCost = False,
) -> list[Step]:
    """Steps of the organization, newest first."""
    condition = StepFilter(
        agent_id=agent_id,
        model=model,
        project_id=project_id,
        feedback=feedback,
        has_feedback=has_feedback,
        tags=tags,
        trace_ids=trace_ids,
        start=start_date,
        end=end_date,
    )
    return await database.read(repository.list_steps, actor, condition, page, with_cost=include_cost)


@router.get("/steps/{step_id}", response_model=Step)
async def retrieve_step(actor: ActorDep, database: DatabaseDep, step_id: StepId) -> Step:
    """One step."""
    return await database.read(repository.get_step, actor, step_id)


@router.get("/steps/{step_id}/metrics", response_model=StepMetrics)
async def retrieve_metrics(actor: ActorDep, database: DatabaseDep, step_id: StepId) -> StepMetrics:
    """How long a step took."""
    return await database.read(repository.metrics_of_step, actor, step_id)


@router.get("/steps/{step_id}/trace", response_model=ProviderTrace | None)
@router.get("/telemetry/{step_id}", response_model=ProviderTrace | None)
async def retrieve_trace(actor: ActorDep, database: DatabaseDep, step_id: StepId) -> ProviderTrace | None:
    """The step's request to the provider and the response, as long as they are kept."""
    return await database.read(repository.trace_of_step, actor, step_id)


@router.patch("/steps/{step_id}/feedback", response_model=Step)
async def set_feedback(actor: ActorDep, database: DatabaseDep, step_id: StepId, body: Feedback) -> Step:
    """Rate a step."""
    return await database.run(repository.set_feedback, actor, step_id, body)


@router.patch("/steps/{step_id}/transaction/{transaction}", response_model=Step)
async def set_transaction(
    actor: ActorDep,
    database: DatabaseDep,
    step_id: StepId,
    transaction: Annotated[str, Path(max_length=255, description="Id of the step in another system: the step's tid.")],
) -> Step:
    """Record the id by which another system accounts for a step."""
    return await database.run(repository.set_transaction, actor, step_id, transaction)


@router.get("/steps/{step_id}/messages", response_model=list[JsonObject])
async def list_messages_of_step(
    actor: ActorDep, database: DatabaseDep, step_id: StepId, page: MessagesPage
) -> JSONResponse:
    """The messages produced by a step."""
    await database.read(repository.get_step, actor, step_id)
    found = await database.read(messages_listing.list_messages, actor, MessageFilter(step_id=step_id), page)
    return JSONResponse(found)
