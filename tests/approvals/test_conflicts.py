"""Answers that don't fit, answers that come twice, and agents that nobody answers: none of them wedges an agent."""

from contextlib import closing
from typing import Any

import httpx2
import psycopg2
import pytest
from letta_client import ConflictError, Letta

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel, Usage
from letta.testing.server import ServerProcess
from tests.approvals.conftest import MakeAgent, decision, insert, make
from tests.support.waiting import until
from tests.talking import AgentTalk, types
from tests.turn.test_interruptions import in_background

NOTHING_PENDING = (
    "Cannot process approval response: No tool call is currently awaiting approval. "
    "Please send a regular message to interact with the agent."
)
HELLO = {"role": "user", "content": "Hello?"}


def pause(agent: AgentTalk, model: ScriptedModel, *calls: Call) -> dict[str, Any]:
    """Let the agent wait for a decision; returns the request for it."""
    script = model.script(Reply(calls=calls or [insert("Likes tea.", "call_1")]), Reply("Going on."))
    request: dict[str, Any] = agent.say(script.say())["messages"][-1]
    assert request["message_type"] == "approval_request_message"
    return request


def test_a_message_while_a_decision_is_pending_is_refused_with_what_is_needed_to_decide(
    agent: AgentTalk, model: ScriptedModel
) -> None:
    request = pause(agent, model, insert("Likes tea.", "call_1"), insert("Likes rain.", "call_2"))
    before = agent.history()
    detail = agent.refused(409, input="Hello?")["detail"]
    assert detail == {
        "code": "PENDING_APPROVAL",
        "message": "CONFLICT: Cannot send a new message: The agent is waiting for approval on a tool call. "
        "Please approve or deny the pending request before continuing.",
        "pending_request_id": request["id"],
        "tool_call_ids": ["call_1", "call_2"],
    }
    assert agent.history() == before
    items = [{"type": "approval", "tool_call_id": name, "approve": True} for name in detail["tool_call_ids"]]
    assert agent.send({"type": "approval", "approvals": items})["stop_reason"]["stop_reason"] == "end_turn"


def test_the_official_client_sees_the_conflict(client: Letta, agent: AgentTalk, model: ScriptedModel) -> None:
    request = pause(agent, model)
    with pytest.raises(ConflictError) as caught:
        client.agents.messages.create(agent.id, input="Hello?")
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["detail"]["pending_request_id"] == request["id"]


@pytest.mark.parametrize("given", [["call_wrong"], ["call_1"], ["call_1", "call_2", "call_3"], []])
def test_a_decision_is_about_exactly_the_pending_calls(
    agent: AgentTalk, model: ScriptedModel, given: list[str]
) -> None:
    pause(agent, model, insert("a", "call_1"), insert("b", "call_2"))
    items = [{"type": "approval", "tool_call_id": name, "approve": True} for name in given]
    answer = agent.refused(400, messages=[{"type": "approval", "approvals": items}])
    assert answer == {"detail": f"Invalid tool call IDs. Expected '['call_1', 'call_2']', but received '{given}'."}
    assert agent.retrieve("pending_approval")["pending_approval"] is not None


def test_the_message_id_stands_for_its_calls(agent: AgentTalk, model: ScriptedModel) -> None:
    """Clients confuse the request's id with that of its call."""
    request = pause(agent, model, insert("a", "call_1"), insert("b", "call_2"))
    answer = agent.send(decision(request["id"], approve=True))
    assert [r["status"] for r in answer["messages"][0]["tool_returns"]] == ["success", "success"]


def test_34_duplicate_ids_are_one_decision(agent: AgentTalk, model: ScriptedModel) -> None:
    """A client sent every id once for each time that it had seen it."""
    pause(agent, model)
    items = [{"type": "approval", "tool_call_id": "call_1", "approve": True}] * 34
    assert agent.send({"type": "approval", "approvals": items})["messages"][0]["status"] == "success"


def test_contradictory_decisions_are_refused(agent: AgentTalk, model: ScriptedModel) -> None:
    pause(agent, model)
    items = [{"type": "approval", "tool_call_id": "call_1", "approve": approve} for approve in (True, False)]
    assert "conflicting" in agent.refused(400, messages=[{"type": "approval", "approvals": items}])["detail"]


def test_a_decision_that_decides_nothing_is_refused(agent: AgentTalk, model: ScriptedModel) -> None:
    pause(agent, model)
    assert "approvals" in agent.refused(400, messages=[{"type": "approval"}])["detail"]


@pytest.mark.parametrize(
    "message",
    [
        decision("call_none", approve=True),
        {"type": "approval", "approve": True, "approval_request_id": "message-1"},
        {"type": "tool_return", "tool_returns": [{"type": "tool", "tool_call_id": "x", "tool_return": "y"}]},
    ],
)
def test_an_answer_to_nothing_is_refused(agent: AgentTalk, message: dict[str, Any]) -> None:
    assert agent.refused(400, messages=[message]) == {"detail": NOTHING_PENDING}


def test_the_same_answer_again_is_no_error(agent: AgentTalk, model: ScriptedModel) -> None:
    pause(agent, model)
    agent.send(decision("call_1", approve=True))
    answer = agent.send(decision("call_1", approve=True))
    assert types(answer["messages"]) == ["assistant_message"]
    assert agent.block("human") == "Name: Ada.\nLikes tea."
    assert types(agent.history())[-2:] == ["user_message", "assistant_message"]


def test_what_comes_with_an_answer_that_comes_twice_is_taken(agent: AgentTalk, model: ScriptedModel) -> None:
    pause(agent, model)
    agent.send(decision("call_1", approve=True))
    agent.send(decision("call_1", approve=True), HELLO)
    last = agent.history()[-2:]
    assert [message["content"] for message in last[:1]] == ["Hello?"]


def test_a_decision_with_an_otid_is_carried_out_once(agent: AgentTalk, model: ScriptedModel) -> None:
    pause(agent, model)
    message = decision("call_1", approve=True) | {"otid": "4b3b1d3e-4bd3-4d11-9df2-a3b9a0b1f0aa"}
    assert agent.send(message) == agent.send(message)
    assert agent.block("human") == "Name: Ada.\nLikes tea."


def test_a_run_that_waits_can_be_cancelled(agent: AgentTalk, model: ScriptedModel) -> None:
    """A pending approval wedged the conversation for ever."""
    request = pause(agent, model)
    run_id = request["run_id"]
    assert agent.cancel(run_ids=[run_id]) == {run_id: "cancelled"}
    run = agent.run(run_id)
    assert (run["status"], run["stop_reason"]) == ("cancelled", "cancelled")
    response, returned = agent.history()[-2:]
    assert types([response, returned]) == ["approval_response_message", "tool_return_message"]
    assert (response["approve"], response["run_id"]) == (False, run_id)
    assert (returned["status"], returned["step_id"]) == ("error", request["step_id"])
    state = agent.retrieve("pending_approval")
    assert (state["pending_approval"], state["last_stop_reason"]) == (None, "cancelled")
    assert agent.say("Hello?")["stop_reason"]["stop_reason"] == "end_turn"
    assert agent.block("human") == "Name: Ada."


def test_a_run_that_is_cancelled_while_it_is_compacted_waits_no_more(agent: AgentTalk, model: ScriptedModel) -> None:
    """It ended as cancelled, and its agent waited on for a decision that no cancelling took back."""
    full = Reply(calls=[insert("Likes tea.", "call_1")], usage=Usage(input=120_000, output=10))
    summarized = model.script(Reply("Hello."), without_tools=Reply("They said hello.", hold=True))
    agent.say(summarized.say())
    sender = in_background(lambda: agent.say(model.script(full).say()))
    until(lambda: "approval_request_message" in types(agent.history()))
    summarized.wait_asked(3)
    agent.cancel()
    sender.join(60)
    assert types(agent.history())[-3:] == [
        "approval_request_message",
        "approval_response_message",
        "tool_return_message",
    ]
    assert types(agent.say("Are you there?")["messages"]) == ["assistant_message"]


def test_cancelling_without_a_run_frees_an_agent_that_waits(agent: AgentTalk, model: ScriptedModel) -> None:
    run_id = pause(agent, model)["run_id"]
    assert agent.cancel() == {run_id: "cancelled"}
    last = agent.say("Hello?")
    assert last["stop_reason"]["stop_reason"] == "end_turn"
    assert agent.cancel() == {last["messages"][0]["run_id"]: "cancelled"}, "the last run, which goes on no more"


def test_an_answered_run_is_not_cancelled_any_more(agent: AgentTalk, model: ScriptedModel) -> None:
    run_id = pause(agent, model)["run_id"]
    agent.send(decision("call_1", approve=True))
    assert agent.cancel(run_ids=[run_id]) == {run_id: "cancelled"}, "it goes on no more"
    assert agent.run(run_id)["stop_reason"] == "requires_approval"


def test_a_failed_model_leaves_the_decision_carried_out(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(
        Reply(calls=[insert("Likes tea.", "call_1")]), Reply("Sorry.", error=Failure("bad_request", times=1))
    )
    agent.say(script.say())
    answer = agent.refused(400, messages=[decision("call_1", approve=True), HELLO])
    assert answer["error"]["type"] == "llm_bad_request"
    assert agent.block("human") == "Name: Ada.\nLikes tea."
    assert agent.retrieve("pending_approval")["pending_approval"] is None
    agent.say("Are you there?")
    sent = script.requests[-1].body["messages"]
    assert [m["role"] for m in sent[-3:]] == ["assistant", "tool", "user"]
    assert [m["content"] for m in sent[-1:]] == ["Are you there?"]


def test_compaction_leaves_a_pending_request_alone(agent: AgentTalk, model: ScriptedModel) -> None:
    for text in ("One.", "Two.", "Three."):
        agent.say(text)
    request = pause(agent, model)
    compacted = agent.http.post(f"/v1/agents/{agent.id}/summarize", json={"compaction_settings": {"mode": "all"}})
    assert compacted.status_code == 200, compacted.text
    assert compacted.json()["num_messages_after"] < compacted.json()["num_messages_before"]
    assert agent.retrieve("pending_approval")["pending_approval"] == request
    assert agent.send(decision("call_1", approve=True))["messages"][0]["status"] == "success"


def test_a_decision_survives_the_death_of_the_server(server_environment: dict[str, str], model: ScriptedModel) -> None:
    with ServerProcess(server_environment) as server, httpx2.Client(base_url=server.url, timeout=30) as http:
        agent = make(http)
        request = pause(agent, model)
        server.kill()
        server.start()
        assert agent.retrieve("pending_approval")["pending_approval"] == request
        assert agent.refused(409, input="Hello?")["detail"]["pending_request_id"] == request["id"]
        assert agent.send(decision("call_1", approve=True))["messages"][0]["status"] == "success"
        assert agent.block("human") == "Name: Ada.\nLikes tea."


def test_a_request_expires_when_the_operator_wants_it_to(
    server_environment: dict[str, str], model: ScriptedModel
) -> None:
    """Nobody may ever answer, and the agent must not wait for ever then."""
    environment = server_environment | {"LETTA_APPROVAL_TTL": "3600"}
    with ServerProcess(environment) as server, httpx2.Client(base_url=server.url, timeout=30) as http:
        agent = make(http)
        request = pause(agent, model)
        agent.refused(409, input="Hello?")
        _let_an_hour_pass(environment, request)
        answer = agent.say("Hello?")
        assert types(answer["messages"]) == ["tool_return_message", "assistant_message"]
        assert "expired" in answer["messages"][0]["tool_return"]
        assert agent.block("human") == "Name: Ada."
        _let_an_hour_pass(environment, pause(agent, model))
        assert agent.send(decision("call_1", approve=True))["messages"][0]["status"] == "success"


def _let_an_hour_pass(environment: dict[str, str], request: dict[str, Any]) -> None:
    earlier = "UPDATE {}.messages SET created_at = created_at - interval '1 hour' WHERE id = %s"
    with closing(psycopg2.connect(environment["LETTA_PG_URI"])) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(earlier.format(environment["LETTA_PG_SCHEMA"]), (request["id"],))
        assert cursor.rowcount == 1


def test_an_agent_that_forgets_every_turn_still_waits(make_agent: MakeAgent, model: ScriptedModel) -> None:
    agent = make_agent(message_buffer_autoclear=True)
    pause(agent, model)
    agent.refused(409, input="Hello?")
    assert agent.send(decision("call_1", approve=True))["messages"][0]["status"] == "success"
    assert agent.block("human") == "Name: Ada.\nLikes tea."
