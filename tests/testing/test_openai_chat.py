"""The scripted model as the official OpenAI client sees it."""

import json
from collections.abc import Iterator

import openai as sdk
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionToolUnionParam

from letta.testing.scripted_model import DEFAULT_TEXT, Call, Failure, Reply, Script, ScriptedModel, Usage

TOOLS: list[ChatCompletionToolUnionParam] = [{"type": "function", "function": {"name": "add"}}]


def ask(openai: OpenAI, text: str) -> ChatCompletion:
    return openai.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": text}], tools=TOOLS
    )


def stream(openai: OpenAI, text: str) -> Iterator[ChatCompletionChunk]:
    yield from openai.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": text}],
        tools=TOOLS,
        stream=True,
        stream_options={"include_usage": True},
    )


def test_a_plain_reply(openai: OpenAI) -> None:
    answer = ask(openai, "hello")
    assert answer.choices[0].message.content == DEFAULT_TEXT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "gpt-4o-mini"


def test_an_empty_completion(openai: OpenAI, model: ScriptedModel) -> None:
    assert ask(openai, model.script(Reply(text="")).say()).choices[0].message.content == ""


def test_parallel_calls_with_text_reasoning_and_usage(openai: OpenAI, model: ScriptedModel) -> None:
    calls = [Call("add", {"a": 1, "b": 2}, id="call_1"), Call("add", '{"a": ')]
    usage = Usage(input=500, output=40, cached=300, reasoning=20)
    script = model.script(Reply("Let me add.", reasoning="One and two.", calls=calls, usage=usage))
    answer = ask(openai, script.say())
    message = answer.choices[0].message
    assert message.content == "Let me add."
    assert message.model_dump()["reasoning_content"] == "One and two."
    assert answer.choices[0].finish_reason == "tool_calls"
    first, second = message.tool_calls or []
    assert first.type == second.type == "function"
    assert (first.id, first.function.name, json.loads(first.function.arguments)) == ("call_1", "add", {"a": 1, "b": 2})
    assert second.id.startswith("call_")
    assert second.function.arguments == '{"a": '
    assert answer.usage is not None
    assert answer.usage.total_tokens == 540
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 300
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 20


def test_calls_alone_have_no_content(openai: OpenAI, model: ScriptedModel) -> None:
    answer = ask(openai, model.script(Reply(calls=[Call("add")])).say())
    assert answer.choices[0].message.content is None


def test_the_finish_reason_may_be_overridden(openai: OpenAI, model: ScriptedModel) -> None:
    script = model.script(Reply("cut sh", finish_reason="length"))
    assert ask(openai, script.say()).choices[0].finish_reason == "length"
    assert [c.choices[0].finish_reason for c in stream(openai, script.say()) if c.choices][-1] == "length"


def test_a_stream_adds_up_to_the_whole_reply(openai: OpenAI, model: ScriptedModel) -> None:
    arguments = {"text": "long enough to come in several pieces"}
    calls = [Call("add", arguments, id="call_1"), Call("add", {}, id="call_2")]
    script = model.script(Reply("Two words.\n", reasoning="  Hm, yes.", calls=calls, usage=Usage(input=7, output=3)))
    chunks = list(stream(openai, script.say()))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert [d.content for d in deltas if d.content] == ["Two ", "words.\n"]
    assert "".join(d.model_dump().get("reasoning_content", "") for d in deltas) == "  Hm, yes."
    pieces = [call for delta in deltas for call in delta.tool_calls or []]
    assert [(p.index, p.id) for p in pieces if p.id] == [(0, "call_1"), (1, "call_2")]
    sent = "".join(p.function.arguments or "" for p in pieces if p.index == 0 and p.function)
    assert json.loads(sent) == arguments
    assert chunks[-2].choices[0].finish_reason == "tool_calls"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 10
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_has_no_usage_unless_asked_for(openai: OpenAI) -> None:
    chunks = openai.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_multi_part_content_is_searched_for_the_marker(openai: OpenAI, model: ScriptedModel) -> None:
    script = model.script(Reply("seen"))
    parts: list[dict[str, object]] = [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        {"type": "text", "text": script.say()},
    ]
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": parts}], "tools": TOOLS}
    answer = openai.post("/chat/completions", body=body, cast_to=ChatCompletion)
    assert answer.choices[0].message.content == "seen"


@pytest.mark.parametrize(
    ("failure", "expected", "code"),
    [
        (Failure("rate_limit"), sdk.RateLimitError, "rate_limit_exceeded"),
        (Failure("quota"), sdk.RateLimitError, "insufficient_quota"),
        (Failure("server"), sdk.InternalServerError, None),
        (Failure("overloaded"), sdk.InternalServerError, None),
        (Failure("auth"), sdk.AuthenticationError, "invalid_api_key"),
        (Failure("bad_request"), sdk.BadRequestError, "invalid_value"),
        (Failure("not_found"), sdk.NotFoundError, "model_not_found"),
        (Failure("context_overflow"), sdk.BadRequestError, "context_length_exceeded"),
        (Failure("server", status=502), sdk.InternalServerError, None),
    ],
)
def test_errors(
    openai: OpenAI, model: ScriptedModel, failure: Failure, expected: type[sdk.APIStatusError], code: str | None
) -> None:
    script = model.script(Reply(error=failure))
    for send in (ask, stream):
        with pytest.raises(expected) as raised:
            list(send(openai, script.say()))
        assert raised.value.code == code
        assert failure.status in (None, raised.value.status_code)


def test_an_error_goes_away_after_its_times(openai: OpenAI, model: ScriptedModel) -> None:
    script = model.script(Reply("at last", error=Failure("server", times=2)))
    answer = ask(openai.with_options(max_retries=2), script.say())
    assert answer.choices[0].message.content == "at last"
    assert [r.headers["x-stainless-retry-count"] for r in script.requests] == ["0", "1", "2"]


def test_an_error_says_what_it_is_told(openai: OpenAI, model: ScriptedModel) -> None:
    script = model.script(Reply(error=Failure("rate_limit", message="Slow down.", retry_after=3)))
    with pytest.raises(sdk.RateLimitError, match="Slow down") as raised:
        ask(openai, script.say())
    assert raised.value.response.headers["retry-after"] == "3"


def test_a_bad_key_is_refused(openai: OpenAI) -> None:
    with pytest.raises(sdk.AuthenticationError):
        ask(openai.with_options(api_key="bad-key"), "hello")
    with pytest.raises(sdk.AuthenticationError):
        openai.with_options(api_key="bad-key").models.list()


def test_a_connection_cut_before_the_reply(openai: OpenAI, model: ScriptedModel) -> None:
    script = model.script(Reply(error=Failure("cut", times=2)))
    for send in (ask, stream):
        with pytest.raises(sdk.APIConnectionError):
            list(send(openai, script.say()))
    assert [r.outcome for r in script.requests] == ["cut", "cut"]
    assert ask(openai, script.say()).choices[0].message.content == DEFAULT_TEXT


def received(chunks: Iterator[ChatCompletionChunk], error: type[Exception]) -> str:
    """The text received until the stream breaks with this error."""
    pieces: list[str] = []
    with pytest.raises(error):
        pieces.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    return "".join(pieces)


def broken(model: ScriptedModel, failure: Failure) -> Script:
    return model.script(Reply("one two three four", error=failure))


def test_a_stream_cut_in_the_middle(openai: OpenAI, model: ScriptedModel) -> None:
    script = broken(model, Failure("cut", after=3))
    assert received(stream(openai, script.say()), sdk.APIConnectionError) == "one two "


def test_an_error_in_the_middle_of_a_stream(openai: OpenAI, model: ScriptedModel) -> None:
    script = broken(model, Failure("server", after=2, message="out of luck"))
    assert received(stream(openai, script.say()), sdk.APIError) == "one "


def test_malformed_json(openai: OpenAI, model: ScriptedModel) -> None:
    script = broken(model, Failure("malformed", after=2))
    assert received(stream(openai, script.say()), ValueError) == "one "
    with pytest.raises(json.JSONDecodeError):
        ask(openai, model.script(Reply(error=Failure("malformed"))).say())
