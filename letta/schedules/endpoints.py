"""Operations on scheduled messages."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from letta.database.ids import id_pattern
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import MAX_PAGE, After, AgentId
from letta.outgoing import egress
from letta.schedules import repository, service
from letta.schedules.scheduled import Scheduled
from letta.schedules.schemas import CreatedSchedule, CreateSchedule, Deleted, ScheduledMessage, ScheduledMessages

router = APIRouter(prefix="/v1/agents/{agent_id}/schedule", tags=["schedules"])

ScheduledId = Annotated[str, Path(pattern=id_pattern("schedule"), description="Id of the scheduled message.")]


@router.post("", response_model=CreatedSchedule)
async def create_schedule(
    actor: ActorDep, server: ServerDep, agent_id: AgentId, body: CreateSchedule
) -> CreatedSchedule:
    """Send messages to the agent later, once or again and again. Each time a run begins."""
    await egress.check(body.callback_url)
    made = await server.database.run(service.create, actor, agent_id, body)
    server.scheduler.wake()
    return CreatedSchedule(id=made.id, next_scheduled_at=made.occurs_at)


@router.get("", response_model=ScheduledMessages)
async def list_schedules(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: AgentId,
    after: After = None,
    limit: Annotated[int, Query(ge=0, le=MAX_PAGE, description="Most items to return.")] = 50,
) -> ScheduledMessages:
    """The agent's scheduled messages, newest first. One-time messages are listed for a week after they were sent."""
    found = await database.read(service.list_of_agent, actor, agent_id, Page(limit + 1, after=after))
    shown = [_shown(each) for each in found[:limit]]
    return ScheduledMessages(scheduled_messages=shown, has_next_page=len(found) > limit)


@router.get("/{scheduled_message_id}", response_model=ScheduledMessage)
async def retrieve_schedule(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, scheduled_message_id: ScheduledId
) -> ScheduledMessage:
    """One of the agent's scheduled messages."""
    return _shown(await database.read(repository.get_scheduled, actor, agent_id, scheduled_message_id))


@router.delete("/{scheduled_message_id}", response_model=Deleted)
async def delete_schedule(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, scheduled_message_id: ScheduledId
) -> Deleted:
    """Delete a scheduled message. A run that has already started continues."""
    await database.run(repository.delete_scheduled, actor, agent_id, scheduled_message_id)
    return Deleted()


def _shown(scheduled: Scheduled) -> ScheduledMessage:
    schedule = {"type": "recurring", "cron_expression": scheduled.cron_expression}
    if scheduled.cron_expression is None:
        schedule = {"type": "one-time", "scheduled_at": scheduled.scheduled_at}  # type: ignore[dict-item]
    return ScheduledMessage.model_validate(
        {
            "id": scheduled.id,
            "agent_id": scheduled.agent_id,
            "message": scheduled.options | {"messages": scheduled.messages},
            "schedule": schedule,
            "next_scheduled_time": scheduled.occurs_at,
            "last_run_id": scheduled.last_run_id,
            "last_sent_at": scheduled.sent_at,
            "last_error": scheduled.last_error,
        }
    )
