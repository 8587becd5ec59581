"""What claims to be a provider of models sends garbage: the turn fails in words, and the next one works."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from letta.testing.server import ServerProcess
from tests.hostile.memory import MEGABYTE, MostMemory
from tests.hostile.raw_provider import GOOD, JSON, RawProvider, chunk, endless, event, whole, zipped
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

STREAM_SECONDS = 3
CALL = {"index": 0, "id": "call_1", "function": {"name": "memory_insert", "arguments": "{}"}}


@pytest.fixture(scope="module")
def provider() -> Iterator[RawProvider]:
    with RawProvider() as running:
        yield running


@pytest.fixture(scope="module")
def server(postgres_uri: str, provider: RawProvider) -> Iterator[ServerProcess]:
    from letta.testing.postgres import throwaway_schema

    with throwaway_schema(postgres_uri) as schema:
        environment = {
            "LETTA_PG_URI": postgres_uri,
            "LETTA_PG_SCHEMA": schema,
            "LETTA_ENCRYPTION_KEY": "k",
            "OPENAI_API_KEY": "sk-raw",
            "OPENAI_BASE_URL": f"{provider.url}/v1",
            "LETTA_LLM_MAX_RETRIES": "0",
            "LETTA_LLM_STREAM_TIMEOUT_SECONDS": str(STREAM_SECONDS),
        }
        with ServerProcess(environment) as running:
            yield running


@pytest.fixture(scope="module")
def talk(server: ServerProcess) -> Iterator[AgentTalk]:
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http:
        yield AgentTalk(http)


def assert_all_is_well(server: ServerProcess, talk: AgentTalk, provider: RawProvider) -> None:
    """Nothing broke down, and the same agent goes on as if nothing had been."""
    provider.say(*GOOD)
    answered = talk.stream(input="And now?")
    assert [m["content"] for m in answered if m["message_type"] == "assistant_message"], answered
    assert talk.http.get("/v1/health").status_code == 200
    assert [line for line in server.log.splitlines() if "failed unexpectedly" in line] == []
    assert "Logging error" not in server.log


def failure_of(messages: list[dict[str, Any]]) -> str:
    """The error that a stream ends with; empty if the turn went well."""
    errors = [m for m in messages if m.get("message_type") == "error_message" or "error_type" in m]
    return str(errors[-1]) if errors else ""


MALFORMED = {
    "no JSON": b"data: {nonsense\n\n",
    "half an event": b'data: {"choices": [{"delta": {"content": "Hel',
    "nothing": b"",
    "only an end": b"data: [DONE]\n\n",
    "a page": b"<html><body>502 Bad Gateway</body></html>",
    "invalid UTF-8": b'data: {"choices": [{"delta": {"content": "\xff\xfe\xc3\x28"}}]}\n\n',
    "binary": bytes(range(256)) * 100,
    "a list": event([1, 2]),
    "null": event(None),
    "a number": event(7),
    "deep": b"data: " + b"[" * 100_000 + b"\n\n",
    "deep and closed": b"data: " + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"\n\n",
    "choices as text": event({"choices": "none"}),
    "choices as number": event({"choices": 1}),
    "a choice that is none": event({"choices": [7]}),
    "a delta that is none": event({"choices": [{"delta": "x"}]}),
    "text that is none": chunk({"content": 5}),
    "text that is a list": chunk({"content": [{"text": "a"}]}),
    "thoughts that are none": chunk({"reasoning_content": {"a": 1}}) + chunk({"content": "x"}, "stop"),
    "calls as text": chunk({"tool_calls": "x"}),
    "a call that is none": chunk({"tool_calls": [None]}),
    "a function that is none": chunk({"tool_calls": [{"function": 3}]}),
    "a name that is none": chunk({"tool_calls": [CALL | {"function": {"name": 3, "arguments": "{}"}}]}),
    "arguments that are an object": chunk({"tool_calls": [CALL | {"function": {"name": "x", "arguments": {"a": 1}}}]}),
    "an id that is none": chunk({"tool_calls": [CALL | {"id": 5}]}),
    "an index that is a list": chunk({"tool_calls": [CALL | {"index": [1]}]}),
    "indexes of two kinds": chunk({"tool_calls": [CALL, CALL | {"index": "a"}]}),
    "an error": event({"error": {"message": "no"}}),
    "an error that is a number": event({"error": 5}),
    "an error event": b'event: error\ndata: {"message": "no"}\n\n',
}
"""Answers that can't be understood."""

ODD = {
    "a reason that is none": chunk({"content": "x"}, {"a": 1}),
    "usage as text": chunk({"content": "x"}, "stop", usage="much"),
    "counts as text": chunk({"content": "x"}, "stop", usage={"prompt_tokens": "12", "completion_tokens": "1"}),
    "counts without end": chunk({"content": "x"}, "stop", usage={"prompt_tokens": 10**30, "completion_tokens": -5}),
    "counts that are fractions": chunk({"content": "x"}, "stop", usage={"prompt_tokens": 1.5, "completion_tokens": 2}),
    "NaN": b'data: {"choices": [{"delta": {"content": "x"}}], "usage": {"prompt_tokens": NaN}}\n\n',
    "other line ends": b"".join(GOOD).replace(b"\n", b"\r\n"),
    "comments and unknown fields": b": hi\n\nretry: 5\nfoo: bar\n" + b"".join(GOOD),
    "NUL and halves of characters": chunk({"content": "a\0b\ud800"}, "stop"),
    "a byte order mark": b"\xef\xbb\xbf" + b"".join(GOOD),
}
"""Answers that are wrong somewhere, but may be understood. Either is all right."""


@pytest.mark.parametrize("name", MALFORMED)
def test_a_stream_that_cannot_be_understood(
    server: ServerProcess, talk: AgentTalk, provider: RawProvider, name: str
) -> None:
    provider.say(MALFORMED[name])
    messages = talk.stream(input="Hello.")
    if name not in {"nothing", "only an end"}:
        assert "llm_" in failure_of(messages) or "provider" in failure_of(messages), messages
    assert_all_is_well(server, talk, provider)


@pytest.mark.parametrize("name", ODD)
def test_a_stream_that_is_odd(server: ServerProcess, talk: AgentTalk, provider: RawProvider, name: str) -> None:
    provider.say(ODD[name])
    assert talk.stream(input="Hello.")
    assert_all_is_well(server, talk, provider)


@pytest.mark.parametrize("piece_size", [1, 7])
def test_a_stream_in_tiny_pieces_is_understood(talk: AgentTalk, provider: RawProvider, piece_size: int) -> None:
    data = b"".join((chunk({"content": "Grüße 😀"}), chunk({}, "stop"), b"data: [DONE]\n\n"))
    provider.say(*(data[start : start + piece_size] for start in range(0, len(data), piece_size)))
    said = [m["content"] for m in talk.stream(input="Hello.") if m["message_type"] == "assistant_message"]
    assert "".join(said) == "Grüße 😀"


WHOLE = {
    "no JSON": b"{nonsense",
    "a list": b"[]",
    "null": b"null",
    "no choice": b'{"choices": []}',
    "a choice that is none": b'{"choices": [5]}',
    "a message that is none": b'{"choices": [{"message": "x"}]}',
    "text that is none": whole({"content": 5}),
    "calls as text": whole({"tool_calls": "x"}),
    "arguments that are an object": whole({"tool_calls": [CALL | {"function": {"name": "x", "arguments": {"a": 1}}}]}),
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "invalid UTF-8": b'{"choices": "\xff"}',
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_that_cannot_be_understood(
    server: ServerProcess, talk: AgentTalk, provider: RawProvider, name: str
) -> None:
    provider.say(WHOLE[name], kind=JSON)
    answer = talk.post({"input": "Hello."})
    assert answer.status_code in {400, 500, 502}, answer.text
    assert "provider" in answer.text or "answer" in answer.text
    assert "unknown error" not in answer.text
    assert_all_is_well(server, talk, provider)


TOO_MUCH = {
    "an event of a hundred megabytes": lambda: (
        b'data: {"choices": [{"delta": {"content": "',
        *([b"x" * MEGABYTE] * 100),
        b'"}}]}\n\n',
    ),
    "a line without end": endless(b"x" * 65536),
    "events without end": endless(chunk({"content": "x" * 60000})),
    "data lines of one event without end": endless(b"data: " + b"x" * 60000 + b"\n"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_stream_without_end_is_cut_off_in_bounded_memory(
    server: ServerProcess, talk: AgentTalk, provider: RawProvider, name: str
) -> None:
    provider.play(TOO_MUCH[name])
    with MostMemory(server.pid) as memory:
        assert failure_of(talk.stream(input="Hello."))
    assert memory.growth < 250 * MEGABYTE
    assert_all_is_well(server, talk, provider)


@pytest.mark.parametrize("piece", [b": still here\n\n", b"\n", chunk({"content": "x"}), chunk({})])
def test_a_stream_that_trickles_for_ever_ends_after_its_time(
    server: ServerProcess, talk: AgentTalk, provider: RawProvider, piece: bytes
) -> None:
    provider.play(endless(piece, pause=0.05))
    assert "llm_timeout" in failure_of(talk.stream(input="Hello."))
    assert_all_is_well(server, talk, provider)


def test_a_whole_answer_that_trickles_for_ever_ends_after_its_time(
    server: ServerProcess, talk: AgentTalk, provider: RawProvider
) -> None:
    provider.play(endless(b" ", pause=0.05), kind=JSON)
    assert talk.post({"input": "Hello."}).status_code == 504
    assert_all_is_well(server, talk, provider)


@pytest.mark.parametrize("kind", [JSON, "text/event-stream"])
def test_an_answer_that_unzips_to_a_thousand_times_its_size(
    server: ServerProcess, talk: AgentTalk, provider: RawProvider, kind: str
) -> None:
    bomb = zipped(b"data: " + b"x" * (400 * MEGABYTE))
    provider.say(bomb, kind=kind, content_encoding="gzip")
    with MostMemory(server.pid) as memory:
        answer = talk.post({"input": "Hello.", "streaming": kind != JSON})
    assert "MB" in answer.text
    assert memory.growth < 250 * MEGABYTE
    assert_all_is_well(server, talk, provider)


def test_zipped_answers_are_understood(talk: AgentTalk, provider: RawProvider) -> None:
    provider.say(zipped(whole({"content": "Zipped."})), kind=JSON, content_encoding="gzip")
    assert talk.say("Hello.")["messages"][-1]["content"] == "Zipped."
    provider.say(zipped(b"".join(GOOD)), content_encoding="gzip")
    assert [m["content"] for m in talk.stream(input="Hi.") if m["message_type"] == "assistant_message"] == ["Fine."]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_refusals_without_end(server: ServerProcess, talk: AgentTalk, provider: RawProvider, status: int) -> None:
    provider.play(endless(b"x" * 65536), kind="text/plain", status=status)
    with MostMemory(server.pid) as memory:
        answer = talk.post({"input": "Hello."})
    assert answer.status_code in {status, 500, 502}
    assert len(answer.content) < 100_000
    assert memory.growth < 250 * MEGABYTE
    assert_all_is_well(server, talk, provider)


def test_a_refusal_that_is_a_book_is_shortened(talk: AgentTalk, provider: RawProvider) -> None:
    provider.play(lambda: (json.dumps({"error": {"message": "no " * 1_000_000}}).encode(),), kind=JSON, status=400)
    answer = talk.post({"input": "Hello."})
    assert answer.status_code == 400
    assert len(answer.content) < 10_000
    provider.say(*GOOD)
