"""Answers of models with parts left out, doubled or of other kinds: each gives an answer, or an error in words."""

import asyncio
import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letta.llm.chat import ChatRequest, ChatResult, chat
from letta.llm.clients import close_clients
from letta.llm.errors import LlmError
from letta.llm.provider import Provider
from letta.messages.message import Message, text_content
from letta.settings import settings as server_settings
from tests.hostile.raw_provider import JSON, RawProvider

Json = dict[str, Any]

TOOL: Json = {"name": "add", "description": "Add.", "parameters": {"type": "object", "properties": {}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}

OPENAI_STREAM: list[Any] = [
    {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}}]},
    {"choices": [{"index": 0, "delta": {"reasoning_content": "Hm."}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **CALL}]}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 3}},
]
OPENAI_WHOLE: list[Any] = [
    {
        "id": "c",
        "choices": [{"message": {"content": "Hi", "tool_calls": [CALL]}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 1}},
    }
]
ANTHROPIC_STREAM: list[Any] = [
    {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": {"input_tokens": 3}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "add"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
]
ANTHROPIC_WHOLE: list[Any] = [
    {
        "content": [{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1}}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
]
PARTS = [{"text": "Hm.", "thought": True}, {"text": "Hi"}, {"functionCall": {"name": "add", "args": {"a": 1}}}]
GOOGLE_WHOLE: list[Any] = [
    {
        "candidates": [{"content": {"parts": PARTS, "role": "model"}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
        "modelVersion": "m",
    }
]
RESPONSE = {
    "id": "r",
    "status": "completed",
    "output": [
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
        {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"},
    ],
    "usage": {"input_tokens": 3, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 1}},
}
RESPONSES_STREAM: list[Any] = [
    {"type": "response.output_text.delta", "output_index": 1, "delta": "Hi"},
    {"type": "response.output_item.added", "output_index": 2, "item": RESPONSE["output"][2]},  # type: ignore[index]
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
    {"type": "response.completed", "response": RESPONSE},
]

SERVICES: dict[str, tuple[str, str, list[Any], bool]] = {
    "openai, streamed": ("openai", "gpt-4o-mini", OPENAI_STREAM, True),
    "openai, whole": ("openai", "gpt-4o-mini", OPENAI_WHOLE, False),
    "responses, streamed": ("openai", "gpt-5", RESPONSES_STREAM, True),
    "responses, whole": ("openai", "gpt-5", [RESPONSE], False),
    "anthropic, streamed": ("anthropic", "claude-sonnet-4-5", ANTHROPIC_STREAM, True),
    "anthropic, whole": ("anthropic", "claude-sonnet-4-5", ANTHROPIC_WHOLE, False),
    "google, streamed": ("google_ai", "gemini-2.5-flash", GOOGLE_WHOLE, True),
    "google, whole": ("google_ai", "gemini-2.5-flash", GOOGLE_WHOLE, False),
}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3),
    max_leaves=5,
)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all parts of a value."""
    if place:
        yield place
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*place, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from places(part, (*place, number))


@st.composite
def spoiled(draw: st.DrawFn, good: list[Any]) -> list[Any]:
    """The events with some parts replaced, left out or doubled."""
    events = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        ways = list(places(events))
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        part: Any = events
        for step in way:
            part = part[step]
        how = draw(st.sampled_from(["replace", "leave out", "double"]))
        if how == "replace":
            part[last] = draw(values)
        elif how == "leave out":
            del part[last]
        elif isinstance(part, list):
            part.insert(last, copy.deepcopy(part[last]))
    return events


def encoded(events: list[Any], *, streamed: bool) -> bytes:
    if not streamed:
        return json.dumps(events[0] if events else None).encode()
    named = [(event.get("type") if isinstance(event, dict) else None, event) for event in events]
    return b"".join(
        (b"event: %s\n" % kind.encode(errors="replace") if isinstance(kind, str) and kind.isidentifier() else b"")
        + b"data: "
        + json.dumps(event).encode()
        + b"\n\n"
        for kind, event in named
    )


async def ask(provider: Provider, model: str, *, stream: bool) -> ChatResult | LlmError:
    config = {"model": model, "model_endpoint_type": provider.type, "max_tokens": 100, "enable_reasoner": True}
    messages = [Message(role, "agent-1", "conv-1", content=text_content("Hi")) for role in ("system", "user")]
    request = ChatRequest(config, messages, [TOOL], tool_choice="auto", stream=stream)
    try:
        async for item in chat(request, provider):
            if isinstance(item, ChatResult):
                return item
    except LlmError as error:
        return error
    raise AssertionError("no answer, and no error")


@pytest.fixture(scope="module")
def raw() -> Iterator[RawProvider]:
    with RawProvider() as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
def test_any_answer_is_an_answer_or_an_error_in_words(
    raw: RawProvider, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind, model, good, streamed = SERVICES[name]
    monkeypatch.setattr(server_settings, "llm_max_retries", 0)
    provider = Provider(kind, kind, raw.url, kind)

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(spoiled(good))
    def ask_once(events: list[Any]) -> None:
        raw.say(encoded(events, streamed=streamed), **({} if streamed else {"kind": JSON}))
        outcome = runner.run(ask(provider, model, stream=streamed))
        if isinstance(outcome, LlmError):
            assert outcome.detail
        else:
            assert all(isinstance(call[part], str) for call in outcome.tool_calls for part in ("id", "name"))
            assert isinstance(outcome.usage.total_tokens, int)
            json.dumps(outcome.content).encode()

    with asyncio.Runner() as runner:  # for all examples: a client takes longer to make than an answer to read
        ask_once()
        runner.run(close_clients())


@pytest.mark.slow
@pytest.mark.parametrize("name", SERVICES)
async def test_the_answers_are_right_before_they_are_spoiled(raw: RawProvider, name: str) -> None:
    kind, model, good, streamed = SERVICES[name]
    raw.say(encoded(good, streamed=streamed), **({} if streamed else {"kind": JSON}))
    outcome = await ask(Provider(kind, kind, raw.url, kind), model, stream=streamed)
    await close_clients()
    assert isinstance(outcome, ChatResult), outcome
    assert [call["name"] for call in outcome.tool_calls] == ["add"]
