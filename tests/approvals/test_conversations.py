"""Several conversations of one agent: each waits for its own decisions."""

from typing import Any

import httpx2

from letta.testing.scripted_model import Reply, ScriptedModel
from tests.approvals.conftest import decision, insert, replace
from tests.talking import AgentTalk


class Conversation:
    """One conversation of an agent, with answers in one piece."""

    def __init__(self, http: httpx2.Client, conversation: dict[str, Any]) -> None:
        self.http = http
        self.path = f"/v1/conversations/{conversation['id']}"

    def post(self, **body: Any) -> httpx2.Response:
        return self.http.post(f"{self.path}/messages", json={"streaming": False} | body)

    def stop_reason(self, **body: Any) -> str:
        response = self.post(**body)
        assert response.status_code == 200, response.text
        return str(response.json()["stop_reason"]["stop_reason"])

    def fork(self) -> "Conversation":
        return Conversation(self.http, self.http.post(f"{self.path}/fork").raise_for_status().json())


def begin(agent: AgentTalk) -> Conversation:
    made = agent.http.post("/v1/conversations", params={"agent_id": agent.id}, json={})
    return Conversation(agent.http, made.raise_for_status().json())


def pausing(model: ScriptedModel, call_id: str) -> str:
    return model.script(Reply(calls=[insert("Likes tea.", call_id)]), Reply("Going on.")).say()


def test_a_pending_decision_holds_up_its_own_conversation_only(agent: AgentTalk, model: ScriptedModel) -> None:
    first, second = begin(agent), begin(agent)
    assert first.stop_reason(input=pausing(model, "call_1")) == "requires_approval"
    assert first.post(input="Hello?").status_code == 409
    assert second.stop_reason(input="Hello?") == "end_turn"
    assert agent.say("Hello?")["stop_reason"]["stop_reason"] == "end_turn"
    assert second.post(messages=[decision("call_1", approve=True)]).status_code == 400
    assert first.stop_reason(messages=[decision("call_1", approve=True)]) == "end_turn"
    assert agent.block("human") == "Name: Ada.\nLikes tea."


def test_cancelling_one_conversation_leaves_the_other_waiting(agent: AgentTalk, model: ScriptedModel) -> None:
    first, second = begin(agent), begin(agent)
    for conversation, call_id in ((first, "call_1"), (second, "call_2")):
        assert conversation.stop_reason(input=pausing(model, call_id)) == "requires_approval"
    assert set(agent.http.post(f"{first.path}/cancel").raise_for_status().json().values()) == {"cancelled"}
    assert first.stop_reason(input="Hello?") == "end_turn"
    assert second.post(input="Hello?").status_code == 409
    assert second.stop_reason(messages=[decision("call_2", approve=False)]) == "end_turn"


def test_a_fork_decides_for_itself(agent: AgentTalk, model: ScriptedModel) -> None:
    first = begin(agent)
    assert first.stop_reason(input=pausing(model, "call_1")) == "requires_approval"
    fork = first.fork()
    assert fork.stop_reason(messages=[decision("call_1", approve=False)]) == "end_turn"
    assert first.post(input="Hello?").status_code == 409
    assert first.stop_reason(messages=[decision("call_1", approve=True)]) == "end_turn"
    assert agent.block("human") == "Name: Ada.\nLikes tea."
    rows = agent.http.get(f"{fork.path}/messages", params={"order": "asc"}).raise_for_status().json()
    assert [m["approve"] for m in rows if m["message_type"] == "approval_response_message"] == [False]


def test_a_call_is_carried_out_in_one_of_the_conversations_that_wait_for_it(
    agent: AgentTalk, model: ScriptedModel
) -> None:
    first = begin(agent)
    script = model.script(
        Reply(calls=[insert("Likes tea.", "call_1")]), Reply("In the fork."), Reply("In the first one.")
    )
    assert first.stop_reason(input=script.say()) == "requires_approval"
    fork = first.fork()
    assert fork.stop_reason(messages=[decision("call_1", approve=True)]) == "end_turn"
    assert first.stop_reason(messages=[decision("call_1", approve=True)]) == "end_turn"
    assert agent.block("human") == "Name: Ada.\nLikes tea."
    rows = agent.http.get(f"{first.path}/messages", params={"order": "asc"}).raise_for_status().json()
    returns = [m for m in rows if m["message_type"] == "tool_return_message"]
    assert [(m["status"], "Another conversation" in m["tool_return"]) for m in returns] == [("error", True)]


def test_calls_that_need_no_approval_are_carried_out_once_as_well(agent: AgentTalk, model: ScriptedModel) -> None:
    first = begin(agent)
    calls = [insert("Likes tea.", "call_1"), replace("Ada", "Ada Ada", "call_2")]
    script = model.script(Reply(calls=calls), Reply("Well."), Reply("Well then."))
    assert first.stop_reason(input=script.say()) == "requires_approval"
    fork = first.fork()
    assert fork.stop_reason(messages=[decision("call_1", approve=False)]) == "end_turn"
    assert first.stop_reason(messages=[decision("call_1", approve=True)]) == "end_turn"
    assert agent.block("human") == "Name: Ada Ada.\nLikes tea."
