"""The wire format of OpenAI's chat completions, with the `reasoning_content` that compatible servers add.

Source: https://platform.openai.com/docs/api-reference/chat
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from letta.testing.model.book import Turn
from letta.testing.model.pieces import argument_pieces, arguments, call_id, event, words
from letta.testing.model.script import Call, Failure, FailureKind, Reply, Usage
from letta.testing.model.wire import Incoming

# kind: status, type, code, param, message
_ERRORS: dict[FailureKind, tuple[int, str, str | None, str | None, str]] = {
    "rate_limit": (429, "requests", "rate_limit_exceeded", None, "Rate limit reached for requests."),
    "quota": (429, "insufficient_quota", "insufficient_quota", None, "You exceeded your current quota."),
    "server": (500, "server_error", None, None, "The server had an error while processing your request."),
    "overloaded": (
        503,
        "server_error",
        None,
        None,
        "The engine is currently overloaded, please try again later.",
    ),
    "auth": (401, "invalid_request_error", "invalid_api_key", None, "Incorrect API key provided."),
    "bad_request": (400, "invalid_request_error", "invalid_value", None, "Invalid request."),
    "not_found": (404, "invalid_request_error", "model_not_found", "model", "The model does not exist."),
    "context_overflow": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 999999 tokens. "
        "Please reduce the length of the messages.",
    ),
}


def error_body(failure: Failure) -> tuple[int, dict[str, object]]:
    """Status and body of an OpenAI error."""
    status, kind, code, param, message = _ERRORS[failure.kind]
    error = {"message": failure.message or message, "type": kind, "param": param, "code": code}
    return failure.status or status, {"error": error}


class OpenAIChat:
    """Chat completions, streamed and not."""

    def accepts(self, method: str, path: str) -> bool:
        return method == "POST" and path.endswith("/chat/completions")

    def objection(self, request: Incoming) -> str | None:
        return _badly_answered(request.body.get("messages", []))

    def newest_first(self, body: Any) -> Iterator[Turn]:
        for message in reversed(body.get("messages", [])):
            yield Turn(message.get("role", ""), _plain(message.get("content")))

    def offers_tools(self, body: Any) -> bool:
        return bool(body.get("tools"))

    def wants_stream(self, request: Incoming) -> bool:
        return bool(request.body.get("stream"))

    def whole(self, request: Incoming, reply: Reply) -> object:
        message: dict[str, object] = {"role": "assistant", "content": reply.content, "refusal": None}
        if reply.reasoning is not None:
            message["reasoning_content"] = reply.reasoning
        if reply.calls:
            message["tool_calls"] = [_tool_call(call) for call in reply.calls]
        choice = {"index": 0, "message": message, "finish_reason": _finish_reason(reply), "logprobs": None}
        return {**_head(request, "chat.completion"), "choices": [choice], "usage": _usage(reply.usage)}

    def events(self, request: Incoming, reply: Reply) -> Iterator[bytes]:
        head = _head(request, "chat.completion.chunk")
        for delta in _deltas(reply):
            yield event({**head, "choices": [_chunk_choice(delta, None)]})
        yield event({**head, "choices": [_chunk_choice({}, _finish_reason(reply))]})
        if (request.body.get("stream_options") or {}).get("include_usage"):
            yield event({**head, "choices": [], "usage": _usage(reply.usage)})
        yield b"data: [DONE]\n\n"

    def error(self, failure: Failure) -> tuple[int, object]:
        return error_body(failure)

    def error_event(self, failure: Failure) -> bytes:
        return event(error_body(failure)[1])


def _badly_answered(messages: Sequence[Any]) -> str | None:
    awaited: set[str] = set()
    for message in messages:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in awaited:
                return "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
            awaited.discard(message["tool_call_id"])
        elif awaited:
            break
        ids = [call["id"] for call in message.get("tool_calls") or ()]
        if len(set(ids)) < len(ids):
            return "Duplicate value for 'tool_call_id' in message."
        awaited |= set(ids)
    if not awaited:
        return None
    return (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(sorted(awaited))}"
    )


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(_plain(part.get("text")) for part in content if isinstance(part, dict))
    return ""


def _head(request: Incoming, kind: str) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": request.body.get("model"),
        "system_fingerprint": "fp_scripted",
    }


def _finish_reason(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.calls else "stop")


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def _tool_call(call: Call) -> dict[str, object]:
    function = {"name": call.name, "arguments": arguments(call)}
    return {"id": call_id(call), "type": "function", "function": function}


def _chunk_choice(delta: dict[str, object], finish_reason: str | None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}


def _deltas(reply: Reply) -> Iterator[dict[str, object]]:
    content = reply.content
    yield {"role": "assistant", "content": None if content is None else "", "refusal": None}
    for piece in words(reply.reasoning):
        yield {"reasoning_content": piece}
    for piece in words(content):
        yield {"content": piece}
    yield from _call_deltas(reply.calls)


def _call_deltas(calls: Sequence[Call]) -> Iterator[dict[str, object]]:
    for index, call in enumerate(calls):
        opening = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call_id(call), "type": "function", "function": opening}]}
        for piece in argument_pieces(call):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
