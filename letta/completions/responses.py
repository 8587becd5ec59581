"""A run as a response of OpenAI (https://platform.openai.com/docs/api-reference/responses), by an agent as model."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi.responses import JSONResponse

from letta.completions.pieces import Piece, Pieces
from letta.completions.schemas import ResponsesRequest
from letta.json_types import JsonObject
from letta.messages.schemas import UsageStatistics
from letta.runs.view import RunView

NAME = "openai_response"
"""Under it, the options of a run keep what its response tells of the request."""
_CUT_OFF = {"max_tokens_exceeded": "max_output_tokens"}


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """What a response tells of its request, whatever came of it."""

    run_id: str
    model: str
    created_at: int
    conversation_id: str | None = None
    previous_response_id: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    background: bool = False

    def with_status(self, status: str, **further: Any) -> JsonObject:
        """The response in some state."""
        return {
            "id": self.run_id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "background": self.background,
            "conversation": {"id": self.conversation_id} if self.conversation_id else None,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "max_output_tokens": None,
            "metadata": self.metadata,
            "model": self.model,
            "output": [],
            "parallel_tool_calls": True,
            "previous_response_id": self.previous_response_id,
            "reasoning": {"effort": None, "summary": None},
            "store": True,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "truncation": "disabled",
            "usage": None,
            "user": None,
        } | further


def head_of(request: ResponsesRequest, run_id: str, conversation_id: str | None) -> ResponseHead:
    """The head of the response to a request that has just come."""
    kept = kept_of(request)
    return ResponseHead(run_id, created_at=int(time.time()), conversation_id=conversation_id, **kept)


def kept_of(request: ResponsesRequest) -> JsonObject:
    """What is kept of a request with its run."""
    return {
        "model": request.model,
        "previous_response_id": request.previous_response_id,
        "metadata": request.metadata or {},
        "background": bool(request.background),
    }


def ended(head: ResponseHead, output: list[JsonObject], stop_reason: str, used: UsageStatistics) -> JsonObject:
    """The response of a turn that is over."""
    cut_off = _CUT_OFF.get(stop_reason)
    status = "incomplete" if cut_off else "cancelled" if stop_reason == "cancelled" else "completed"
    details = {"incomplete_details": {"reason": cut_off}} if cut_off else {}
    return head.with_status(status, output=output, usage=usage(used), **details)


def failed(head: ResponseHead, output: list[JsonObject], message: str, *, status: int) -> JsonObject:
    """The response of a turn that failed."""
    code = "rate_limit_exceeded" if status == 429 else "server_error" if status >= 500 else "invalid_prompt"
    return head.with_status("failed", output=output, error={"code": code, "message": message})


def usage(used: UsageStatistics) -> JsonObject:
    """Tokens as responses tell them."""
    return {
        "input_tokens": used.prompt_tokens,
        "input_tokens_details": {"cached_tokens": used.cached_input_tokens or 0},
        "output_tokens": used.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": used.reasoning_tokens or 0},
        "total_tokens": used.total_tokens,
    }


@dataclass(slots=True)
class Item:
    """A part of a response's output that is being written."""

    kind: str
    name: str
    text: str = ""
    function: str | None = None

    @property
    def id(self) -> str:
        """Its id, by which clients put events together."""
        return {"text": "msg_", "reasoning": "rs_", "call": "fc_"}[self.kind] + self.name

    def content(self) -> JsonObject:
        """Its one part."""
        if self.kind == "reasoning":
            return {"type": "summary_text", "text": self.text}
        return {"type": "output_text", "text": self.text, "annotations": [], "logprobs": []}

    def shown(self, *, done: bool) -> JsonObject:
        """The item, whole or as it begins."""
        status = "completed" if done else "in_progress"
        if self.kind == "reasoning":
            return {"id": self.id, "type": "reasoning", "summary": [self.content()] if done else []}
        if self.kind == "call":
            call = {"call_id": self.name, "name": self.function, "arguments": self.text}
            return {"id": self.id, "type": "function_call", "status": status, **call}
        content = [self.content()] if done else []
        return {"id": self.id, "type": "message", "status": status, "role": "assistant", "content": content}


def items_of(pieces: Iterable[Piece]) -> list[JsonObject]:
    """Pieces, put together."""
    items: list[Item] = []
    for piece in pieces:
        if not items or (items[-1].kind, items[-1].name) != (piece.kind, piece.item):
            items.append(Item(piece.kind, piece.item, function=piece.name))
        items[-1].text += piece.text
    return [item.shown(done=True) for item in items]


async def response(view: RunView, head: ResponseHead, pieces: Pieces) -> JSONResponse:
    """The whole response.

    Raises:
        LettaError: the turn failed.
    """
    finished = await view.finish()
    output = items_of(pieces.of(finished.messages))
    return JSONResponse(ended(head, output, finished.end.stop_reason, finished.end.usage))
