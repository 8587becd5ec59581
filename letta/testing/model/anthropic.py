"""The wire format of Anthropic's Messages API.

Source: https://platform.claude.com/docs/en/api/messages, https://platform.claude.com/docs/en/api/errors
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from letta.testing.model.anthropic_rules import binds, objection_to, prefix_of
from letta.testing.model.book import Turn
from letta.testing.model.pieces import argument_pieces, call_id, event, sign, words
from letta.testing.model.script import Call, Failure, FailureKind, Reply, Usage
from letta.testing.model.wire import Incoming

MODELS = ("claude-haiku-4-5", "claude-opus-5-5", "claude-sonnet-4-6")

# kind: status, type, message
_ERRORS: dict[FailureKind, tuple[int, str, str]] = {
    "rate_limit": (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
    "quota": (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    "server": (500, "api_error", "Internal server error"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
    "auth": (401, "authentication_error", "invalid x-api-key"),
    "bad_request": (400, "invalid_request_error", "Invalid request."),
    "not_found": (404, "not_found_error", "model: no such model"),
    "context_overflow": (400, "invalid_request_error", "prompt is too long: 999999 tokens > 200000 maximum"),
}


def model_list(models: Sequence[str] = MODELS) -> dict[str, object]:
    """The answer to GET /v1/models."""
    data = [
        {
            "type": "model",
            "id": model,
            "display_name": model,
            "created_at": "2026-01-01T00:00:00Z",
            "lifecycle": "active",
            "max_input_tokens": 200_000,
            "max_tokens": 64_000,
            "capabilities": {"thinking": {"supported": True}},
        }
        for model in models
    ]
    return {"data": data, "has_more": False, "first_id": models[0], "last_id": models[-1]}


class AnthropicMessages:
    """Messages, streamed and not."""

    def accepts(self, method: str, path: str) -> bool:
        return method == "POST" and path.endswith("/v1/messages")

    def objection(self, request: Incoming) -> str | None:
        if "anthropic-version" not in request.headers:
            return "anthropic-version: header is required"
        return objection_to(request.body, request.headers.get("anthropic-beta", ""))

    def newest_first(self, body: Any) -> Iterator[Turn]:
        for message in reversed(body["messages"]):
            yield Turn(message["role"], _plain(message["content"]))

    def offers_tools(self, body: Any) -> bool:
        return bool(body.get("tools")) and (body.get("tool_choice") or {}).get("type") != "none"

    def wants_stream(self, request: Incoming) -> bool:
        return bool(request.body.get("stream"))

    def whole(self, request: Incoming, reply: Reply) -> object:
        content = list(_blocks(request.body, reply))
        return _message(request.body, reply) | {"content": content, "stop_reason": _stop_reason(reply)}

    def events(self, request: Incoming, reply: Reply) -> Iterator[bytes]:
        message = _message(request.body, reply)
        beginning = message | {"usage": {**_usage(reply.usage), "output_tokens": 1}}
        yield _event("message_start", message=beginning)
        yield _event("ping")
        for index, block in enumerate(_blocks(request.body, reply)):
            yield from _block_events(index, block)
        ended = {"stop_reason": _stop_reason(reply), "stop_sequence": None}
        yield _event("message_delta", delta=ended, usage={"output_tokens": reply.usage.output})
        yield _event("message_stop")

    def error(self, failure: Failure) -> tuple[int, object]:
        status, kind, message = _ERRORS[failure.kind]
        error = {"type": kind, "message": failure.message or message}
        return failure.status or status, {"type": "error", "error": error, "request_id": f"req_{uuid.uuid4().hex}"}

    def error_event(self, failure: Failure) -> bytes:
        return event(self.error(failure)[1], "error")


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(part["text"] for part in parts if part.get("type") == "text")


def _message(body: Any, reply: Reply) -> dict[str, object]:
    return {
        "id": f"msg_{uuid.uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(reply.usage),
    }


def _stop_reason(reply: Reply) -> str:
    return reply.finish_reason or ("tool_use" if reply.calls else "end_turn")


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "input_tokens": usage.input - usage.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }


def _blocks(body: Any, reply: Reply) -> Iterator[dict[str, object]]:
    thinking = body.get("thinking") or {}
    if thinking.get("type") in {"enabled", "adaptive", "between_tools"}:
        yield from _thoughts(body, reply, shown=_shows(thinking, body["model"]))
    if reply.content:
        yield {"type": "text", "text": reply.content}
    for call in reply.calls:
        yield {"type": "tool_use", "id": call_id(call, "toolu_"), "name": call.name, "input": _input(call)}


def _thoughts(body: Any, reply: Reply, *, shown: bool) -> Iterator[dict[str, object]]:
    if reply.hidden is not None:
        yield {"type": "redacted_thinking", "data": reply.hidden}
    if reply.reasoning is not None:
        text = reply.reasoning if shown else ""
        prefix = prefix_of(body, len(body["messages"])) if binds(body["model"]) else ""
        yield {"type": "thinking", "thinking": text, "signature": f"{sign(body['model'], text)}.{prefix}"}


def _shows(thinking: Any, model: str) -> bool:
    return bool(thinking.get("display", "omitted" if binds(model) else "summarized") == "summarized")


def _input(call: Call) -> object:
    """The arguments as an object: a model of this provider writes no others."""
    return json.loads(call.arguments) if isinstance(call.arguments, str) else dict(call.arguments)


def _event(kind: str, **fields: object) -> bytes:
    return event({"type": kind, **fields}, kind)


def _block_events(index: int, block: dict[str, Any]) -> Iterator[bytes]:
    empty: dict[str, object] = {"text": ""} if block["type"] == "text" else {}
    if block["type"] == "thinking":
        empty = {"thinking": "", "signature": ""}
    elif block["type"] == "tool_use":
        empty = {"input": {}}
    yield _event("content_block_start", index=index, content_block=block | empty)
    for delta in _deltas(block):
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, object]]:
    match block["type"]:
        case "text":
            for piece in words(block["text"]):
                yield {"type": "text_delta", "text": piece}
        case "thinking":
            for piece in words(block["thinking"]):
                yield {"type": "thinking_delta", "thinking": piece}
            yield {"type": "signature_delta", "signature": block["signature"]}
        case "tool_use":
            yield {"type": "input_json_delta", "partial_json": ""}
            for piece in argument_pieces(Call(block["name"], block["input"])):
                yield {"type": "input_json_delta", "partial_json": piece}
