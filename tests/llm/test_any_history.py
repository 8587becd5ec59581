"""Whatever a history holds, no provider refuses the request that is made of it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest, request_body
from letta.messages.message import Message
from letta.testing.model.pieces import sign
from letta.testing.model.stage import WIRES
from letta.testing.model.wire import Incoming
from letta.turn.history import repair
from tests.llm.conftest import ADD, CONFIG

pytestmark = pytest.mark.slow

PATHS = {
    "gpt-4o": ("openai", "/v1/chat/completions"),
    "gpt-5": ("openai", "/v1/responses"),
    "claude-haiku-4-5": ("anthropic", "/v1/messages"),
    "claude-opus-5-5": ("anthropic", "/v1/messages"),
    "gemini-2.5-flash": ("google_ai", "/v1beta/models/gemini-2.5-flash:generateContent"),
    "gemini-3.8-flash": ("google_ai", "/v1beta/models/gemini-3.8-flash:generateContent"),
}
TEXTS = st.sampled_from(["", " \n", "Hello.", "Wörter"])
LONG = "functions.archival_memory_insert:"
CALL_IDS = st.sampled_from(["call_1", "call_2", "call_1-2", "functions.add:0", "toolu_3", f"{LONG}0", f"{LONG}1"])
MODELS = st.sampled_from([None, *PATHS])


def text(value: str) -> JsonObject:
    return {"type": "text", "text": value, "signature": None}


@st.composite
def thoughts(draw: st.DrawFn, model: str | None) -> list[JsonObject]:
    """What a model may have thought, in the form in which that model's provider tells it."""
    if model is None or not draw(st.booleans()):
        return []
    if model.startswith("claude"):
        return [{"type": "reasoning", "reasoning": "Hm.", "signature": f"{sign(model, 'Hm.')}."}]
    if model == "gpt-5":
        encrypted = f"enc-{sign(model, '')}"
        return [{"type": "summarized_reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted}]
    return [{"type": "reasoning", "reasoning": "Hm.", "signature": None}, {"type": "omitted_reasoning"}]


@st.composite
def answers(draw: st.DrawFn) -> Message:
    model = draw(MODELS)
    content = [*draw(thoughts(model)), text(draw(TEXTS))]
    ids = draw(st.lists(CALL_IDS, max_size=3, unique=True))
    arguments = draw(st.sampled_from(["{}", '{"a": 1}', "not JSON", "[]"]))
    calls = [{"id": each, "name": "add", "arguments": arguments} for each in ids]
    role: Any = draw(st.sampled_from(["assistant", "approval"])) if calls else "assistant"
    return Message(
        role, "agent-1", "conv-1", content=content, tool_calls=calls or None, model=model, step_id=f"step-{model}"
    )


@st.composite
def returns(draw: st.DrawFn) -> Message:
    ids = draw(st.lists(CALL_IDS, min_size=1, max_size=3, unique=True))
    given = [{"tool_call_id": each, "name": "add", "status": "success", "tool_return": draw(TEXTS)} for each in ids]
    return Message("tool", "agent-1", "conv-1", tool_returns=given)


@st.composite
def words(draw: st.DrawFn) -> Message:
    role: Any = draw(st.sampled_from(["user", "user", "summary", "system"]))
    return Message(role, "agent-1", "conv-1", content=[text(draw(TEXTS))])


HISTORIES = st.lists(st.one_of(answers(), returns(), words()), max_size=8)


def objection(messages: Sequence[Message], name: str, **options: Any) -> str | None:
    """What the scripted service finds wrong with the request; it refuses what the real one refuses."""
    kind, path = PATHS[name]
    config = CONFIG | {"model": name, "model_endpoint_type": kind}
    body = request_body(ChatRequest(config=config, messages=repair(messages), **options))
    headers = {"anthropic-version": "1", "anthropic-beta": "thinking-binding-controls-2026-08-01"}
    sent = json.loads(json.dumps(body))
    wire = next(wire for wire in WIRES if wire.accepts("POST", path))
    return wire.objection(Incoming("POST", path, {}, headers, None, sent))


@pytest.mark.parametrize("name", PATHS)
@given(history=HISTORIES, choice=st.sampled_from(["auto", "required", "add", None]))
@settings(max_examples=150, deadline=None)
def test_no_history_is_refused(name: str, history: list[Message], choice: str | None) -> None:
    system = Message("system", "agent-1", "conv-1", content=[text("Be kind.")])
    tools = [] if choice is None else [ADD]
    assert objection([system, *history], name, tools=tools, tool_choice=choice) is None
