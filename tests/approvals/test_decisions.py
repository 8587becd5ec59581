"""Asking for approval, and what follows from the answers."""

from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.approvals.conftest import MakeAgent, decision, insert, replace
from tests.talking import AgentTalk, types

CALL = {"name": "memory_insert", "tool_call_id": "call_1"}


def ask(
    agent: AgentTalk, model: ScriptedModel, *calls: Call, text: str | None = None, **options: Any
) -> dict[str, Any]:
    """Have the agent make calls of which some wait."""
    replies = [Reply(text, calls=calls or [insert("Likes tea.", "call_1")]), Reply("Understood.")]
    return agent.say(model.script(*replies).say(), **options)


def test_a_call_that_needs_approval_is_asked_for_and_not_made(agent: AgentTalk, model: ScriptedModel) -> None:
    answer = ask(agent, model, text="May I?")
    assert types(answer["messages"]) == ["assistant_message", "approval_request_message"]
    assert answer["stop_reason"]["stop_reason"] == "requires_approval"
    text, request = answer["messages"]
    assert request["tool_call"] == CALL | {"arguments": '{"label": "human", "new_string": "Likes tea."}'}
    assert request["tool_calls"] == [request["tool_call"]]
    assert request["id"] == text["id"] == request["otid"]
    assert agent.block("human") == "Name: Ada."
    run = agent.run(request["run_id"])
    assert (run["status"], run["stop_reason"]) == ("completed", "requires_approval")
    assert answer["usage"]["step_count"] == 1


def test_the_agent_tells_what_it_waits_for(agent: AgentTalk, model: ScriptedModel) -> None:
    request = ask(agent, model, text="May I?")["messages"][-1]
    assert agent.retrieve("pending_approval")["pending_approval"] == request
    assert agent.retrieve()["last_stop_reason"] == "requires_approval"
    agent.send(decision("call_1", approve=True))
    assert agent.retrieve("pending_approval")["pending_approval"] is None


def test_an_approved_call_is_made_in_its_own_step(agent: AgentTalk, model: ScriptedModel) -> None:
    request = ask(agent, model)["messages"][-1]
    answer = agent.send(decision("call_1", approve=True))
    returned, text = answer["messages"]
    assert types(answer["messages"]) == ["tool_return_message", "assistant_message"]
    assert (returned["status"], returned["tool_call_id"], returned["name"]) == ("success", "call_1", "memory_insert")
    assert returned["step_id"] == request["step_id"] != text["step_id"]
    assert returned["run_id"] == text["run_id"] != request["run_id"]
    assert answer["stop_reason"]["stop_reason"] == "end_turn"
    assert answer["usage"]["step_count"] == 1
    assert agent.block("human") == "Name: Ada.\nLikes tea."


def test_a_denial_is_told_to_the_model_with_its_reason(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply(calls=[insert("Likes tea.", "call_1")]), Reply("I won't."))
    agent.say(script.say())
    answer = agent.send(decision("call_1", approve=False, reason="not now"))
    returned = answer["messages"][0]
    assert returned["tool_return"] == "Error: request to call tool denied. User reason: not now"
    assert (returned["status"], returned["stdout"], returned["stderr"]) == ("error", None, None)
    assert returned["name"] is None
    assert answer["messages"][1]["content"] == "I won't."
    assert agent.block("human") == "Name: Ada."
    told = script.requests[-1].body["messages"][-1]
    assert told["role"] == "tool"
    assert "not now" in told["content"]


def test_a_denial_needs_no_reason(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model)
    answer = agent.send(decision("call_1", approve=False))
    assert answer["messages"][0]["tool_return"] == "Error: request to call tool denied."


def test_the_answer_is_a_row_of_the_history(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model)
    agent.send(decision("call_1", approve=False, reason="not now") | {"otid": "0e5f9ef5-2cf6-4c6c-a1f0-7a2f9a3a3c11"})
    history = agent.history()
    assert types(history)[-4:] == [
        "approval_request_message",
        "approval_response_message",
        "tool_return_message",
        "assistant_message",
    ]
    response = history[-3]
    item = {"type": "approval", "tool_call_id": "call_1", "approve": False, "reason": "not now"}
    assert response["approvals"] == [item]
    assert (response["approve"], response["reason"]) == (False, "not now")
    assert response["approval_request_id"] == "call_1"
    assert response["otid"] == "0e5f9ef5-2cf6-4c6c-a1f0-7a2f9a3a3c11"


def test_a_single_decision_may_have_the_old_form(agent: AgentTalk, model: ScriptedModel) -> None:
    request = ask(agent, model)["messages"][-1]
    answer = agent.send({"type": "approval", "approve": True, "approval_request_id": request["id"]})
    assert answer["messages"][0]["status"] == "success"
    response = next(m for m in agent.history() if m["message_type"] == "approval_response_message")
    assert response["approval_request_id"] == request["id"]
    assert response["approve"] is True


def test_calls_may_be_approved_in_part(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model, insert("Likes tea.", "call_1"), insert("Likes rain.", "call_2"))
    items = [
        {"type": "approval", "tool_call_id": "call_2", "approve": True},
        {"type": "approval", "tool_call_id": "call_1", "approve": False},
    ]
    answer = agent.send({"type": "approval", "approvals": items})
    returns = answer["messages"][0]["tool_returns"]
    assert [(r["tool_call_id"], r["status"]) for r in returns] == [("call_1", "error"), ("call_2", "success")]
    assert agent.block("human") == "Name: Ada.\nLikes rain."


def test_free_calls_wait_for_the_gated_ones_of_their_step(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(
        Reply("Mixed.", calls=[replace("Ada", "Eve", "call_free"), insert("Likes tea.", "call_gated")]), Reply("Done.")
    )
    answer = agent.say(script.say())
    assert types(answer["messages"]) == ["assistant_message", "tool_call_message", "approval_request_message"]
    text, call, request = answer["messages"]
    assert call["tool_call"]["tool_call_id"] == "call_free"
    assert request["tool_call"]["tool_call_id"] == "call_gated"
    assert _number(request["id"]) == _number(text["id"]) - 1
    assert text["step_id"] == request["step_id"]
    assert agent.block("human") == "Name: Ada."
    returned = agent.send(decision("call_gated", approve=True))["messages"][0]
    assert [r["tool_call_id"] for r in returned["tool_returns"]] == ["call_gated", "call_free"]
    assert agent.block("human") == "Name: Eve.\nLikes tea."
    sent = script.requests[-1].body["messages"]
    assert [call["id"] for call in sent[-3]["tool_calls"]] == ["call_free", "call_gated"]
    assert sent[-3]["content"] == "Mixed."


def test_free_calls_are_made_even_if_the_gated_ones_are_denied(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model, insert("Likes tea.", "call_gated"), replace("Ada", "Eve", "call_free"))
    agent.send(decision("call_gated", approve=False))
    assert agent.block("human") == "Name: Eve."


def test_messages_that_come_with_a_decision_follow_the_step(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply(calls=[insert("Likes tea.", "call_1")]), Reply("Noted."))
    agent.say(script.say())
    agent.send(decision("call_1", approve=True), {"role": "user", "content": "By the way …"})
    sent = script.requests[-1].body["messages"]
    assert [m["role"] for m in sent[-3:]] == ["assistant", "tool", "user"]
    assert types(agent.history())[-4:] == [
        "approval_response_message",
        "tool_return_message",
        "user_message",
        "assistant_message",
    ]


def test_a_request_for_approval_in_a_token_stream(agent: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("May I?", calls=[insert("Likes tea.", "call_1")]), Reply("Thanks a lot."))
    events = agent.stream(input=script.say())
    pieces = [event for event in events if event["message_type"] == "approval_request_message"]
    assert pieces[0]["tool_call"] == CALL | {"arguments": None}
    assert all(piece["tool_call"] == piece["tool_calls"] for piece in pieces)
    assert all(piece["tool_call"]["name"] is None for piece in pieces[1:])
    assert {piece["otid"] for piece in pieces} == {pieces[0]["id"]}
    written = "".join(piece["tool_call"]["arguments"] or "" for piece in pieces)
    assert written == '{"label": "human", "new_string": "Likes tea."}'
    assert types(events)[-2:] == ["stop_reason", "usage_statistics"]
    stored = {(m["message_type"], m["id"], m["otid"]) for m in agent.history()}
    assert {(e["message_type"], e["id"], e["otid"]) for e in events if "id" in e} <= stored
    events = agent.stream(messages=[decision("call_1", approve=True)])
    assert types(events)[0] == "tool_return_message"
    assert "".join(e["content"] for e in events if e["message_type"] == "assistant_message") == "Thanks a lot."
    sent = script.requests[-1].body["messages"]
    assert [m["role"] for m in sent[-3:]] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("first", ["free", "gated"])
def test_a_mixed_step_in_a_token_stream_is_stored_as_it_was_shown(
    agent: AgentTalk, model: ScriptedModel, first: str
) -> None:
    calls = [replace("Ada", "Eve", "call_free"), insert("Likes tea.", "call_gated")]
    script = model.script(Reply(calls=calls if first == "free" else calls[::-1]), Reply("Done."))
    events = agent.stream(input=script.say())
    shown = {(e["message_type"], e["id"], e["otid"]) for e in events if "id" in e}
    assert shown == {(m["message_type"], m["id"], m["otid"]) for m in agent.history()[-2:]}
    assert {kind for kind, _, _ in shown} == {"tool_call_message", "approval_request_message"}


def test_the_switch_of_a_tool_makes_its_calls_wait(make_agent: MakeAgent, model: ScriptedModel) -> None:
    agent = make_agent(tool_rules=[])
    switch = f"/v1/agents/{agent.id}/tools/approval/memory_insert"
    agent.http.patch(switch, json={"requires_approval": True}).raise_for_status()
    assert ask(agent, model)["stop_reason"]["stop_reason"] == "requires_approval"
    agent.send(decision("call_1", approve=True))
    agent.http.patch(switch, json={"requires_approval": False}).raise_for_status()
    assert ask(agent, model)["stop_reason"]["stop_reason"] == "end_turn"


def test_a_tool_may_want_approval_by_itself(http: httpx2.Client, make_agent: MakeAgent, model: ScriptedModel) -> None:
    source = 'def launch() -> str:\n    """Launch the rocket."""\n    return "up"\n'
    tool = http.post("/v1/tools", json={"source_code": source, "default_requires_approval": True}).json()
    created = make_agent(tool_rules=[], tool_ids=[tool["id"]])
    attached = make_agent(tool_rules=[])
    http.patch(f"/v1/agents/{attached.id}/tools/attach/{tool['id']}").raise_for_status()
    for agent in (created, attached):
        answer = ask(agent, model, Call("launch", {}, id="call_1"))
        assert answer["stop_reason"]["stop_reason"] == "requires_approval"


def test_an_approved_call_may_end_the_turn(make_agent: MakeAgent, model: ScriptedModel) -> None:
    rules = [{"type": name, "tool_name": "memory_insert"} for name in ("requires_approval", "exit_loop")]
    agent = make_agent(tool_rules=rules)
    ask(agent, model)
    answer = agent.send(decision("call_1", approve=True))
    assert types(answer["messages"]) == ["tool_return_message"]
    assert answer["stop_reason"]["stop_reason"] == "tool_rule"


def test_a_decision_with_no_steps_left_is_still_carried_out(agent: AgentTalk, model: ScriptedModel) -> None:
    ask(agent, model)
    answer = agent.send(decision("call_1", approve=True), max_steps=0)
    assert types(answer["messages"]) == ["tool_return_message"]
    assert agent.block("human") == "Name: Ada.\nLikes tea."


def test_a_call_that_a_rule_forbids_is_not_asked_for(make_agent: MakeAgent, model: ScriptedModel) -> None:
    rules = [
        {"type": "requires_approval", "tool_name": "memory_insert"},
        {"type": "max_count_per_step", "tool_name": "memory_insert", "max_count_limit": 0},
    ]
    answer = ask(make_agent(tool_rules=rules), model)
    assert types(answer["messages"]) == ["tool_call_message", "tool_return_message", "assistant_message"]
    assert answer["messages"][1]["tool_return"].startswith("[ToolConstraintError] Cannot call memory_insert")


def test_a_forbidden_call_stays_forbidden_while_others_wait(make_agent: MakeAgent, model: ScriptedModel) -> None:
    rules = [
        {"type": "requires_approval", "tool_name": "memory_insert"},
        {"type": "max_count_per_step", "tool_name": "memory_replace", "max_count_limit": 0},
    ]
    agent = make_agent(tool_rules=rules)
    ask(agent, model, replace("Ada", "Eve", "call_free"), insert("Likes tea.", "call_gated"))
    returns = agent.send(decision("call_gated", approve=True))["messages"][0]["tool_returns"]
    assert [r["status"] for r in returns] == ["success", "error"]
    assert "ToolConstraintError" in returns[1]["tool_return"]
    assert agent.block("human") == "Name: Ada.\nLikes tea."


def _number(message_id: str) -> int:
    return int(message_id.removeprefix("message-").replace("-", ""), 16)
