"""What is done with scheduled messages, each function one transaction."""

from datetime import UTC, datetime

from sqlalchemy import Connection

from letta.agents.repository import get_agent, require_agent
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.organizations.actor import Actor
from letta.schedules import repository
from letta.schedules.scheduled import Scheduled
from letta.schedules.schemas import CreateSchedule, Recurring
from letta.schedules.timing import moment_of, next_moment


def create(connection: Connection, actor: Actor, agent_id: str, body: CreateSchedule) -> Scheduled:
    """Schedule messages.

    Raises:
        NotFoundError: no such agent.
        InvalidArgumentError: the moment has passed, or the expression names none.
    """
    timezone = get_agent(connection, actor, agent_id).agent.timezone
    chosen = body.schedule
    expression, moment = None, None
    if isinstance(chosen, Recurring):
        expression = chosen.cron_expression
        occurs_at = next_moment(expression, timezone, datetime.now(UTC))
    else:
        moment = chosen.scheduled_at
        occurs_at = moment_of(moment)
    scheduled = Scheduled(
        id=new_id("schedule"),
        agent_id=agent_id,
        messages=[message.model_dump(mode="json") for message in body.messages],
        options=body.model_dump(mode="json", include={"callback_url", "include_return_message_types", "max_steps"}),
        scheduled_at=moment,
        cron_expression=expression,
        occurs_at=occurs_at,
    )
    return repository.insert_scheduled(connection, actor, scheduled)


def list_of_agent(connection: Connection, actor: Actor, agent_id: str, page: Page) -> list[Scheduled]:
    """A page of an agent's scheduled messages.

    Raises:
        NotFoundError: no such agent.
    """
    require_agent(connection, actor, agent_id)
    return repository.list_scheduled(connection, actor, agent_id, page)
