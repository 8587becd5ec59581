"""A run's events in OpenAI's form (https://platform.openai.com/docs/api-reference/chat), the agent being the model."""

import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import JSONResponse

from letta.completions.schemas import ChatCompletionRequest
from letta.errors import InvalidArgumentError
from letta.http import sse
from letta.messages.schemas import MessageCreate, TextContent, UsageStatistics
from letta.messages.wire import PLAIN, to_wire
from letta.runs.presentation import for_agent
from letta.runs.view import RunView
from letta.turn.events import PartDelta, StepCommitted, TurnEnded, TurnFailed

JsonObject = dict[str, Any]

_FINISH = {"max_tokens_exceeded": "length", "requires_approval": "tool_calls"}


def new_messages(request: ChatCompletionRequest) -> list[MessageCreate]:
    """What the user said since the last answer. What came before, the agent remembers itself.

    Raises:
        InvalidArgumentError: the request ends without a message of the user.
    """
    new: list[MessageCreate] = []
    for message in reversed(request.messages):
        if message.role == "assistant":
            break
        if message.role == "user":
            new.insert(0, MessageCreate(role="user", content=_content(message.content)))
    if not new:
        raise InvalidArgumentError("messages must end with a message of role 'user'.")
    return new


def _content(content: str | list[JsonObject] | None) -> str | list[Any]:
    if isinstance(content, list):
        return [TextContent(text=str(part.get("text", ""))) for part in content if part.get("type") == "text"]
    return content or ""


async def completion(view: RunView, request: ChatCompletionRequest) -> JSONResponse:
    """The whole completion."""
    text: list[str] = []
    async for event in view.events:
        match event:
            case StepCommitted():
                text += _texts(event, view)
            case TurnFailed():
                return JSONResponse({"error": {"message": event.detail, "type": event.error_type}}, event.status)
            case TurnEnded():
                message = {"role": "assistant", "content": "".join(text)}
                choice = {"index": 0, "message": message, "finish_reason": _finish(event), "logprobs": None}
                head = _head(view, request, "chat.completion")
                return JSONResponse(head | {"choices": [choice], "usage": _usage(event.usage)})
    raise AssertionError("a run's events end with its end")


async def chunks(view: RunView, request: ChatCompletionRequest) -> AsyncIterator[bytes]:
    """The completion as a stream of chunks."""
    head = _head(view, request, "chat.completion.chunk")
    yield _chunk(head, {"role": "assistant", "content": ""})
    async for event in view.events:
        match event:
            case PartDelta() if event.wire["message_type"] == "assistant_message":
                yield _chunk(head, {"content": event.wire["content"]})
            case StepCommitted() if not event.streamed:
                for text in _texts(event, view):
                    yield _chunk(head, {"content": text})
            case TurnFailed():
                yield sse.data({"error": {"message": event.detail, "type": event.error_type}})
                yield sse.DONE
            case TurnEnded():
                yield _chunk(head, {}, _finish(event))
                if (request.stream_options or {}).get("include_usage"):
                    yield sse.data(head | {"choices": [], "usage": _usage(event.usage)})
                yield sse.DONE


def _texts(event: StepCommitted, view: RunView) -> list[str]:
    wired = to_wire(event.messages, for_agent(PLAIN, view.agent_type))
    return [wire["content"] for wire in wired if wire["message_type"] == "assistant_message"]


def _head(view: RunView, request: ChatCompletionRequest, kind: str) -> JsonObject:
    return {"id": f"chatcmpl-{view.run_id}", "object": kind, "created": int(time.time()), "model": request.model}


def _chunk(head: JsonObject, delta: JsonObject, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return sse.data(head | {"choices": [choice]})


def _finish(end: TurnEnded) -> str:
    return _FINISH.get(end.stop_reason, "stop")


def _usage(usage: UsageStatistics) -> JsonObject:
    return usage.model_dump(include={"prompt_tokens", "completion_tokens", "total_tokens"})
