"""Agents that answer in plain text: calls, rules, limits and formats."""

import json
import re
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, Script, ScriptedModel
from tests.talking import AgentTalk, types

ROLL_DICE = '''
def roll_dice(sides: int) -> int:
    """Roll a die.

    Args:
        sides: How many sides it has.
    """
    return sides
'''
PARALLEL = {"provider_type": "openai", "parallel_tool_calls": True}


def make(http: httpx2.Client, *rules: dict[str, Any], **settings: Any) -> AgentTalk:
    given = {
        "tools": ["memory_insert", "memory_replace", "conversation_search"],
        "tool_rules": list(rules),
        "include_base_tool_rules": False,
        "memory_blocks": [{"label": "human", "value": "Name: Ada."}],
    }
    return AgentTalk(http, **(given | settings))


def insert(text: str, **extra: Any) -> Call:
    return Call("memory_insert", {"label": "human", "new_string": text} | extra)


def play(agent: AgentTalk, model: ScriptedModel, *replies: Reply, **options: Any) -> tuple[dict[str, Any], Script]:
    script = model.script(*replies)
    return agent.say(script.say(), **options), script


def returns(answer: dict[str, Any]) -> list[str]:
    return [m["tool_return"] for m in answer["messages"] if m["message_type"] == "tool_return_message"]


def test_several_calls_of_a_step_share_one_row_each_way(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, model_settings=PARALLEL)
    answer, script = play(agent, model, Reply("Twice.", calls=[insert("tea"), insert("rain")]), Reply("Done."))
    assert types(answer["messages"]) == [
        "assistant_message",
        "tool_call_message",
        "tool_return_message",
        "assistant_message",
    ]
    assert [call["name"] for call in answer["messages"][1]["tool_calls"]] == ["memory_insert", "memory_insert"]
    assert len(answer["messages"][2]["tool_returns"]) == 2
    assert agent.block("human") == "Name: Ada.\ntea\nrain"
    assert script.requests[0].body["parallel_tool_calls"] is True


def test_one_call_is_made_where_several_are_not_wanted_and_the_trace_tells_the_rest(
    http: httpx2.Client, model: ScriptedModel
) -> None:
    agent = make(http)
    answer, script = play(agent, model, Reply(calls=[insert("tea"), insert("rain")]), Reply("Done."))
    assert len(answer["messages"][0]["tool_calls"]) == 1
    assert agent.block("human") == "Name: Ada.\ntea"
    trace = http.get(f"/v1/steps/{answer['messages'][0]['step_id']}/trace").json()
    assert [json.loads(call["arguments"])["new_string"] for call in trace["dropped_tool_calls"]] == ["rain"]
    assert script.requests[0].body["parallel_tool_calls"] is False
    trace = http.get(f"/v1/steps/{answer['messages'][-1]['step_id']}/trace").json()
    assert trace["dropped_tool_calls"] is None


def test_calls_with_the_same_id_are_told_apart(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, model_settings=PARALLEL)
    call = {"label": "human", "new_string": "tea"}
    twins = [Call("memory_insert", call, id="call_1"), Call("memory_insert", call, id="call_1")]
    answer, _ = play(agent, model, Reply(calls=twins), Reply("Done."))
    ids = [call["tool_call_id"] for call in answer["messages"][0]["tool_calls"]]
    assert len(set(ids)) == 2
    assert [r["tool_call_id"] for r in answer["messages"][1]["tool_returns"]] == ids


@pytest.mark.parametrize("name", ["no_such_tool", "send_message"])
def test_an_unknown_tool_is_refused_and_the_turn_goes_on(http: httpx2.Client, model: ScriptedModel, name: str) -> None:
    answer, _ = play(make(http, tools=["memory_insert"]), model, Reply(calls=[Call(name, {"x": 1})]), Reply("Oh."))
    assert returns(answer) == [f"[ToolConstraintError] Cannot call {name}, valid tools include: ['memory_insert']."]
    assert answer["stop_reason"]["stop_reason"] == "end_turn"


def test_invalid_json_is_told_to_the_model_instead_of_running_the_tool(
    http: httpx2.Client, model: ScriptedModel
) -> None:
    agent = make(http)
    answer, script = play(agent, model, Reply(calls=[Call("memory_insert", "{not json")]), Reply("Sorry."))
    assert answer["messages"][0]["tool_call"]["arguments"] == "{not json"
    assert "not valid JSON" in returns(answer)[0]
    sent = script.requests[1].body["messages"][-2]
    assert sent["tool_calls"][0]["function"]["arguments"] == "{not json"
    assert agent.block("human") == "Name: Ada."


def test_max_count_per_step_counts_once(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, {"type": "max_count_per_step", "tool_name": "memory_insert", "max_count_limit": 2})
    replies = [Reply(calls=[insert(text)]) for text in "abc"]
    answer, _ = play(agent, model, *replies, Reply("Done."))
    assert [text.startswith("[ToolConstraintError]") for text in returns(answer)] == [False, False, True]
    assert "at most 2 times" in returns(answer)[2]
    assert agent.block("human") == "Name: Ada.\na\nb"


def test_a_limit_holds_within_one_step(http: httpx2.Client, model: ScriptedModel) -> None:
    rule = {"type": "max_count_per_step", "tool_name": "memory_insert", "max_count_limit": 1}
    agent = make(http, rule, model_settings=PARALLEL)
    answer, _ = play(agent, model, Reply(calls=[insert("a"), insert("b")]), Reply("Done."))
    assert [r["status"] for r in answer["messages"][1]["tool_returns"]] == ["success", "error"]
    assert agent.block("human") == "Name: Ada.\na"


def test_rules_force_the_first_tool_its_child_and_a_last_one(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(
        http,
        {"type": "run_first", "tool_name": "memory_insert"},
        {"type": "constrain_child_tools", "tool_name": "memory_insert", "children": ["memory_replace"]},
        {"type": "required_before_exit", "tool_name": "memory_replace"},
    )
    replace = Call("memory_replace", {"label": "human", "old_string": "Ada", "new_string": "Eve"})
    answer, script = play(
        agent,
        model,
        Reply(calls=[replace]),
        Reply(calls=[insert("tea")]),
        Reply("I want to stop."),
        Reply(calls=[replace]),
        Reply("Bye."),
    )
    assert types(answer["messages"]) == [
        "tool_call_message",
        "tool_return_message",
        "tool_call_message",
        "tool_return_message",
        "assistant_message",
        "user_message",
        "tool_call_message",
        "tool_return_message",
        "assistant_message",
    ]
    reminder = json.loads(answer["messages"][5]["content"])
    assert reminder["type"] == "heartbeat"
    assert "memory_replace" in reminder["reason"]
    choices = [request.body["tool_choice"] for request in script.requests]
    first = {"type": "function", "function": {"name": "memory_insert"}}
    child = {"type": "function", "function": {"name": "memory_replace"}}
    assert choices == [first, first, child, child, "auto"]


def test_an_ending_tool_ends_the_turn_even_if_it_fails(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, {"type": "exit_loop", "tool_name": "memory_insert"})
    answer, script = play(agent, model, Reply(calls=[insert("x", label="nothing")]), Reply("Unheard."))
    assert answer["stop_reason"]["stop_reason"] == "tool_rule"
    assert answer["messages"][-1]["status"] == "error"
    assert len(script.requests) == 1


def test_a_required_tool_is_not_forgone_because_another_one_ends_the_turn(
    http: httpx2.Client, model: ScriptedModel
) -> None:
    agent = make(
        http,
        {"type": "exit_loop", "tool_name": "memory_insert"},
        {"type": "required_before_exit", "tool_name": "memory_replace"},
    )
    replace = Call("memory_replace", {"label": "human", "old_string": "Ada", "new_string": "Eve"})
    answer, script = play(
        agent, model, Reply(calls=[insert("tea")]), Reply(calls=[replace]), Reply(calls=[insert("milk")]), Reply("No.")
    )
    assert answer["stop_reason"]["stop_reason"] == "tool_rule"
    assert "memory_replace" in script.requests[1].body["messages"][-1]["content"]
    assert agent.block("human") == "Name: Eve.\ntea\nmilk"


@pytest.mark.parametrize("last", [Reply("I am done."), Reply(calls=[insert("tea")])], ids=["text", "an ending tool"])
def test_a_required_tool_that_can_never_be_called_isnt_waited_for(
    http: httpx2.Client, model: ScriptedModel, last: Reply
) -> None:
    agent = make(
        http,
        {"type": "exit_loop", "tool_name": "memory_insert"},
        {"type": "required_before_exit", "tool_name": "memory_replace"},
        {"type": "parent_last_tool", "tool_name": "conversation_search", "children": ["memory_replace"]},
        {"type": "max_count_per_step", "tool_name": "conversation_search", "max_count_limit": 0},
    )
    answer, script = play(agent, model, last, Reply("Unheard."))
    assert answer["stop_reason"]["stop_reason"] == "no_tool_call"
    assert len(script.requests) == 1
    run = agent.run(answer["messages"][0]["run_id"])
    assert (run["status"], run["stop_reason"]) == ("failed", "no_tool_call")
    assert [m["content"] for m in agent.history() if m["message_type"] == "user_message"] == [script.say()]


def test_fixed_arguments_override_the_models(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, {"type": "run_first", "tool_name": "memory_insert", "args": {"new_string": "fixed"}})
    answer, _ = play(agent, model, Reply(calls=[insert("mine")]), Reply("Done."))
    call = {"label": "human", "new_string": "fixed"}
    assert json.loads(answer["messages"][0]["tool_call"]["arguments"]) == call
    assert agent.block("human") == "Name: Ada.\nfixed"


@pytest.mark.parametrize("fixed", [{"no_such": 1}, {"new_string": 5}, {"insert_line": True}])
def test_invalid_fixed_arguments_end_the_turn(http: httpx2.Client, model: ScriptedModel, fixed: dict[str, Any]) -> None:
    agent = make(http, {"type": "run_first", "tool_name": "memory_insert", "args": fixed})
    answer, script = play(agent, model, Reply(calls=[insert("mine")]), Reply("Unheard."))
    assert answer["stop_reason"]["stop_reason"] == "invalid_tool_call"
    (argument,) = fixed
    assert re.search(rf"A tool rule (sets|fixes) the argument '{argument}'", returns(answer)[0])
    assert len(script.requests) == 1
    assert agent.run(answer["messages"][0]["run_id"])["status"] == "failed"
    assert agent.block("human") == "Name: Ada."


def test_max_steps_ends_the_turn_after_a_whole_step(http: httpx2.Client, model: ScriptedModel) -> None:
    answer, _ = play(make(http), model, Reply(calls=[insert("tea")]), Reply("Unheard."), max_steps=1)
    assert answer["stop_reason"]["stop_reason"] == "max_steps"
    assert types(answer["messages"]) == ["tool_call_message", "tool_return_message"]


def test_an_answer_that_was_cut_off_is_told(http: httpx2.Client, model: ScriptedModel) -> None:
    answer, _ = play(make(http), model, Reply("Once upon a", finish_reason="length"))
    assert answer["stop_reason"]["stop_reason"] == "max_tokens_exceeded"
    assert answer["messages"][0]["content"] == "Once upon a"


def test_an_empty_answer_ends_the_turn(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http)
    answer, _ = play(agent, model, Reply(""))
    assert (answer["messages"], answer["stop_reason"]["stop_reason"]) == ([], "end_turn")
    assert types(agent.history()) == ["system_message", "user_message"]


def test_a_response_format_goes_to_the_provider(http: httpx2.Client, model: ScriptedModel) -> None:
    _, script = play(make(http, response_format={"type": "json_object"}), model, Reply("{}"))
    assert script.requests[0].body["response_format"] == {"type": "json_object"}


def test_a_long_return_is_cut_for_the_model_alone(http: httpx2.Client, model: ScriptedModel) -> None:
    """The window of 8,000 tokens leaves 6,400 characters to each return."""
    agent = make(http, context_window_limit=8000, memory_blocks=[{"label": "human", "value": "x" * 9000}])
    answer, script = play(agent, model, Reply(calls=[insert("end")]), Reply("Done."))
    assert len(returns(answer)[0]) == 9004
    sent = json.loads(script.requests[1].body["messages"][-1]["content"])["message"]
    assert sent.startswith("x" * 6400 + "…")
    assert "9004" in sent
    assert len(sent) < 6500


def test_return_char_limit_cuts_what_is_stored(http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http, memory_blocks=[{"label": "human", "value": "x" * 2000}])
    tool_id = agent.tool_id("memory_insert")
    http.patch(f"/v1/tools/{tool_id}", json={"return_char_limit": 1000}).raise_for_status()
    try:
        answer, _ = play(agent, model, Reply(calls=[insert("end")]), Reply("Done."))
    finally:
        http.patch(f"/v1/tools/{tool_id}", json={"return_char_limit": 50_000}).raise_for_status()
    assert returns(answer)[0].startswith("x" * 1000 + "…")
    assert len(agent.block("human")) == 2004


def test_calls_that_take_effect_outside_are_stored_before(http: httpx2.Client, model: ScriptedModel) -> None:
    tool = http.post("/v1/tools", json={"source_code": ROLL_DICE}).raise_for_status().json()
    agent = make(http, tools=["memory_insert"], tool_ids=[tool["id"]], model_settings=PARALLEL)
    calls = [Call("roll_dice", {"sides": 6}), insert("tea")]
    script = model.script(Reply("Both.", calls=calls), Reply("Done."))
    events = agent.stream(input=script.say(), stream_tokens=False)
    assert types(events)[:4] == [
        "assistant_message",
        "tool_call_message",
        "tool_return_message",
        "assistant_message",
    ]
    assert types(agent.history())[2:] == types(events)[:4]
    assert agent.block("human") == "Name: Ada.\ntea"
    (step, _) = http.get(f"/v1/runs/{events[0]['run_id']}/steps", params={"order": "asc"}).json()
    assert step["id"] == events[0]["step_id"]
