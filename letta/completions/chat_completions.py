"""A run's events in OpenAI's form (https://platform.openai.com/docs/api-reference/chat), the agent being the model."""

import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import JSONResponse

from letta.completions.errors import error
from letta.completions.pieces import Piece, Pieces
from letta.completions.schemas import ChatCompletionRequest
from letta.http import sse
from letta.json_types import JsonObject
from letta.messages.schemas import UsageStatistics
from letta.runs.view import RunView
from letta.turn.events import TurnEnded, TurnFailed

_BETWEEN = "\n\n"
"""What separates messages of one turn, as there is only one in a completion."""
_FIELDS = {"text": "content", "reasoning": "reasoning_content"}


class _Deltas:
    """Pieces as what they add to the one message of a completion."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._calls: list[str] = []

    def of(self, piece: Piece) -> JsonObject:
        """What a piece adds."""
        if piece.kind == "call":
            return {"tool_calls": [self._call(piece)]}
        last = self._last.setdefault(piece.kind, piece.item)
        self._last[piece.kind] = piece.item
        return {_FIELDS[piece.kind]: piece.text if last == piece.item else _BETWEEN + piece.text}

    def finish(self, end: TurnEnded) -> str:
        """Why the message ends."""
        if end.stop_reason == "max_tokens_exceeded":
            return "length"
        return "tool_calls" if end.stop_reason == "requires_approval" and self._calls else "stop"

    def _call(self, piece: Piece) -> JsonObject:
        if piece.item in self._calls:
            return {"index": self._calls.index(piece.item), "function": {"arguments": piece.text}}
        self._calls.append(piece.item)
        function = {"name": piece.name, "arguments": piece.text}
        return {"index": len(self._calls) - 1, "id": piece.item, "type": "function", "function": function}


async def completion(view: RunView, request: ChatCompletionRequest, pieces: Pieces) -> JSONResponse:
    """The whole completion.

    Raises:
        LettaError: the turn failed.
    """
    deltas, message = _Deltas(), _Message()
    finished = await view.finish()
    for piece in pieces.of(finished.messages):
        message.add(deltas.of(piece))
    return whole(view.run_id, request, message.shown(), deltas.finish(finished.end), usage(finished.end.usage))


def whole(
    run_id: str, request: ChatCompletionRequest, message: JsonObject, finish: str, used: JsonObject
) -> JSONResponse:
    """A completion in one piece."""
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return JSONResponse(_head(run_id, request, "chat.completion") | {"choices": [choice], "usage": used})


class _Message:
    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._calls: list[JsonObject] = []

    def add(self, delta: JsonObject) -> None:
        for call in delta.pop("tool_calls", ()):
            if call.pop("index") == len(self._calls):
                self._calls.append(call)
            else:
                self._calls[-1]["function"]["arguments"] += call["function"]["arguments"]
        for name, text in delta.items():
            self._texts[name] = self._texts.get(name, "") + text

    def shown(self) -> JsonObject:
        content = self._texts.pop("content", None if self._calls else "")
        message = {"role": "assistant", "content": content, "refusal": None, **self._texts}
        return message | ({"tool_calls": self._calls} if self._calls else {})


async def chunks(view: RunView, request: ChatCompletionRequest, pieces: Pieces) -> AsyncIterator[bytes]:
    """The completion as a stream of chunks."""
    writer, deltas = ChunkWriter(view.run_id, request), _Deltas()
    yield writer.chunk({"role": "assistant", "content": ""})
    async for event in pieces.follow(view):
        match event:
            case Piece():
                yield writer.chunk(deltas.of(event))
            case TurnFailed():
                failed = event.error
                yield sse.data({"error": error(failed.status, failed.detail, code=failed.type)})
                yield sse.DONE
            case TurnEnded():
                for frame in writer.end(deltas.finish(event), usage(event.usage)):
                    yield frame


class ChunkWriter:
    """Writes the chunks of one completion."""

    def __init__(self, run_id: str, request: ChatCompletionRequest) -> None:
        self._with_usage = bool((request.stream_options or {}).get("include_usage"))
        self._head = _head(run_id, request, "chat.completion.chunk") | ({"usage": None} if self._with_usage else {})

    def chunk(self, delta: JsonObject, finish: str | None = None) -> bytes:
        """One chunk."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return sse.data(self._head | {"choices": [choice]})

    def end(self, finish: str, used: JsonObject) -> list[bytes]:
        """The last chunks, and the mark of the stream's end."""
        with_usage = [sse.data(self._head | {"choices": [], "usage": used})] if self._with_usage else []
        return [self.chunk({}, finish), *with_usage, sse.DONE]


def _head(run_id: str, request: ChatCompletionRequest, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{run_id}", "object": kind, "created": int(time.time()), "model": request.model}


def usage(used: UsageStatistics) -> JsonObject:
    """Tokens as completions tell them."""
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.total_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_input_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": used.reasoning_tokens or 0},
    }
