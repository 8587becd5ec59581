"""A run's events as answers: one JSON body, or a stream of server-sent events."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from fastapi.responses import JSONResponse

from letta.http import sse
from letta.messages.schemas import UsageStatistics
from letta.messages.wire import Presentation, to_wire
from letta.runs.executor import RunView
from letta.turn.events import Compacting, PartDelta, StepCommitted, TurnEnded, TurnFailed
from letta.turn.loop import error_message

JsonObject = dict[str, Any]

_NATIVE_TYPES = {"letta_v1_agent", "sleeptime_agent"}
_STREAMED_TYPES = {
    "assistant_message",
    "reasoning_message",
    "hidden_reasoning_message",
    "tool_call_message",
    "approval_request_message",
}


def for_agent(presentation: Presentation, agent_type: str) -> Presentation:
    """The presentation that applies: agents that answer with plain text have no messaging tool to translate."""
    if agent_type not in _NATIVE_TYPES:
        return presentation
    return Presentation(presentation.message_types, use_assistant_message=False)


async def json_answer(view: RunView, presentation: Presentation) -> JSONResponse:
    """Wait for the end of a run and answer with all of it."""
    shown = for_agent(presentation, view.agent_type)
    messages: list[JsonObject] = []
    async for event in view.events:
        match event:
            case StepCommitted():
                messages += to_wire(event.messages, shown)
            case TurnFailed():
                headers = {"Retry-After": str(event.retry_after)} if event.retry_after else None
                return JSONResponse(event.body, status_code=event.status, headers=headers)
            case TurnEnded():
                return JSONResponse(_response(messages, event))
    raise AssertionError("a run's events end with its end")


def _response(messages: list[JsonObject], end: TurnEnded) -> JsonObject:
    return {
        "messages": messages,
        "stop_reason": {"message_type": "stop_reason", "stop_reason": end.stop_reason},
        "usage": end.usage.model_dump(),
        "logprobs": None,
        "turns": None,
    }


async def sse_frames(view: RunView, presentation: Presentation, *, tokens: bool, pings: bool) -> AsyncIterator[bytes]:
    """The frames of a run's stream, from the first ping to ``[DONE]``."""
    shown = for_agent(presentation, view.agent_type)
    yield sse.data(ping(view.run_id)) if pings else sse.COMMENT
    async for event in view.events:
        match event:
            case PartDelta():
                if tokens and shown.wants(event.wire):
                    yield sse.data(event.wire)
            case StepCommitted():
                for wire in to_wire(event.messages, shown):
                    if not (tokens and event.streamed and wire["message_type"] in _STREAMED_TYPES):
                        yield sse.data(wire)
            case Compacting():
                if shown.wants(event.wire):
                    yield sse.data(event.wire)
            case TurnEnded():
                for frame in _end(event.stop_reason, event.usage):
                    yield frame
            case TurnFailed():
                yield _stop_reason(event.stop_reason)
                yield sse.error(error_message(view.run_id, event))
                yield sse.DONE


def _end(stop_reason: str, usage: UsageStatistics) -> list[bytes]:
    return [_stop_reason(stop_reason), sse.data(usage.model_dump()), sse.DONE]


def _stop_reason(stop_reason: str) -> bytes:
    return sse.data({"message_type": "stop_reason", "stop_reason": stop_reason})


def ping(run_id: str) -> JsonObject:
    """A message that says only that the stream is alive, and whose it is."""
    return {
        "id": f"ping-{uuid.uuid4()}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "name": None,
        "message_type": "ping",
        "otid": None,
        "sender_id": None,
        "step_id": None,
        "is_err": None,
        "seq_id": None,
        "run_id": run_id,
    }
