"""The official client sends a request again by itself. However often it does, there is one message and one answer."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from letta_client import InternalServerError, Letta

from letta.testing.scripted_model import Call, Failure, Reply, Script, ScriptedModel
from letta.testing.server import ServerProcess
from tests.clients.cutting_proxy import Cut, CuttingProxy

pytestmark = pytest.mark.slow

ANSWER = "Here you are."
EDIT = Call("memory_insert", {"label": "human", "new_string": "Takes sugar."})


@pytest.fixture
def default_client(server: ServerProcess) -> Iterator[Letta]:
    """As users make it: it tries twice again."""
    with server.client() as opened:
        yield opened


@pytest.fixture
def agent_id(client: Letta) -> str:
    block = {"label": "human", "value": "Likes tea."}
    return client.agents.create(model="openai-proxy/gpt-4o-mini", memory_blocks=[block]).id  # type: ignore[list-item]


def texts(client: Letta, agent_id: str, kind: str) -> list[Any]:
    messages = client.agents.messages.list(agent_id, order="asc", limit=200)
    return [getattr(message, "content", None) for message in messages if message.message_type == kind]


def expect_once(client: Letta, agent_id: str, script: Script, said: str) -> None:
    """One user message and one answer are stored, and the model was shown the message once."""
    assert texts(client, agent_id, "user_message") == [said]
    assert texts(client, agent_id, "assistant_message") == [ANSWER]
    shown = [message for message in script.requests[-1].body["messages"] if script.marker in str(message["content"])]
    assert len(shown) == 1


def answers(response: Any) -> list[Any]:
    return [getattr(message, "content", None) for message in response.messages]


def test_a_model_that_fails_three_times_gives_one_answer(
    default_client: Letta, agent_id: str, model: ScriptedModel
) -> None:
    script = model.script(Reply(ANSWER, error=Failure("server", times=3)))
    said = script.say("Tea, please.")
    assert answers(default_client.agents.messages.create(agent_id, input=said)) == [ANSWER]
    expect_once(default_client, agent_id, script, said)


def test_a_model_that_always_fails_leaves_one_message_and_a_usable_agent(
    default_client: Letta, agent_id: str, model: ScriptedModel
) -> None:
    script = model.script(Reply(error=Failure("server")))
    said = script.say("Tea, please.")
    with pytest.raises(InternalServerError):
        default_client.agents.messages.create(agent_id, input=said)
    assert texts(default_client, agent_id, "user_message") == [said]
    assert texts(default_client, agent_id, "assistant_message") == []
    assert answers(default_client.agents.messages.create(agent_id, input=model.script(Reply(ANSWER)).say())) == [ANSWER]


def test_a_failure_after_a_tool_call_does_not_repeat_the_call(
    default_client: Letta, agent_id: str, model: ScriptedModel
) -> None:
    script = model.script(Reply(calls=[EDIT]), Reply(ANSWER, error=Failure("server", times=3)))
    said = script.say("With sugar, please.")
    response = default_client.agents.messages.create(agent_id, input=said)
    assert answers(response)[-1] == ANSWER
    expect_once(default_client, agent_id, script, said)
    block = default_client.agents.blocks.retrieve("human", agent_id=agent_id)
    assert block.value == "Likes tea.\nTakes sugar."


def test_a_turn_that_outlasts_the_client_is_answered_once(
    server: ServerProcess, agent_id: str, model: ScriptedModel
) -> None:
    script = model.script(Reply(ANSWER, delay=5))
    said = script.say("Take your time.")
    with server.client(timeout=3) as impatient:
        assert answers(impatient.agents.messages.create(agent_id, input=said)) == [ANSWER]
        expect_once(impatient, agent_id, script, said)
    assert len(script.requests) == 1


def test_a_turn_of_seventy_seconds_is_answered_once(default_client: Letta, agent_id: str, model: ScriptedModel) -> None:
    script = model.script(Reply(calls=[EDIT], delay=35), Reply(ANSWER, delay=35))
    said = script.say("Take your time.")
    response = default_client.agents.messages.create(agent_id, input=said)
    assert answers(response)[-1] == ANSWER
    expect_once(default_client, agent_id, script, said)
    assert len(script.requests) == 2


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("delay", [0, 1.5], ids=["quick", "slow"])
def test_a_connection_cut_before_the_reply_gives_one_answer(
    server: ServerProcess, agent_id: str, model: ScriptedModel, cut: Cut, delay: float
) -> None:
    script = model.script(Reply(ANSWER, delay=delay))
    said = script.say("Tea, please.")
    with (
        CuttingProxy(server.port, script.marker.encode(), cut) as proxy,
        Letta(base_url=proxy.url) as client,
    ):
        assert answers(client.agents.messages.create(agent_id, input=said)) == [ANSWER]
        assert proxy.cuts == 1
        expect_once(client, agent_id, script, said)
    assert len(script.requests) == 1


def test_a_connection_cut_twice_gives_one_answer(server: ServerProcess, agent_id: str, model: ScriptedModel) -> None:
    script = model.script(Reply(calls=[EDIT]), Reply(ANSWER))
    said = script.say("With sugar, please.")
    with (
        CuttingProxy(server.port, script.marker.encode(), Cut.REPLY_BEGUN, times=2) as proxy,
        Letta(base_url=proxy.url) as client,
    ):
        response = client.agents.messages.create(agent_id, input=said)
        assert proxy.cuts == 2
        assert [message.message_type for message in response.messages] == [
            "tool_call_message",
            "tool_return_message",
            "assistant_message",
        ]
        expect_once(client, agent_id, script, said)
    assert len(script.requests) == 2


def test_a_stream_cut_before_it_begins_is_streamed_again(
    server: ServerProcess, agent_id: str, model: ScriptedModel
) -> None:
    script = model.script(Reply(ANSWER))
    said = script.say("Tea, please.")
    with (
        CuttingProxy(server.port, script.marker.encode(), Cut.REPLY_BEGUN) as proxy,
        Letta(base_url=proxy.url) as client,
    ):
        with client.agents.messages.create(agent_id, input=said, streaming=True, stream_tokens=True) as stream:
            events = list(stream)
        assert proxy.cuts == 1
        pieces = [event.content for event in events if event.message_type == "assistant_message"]
        assert "".join(map(str, pieces)) == ANSWER
        assert [event.message_type for event in events][-2:] == ["stop_reason", "usage_statistics"]
        expect_once(client, agent_id, script, said)
    assert len(script.requests) == 1


def test_the_same_text_sent_twice_on_purpose_is_two_messages(
    default_client: Letta, agent_id: str, model: ScriptedModel
) -> None:
    said = model.script(Reply(ANSWER), Reply(ANSWER)).say("Tea, please.")
    for _ in range(2):
        assert answers(default_client.agents.messages.create(agent_id, input=said)) == [ANSWER]
    assert texts(default_client, agent_id, "user_message") == [said, said]
    assert texts(default_client, agent_id, "assistant_message") == [ANSWER, ANSWER]


def test_a_message_to_a_busy_agent_is_stored_once_the_agent_is_free(
    default_client: Letta, agent_id: str, model: ScriptedModel
) -> None:
    first, second = model.script(Reply("First.", delay=1)), model.script(Reply("Second."))
    sending = threading.Thread(
        target=default_client.agents.messages.create, args=(agent_id,), kwargs={"input": first.say()}
    )
    sending.start()
    first.wait_asked()
    patient = default_client.with_options(max_retries=10)
    assert answers(patient.agents.messages.create(agent_id, input=second.say())) == ["Second."]
    sending.join()
    assert texts(default_client, agent_id, "user_message") == [first.say(), second.say()]
    assert texts(default_client, agent_id, "assistant_message") == ["First.", "Second."]
