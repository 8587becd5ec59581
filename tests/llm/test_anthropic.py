"""Claude models, over Anthropic's own wire format."""

import asyncio
from typing import Any

import pytest

from letta.llm.claude import rules_of
from letta.llm.errors import (
    ContextOverflowError,
    LlmAuthenticationError,
    LlmBadRequestError,
    LlmConnectionError,
    LlmError,
    LlmInsufficientCreditsError,
    LlmRateLimitError,
)
from letta.messages.message import Message, text_content
from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel, Usage
from tests.llm.conftest import Service, assistant, joined, returned, service_of, system, user

MANUAL = "claude-haiku-4-5"
ADAPTIVE = "claude-opus-5-5"


@pytest.fixture
def claude(model: ScriptedModel) -> Service:
    return service_of("anthropic", f"{model.anthropic_url}/v1", MANUAL, model)


@pytest.fixture
def newest(claude: Service) -> Service:
    claude.model = ADAPTIVE
    return claude


async def test_a_plain_answer(claude: Service) -> None:
    script = claude.script.script(Reply("Hello.", usage=Usage(input=100, output=20, cached=60, reasoning=5)))
    result = await claude.ask([system(), user(script.say())])

    assert result.content == text_content("Hello.")
    assert (result.tool_calls, result.finish_reason) == ([], "stop")
    used = result.usage
    assert (used.prompt_tokens, used.completion_tokens, used.total_tokens) == (100, 20, 120)
    assert (used.cached_input_tokens, used.cache_write_tokens, used.reasoning_tokens) == (60, 0, 5)
    assert result.request == claude.body
    assert result.response["content"][0]["text"] == "Hello."
    assert claude.script.requests()[-1].used_key("sk-1")


async def test_what_stays_the_same_is_marked_for_the_cache(claude: Service) -> None:
    await claude.ask([system("Be kind."), user("Hi")], user="user-1")

    body, mark = claude.body, {"type": "ephemeral"}
    assert body["system"] == [{"type": "text", "text": "Be kind.", "cache_control": mark}]
    assert body["tools"][-1]["cache_control"] == mark
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]}]
    assert body["metadata"] == {"user_id": "user-1"}
    assert body["tools"][0]["input_schema"]["required"] == ["a", "b"]


async def test_a_stream_adds_up_to_the_whole_answer(claude: Service) -> None:
    calls = [Call("add", {"a": 1, "b": 2}, id="toolu_1"), Call("add", {}, id="toolu_2")]
    reply = Reply("Let me add.", reasoning="One and two.", hidden="opaque", calls=calls)
    script = claude.script.script(reply)
    deltas, streamed = await claude.stream([system(), user(script.say())], parallel_tool_calls=True)
    whole = await claude.ask([system(), user(script.say())], parallel_tool_calls=True)

    assert streamed.content == whole.content
    assert [part["type"] for part in whole.content] == ["redacted_reasoning", "reasoning", "text"]
    assert streamed.tool_calls == whole.tool_calls
    assert [call["arguments"] for call in whole.tool_calls] == ['{"a": 1, "b": 2}', "{}"]
    assert streamed.finish_reason == whole.finish_reason == "tool_calls"
    assert streamed.usage == whole.usage
    assert joined(deltas, "reasoning") == "One and two."
    assert joined(deltas, "text") == "Let me add."
    assert joined(deltas, "redacted") == "opaque"
    firsts = [delta for delta in deltas if delta.name]
    assert [(each.index, each.call_id, each.name) for each in firsts] == [(0, "toolu_1", "add"), (1, "toolu_2", "add")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", [MANUAL, ADAPTIVE])
async def test_thoughts_go_back_with_the_calls_they_led_to(claude: Service, name: str, *, stream: bool) -> None:
    claude.model = name
    script = claude.script.script(
        Reply(reasoning="I shall add.", hidden="opaque", calls=[Call("add", {"a": 1, "b": 3})]),
        Reply(reasoning="It is four.", text="4"),
        Reply("Yes."),
    )
    history = [system(), user(script.say())]
    for text in (None, "4"):
        _, result = await claude.stream(history, stream=stream)
        history.append(assistant(result, name))
        assert [part["text"] for part in result.content if part["type"] == "text"] == ([text] if text else [])
        history.append(returned(result.tool_calls[0]["id"]) if result.tool_calls else user("Sure?"))
    _, last = await claude.stream(history, stream=stream)

    assert last.content == text_content("Yes.")
    sent = [block for message in claude.body["messages"] for block in message["content"]]
    assert [block["thinking"] for block in sent if block["type"] == "thinking"] == ["I shall add.", "It is four."]
    assert [block["data"] for block in sent if block["type"] == "redacted_thinking"] == ["opaque"]


async def test_thoughts_of_another_model_stay_behind(claude: Service) -> None:
    script = claude.script.script(Reply(reasoning="Hm.", text="Hello."), Reply("Bye."))
    history = [system(), user(script.say())]
    history += [assistant(await claude.ask(history), "gpt-4o"), user("And?")]
    await claude.ask(history)

    assert "thinking" not in [block["type"] for block in claude.body["messages"][1]["content"]]


async def test_a_changed_system_text_makes_bound_thoughts_go_unread(newest: Service) -> None:
    """The agent's memory is part of the system text, so that its thoughts from before are of another conversation."""
    script = newest.script.script(Reply(reasoning="Hm.", text="Hello."), Reply("Bye."))
    history = [system(), user(script.say())]
    history += [assistant(await newest.ask(history), ADAPTIVE), user("And?")]
    result = await newest.ask([system("Be kinder."), *history[1:]])

    assert result.content == text_content("Bye.")
    assert newest.body["thinking"]["block_binding"] == {"prefix_mismatch_behavior": "drop_block"}
    assert "thinking-binding-controls" in newest.script.requests()[-1].headers["anthropic-beta"]


@pytest.mark.parametrize("stream", [False, True])
async def test_thoughts_that_are_refused_are_left_out(claude: Service, *, stream: bool) -> None:
    """Users of the former server lost agents to thoughts that their provider didn't recognise any more."""
    script = claude.script.script(
        Reply(reasoning="Hm.", calls=[Call("add", {"a": 1, "b": 3})]), Reply(reasoning="New.", text="Bye.")
    )
    history = [system(), user(script.say())]
    answer = assistant(await claude.ask(history), MANUAL)
    answer.content[0]["signature"] = "of another account"
    history += [answer, returned((answer.tool_calls or [])[0]["id"])]
    _, result = await claude.stream(history, stream=stream)

    assert result.content == text_content("Bye.")
    assert "thinking" not in str(claude.body)
    assert result.request == claude.body


async def test_a_step_that_began_without_thoughts_goes_on_without(claude: Service) -> None:
    script = claude.script.script(Reply(calls=[Call("add", {"a": 1, "b": 3})]), Reply("4"))
    history = [system(), user(script.say())]
    result = await claude.ask(history, tool_choice="required")
    assert claude.body["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}
    assert "thinking" not in claude.body

    history += [assistant(result, MANUAL), returned(result.tool_calls[0]["id"])]
    await claude.ask(history)
    assert "thinking" not in claude.body


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("add", {"type": "tool", "name": "add"}),
        ("none", {"type": "none"}),
    ],
)
async def test_tool_choice(claude: Service, choice: str, expected: dict[str, Any]) -> None:
    await claude.ask([user("Hi")], tool_choice=choice, parallel_tool_calls=True)
    assert claude.body["tool_choice"] == expected


async def test_the_newest_models_are_never_forced(newest: Service) -> None:
    await newest.ask([user("Hi")], tool_choice="required", parallel_tool_calls=True)
    assert newest.body["tool_choice"] == {"type": "auto"}


async def test_a_budget_leaves_room_for_the_answer(claude: Service) -> None:
    await claude.ask([user("Hi")])
    assert claude.body["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert "temperature" not in claude.body
    await claude.ask([user("Hi")], config={"max_reasoning_tokens": 5000})
    assert claude.body["thinking"]["budget_tokens"] == 1999
    await claude.ask([user("Hi")], config={"max_tokens": 1000})
    assert "thinking" not in claude.body


async def test_settings_without_thoughts(claude: Service) -> None:
    await claude.ask([user("Hi")], config={"enable_reasoner": False, "temperature": 1.7})
    assert "thinking" not in claude.body
    assert claude.body["temperature"] == 1.0


async def test_a_model_that_always_thinks_is_asked_to_do_so_briefly(newest: Service) -> None:
    await newest.ask([user("Hi")], config={"enable_reasoner": False})
    assert newest.body["thinking"]["type"] == "adaptive"
    assert newest.body["output_config"] == {"effort": "low"}
    assert "temperature" not in newest.body


async def test_effort_and_format(newest: Service) -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    await newest.ask([user("Hi")], config={"effort": "max"}, response_format=wanted)
    sent = {"type": "json_schema", "schema": schema | {"additionalProperties": False}}
    assert newest.body["output_config"] == {"effort": "max", "format": sent}


async def test_strict_tools(claude: Service) -> None:
    await claude.ask([user("Hi")], config={"strict": True})
    (tool,) = claude.body["tools"]
    assert tool["strict"] is True
    assert tool["input_schema"]["additionalProperties"] is False


async def test_images(claude: Service) -> None:
    inline = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    linked = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    given = {"type": "image", "source": {"type": "url", "url": "data:image/gif;base64,BBBB"}}
    await claude.ask([user("Look:", inline, linked, given)])
    _, *images = claude.body["messages"][0]["content"]
    assert [image["source"] for image in images] == [
        {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "base64", "media_type": "image/gif", "data": "BBBB"},
    ]


async def test_a_tool_may_return_images(claude: Service) -> None:
    script = claude.script.script(Reply(calls=[Call("add", {}, id="toolu_1")]), Reply("Seen."))
    source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
    value = [{"type": "text", "text": "a picture"}, {"type": "image", "source": source}]
    history = [user(script.say())]
    history += [assistant(await claude.ask(history), MANUAL), returned("toolu_1", status="error", value=value)]
    await claude.ask(history)
    (result,) = claude.body["messages"][-1]["content"]
    assert result["is_error"] is True
    assert [block["type"] for block in result["content"]] == ["text", "image"]
    assert '"message": "a picture"' in result["content"][0]["text"]


async def test_any_history_is_made_acceptable(claude: Service) -> None:
    """The scripted endpoint refuses what Anthropic refuses: wrong order, blank text, odd ids, undeclared tools."""
    calls = [{"id": f"functions.add:{number}", "name": "add", "arguments": "not JSON"} for number in (0, 1)]
    history = [
        system(),
        Message("assistant", "agent-1", "conv-1", content=text_content("Welcome.")),
        user(" "),
        user("One."),
        system("Note."),
        Message("assistant", "agent-1", "conv-1", content=text_content(""), tool_calls=calls),
        returned("functions.add:0"),
        returned("functions.add:1"),
        user("Two."),
        Message("assistant", "agent-1", "conv-1", content=text_content("Last.")),
    ]
    result = await claude.ask(history, tools=[])
    assert result.content[-1]["type"] == "text"
    assert claude.body["tool_choice"] == {"type": "none"}
    assert [message["role"] for message in claude.body["messages"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("max_tokens", "length"), ("model_context_window_exceeded", "length"), ("refusal", "content_filter")],
)
async def test_why_an_answer_ended(claude: Service, reason: str, expected: str) -> None:
    script = claude.script.script(Reply("Well", finish_reason=reason))
    assert (await claude.ask([user(script.say())])).finish_reason == expected


async def test_a_refusal_without_a_word_is_an_error(claude: Service) -> None:
    script = claude.script.script(Reply(text="", finish_reason="refusal"))
    with pytest.raises(LlmError, match="declined to answer"):
        await claude.ask([user(script.say())])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure("context_overflow"), ContextOverflowError),
        (Failure("quota"), LlmInsufficientCreditsError),
        (Failure("auth"), LlmAuthenticationError),
        (Failure("bad_request"), LlmBadRequestError),
        (Failure("rate_limit"), LlmRateLimitError),
        (Failure("overloaded"), LlmError),
    ],
)
async def test_errors(claude: Service, failure: Failure, expected: type[LlmError], *, stream: bool) -> None:
    script = claude.script.script(Reply(error=failure))
    with pytest.raises(expected) as raised:
        await claude.stream([user(script.say())], stream=stream)
    assert type(raised.value) is expected
    assert "sk-1" not in raised.value.detail


async def test_transient_errors_pass_by(claude: Service) -> None:
    script = claude.script.script(Reply("At last.", error=Failure("overloaded", times=2)))
    assert (await claude.ask([user(script.say())])).content == text_content("At last.")
    assert len(script.requests) == 3


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure("rate_limit", after=4), LlmRateLimitError),
        (Failure("overloaded", after=4), LlmError),
        (Failure("cut", after=5), LlmConnectionError),
    ],
)
async def test_a_stream_that_breaks(claude: Service, failure: Failure, expected: type[LlmError]) -> None:
    script = claude.script.script(Reply("one two three four", error=failure))
    with pytest.raises(expected):
        await claude.stream([user(script.say())])


async def test_nobody_there(claude: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("letta.llm.anthropic_chat.settings.llm_max_retries", 0)
    away = service_of("anthropic", "http://127.0.0.1:9/v1", MANUAL, claude.script)
    with pytest.raises(LlmConnectionError, match="base URL"):
        await away.ask([user("Hi")])


async def test_a_cancelled_stream_closes_its_connection(claude: Service) -> None:
    script = claude.script.script(Reply("one two three four five", chunk_delay=0.05))
    task = asyncio.create_task(claude.stream([user(script.say())]))
    await asyncio.to_thread(script.wait_asked)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for _ in range(100):
        if script.requests[0].outcome == "abandoned":
            break
        await asyncio.sleep(0.01)
    assert script.requests[0].outcome == "abandoned"


@pytest.mark.parametrize(
    ("name", "thinking", "off", "sampling", "forced", "bound"),
    [
        ("claude-3-5-haiku-latest", "none", "omit", True, True, False),
        ("claude-3-7-sonnet-20250219", "manual", "omit", True, True, False),
        ("claude-sonnet-4-20250514", "manual", "omit", True, True, False),
        ("claude-haiku-4-5-20251001", "manual", "omit", True, True, False),
        ("claude-sonnet-4-6", "adaptive", "omit", True, True, False),
        ("claude-opus-4-8", "adaptive", "omit", False, True, False),
        ("claude-opus-5", "adaptive", "disabled", False, True, False),
        ("claude-sonnet-5-5", "adaptive", "between_tools", False, False, True),
        ("claude-haiku-5-5", "adaptive", "disabled", False, True, True),
        ("claude-fable-5", "adaptive", "never", False, True, False),
        ("claude-mythos-preview", "adaptive", "never", False, False, True),
        ("something-new", "adaptive", "never", False, False, True),
    ],
)
def test_rules(name: str, thinking: str, off: str, *, sampling: bool, forced: bool, bound: bool) -> None:
    rules = rules_of(name)
    assert (rules.thinking, rules.off) == (thinking, off)
    assert (rules.sampling, rules.forced_tools, rules.bound) == (sampling, forced, bound)
