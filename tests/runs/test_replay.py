"""Runs that are over, told to clients that came too late for their events, or followed them from another instance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from letta.agents.tables import agents
from letta.conversations.tables import conversations
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import InvalidArgumentError, LettaError
from letta.llm.errors import (
    ContextOverflowError,
    LlmEmptyResponseError,
    LlmError,
    LlmRateLimitError,
    SystemPromptOverflowError,
)
from letta.messages.message import Message, text_content
from letta.messages.repository import insert_messages
from letta.organizations.actor import Actor
from letta.runs.event_repository import RunState, append_batches, frames_of_runs, messages_of_runs
from letta.runs.frames import Frame, in_batches
from letta.runs.poller import Poller
from letta.runs.replay import _end, follow
from letta.runs.tables import runs
from letta.turn.events import StepCommitted, TurnEnded, TurnFailed
from letta.turn.failures import message_of


def insert_run(connection: Connection, actor: Actor, *, told: int = 0) -> str:
    """A run that is over, and stored so many messages."""
    owner = {"organization_id": actor.organization_id}
    agent_id, conversation_id, run_id = new_id("agent"), new_id("conv"), new_id("run")
    model = {"name": "a", "agent_type": "letta_v1_agent", "system": "", "llm_config": {}}
    connection.execute(insert(agents).values(id=agent_id, **model, **owner))
    connection.execute(insert(conversations).values(id=conversation_id, agent_id=agent_id, **owner))
    over = {"status": "completed", "stop_reason": "end_turn", "request": {}}
    connection.execute(
        insert(runs).values(id=run_id, agent_id=agent_id, conversation_id=conversation_id, **over, **owner)
    )
    new = [
        Message("summary", agent_id, conversation_id, content=text_content(str(number)), run_id=run_id)
        for number in range(told)
    ]
    insert_messages(connection, actor, new)
    return run_id


def test_a_run_that_was_interrupted_is_to_be_sent_again() -> None:
    """A 500 would tell those who follow it from another instance that it was a mistake of ours."""
    error = {"error_type": "stream_incomplete", "message": "The turn was interrupted.", "detail": "A tool ran."}
    end = _end(RunState("failed", "error", None, error, over_for=1.0, lost=False))
    assert isinstance(end, TurnFailed)
    assert (end.error.status, end.error.headers, end.error.detail) == (503, {"Retry-After": "2"}, "A tool ran.")
    assert end.error.type == "stream_incomplete"


@pytest.mark.parametrize(
    "error",
    [
        LlmError("down"),
        LlmRateLimitError("slow down"),
        LlmEmptyResponseError("nothing"),
        ContextOverflowError("too long"),
        SystemPromptOverflowError("too long"),
        InvalidArgumentError("no such model"),
    ],
)
def test_an_error_is_told_later_as_it_was_at_once(error: LettaError) -> None:
    """As far as its run keeps it: what is none of the provider's is a mistake of ours then."""
    end = _end(RunState("failed", error.stop_reason, None, message_of("run-1", error), over_for=1.0, lost=False))
    assert isinstance(end, TurnFailed)
    assert message_of("run-1", end.error) == message_of("run-1", error)
    assert end.stop_reason == error.stop_reason
    if isinstance(error, LlmError):
        assert (type(end.error), end.error.body()) == (type(error), error.body())


@pytest.mark.parametrize("told", [0, 1, 8, 16, 21])
async def test_a_long_run_is_followed_a_few_messages_at_a_time(database: Database, actor: Actor, told: int) -> None:
    run_id = await database.run(lambda connection: insert_run(connection, actor, told=told))
    at_once = await database.read(messages_of_runs, [(run_id, 0)])
    assert len(at_once[run_id, 0].messages) == min(told, 8)

    async def recover(_run_id: str) -> None:
        raise AssertionError("it isn't lost")

    events = [event async for event in follow(Poller(database, messages_of_runs), run_id, recover)]
    messages = [message for event in events if isinstance(event, StepCommitted) for message in event.messages]
    assert [message.text for message in messages] == [str(number) for number in range(told)]
    assert [event.stop_reason for event in events if isinstance(event, TurnEnded)] == ["end_turn"]


def frames_with(*texts: str) -> list[Frame]:
    return [Frame(n, n, {"message_type": "assistant_message", "content": text}) for n, text in enumerate(texts, 2)]


@given(st.lists(st.integers(0, 200_000).map(lambda length: "x" * length), max_size=12))
def test_batches_are_small_or_a_single_message(texts: list[str]) -> None:
    frames = frames_with(*texts)
    batches = in_batches(frames, settled=True)
    assert [frame for batch in batches for frame in batch.frames] == frames
    for batch in batches:
        assert batch.frames
        assert len(batch.frames) == 1 or sum(len(frame.wire["content"]) for frame in batch.frames) <= 64 * 1024
    together = sum(len(text) + 100 for text in texts)
    assert len(batches) <= 1 + 2 * together // (64 * 1024)


def test_a_log_of_much_at_once_is_read_a_part_at_a_time(connection: Connection, actor: Actor) -> None:
    run_id = insert_run(connection, actor)
    frames = frames_with(*[letter * 60_000 for letter in "abcdefgh"])
    assert append_batches(connection, run_id, 0, in_batches(frames, settled=True), None)
    read: list[Frame] = []
    more = True
    while more:
        position = (run_id, read[-1].last if read else 1)
        news = frames_of_runs(connection, [position])[position]
        assert len(news.frames) <= 4
        read, more = read + news.frames, news.more
    assert read == frames
