"""The wire format of OpenAI's Responses API.

Source: https://platform.openai.com/docs/api-reference/responses
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from letta.testing.model.book import Turn
from letta.testing.model.openai_chat import error_body
from letta.testing.model.pieces import argument_pieces, arguments, call_id, event, sign, words
from letta.testing.model.script import Call, Failure, Reply, Usage
from letta.testing.model.wire import Incoming

Item = dict[str, Any]

_OF_THE_MODEL = {"reasoning", "function_call"}


class OpenAIResponses:
    """Responses, streamed and not."""

    def accepts(self, method: str, path: str) -> bool:
        return method == "POST" and path.endswith("/responses")

    def objection(self, request: Incoming) -> str | None:
        if request.body.get("temperature") is not None:
            return "Unsupported parameter: 'temperature' is not supported with this model."
        return next(_objections(request.body), None)

    def newest_first(self, body: Any) -> Iterator[Turn]:
        """What the model gave at once, its thoughts, text and calls, are several items and one turn."""
        pending = False
        for item in reversed(body["input"]):
            if item.get("role") == "assistant" or item.get("type") in _OF_THE_MODEL:
                pending = True
                continue
            if pending:
                yield Turn("assistant", "")
                pending = False
            yield Turn(item.get("role", ""), _plain(item.get("content")))

    def offers_tools(self, body: Any) -> bool:
        return bool(body.get("tools"))

    def wants_stream(self, request: Incoming) -> bool:
        return bool(request.body.get("stream"))

    def whole(self, request: Incoming, reply: Reply) -> object:
        return _response(request.body, reply, list(_items(request.body, reply)))

    def events(self, request: Incoming, reply: Reply) -> Iterator[bytes]:
        items = list(_items(request.body, reply))
        response = _response(request.body, reply, items)
        for number, (kind, fields) in enumerate(_events(response, items)):
            yield event({"type": kind, "sequence_number": number, **fields}, kind)

    def error(self, failure: Failure) -> tuple[int, object]:
        return error_body(failure)

    def error_event(self, failure: Failure) -> bytes:
        error: Any = error_body(failure)[1]["error"]
        return event({"type": "error", "code": error["code"], "message": error["message"], "param": None}, "error")


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(part.get("text", "") for part in parts)


def _objections(body: Any) -> Iterator[str]:
    called, answered = [], []
    items = body["input"]
    for index, item in enumerate(items):
        match item.get("type"):
            case "function_call":
                called.append(item["call_id"])
            case "function_call_output":
                answered.append(item["call_id"])
                if item["call_id"] not in called:
                    yield f"No tool call found for function call output with call_id {item['call_id']}."
            case "reasoning":
                yield from _about_thought(body, item, items[index + 1] if index + 1 < len(items) else {})
    for missing in set(called) - set(answered):
        yield f"No tool output found for function call {missing}."


def _about_thought(body: Any, item: Item, following: Item) -> Iterator[str]:
    if item.get("encrypted_content") != _encrypted(body["model"], _summary(item)):
        yield "The encrypted content could not be verified."
    if following.get("role") != "assistant" and following.get("type") not in _OF_THE_MODEL:
        yield f"Item '{item['id']}' of type 'reasoning' was provided without its required following item."


def _summary(item: Item) -> str:
    return "".join(piece["text"] for piece in item["summary"])


def _encrypted(model: str, text: str) -> str:
    return f"enc-{sign(model, text)}"


def _items(body: Any, reply: Reply) -> Iterator[Item]:
    if reply.reasoning is not None or reply.hidden is not None:
        text = reply.reasoning or ""
        shown = [{"type": "summary_text", "text": text}] if text else []
        encrypted = _encrypted(body["model"], text) if "reasoning.encrypted_content" in body["include"] else None
        yield {"type": "reasoning", "id": f"rs_{uuid.uuid4().hex}", "summary": shown, "encrypted_content": encrypted}
    if reply.content:
        text_part = {"type": "output_text", "text": reply.content, "annotations": []}
        yield {"type": "message", "id": f"msg_{uuid.uuid4().hex}", "role": "assistant", "content": [text_part]}
    for call in reply.calls:
        yield _function_call(call)


def _function_call(call: Call) -> Item:
    return {
        "type": "function_call",
        "id": f"fc_{uuid.uuid4().hex}",
        "call_id": call_id(call),
        "name": call.name,
        "arguments": arguments(call),
        "status": "completed",
    }


def _response(body: Any, reply: Reply, items: list[Item]) -> dict[str, object]:
    reason = reply.finish_reason
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "error": None,
        "model": body["model"],
        "output": items,
        "usage": _usage(reply.usage),
    }


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def _events(response: Item, items: list[Item]) -> Iterator[tuple[str, Item]]:
    yield "response.created", {"response": response | {"status": "in_progress", "output": [], "usage": None}}
    for index, item in enumerate(items):
        yield "response.output_item.added", {"output_index": index, "item": _begun(item)}
        for kind, fields in _deltas(item):
            yield f"response.{kind}", {"output_index": index, "item_id": item["id"], **fields}
        yield "response.output_item.done", {"output_index": index, "item": item}
    yield f"response.{response['status']}", {"response": response}


def _begun(item: Item) -> Item:
    empty: dict[str, Item] = {
        "reasoning": {"summary": [], "encrypted_content": None},
        "message": {"content": []},
        "function_call": {"arguments": "", "status": "in_progress"},
    }
    return item | empty[item["type"]]


def _deltas(item: Item) -> Iterator[tuple[str, Item]]:
    match item["type"]:
        case "reasoning":
            for index, summary in enumerate(item["summary"]):
                yield "reasoning_summary_part.added", {"summary_index": index, "part": summary | {"text": ""}}
                for piece in words(summary["text"]):
                    yield "reasoning_summary_text.delta", {"summary_index": index, "delta": piece}
        case "message":
            for piece in words(item["content"][0]["text"]):
                yield "output_text.delta", {"content_index": 0, "delta": piece}
        case "function_call":
            for piece in argument_pieces(Call(item["name"], item["arguments"])):
                yield "function_call_arguments.delta", {"delta": piece}
