"""Turns that are cancelled, fail or lose their process: nothing is doubled, and the agent stays usable."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Failure, Reply, Script, ScriptedModel
from letta.testing.server import ServerProcess
from tests.talking import AgentTalk, types


def make(http: httpx2.Client, **settings: Any) -> AgentTalk:
    given = {"tools": ["memory_insert"], "memory_blocks": [{"label": "human", "value": "Name: Ada."}]}
    return AgentTalk(http, **(given | settings))


def insert(text: str) -> Call:
    return Call("memory_insert", {"label": "human", "new_string": text})


def in_background(send: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=send)
    thread.start()
    return thread


def active_run(agent: AgentTalk) -> str:
    return str(agent.http.get("/v1/runs", params={"agent_id": agent.id, "active": True}).json()[0]["id"])


def steps_of_last_run(agent: AgentTalk) -> list[dict[str, Any]]:
    run = agent.http.get("/v1/runs", params={"agent_id": agent.id}).json()[0]
    steps: list[dict[str, Any]] = agent.http.get(f"/v1/runs/{run['id']}/steps", params={"order": "asc"}).json()
    return steps


def message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text, "otid": str(uuid.uuid4())}


def told(script: Script) -> list[str]:
    """What the user said, as the model was told in its last request."""
    sent = script.requests[-1].body["messages"]
    return [m["content"] for m in sent if m["role"] == "user"]


def test_a_cancelled_turn_leaves_its_message_listed_but_not_in_context(
    http: httpx2.Client, model: ScriptedModel
) -> None:
    """Users of the former server saw a cancelled message answered along with the next one."""
    agent = make(http)
    held = model.script(Reply("Never.", hold=True))
    sender = in_background(lambda: agent.say(held.say("Slow one.")))
    held.wait_asked()
    run_id = active_run(agent)
    assert agent.cancel(run_ids=[run_id]) == {run_id: "cancelled"}
    sender.join(10)
    assert [step["status"] for step in steps_of_last_run(agent)] == ["cancelled"]
    listed = agent.history()
    assert [m["content"] for m in listed if m["message_type"] == "user_message"] == [held.say("Slow one.")]
    assert listed[-1]["run_id"] == run_id
    assert agent.retrieve()["message_ids"] == [listed[0]["id"]]
    script = model.script(Reply("Hello."))
    agent.say(script.say("Another one."))
    assert told(script) == [script.say("Another one.")]


def test_a_retry_after_a_cancel_uses_the_same_row(http: httpx2.Client, model: ScriptedModel) -> None:
    """A message that was sent again after a cancel was there twice."""
    agent = make(http)
    held = model.script(Reply("At last.", hold=True))
    slow = message(held.say("Slow one."))
    sender = in_background(lambda: agent.send(slow))
    held.wait_asked()
    agent.cancel()
    sender.join(10)
    held.release()
    answer = agent.send(slow)
    assert [m["content"] for m in answer["messages"]] == ["At last."]
    assert types(agent.history()) == ["system_message", "user_message", "assistant_message"]
    assert len(agent.retrieve()["message_ids"]) == 3
    assert agent.send(slow) == answer


def test_a_turn_that_was_cancelled_after_a_step_keeps_it(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http)
    script = model.script(Reply(calls=[insert("tea")]), Reply("Never.", hold=True))
    slow = message(script.say("Slow one."))
    sender = in_background(lambda: agent.send(slow))
    script.wait_asked(2)
    agent.cancel()
    sender.join(10)
    assert [step["status"] for step in steps_of_last_run(agent)] == ["success", "cancelled"]
    kept = ["system_message", "user_message", "tool_call_message", "tool_return_message"]
    assert types(agent.history()) == kept
    assert len(agent.retrieve()["message_ids"]) == 4
    script.release()
    agent.send(slow)
    assert types(agent.history()) == [*kept, "assistant_message"]
    assert len(agent.retrieve()["message_ids"]) == 5
    assert agent.block("human") == "Name: Ada.\ntea"


def test_a_failed_turn_is_run_again_on_the_row_that_is_there(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http)
    failing = model.script(Reply("Now it works.", error=Failure("bad_request", times=1)))
    body = message(failing.say())
    agent.refused(400, messages=[body])
    (step,) = steps_of_last_run(agent)
    assert (step["status"], step["error_type"], step["model"]) == ("failed", "llm_bad_request", "gpt-4o-mini")
    assert step["error_data"]["detail"]
    assert types(agent.history()) == ["system_message", "user_message"]
    assert len(agent.retrieve()["message_ids"]) == 1
    agent.send(body)
    assert types(agent.history()) == ["system_message", "user_message", "assistant_message"]
    assert told(failing) == [failing.say()]


def test_a_turn_that_fails_twice_leaves_nothing_in_the_context(http: httpx2.Client, model: ScriptedModel) -> None:
    """The message of the second attempt was still taken for the first one's, so that it stayed."""
    agent = make(http)
    failing = model.script(Reply("Never.", error=Failure("bad_request", times=2)))
    body = message(failing.say("Slow one."))
    agent.refused(400, messages=[body])
    agent.refused(400, messages=[body])
    assert len(agent.retrieve()["message_ids"]) == 1
    script = model.script(Reply("Hello."))
    agent.say(script.say("Another one."))
    assert told(script) == [script.say("Another one.")]


def test_a_new_message_beside_one_that_was_sent_before_is_not_lost(http: httpx2.Client, model: ScriptedModel) -> None:
    """The request was taken for the one before, and answered by that."""
    agent = make(http)
    script = model.script(Reply("Hello."))
    first = message(script.say("First."))
    agent.send(first)
    script = model.script(Reply("And you?"))
    second = message(script.say("Second."))
    answer = agent.send(first, second)
    assert [m["content"] for m in answer["messages"]] == ["And you?"]
    assert agent.send(first, second) == answer
    assert told(script)[-1] == second["content"]


@pytest.mark.parametrize(
    ("failure", "blocking", "streamed"),
    [
        (Failure("bad_request"), (400, "llm_bad_request"), "llm_error"),
        (Failure("server"), (500, "llm_error"), "llm_error"),
        (Failure("auth"), (401, "llm_authentication"), "llm_authentication"),
        (Failure("rate_limit"), (429, "llm_rate_limit"), "llm_rate_limit"),
    ],
)
def test_streams_know_fewer_types_of_errors(
    http: httpx2.Client, model: ScriptedModel, failure: Failure, blocking: tuple[int, str], streamed: str
) -> None:
    agent = make(http)
    body = {"input": model.script(Reply(error=failure)).say()}
    status, error_type = blocking
    assert agent.refused(status, **body)["error"]["type"] == error_type
    *_, end, error = agent.stream(**body)
    assert (end["message_type"], error["message_type"], error["error_type"]) == (
        "stop_reason",
        "error_message",
        streamed,
    )


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_killed_server_never_bricks_an_agent(
    server_environment: dict[str, str], model: ScriptedModel, step: int
) -> None:
    """Calls without returns made an agent's history unusable for ever."""
    environment = server_environment | {"LETTA_RUN_LEASE_SECONDS": "2"}
    with ServerProcess(environment) as server, httpx2.Client(base_url=server.url, timeout=60) as http:
        agent = make(http)
        replies = [Reply(calls=[insert(text)], hold=number == step) for number, text in enumerate("abc", 1)]
        script = model.script(*replies, Reply("Done."))

        def send() -> None:
            with pytest.raises(httpx2.TransportError):
                agent.say(script.say())

        sender = in_background(send)
        script.wait_asked(step)
        server.kill()
        sender.join(10)
        script.release()
        server.start()
        answer = _retried(agent)
        assert answer["stop_reason"]["stop_reason"] == "end_turn"
        values = agent.block("human").split("\n")
        assert values == ["Name: Ada.", *"abc"[: len(values) - 1]]


def _retried(agent: AgentTalk) -> dict[str, Any]:
    """The answer to a message, as soon as the lost run is out of the way."""
    for _ in range(40):
        response = agent.post({"input": "Are you there?"})
        if response.status_code != 409:
            assert response.status_code == 200, response.text
            answer: dict[str, Any] = response.json()
            return answer
        assert response.json()["run_id"]
        threading.Event().wait(0.5)
    raise AssertionError("the lost run still holds the conversation")
