"""Tools that a request brings along: the client carries their calls out."""

from typing import Any

import pytest

from letta.testing.scripted_model import Call, Reply, Script, ScriptedModel
from tests.approvals.conftest import MakeAgent, insert
from tests.talking import AgentTalk

WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
SUNNY = {"type": "tool", "tool_call_id": "call_1", "tool_return": "sunny", "status": "success"}


def look(city: str = "Rome", call_id: str = "call_1") -> Call:
    return Call("get_weather", {"city": city}, id=call_id)


def answers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "approval", "approvals": list(items)}


@pytest.fixture
def agent(make_agent: MakeAgent) -> AgentTalk:
    return make_agent(tool_rules=[])


def ask(agent: AgentTalk, model: ScriptedModel, *calls: Call) -> Script:
    script = model.script(Reply(calls=calls or [look()]), Reply("It is sunny."))
    answer = agent.say(script.say(), client_tools=[WEATHER])
    assert answer["stop_reason"]["stop_reason"] == "requires_approval"
    return script


def test_a_call_waits_for_the_client_and_its_return_goes_to_the_model(agent: AgentTalk, model: ScriptedModel) -> None:
    script = ask(agent, model)
    answer = agent.send(answers(SUNNY | {"stdout": ["log"]}), client_tools=[WEATHER])
    returned, text = answer["messages"]
    assert (returned["tool_return"], returned["status"], returned["tool_call_id"]) == ("sunny", "success", "call_1")
    assert (returned["name"], returned["stdout"], returned["stderr"]) == (None, ["log"], None)
    assert text["content"] == "It is sunny."
    assert '"message": "sunny"' in script.requests[-1].body["messages"][-1]["content"]


def test_returns_may_come_in_a_message_of_their_own_kind(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model)
    answer = agent.send({"type": "tool_return", "tool_returns": [SUNNY]})
    assert answer["messages"][0]["tool_return"] == "sunny"
    response = next(m for m in agent.history() if m["message_type"] == "approval_response_message")
    assert response["approvals"] == [SUNNY | {"stdout": None, "stderr": None}]
    assert response["approve"] is None
    assert response["approval_request_id"] is None


def test_several_calls_are_answered_together(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model, look(), look("Oslo", "call_2"))
    oslo = {"type": "tool", "tool_call_id": "call_2", "tool_return": "no such place", "status": "error"}
    returned = agent.send(answers(oslo, SUNNY))["messages"][0]
    assert [(r["tool_call_id"], r["status"]) for r in returned["tool_returns"]] == [
        ("call_1", "success"),
        ("call_2", "error"),
    ]


def test_a_tool_is_known_for_one_request_only(agent: AgentTalk, model: ScriptedModel) -> None:
    script = ask(agent, model)
    agent.send(answers(SUNNY))
    offered = [{tool["function"]["name"] for tool in request.body["tools"]} for request in script.requests]
    assert offered == [{"memory_insert", "memory_replace", "get_weather"}, {"memory_insert", "memory_replace"}]


def test_a_tool_takes_the_place_of_the_servers_own(agent: AgentTalk, model: ScriptedModel) -> None:
    mine = WEATHER | {"name": "memory_insert"}
    script = model.script(Reply(calls=[insert("Likes tea.", "call_1")]), Reply("Done."))
    agent.say(script.say(), client_tools=[mine])
    assert agent.retrieve("pending_approval")["pending_approval"]["tool_call"]["name"] == "memory_insert"
    described = {tool["function"]["name"]: tool["function"] for tool in script.requests[0].body["tools"]}
    assert described["memory_insert"] == mine
    agent.send(answers(SUNNY), client_tools=[mine])
    assert agent.block("human") == "Name: Ada."


def test_approving_what_the_client_was_to_do_runs_nothing_here(agent: AgentTalk, model: ScriptedModel) -> None:
    mine = WEATHER | {"name": "memory_insert"}
    agent.say(model.script(Reply(calls=[insert("Likes tea.", "call_1")])).say(), client_tools=[mine])
    approved = {"type": "approval", "tool_call_id": "call_1", "approve": True}
    returned = agent.send(answers(approved), client_tools=[mine])["messages"][0]
    assert returned["status"] == "error"
    assert "client" in returned["tool_return"]
    assert agent.block("human") == "Name: Ada."


def test_calls_of_the_server_wait_for_those_of_the_client(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model, insert("Likes tea.", "call_own"), look())
    assert agent.block("human") == "Name: Ada."
    returned = agent.send(answers(SUNNY))["messages"][0]
    assert [r["tool_call_id"] for r in returned["tool_returns"]] == ["call_1", "call_own"]
    assert agent.block("human") == "Name: Ada.\nLikes tea."


def test_a_long_return_is_cut(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model)
    returned = agent.send(answers(SUNNY | {"tool_return": "x" * 60_000}))["messages"][0]["tool_return"]
    assert returned.startswith("x" * 50_000 + "…")
    assert "60000" in returned


def test_a_return_made_of_parts_becomes_text(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model)
    parts = [{"type": "text", "text": "sunny"}, {"type": "text", "text": "25 °C"}]
    assert agent.send(answers(SUNNY | {"tool_return": parts}))["messages"][0]["tool_return"] == "sunny\n25 °C"


def test_a_tool_without_parameters_is_offered_as_one(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Hi."))
    agent.say(script.say(), client_tools=[{"name": "ring"}])
    (tool,) = (t["function"] for t in script.requests[0].body["tools"] if t["function"]["name"] == "ring")
    assert tool == {"name": "ring", "parameters": {"type": "object", "properties": {}}}


def test_skills_stand_in_the_system_message_of_one_request(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Hi."), Reply("Bye."))
    skills = [
        {"name": "b", "description": "Bakes\nbread.", "location": "skills/b/SKILL.md"},
        {"name": "a", "description": None, "location": "skills/a/SKILL.md"},
        {"name": "alone", "description": "Stands alone.", "location": None},
    ]
    agent.say(script.say(), client_skills=skills)
    agent.say("And now?")
    first, second = (request.body["messages"][0]["content"] for request in script.requests)
    assert first.endswith(
        "</memory_metadata>\n\n<available_skills>\n"
        "skills\n"
        "├── b/\n"
        "│   └── SKILL.md (Bakes bread.)\n"
        "└── a/\n"
        "    └── SKILL.md\n"
        "alone (Stands alone.)\n"
        "</available_skills>"
    )
    assert "available_skills" not in second
    assert "available_skills" not in agent.history()[0]["content"]
