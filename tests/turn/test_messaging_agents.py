"""Agents that speak through a tool: thoughts, heartbeats, and how their words are shown."""

import json
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, Script, ScriptedModel, Usage
from tests.talking import AgentTalk, types

RULES = [
    {"type": "exit_loop", "tool_name": "send_message"},
    {"type": "continue_loop", "tool_name": "conversation_search"},
]
ALL_TYPES = ["memgpt_agent", "memgpt_v2_agent", "react_agent", "workflow_agent"]


@pytest.fixture
def agent(http: httpx2.Client) -> AgentTalk:
    return make(http)


def make(http: httpx2.Client, **settings: Any) -> AgentTalk:
    given = {
        "agent_type": "memgpt_v2_agent",
        "tools": ["send_message", "conversation_search", "memory_insert"],
        "tool_rules": RULES,
        "include_base_tool_rules": False,
        "memory_blocks": [{"label": "human", "value": "Name: Ada."}],
    }
    return AgentTalk(http, **(given | settings))


def say(text: str, **extra: Any) -> Call:
    return Call("send_message", {"thinking": "I tell them.", "message": text} | extra, id="call_say")


def insert(text: str, **extra: Any) -> Call:
    arguments = {"thinking": "I note it.", "label": "human", "new_string": text}
    return Call("memory_insert", arguments | extra, id="call_insert")


def play(agent: AgentTalk, model: ScriptedModel, *calls: Call, **options: Any) -> tuple[dict[str, Any], Script]:
    script = model.script(*(Reply(calls=[call]) for call in calls))
    return agent.say(script.say(), **options), script


def stored_arguments(agent: AgentTalk, name: str) -> list[dict[str, Any]]:
    """The arguments of all calls of a tool, as they are kept."""
    calls = [m["tool_call"] for m in agent.history(use_assistant_message=False) if "tool_call" in m]
    return [json.loads(call["arguments"]) for call in calls if call["name"] == name]


@pytest.mark.parametrize("agent_type", ALL_TYPES)
def test_a_sent_message_is_what_the_agent_says(http: httpx2.Client, model: ScriptedModel, agent_type: str) -> None:
    agent = make(http, agent_type=agent_type)
    answer, _ = play(agent, model, say("Hello!"))
    assert types(answer["messages"]) == ["reasoning_message", "assistant_message"]
    thought, text = answer["messages"]
    assert (thought["reasoning"], thought["source"]) == ("I tell them.", "non_reasoner_model")
    assert text["content"] == "Hello!"
    assert text["id"] == thought["id"]
    assert answer["stop_reason"]["stop_reason"] == "end_turn"
    assert answer["usage"]["context_tokens"] is None


def test_the_call_itself_is_shown_on_request(agent: AgentTalk, model: ScriptedModel) -> None:
    answer, _ = play(agent, model, say("Hello!"), use_assistant_message=False)
    assert types(answer["messages"]) == ["reasoning_message", "tool_call_message", "tool_return_message"]
    _, call, returned = answer["messages"]
    assert call["tool_call"]["arguments"] == '{"message": "Hello!", "request_heartbeat": false}'
    assert (returned["name"], returned["status"]) == ("send_message", "success")


def test_another_tool_may_be_the_one_that_speaks(agent: AgentTalk, model: ScriptedModel) -> None:
    names = {"assistant_message_tool_name": "memory_insert", "assistant_message_tool_kwarg": "new_string"}
    answer, _ = play(agent, model, insert("Likes tea."), **names)
    assert [m["content"] for m in answer["messages"] if m["message_type"] == "assistant_message"] == ["Likes tea."]


def test_what_the_model_is_told_of_its_tools(agent: AgentTalk, model: ScriptedModel) -> None:
    _, script = play(agent, model, say("Hello!"))
    body = script.requests[0].body
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in body["tools"]}
    first, *_, last = schemas["memory_insert"]["properties"]
    assert (first, last) == ("thinking", "request_heartbeat")
    assert schemas["memory_insert"]["required"] == ["thinking", "label", "new_string", "request_heartbeat"]
    assert list(schemas["send_message"]["properties"]) == ["thinking", "message"]


def test_the_model_gets_its_thoughts_back_where_it_wrote_them(agent: AgentTalk, model: ScriptedModel) -> None:
    _, script = play(agent, model, insert("Likes tea.", request_heartbeat=True), say("Noted."))
    call, returned, heartbeat = script.requests[1].body["messages"][-3:]
    assert call["content"] is None
    arguments = call["tool_calls"][0]["function"]["arguments"]
    assert list(json.loads(arguments)) == ["thinking", "label", "new_string", "request_heartbeat"]
    assert json.loads(arguments)["thinking"] == "I note it."
    assert returned["role"] == "tool"
    assert (heartbeat["role"], json.loads(heartbeat["content"])["type"]) == ("user", "heartbeat")


def test_a_heartbeat_is_stored_and_listed_but_no_answer(agent: AgentTalk, model: ScriptedModel) -> None:
    answer, _ = play(agent, model, insert("Likes tea.", request_heartbeat=True), say("Noted."))
    assert "user_message" not in types(answer["messages"])
    assert [m["content"] for m in answer["messages"] if m["message_type"] == "assistant_message"] == ["Noted."]
    heartbeats = [m for m in agent.history() if m["message_type"] == "user_message" and "heartbeat" in m["content"]]
    assert len(heartbeats) == 1
    assert heartbeats[0]["step_id"] is not None
    assert stored_arguments(agent, "memory_insert")[0]["request_heartbeat"] is True
    assert agent.block("human") == "Name: Ada.\nLikes tea."


def test_a_turn_ends_when_nobody_asks_to_go_on(agent: AgentTalk, model: ScriptedModel) -> None:
    answer, script = play(agent, model, insert("Likes tea."), say("Unheard."))
    assert answer["stop_reason"]["stop_reason"] == "end_turn"
    assert len(script.requests) == 1
    assert stored_arguments(agent, "memory_insert")[0]["request_heartbeat"] is False


@pytest.mark.parametrize(
    "call",
    [
        Call("conversation_search", {"thinking": "?", "query": "tea", "request_heartbeat": False}),
        Call("memory_insert", {"thinking": "?", "label": "nothing", "new_string": "x", "request_heartbeat": False}),
        Call("unknown_tool", {"thinking": "?", "request_heartbeat": False}),
        Call("memory_insert", '{"thinking": "?", "label": "hum'),
    ],
    ids=["rule", "failure", "refusal", "invalid JSON"],
)
def test_a_turn_goes_on_where_the_model_did_not_ask_for_it(agent: AgentTalk, model: ScriptedModel, call: Call) -> None:
    answer, script = play(agent, model, call, say("Done."))
    assert answer["messages"][-1]["content"] == "Done."
    assert len(script.requests) == 2


def test_invalid_json_is_stored_as_it_was_written(agent: AgentTalk, model: ScriptedModel) -> None:
    answer, _ = play(agent, model, Call("memory_insert", '{"label": "hum'), say("Oh."))
    assert answer["messages"][0]["tool_call"]["arguments"] == '{"label": "hum'
    assert "not valid JSON" in answer["messages"][1]["tool_return"]


def test_a_required_tool_keeps_the_turn_going(http: httpx2.Client, model: ScriptedModel) -> None:
    rules = [{"type": "required_before_exit", "tool_name": "conversation_search"}]
    agent = make(http, tool_rules=rules)
    search = Call("conversation_search", {"thinking": "?", "query": "tea", "request_heartbeat": False})
    answer, script = play(agent, model, insert("Likes tea."), search, say("Unheard."))
    assert answer["stop_reason"]["stop_reason"] == "end_turn"
    assert len(script.requests) == 2
    assert "conversation_search" in script.requests[1].body["messages"][-1]["content"]


def test_a_required_tool_is_not_forgone_because_another_one_ends_the_turn(
    http: httpx2.Client, model: ScriptedModel
) -> None:
    agent = make(http, tool_rules=[*RULES, {"type": "required_before_exit", "tool_name": "memory_insert"}])
    answer, script = play(agent, model, say("Hello!"), insert("Likes tea."), say("Unheard."))
    assert answer["stop_reason"]["stop_reason"] == "end_turn"
    assert len(script.requests) == 2
    assert "memory_insert" in script.requests[1].body["messages"][-1]["content"]
    assert stored_arguments(agent, "send_message")[-1] == {"message": "Hello!", "request_heartbeat": True}


def test_a_required_tool_that_can_never_be_called_isnt_waited_for(http: httpx2.Client, model: ScriptedModel) -> None:
    required = {"type": "required_before_exit", "tool_name": "memory_insert"}
    never = {"type": "max_count_per_step", "tool_name": "memory_insert", "max_count_limit": 0}
    agent = make(http, tool_rules=[*RULES, required, never])
    answer, script = play(agent, model, say("Hello!"), say("Unheard."))
    assert answer["stop_reason"]["stop_reason"] == "no_tool_call"
    assert len(script.requests) == 1


def test_asking_to_go_on_after_the_last_call_is_told(agent: AgentTalk, model: ScriptedModel) -> None:
    answer, _ = play(agent, model, say("Hello!", request_heartbeat=True))
    assert answer["stop_reason"]["stop_reason"] == "tool_rule"


def test_no_reminder_is_left_behind_by_the_last_step(agent: AgentTalk, model: ScriptedModel) -> None:
    answer, _ = play(agent, model, insert("Likes tea.", request_heartbeat=True), max_steps=1)
    assert answer["stop_reason"]["stop_reason"] == "max_steps"
    assert types(agent.history())[-1] == "tool_return_message"


def test_only_the_first_call_is_made(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply(calls=[say("First."), insert("Likes tea.")]))
    answer = agent.say(script.say())
    assert types(answer["messages"]) == ["reasoning_message", "assistant_message"]
    assert agent.block("human") == "Name: Ada."


def test_plain_text_is_no_answer(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Plain text."))
    error = agent.refused(500, input=script.say())["error"]
    assert error["type"] == "llm_error"
    assert error["detail"].startswith("No tool calls found in response, model must make a tool call")
    run = agent.http.get("/v1/runs", params={"agent_id": agent.id}).json()[0]
    assert (run["status"], run["stop_reason"]) == ("failed", "no_tool_call")


def test_text_beside_a_call_is_a_thought(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Let me see.", reasoning="Hm.", calls=[Call("send_message", {"message": "Hello!"})]))
    answer = agent.say(script.say())
    assert [(m["message_type"], m.get("reasoning"), m.get("source")) for m in answer["messages"]] == [
        ("reasoning_message", "Hm.", "reasoner_model"),
        ("reasoning_message", "Let me see.", "non_reasoner_model"),
        ("assistant_message", None, None),
    ]


def test_an_agent_without_any_tool_speaks_plainly(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = AgentTalk(http, agent_type="react_agent")
    answer = agent.say(model.script(Reply("Hello!")).say())
    assert [(m["message_type"], m["content"]) for m in answer["messages"]] == [("assistant_message", "Hello!")]
    assert answer["stop_reason"]["stop_reason"] == "end_turn"


def test_a_workflow_sees_nothing_of_earlier_turns(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, agent_type="workflow_agent")
    play(agent, model, say("First."))
    _, script = play(agent, model, say("Second."))
    assert [m["role"] for m in script.requests[0].body["messages"]] == ["system", "user"]


@pytest.mark.parametrize("tokens", [True, False])
def test_words_are_streamed_as_an_assistant_message(agent: AgentTalk, model: ScriptedModel, *, tokens: bool) -> None:
    text = 'She said "tea" – and\nleft. 😀'
    script = model.script(Reply(calls=[say(text)], usage=Usage()))
    events = agent.stream(input=script.say(), stream_tokens=tokens)
    assert set(types(events)) == {"reasoning_message", "assistant_message", "stop_reason", "usage_statistics"}
    spoken = [event for event in events if event["message_type"] == "assistant_message"]
    assert "".join(event["content"] for event in spoken) == text
    assert len(spoken) > 1 if tokens else len(spoken) == 1
    thoughts = [event for event in events if event["message_type"] == "reasoning_message"]
    assert "".join(event["reasoning"] for event in thoughts) == "I tell them."
    assert {event["source"] for event in thoughts} == {"non_reasoner_model"}
    shown = {(e["message_type"], e["id"], e["otid"]) for e in events if "id" in e}
    assert shown == {(m["message_type"], m["id"], m["otid"]) for m in agent.history()[-2:]}


@pytest.mark.parametrize("order", [("message", "thinking"), ("message",), ("thinking", "message")])
def test_thoughts_are_streamed_first_whenever_the_model_has_them(
    agent: AgentTalk, model: ScriptedModel, order: tuple[str, ...]
) -> None:
    arguments = {"message": "Hello, you there.", "thinking": "I greet them."}
    script = model.script(Reply(calls=[Call("send_message", {name: arguments[name] for name in order})]))
    events = [event for event in agent.stream(input=script.say()) if "id" in event]
    shown = {(e["message_type"], e["id"], e["otid"]): None for e in events}
    assert list(shown) == [(m["message_type"], m["id"], m["otid"]) for m in agent.history()[-len(order) :]]
    assert "".join(e["content"] for e in events if "content" in e) == arguments["message"]


def test_other_calls_are_streamed_without_the_thoughts(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply(calls=[insert("Likes tea.", request_heartbeat=True)]), Reply(calls=[say("Noted.")]))
    events = agent.stream(input=script.say(), use_assistant_message=False)
    pieces = [event["tool_call"] for event in events if event["message_type"] == "tool_call_message"]
    assert pieces[0] == {"name": "memory_insert", "tool_call_id": "call_insert"}
    written = dict.fromkeys(("call_insert", "call_say"), "")
    for piece in pieces:
        written[piece["tool_call_id"]] += piece.get("arguments", "")
    inserted = {"label": "human", "new_string": "Likes tea.", "request_heartbeat": True}
    assert json.loads(written["call_insert"]) == inserted
    assert json.loads(written["call_say"]) == {"message": "Noted."}
    order = list(dict.fromkeys(types(events)))
    assert order[:3] == ["reasoning_message", "tool_call_message", "tool_return_message"]
    assert "user_message" not in order


def test_approval_of_a_call_that_was_to_go_on(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, tool_rules=[*RULES, {"type": "requires_approval", "tool_name": "memory_insert"}])
    script = model.script(Reply(calls=[insert("Likes tea.", request_heartbeat=True)]), Reply(calls=[say("Noted.")]))
    asked = agent.say(script.say())["messages"]
    assert types(asked) == ["reasoning_message", "approval_request_message"]
    assert "thinking" not in asked[1]["tool_call"]["arguments"]
    approval = {"type": "approval", "approvals": [{"type": "approval", "tool_call_id": "call_insert", "approve": True}]}
    answer = agent.send(approval)
    assert types(answer["messages"]) == ["tool_return_message", "reasoning_message", "assistant_message"]
    assert json.loads(script.requests[1].body["messages"][-1]["content"])["type"] == "heartbeat"


def test_approval_of_a_call_that_was_to_be_the_last(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, tool_rules=[{"type": "requires_approval", "tool_name": "memory_insert"}])
    play(agent, model, insert("Likes tea."))
    approval = {"type": "approval", "approvals": [{"type": "approval", "tool_call_id": "call_insert", "approve": True}]}
    answer = agent.send(approval)
    assert types(answer["messages"]) == ["tool_return_message"]
    assert answer["stop_reason"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize("wanted", ["json_object", "json_schema"])
def test_a_response_format_is_asked_of_the_tool_that_speaks(
    http: httpx2.Client, model: ScriptedModel, wanted: str
) -> None:
    schema = {"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}
    response_format: dict[str, Any] = {"type": wanted}
    if wanted == "json_schema":
        response_format["json_schema"] = {"name": "mood", "schema": schema}
    agent = make(http, response_format=response_format)
    call = Call("send_message", {"thinking": "?", "message": {"mood": "good"}})
    answer, script = play(agent, model, call)
    assert answer["messages"][-1]["content"] == '{"mood": "good"}'
    assert answer["stop_reason"]["stop_reason"] == "end_turn"
    body = script.requests[0].body
    assert "response_format" not in body
    tool = next(tool["function"] for tool in body["tools"] if tool["function"]["name"] == "send_message")
    asked = {k: v for k, v in tool["parameters"]["properties"]["message"].items() if k != "description"}
    assert asked == (schema if wanted == "json_schema" else {"type": "object"})
