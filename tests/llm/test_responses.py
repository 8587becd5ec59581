"""OpenAI's reasoning models, over the Responses API."""

from typing import Any

import pytest

from letta.llm import openai_responses
from letta.llm.errors import (
    ContextOverflowError,
    LlmAuthenticationError,
    LlmConnectionError,
    LlmError,
    LlmRateLimitError,
)
from letta.messages.message import Message, text_content
from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel, Usage
from tests.llm.conftest import ADD, Service, assistant, joined, returned, service_of, system, user

NAME = "gpt-5-mini"


@pytest.fixture
def gpt(model: ScriptedModel) -> Service:
    return service_of("openai", model.base_url, NAME, model)


async def test_a_plain_answer(gpt: Service) -> None:
    script = gpt.script.script(Reply("Hello.", usage=Usage(input=100, output=20, cached=60, reasoning=5)))
    result = await gpt.ask([system(), user(script.say())])

    assert result.content == text_content("Hello.")
    assert result.finish_reason == "stop"
    used = result.usage
    assert (used.prompt_tokens, used.completion_tokens, used.total_tokens) == (100, 20, 120)
    assert (used.cached_input_tokens, used.cache_write_tokens, used.reasoning_tokens) == (60, 0, 5)
    assert gpt.script.requests()[-1].path == "/v1/responses"
    assert result.request == gpt.body


async def test_what_is_sent(gpt: Service) -> None:
    config = {"reasoning_effort": "low", "verbosity": "medium"}
    await gpt.ask([system("Be kind."), user("Hi")], config=config, user="user-1")
    assert gpt.body == {
        "model": NAME,
        "input": [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low", "summary": "detailed"},
        "text": {"verbosity": "medium"},
        "max_output_tokens": 2000,
        "user": "user-1",
        "tools": [{"type": "function", **ADD, "strict": False}],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
    }


async def test_a_stream_adds_up_to_the_whole_answer(gpt: Service) -> None:
    calls = [Call("add", {"a": 1, "b": 2}, id="call_1"), Call("add", "{not JSON", id="call_2")]
    script = gpt.script.script(Reply("Let me add.", reasoning="One and two.", calls=calls))
    deltas, streamed = await gpt.stream([system(), user(script.say())])
    whole = await gpt.ask([system(), user(script.say())])

    assert [part["type"] for part in whole.content] == ["summarized_reasoning", "text"]
    assert whole.content[0]["summary"] == [{"index": 0, "text": "One and two."}]
    assert streamed.content[0]["encrypted_content"] == whole.content[0]["encrypted_content"]
    assert streamed.tool_calls == whole.tool_calls
    assert [call["arguments"] for call in whole.tool_calls] == ['{"a": 1, "b": 2}', "{not JSON"]
    assert joined(deltas, "reasoning") == "One and two."
    assert joined(deltas, "text") == "Let me add."
    assert "".join(each.text for each in deltas if each.call_id == "call_2") == "{not JSON"
    assert [(each.index, each.name) for each in deltas if each.name] == [(0, "add"), (1, "add")]


@pytest.mark.parametrize("stream", [False, True])
async def test_encrypted_thoughts_go_back_with_the_calls_they_led_to(gpt: Service, *, stream: bool) -> None:
    script = gpt.script.script(
        Reply(reasoning="I shall add.", calls=[Call("add", {"a": 1, "b": 3})]),
        Reply(hidden="nothing to read", text="It is 4."),
        Reply("Yes."),
    )
    history = [system(), user(script.say())]
    _, first = await gpt.stream(history, stream=stream)
    history += [assistant(first, NAME), returned(first.tool_calls[0]["id"])]
    _, second = await gpt.stream(history, stream=stream)
    history += [assistant(second, NAME), user("Sure?")]
    _, third = await gpt.stream(history, stream=stream)

    assert third.content == text_content("Yes.")
    kinds = [item.get("type") or item["role"] for item in gpt.body["input"]]
    behind_user = ["reasoning", "function_call", "function_call_output", "reasoning", "assistant", "user"]
    assert kinds == ["developer", "user", *behind_user]


async def test_thoughts_of_another_model_stay_behind(gpt: Service) -> None:
    script = gpt.script.script(Reply(reasoning="Hm.", text="Hello."), Reply("Bye."))
    history = [system(), user(script.say())]
    history += [assistant(await gpt.ask(history), "gpt-5"), user("And?")]
    await gpt.ask(history)
    assert "reasoning" not in [item.get("type") for item in gpt.body["input"]]


async def test_thoughts_that_led_to_nothing_stay_behind(gpt: Service) -> None:
    thought = {"type": "summarized_reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc"}
    lonely = Message("assistant", "agent-1", "conv-1", content=[thought], model=NAME)
    await gpt.ask([system(), user("Hi"), lonely, user("Hello?")])
    assert [item.get("type") or item["role"] for item in gpt.body["input"]] == ["developer", "user", "user"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("auto", "auto"), ("required", "required"), ("add", {"type": "function", "name": "add"})],
)
async def test_tool_choice(gpt: Service, choice: str, expected: Any) -> None:
    await gpt.ask([user("Hi")], tool_choice=choice)
    assert gpt.body["tool_choice"] == expected


async def test_strict_tools_and_formats(gpt: Service) -> None:
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    wanted = {"type": "json_schema", "json_schema": schema}
    await gpt.ask([user("Hi")], config={"strict": True}, response_format=wanted)
    assert gpt.body["tools"][0]["strict"] is True
    assert gpt.body["text"]["format"] == {"type": "json_schema", **schema}


async def test_images(gpt: Service) -> None:
    inline = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    call = {"id": "c1", "name": "add", "arguments": "{}"}
    value = [{"type": "text", "text": "a picture"}, inline]
    answer = Message("assistant", "agent-1", "conv-1", tool_calls=[call])
    await gpt.ask([user("Look:", inline), answer, returned("c1", value=value)])
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
    assert gpt.body["input"][0]["content"] == [{"type": "input_text", "text": "Look:"}, image]
    assert gpt.body["input"][-1]["output"][1] == image


async def test_why_an_answer_ended(gpt: Service) -> None:
    script = gpt.script.script(Reply("Well", finish_reason="max_output_tokens"))
    for stream in (False, True):
        _, result = await gpt.stream([user(script.say())], stream=stream)
        assert result.finish_reason == "length"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure("context_overflow"), ContextOverflowError),
        (Failure("auth"), LlmAuthenticationError),
        (Failure("rate_limit"), LlmRateLimitError),
        (Failure("not_found"), LlmError),
    ],
)
async def test_errors(gpt: Service, failure: Failure, expected: type[LlmError], *, stream: bool) -> None:
    script = gpt.script.script(Reply(error=failure))
    with pytest.raises(expected) as raised:
        await gpt.stream([user(script.say())], stream=stream)
    assert type(raised.value) is expected


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure("rate_limit", after=4), LlmRateLimitError),
        (Failure("server", after=4), LlmError),
        (Failure("cut", after=4), LlmConnectionError),
    ],
)
async def test_a_stream_that_breaks(gpt: Service, failure: Failure, expected: type[LlmError]) -> None:
    script = gpt.script.script(Reply("one two three four", error=failure))
    with pytest.raises(expected):
        await gpt.stream([user(script.say())])


@pytest.mark.parametrize("stream", [False, True])
async def test_a_service_without_responses_is_asked_for_completions(
    gpt: Service, monkeypatch: pytest.MonkeyPatch, *, stream: bool
) -> None:
    monkeypatch.setattr(openai_responses, "_without_responses", set())
    gpt.script.fail("/responses", Failure("bad_request", status=404))
    for _ in range(2):
        _, result = await gpt.stream([user("Hi")], stream=stream)
        assert result.content[0]["type"] == "text"
    paths = [request.path for request in gpt.script.requests()]
    assert paths == ["/v1/responses", "/v1/chat/completions", "/v1/chat/completions"]
