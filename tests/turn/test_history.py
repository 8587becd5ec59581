"""No history, whatever interrupted it, is one that a provider refuses."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from letta.llm.chat import ChatRequest
from letta.llm.openai_messages import request_body
from letta.messages.message import Message, Role, text_content
from letta.turn.history import INTERRUPTED, UNDECIDED, repair

call_ids = st.sampled_from(
    ["call_1", "call_2", "call_1-2", "functions.long_enough_to_be_cut:0", "functions.long_enough_to_be_cut:1"]
)
calls = st.lists(call_ids, max_size=3).map(lambda ids: [call(call_id) for call_id in ids])
texts = st.sampled_from(["", " ", "words"])
steps = st.sampled_from([None, "step-1", "step-2"])


def call(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "name": "roll_dice", "arguments": "{}"}


def row(role: Role, text: str = "", step: str | None = None, **fields: Any) -> Message:
    content = text_content(text) if text else []
    return Message(role, "agent-1", "conv-1", content=content, step_id=step, **fields)


def returned(*call_ids: str, step: str | None = None) -> Message:
    return row("tool", step=step, tool_returns=[_return(call_id) for call_id in call_ids])


def _return(call_id: str) -> dict[str, Any]:
    return {"tool_call_id": call_id, "name": "roll_dice", "status": "success", "tool_return": "6"}


@st.composite
def any_row(draw: st.DrawFn) -> Message:
    """A row that some crash, denial, cancellation, import or edit may have left anywhere."""
    match draw(st.sampled_from(["system", "user", "summary", "assistant", "tool", "request", "decision"])):
        case "assistant":
            return row("assistant", draw(texts), draw(steps), tool_calls=draw(calls) or None)
        case "tool":
            return returned(*draw(st.lists(call_ids, max_size=3)), step=draw(steps))
        case "request":
            return row("approval", draw(texts), draw(steps), tool_calls=draw(calls))
        case "decision":
            return row("approval", approvals=[{"tool_call_id": draw(call_ids), "approve": draw(st.booleans())}])
        case "system":
            return row("system", draw(texts))
        case "summary":
            return row("summary", draw(texts))
    return row("user", draw(texts))


def sent(history: Sequence[Message]) -> list[dict[str, Any]]:
    """What an OpenAI-compatible provider gets of a history."""
    request = ChatRequest(config={"model": "gpt-4o-mini"}, messages=repair(history), tools=[])
    messages: list[dict[str, Any]] = request_body(request)["messages"]
    return messages


def assert_acceptable(messages: Sequence[dict[str, Any]]) -> None:
    """The rules that providers hold histories against."""
    unanswered: list[str] = []
    made = [call["id"] for message in messages for call in message.get("tool_calls", [])]
    assert len(set(made)) == len(made), "two calls with one id"
    for message in messages:
        if message["role"] == "tool":
            assert message["tool_call_id"] in unanswered, "a return without a call"
            unanswered.remove(message["tool_call_id"])
            continue
        assert not unanswered, "a call without its return right after it"
        unanswered = [made["id"] for made in message.get("tool_calls", [])]
        if message["role"] in {"user", "assistant"} and not message.get("tool_calls"):
            assert message["content"].strip(), "a message that says nothing"
    assert not unanswered, "a call without a return at the end"


@given(st.lists(any_row(), max_size=12))
def test_orphaned_calls_and_returns_never_brick_an_agent(history: list[Message]) -> None:
    assert_acceptable(sent(history))


@given(st.lists(any_row(), max_size=12))
def test_what_was_said_is_kept(history: list[Message]) -> None:
    before = "".join(message.text for message in history if message.approvals is None)
    after = "".join(message.text for message in repair(history) if message.role != "tool")
    assert after.replace(" ", "") == before.replace(" ", "")


@given(st.lists(any_row(), max_size=12))
def test_a_repaired_history_needs_no_further_repair(history: list[Message]) -> None:
    once = repair(history)
    assert repair(once) == once


def test_a_whole_history_is_left_as_it_is() -> None:
    history = [
        row("system", "You are Ada."),
        row("user", "Roll twice."),
        row("assistant", "Rolling.", tool_calls=[call("call_1"), call("call_2")]),
        returned("call_1", "call_2"),
        row("assistant", "Two sixes."),
    ]
    assert repair(history) == history


def test_a_call_that_a_crash_cut_off_is_answered_with_what_is_known() -> None:
    history = [row("user", "Roll."), row("assistant", tool_calls=[call("call_1")]), row("user", "And?")]
    repaired = repair(history)
    assert [m.role for m in repaired] == ["user", "assistant", "tool", "user"]
    assert [r["tool_return"] for r in repaired[2].tool_returns or ()] == [INTERRUPTED]


def test_a_request_for_approval_that_nobody_answered_was_not_carried_out() -> None:
    history = [row("user", "Roll."), row("approval", step="step-1", tool_calls=[call("call_1")]), row("user", "And?")]
    assert [r["tool_return"] for r in repair(history)[2].tool_returns or ()] == [UNDECIDED]


def test_an_approved_call_that_a_crash_cut_off_may_have_taken_effect() -> None:
    approved = row("approval", approvals=[{"type": "approval", "tool_call_id": "call_1", "approve": True}])
    history = [row("approval", step="step-1", tool_calls=[call("call_1")]), approved, row("user", "And?")]
    assert [r["tool_return"] for r in repair(history)[1].tool_returns or ()] == [INTERRUPTED]


def test_free_and_gated_calls_of_a_step_are_one_message_to_a_provider() -> None:
    history = [
        row("assistant", "Mixed.", "step-1", tool_calls=[call("call_1")]),
        row("approval", step="step-1", tool_calls=[call("call_2")]),
        row("approval", approvals=[{"type": "approval", "tool_call_id": "call_2", "approve": True}]),
        returned("call_2", "call_1", step="step-1"),
    ]
    messages = sent(history)
    assert [m["role"] for m in messages] == ["assistant", "tool", "tool"]
    assert [made["id"] for made in messages[0]["tool_calls"]] == ["call_1", "call_2"]


def test_calls_of_a_model_that_counts_from_the_beginning_in_each_answer() -> None:
    """Such a history bricked agents whose model was changed to one whose provider wants ids that differ."""
    turn = [row("assistant", tool_calls=[call("call_0")]), returned("call_0"), row("user", "Again.")]
    repaired = repair([row("user", "Roll."), *turn, *turn, *turn])
    assert [c["id"] for m in repaired for c in m.tool_calls or ()] == ["call_0", "call_0-2", "call_0-3"]
    assert [r["tool_call_id"] for m in repaired for r in m.tool_returns or ()] == ["call_0", "call_0-2", "call_0-3"]


def test_one_empty_message_does_not_poison_every_later_call() -> None:
    history = [row("user", "Hello."), row("assistant"), row("user", ""), row("user", "Are you there?")]
    assert [m.text for m in repair(history)] == ["Hello.", "Are you there?"]
