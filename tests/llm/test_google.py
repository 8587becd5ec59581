"""Gemini models, over Google's own wire format."""

from typing import Any

import pytest

from letta.llm.errors import (
    ContextOverflowError,
    LlmAuthenticationError,
    LlmBadRequestError,
    LlmConnectionError,
    LlmEmptyResponseError,
    LlmError,
    LlmRateLimitError,
    LlmTimeoutError,
)
from letta.llm.gemini import thinking_config
from letta.messages.message import Message, text_content
from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel, Usage
from tests.llm.conftest import ADD, Service, assistant, joined, returned, service_of, system, user

OLDER = "gemini-2.5-flash"
NEWER = "gemini-3.8-flash"


@pytest.fixture
def gemini(model: ScriptedModel) -> Service:
    return service_of("google_ai", model.google_url, NEWER, model)


async def test_a_plain_answer(gemini: Service) -> None:
    script = gemini.script.script(Reply("Hello.", usage=Usage(input=100, output=20, cached=60, reasoning=5)))
    result = await gemini.ask([system(), user(script.say())])

    assert [part["text"] for part in result.content] == ["Hello."]
    assert result.finish_reason == "stop"
    used = result.usage
    assert (used.prompt_tokens, used.completion_tokens, used.total_tokens) == (100, 20, 120)
    assert (used.cached_input_tokens, used.reasoning_tokens) == (60, 5)
    assert result.request == gemini.body
    assert result.response["candidates"][0]["content"]["parts"][0]["text"] == "Hello."
    assert gemini.script.requests()[-1].used_key("sk-1")


async def test_what_is_sent(gemini: Service) -> None:
    await gemini.ask([system("Be kind."), user("Hi")])
    body = gemini.body
    assert body["systemInstruction"] == {"parts": [{"text": "Be kind."}]}
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Hi"}]}]
    assert body["generationConfig"] == {
        "temperature": 0.5,
        "maxOutputTokens": 2000,
        "thinkingConfig": {"includeThoughts": True},
    }
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert declared == {
        "name": "add",
        "description": "Add two numbers.",
        "parametersJsonSchema": ADD["parameters"],
    }


@pytest.mark.parametrize("name", [OLDER, NEWER])
async def test_a_stream_adds_up_to_the_whole_answer(gemini: Service, name: str) -> None:
    gemini.model = name
    calls = [Call("add", {"a": 1, "b": 2}, id="call-1"), Call("add", {}, id="call-2")]
    script = gemini.script.script(Reply("Let me add.", reasoning="One and two.", calls=calls))
    deltas, streamed = await gemini.stream([system(), user(script.say())])
    whole = await gemini.ask([system(), user(script.say())])

    assert streamed.content == whole.content
    assert [part["type"] for part in whole.content] == ["reasoning", "text"]
    assert streamed.tool_calls == whole.tool_calls
    assert [call["arguments"] for call in whole.tool_calls] == ['{"a": 1, "b": 2}', "{}"]
    assert streamed.usage == whole.usage
    assert joined(deltas, "reasoning") == "One and two."
    assert joined(deltas, "text") == "Let me add."
    pieces = [delta for delta in deltas if delta.kind == "tool_call"]
    assert [(each.index, each.call_id, each.name) for each in pieces] == [(0, "call-1", "add"), (1, "call-2", "add")]
    assert streamed.response["candidates"] == whole.response["candidates"]


async def test_a_call_without_an_id_gets_one_that_the_stream_shows(gemini: Service) -> None:
    script = gemini.script.script(Reply(calls=[Call("add", {})]))
    deltas, result = await gemini.stream([user(script.say())])
    assert deltas[0].call_id == result.tool_calls[0]["id"] != ""


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", [OLDER, NEWER])
async def test_signatures_go_back_with_the_calls_they_came_with(gemini: Service, name: str, *, stream: bool) -> None:
    gemini.model = name
    script = gemini.script.script(
        Reply(reasoning="I shall add.", calls=[Call("add", {"a": 1, "b": 3})]), Reply("It is 4."), Reply("Yes.")
    )
    history = [system(), user(script.say())]
    _, first = await gemini.stream(history, stream=stream)
    history += [assistant(first, name), returned(first.tool_calls[0]["id"])]
    _, second = await gemini.stream(history, stream=stream)
    history += [assistant(second, name), user("Sure?")]
    _, third = await gemini.stream(history, stream=stream)

    assert third.content[0]["text"] == "Yes."
    call, answer = gemini.body["contents"][1]["parts"][-1], gemini.body["contents"][3]["parts"][-1]
    signed = name == NEWER
    assert ("thoughtSignature" in call, "thoughtSignature" in answer) == (signed, signed)
    assert gemini.body["contents"][1]["parts"][0] == {"text": "I shall add.", "thought": True}


async def test_calls_of_another_model_are_excused(gemini: Service) -> None:
    call = {"id": "c1", "name": "add", "arguments": "{}", "signature": "of another model"}
    before = Message("assistant", "agent-1", "conv-1", tool_calls=[call], model="claude-opus-5")
    await gemini.ask([system(), user("Hi"), before, returned("c1")])
    (part,) = gemini.body["contents"][1]["parts"]
    assert part["thoughtSignature"] == "skip_thought_signature_validator"


async def test_a_tools_return_is_an_object(gemini: Service) -> None:
    call = {"id": "c1", "name": "add", "arguments": "{}"}
    before = Message("assistant", "agent-1", "conv-1", tool_calls=[call])
    await gemini.ask([user("Hi"), before, returned("c1", status="error")])
    (part,) = gemini.body["contents"][-1]["parts"]
    response = part["functionResponse"]
    assert (response["id"], response["name"]) == ("c1", "add")
    assert (response["response"]["status"], response["response"]["message"]) == ("Failed", "4")


async def test_any_history_is_made_acceptable(gemini: Service) -> None:
    calls = [{"id": f"c{number}", "name": "add", "arguments": "not JSON"} for number in (0, 1)]
    history = [
        system(),
        Message("assistant", "agent-1", "conv-1", content=text_content("Welcome.")),
        user(""),
        user("One."),
        system("Note."),
        Message("assistant", "agent-1", "conv-1", content=text_content("Adding.")),
        Message("assistant", "agent-1", "conv-1", content=text_content(""), tool_calls=calls),
        returned("c0"),
        returned("c1"),
        user("Two."),
        Message("assistant", "agent-1", "conv-1", content=text_content("Last.")),
    ]
    await gemini.ask(history, tools=[])
    roles = [content["role"] for content in gemini.body["contents"]]
    assert roles == ["user", "model", "user", "user", "model", "user", "user", "model", "user"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"mode": "AUTO"}),
        ("required", {"mode": "ANY"}),
        ("add", {"mode": "ANY", "allowedFunctionNames": ["add"]}),
        ("none", {"mode": "NONE"}),
    ],
)
async def test_tool_choice(gemini: Service, choice: str, expected: dict[str, Any]) -> None:
    await gemini.ask([user("Hi")], tool_choice=choice)
    assert gemini.body["toolConfig"] == {"functionCallingConfig": expected}


async def test_tools_without_parameters_declare_none(gemini: Service) -> None:
    await gemini.ask([user("Hi")], tools=[{"name": "now", "parameters": {"type": "object", "properties": {}}}])
    assert gemini.body["tools"] == [{"functionDeclarations": [{"name": "now"}]}]


async def test_formats(gemini: Service) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}}, "$schema": "about:blank"}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    await gemini.ask([user("Hi")], response_format=wanted)
    generation = gemini.body["generationConfig"]
    assert generation["responseMimeType"] == "application/json"
    assert generation["responseJsonSchema"] == {"type": "object", "properties": {"x": {"type": "string"}}}

    gemini.model = OLDER
    await gemini.ask([user("Hi")], response_format={"type": "json_object"})
    assert "responseMimeType" not in gemini.body["generationConfig"]
    await gemini.ask([user("Hi")], response_format={"type": "json_object"}, tools=[])
    assert gemini.body["generationConfig"]["responseMimeType"] == "application/json"


async def test_images(gemini: Service) -> None:
    inline = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    linked = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    await gemini.ask([user("Look:", inline, linked)])
    assert gemini.body["contents"][0]["parts"] == [
        {"text": "Look:"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"fileUri": "https://example.com/a.png"}},
    ]


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        ("gemini-2.0-flash", {}, None),
        ("gemini-2.5-flash", {}, {"includeThoughts": True, "thinkingBudget": 1024}),
        ("gemini-2.5-flash", {"max_reasoning_tokens": -1}, {"includeThoughts": True, "thinkingBudget": -1}),
        ("gemini-2.5-flash", {"enable_reasoner": False}, {"includeThoughts": False, "thinkingBudget": 0}),
        ("gemini-2.5-pro", {"enable_reasoner": False}, {"includeThoughts": False, "thinkingBudget": 128}),
        ("gemini-2.5-flash-lite", {"max_reasoning_tokens": 9}, {"includeThoughts": True, "thinkingBudget": 512}),
        ("gemini-3-pro-preview", {}, {"includeThoughts": True}),
        ("gemini-3.8-flash", {"max_reasoning_tokens": 900}, {"includeThoughts": True, "thinkingLevel": "low"}),
        ("gemini-flash-latest", {"max_reasoning_tokens": 9000}, {"includeThoughts": True, "thinkingLevel": "high"}),
        ("gemini-4-argon", {"reasoning_effort": "medium"}, {"includeThoughts": True, "thinkingLevel": "medium"}),
        ("gemini-4-argon", {"enable_reasoner": False}, {"includeThoughts": False, "thinkingLevel": "low"}),
    ],
)
def test_how_long_to_think(name: str, config: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert thinking_config({"model": name, "enable_reasoner": True} | config) == expected


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure("context_overflow"), ContextOverflowError),
        (Failure("auth"), LlmAuthenticationError),
        (Failure("bad_request"), LlmBadRequestError),
        (Failure("not_found"), LlmError),
        (Failure("rate_limit"), LlmRateLimitError),
        (Failure("overloaded"), LlmError),
        (Failure("malformed"), LlmEmptyResponseError),
    ],
)
async def test_errors(gemini: Service, failure: Failure, expected: type[LlmError], *, stream: bool) -> None:
    if failure.kind == "malformed" and stream:
        failure = Failure("malformed", after=1)
    script = gemini.script.script(Reply("one two", error=failure))
    with pytest.raises(expected) as raised:
        await gemini.stream([user(script.say())], stream=stream)
    assert type(raised.value) is expected
    assert "sk-1" not in raised.value.detail


@pytest.mark.parametrize("kind", ["overloaded", "cut"])
async def test_transient_errors_pass_by(gemini: Service, kind: Any) -> None:
    script = gemini.script.script(Reply("At last.", error=Failure(kind, times=1)))
    assert (await gemini.ask([user(script.say())])).content[0]["text"] == "At last."
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("failure", "expected"),
    [(Failure("overloaded", after=2), LlmError), (Failure("cut", after=2), LlmConnectionError)],
)
async def test_a_stream_that_breaks(gemini: Service, failure: Failure, expected: type[LlmError]) -> None:
    script = gemini.script.script(Reply("one two three four", error=failure))
    with pytest.raises(expected):
        await gemini.stream([user(script.say())])


@pytest.mark.parametrize("stream", [False, True])
async def test_a_spoiled_answer_is_asked_for_again(gemini: Service, *, stream: bool) -> None:
    script = gemini.script.script(Reply(calls=[Call("add", "{not JSON")]))
    with pytest.raises(LlmEmptyResponseError, match="MALFORMED_FUNCTION_CALL"):
        await gemini.stream([user(script.say())], stream=stream)
    assert len(script.requests) == 3


async def test_why_an_answer_ended(gemini: Service) -> None:
    script = gemini.script.script(Reply("Well", finish_reason="MAX_TOKENS"), Reply("No", finish_reason="SAFETY"))
    assert (await gemini.ask([user(script.say())])).finish_reason == "length"
    history = [user(script.say()), Message("assistant", "a", "c", content=text_content("Well")), user("More")]
    assert (await gemini.ask(history)).finish_reason == "content_filter"


async def test_a_slow_answer(gemini: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("letta.llm.rest.settings.llm_max_retries", 0)
    monkeypatch.setattr("letta.llm.rest.settings.llm_request_timeout_seconds", 0.1)
    monkeypatch.setattr("letta.llm.rest.settings.llm_stream_timeout_seconds", 0.1)
    script = gemini.script.script(Reply(delay=5))
    with pytest.raises(LlmTimeoutError, match="LETTA_LLM_REQUEST_TIMEOUT_SECONDS"):
        await gemini.ask([user(script.say())])
    with pytest.raises(LlmTimeoutError, match="LETTA_LLM_STREAM_TIMEOUT_SECONDS"):
        await gemini.stream([user(script.say())])


async def test_nobody_there(gemini: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("letta.llm.rest.settings.llm_max_retries", 0)
    away = service_of("google_ai", "http://127.0.0.1:9", NEWER, gemini.script)
    with pytest.raises(LlmConnectionError, match="base URL"):
        await away.ask([user("Hi")])
