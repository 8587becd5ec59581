"""Provider traces are kept for a time, and within a space."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, delete, insert, select

from letta.agents.tables import agents
from letta.conversations.tables import conversations
from letta.database.ids import new_id
from letta.organizations.actor import Actor
from letta.runs.tables import runs
from letta.steps.repository import drop_old_traces, drop_traces_beyond
from letta.steps.tables import provider_traces, steps

AddTrace = Callable[[float, int], str]


@pytest.fixture
def add_trace(connection: Connection, actor: Actor) -> AddTrace:
    """Stores a trace of an age in days and a size in bytes."""
    connection.execute(delete(provider_traces))
    owner = {"organization_id": actor.organization_id}
    agent_id, conversation_id, run_id = new_id("agent"), new_id("conv"), new_id("run")
    connection.execute(
        insert(agents).values(id=agent_id, name="a", agent_type="letta_v1_agent", system="", llm_config={}, **owner)
    )
    connection.execute(insert(conversations).values(id=conversation_id, agent_id=agent_id, **owner))
    connection.execute(
        insert(runs).values(
            id=run_id, agent_id=agent_id, conversation_id=conversation_id, status="completed", request={}, **owner
        )
    )

    def add(days: float, size: int) -> str:
        step_id = new_id("step")
        connection.execute(insert(steps).values(id=step_id, run_id=run_id, status="success", **owner))
        moment = datetime.now(UTC) - timedelta(days=days)
        connection.execute(
            insert(provider_traces).values(step_id=step_id, exchange=b"x" * size, created_at=moment, **owner)
        )
        return step_id

    return add


def _left(connection: Connection) -> set[str]:
    return set(connection.scalars(select(provider_traces.c.step_id)))


def test_old_traces_go(connection: Connection, add_trace: AddTrace) -> None:
    young, _old = add_trace(1, 10), add_trace(5, 10)
    assert drop_old_traces(connection, 3) == 1
    assert _left(connection) == {young}


def test_the_oldest_go_where_space_is_short(connection: Connection, add_trace: AddTrace) -> None:
    _oldest, middle, newest = add_trace(3, 400), add_trace(2, 400), add_trace(1, 400)
    assert drop_traces_beyond(connection, 1000) == 1
    assert _left(connection) == {middle, newest}


def test_nothing_goes_where_there_is_room(connection: Connection, add_trace: AddTrace) -> None:
    kept = {add_trace(2, 400), add_trace(1, 400)}
    assert drop_traces_beyond(connection, 1000) == 0
    assert drop_old_traces(connection, 3) == 0
    assert _left(connection) == kept
