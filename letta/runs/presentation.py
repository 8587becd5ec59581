"""A run's events as answers: one JSON body, or a stream of server-sent events."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

from fastapi.responses import JSONResponse

from letta.errors import LettaError
from letta.http import sse
from letta.json_types import JsonObject
from letta.messages.wire import PLAIN, Presentation, bare_head, for_answer, to_wire
from letta.runs.view import RunView
from letta.turn.events import Compacting, PartDelta, StepCommitted, TurnEnded, TurnEvent, TurnFailed
from letta.turn.failures import TurnInterruptedError, error_message, message_of
from letta.turn.request import RunOptions

_STREAMED_TYPES = frozenset(
    {
        "assistant_message",
        "reasoning_message",
        "hidden_reasoning_message",
        "tool_call_message",
        "approval_request_message",
    }
)
_STREAMED_ERRORS = {"llm_timeout", "llm_rate_limit", "llm_authentication", "llm_empty_response"}


def asked_for(options: RunOptions) -> Presentation:
    """The presentation that the request of a run asked for."""
    config = options.request_config
    types = config.get("include_return_message_types")
    return Presentation(
        message_types=None if types is None else frozenset(types),
        use_assistant_message=config.get("use_assistant_message", True),
        tool_name=config.get("assistant_message_tool_name", PLAIN.tool_name),
        tool_argument=config.get("assistant_message_tool_kwarg", PLAIN.tool_argument),
    )


async def json_answer(view: RunView, presentation: Presentation) -> JSONResponse:
    """Wait for the end of a run and answer with all of it.

    Raises:
        LettaError: its turn failed.
    """
    finished = await view.finish()
    messages = to_wire(finished.messages, for_answer(presentation, view.agent_type))
    return JSONResponse(_response(messages, finished.end))


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
    shown = for_answer(presentation, view.agent_type)
    yield sse.data(ping(view.run_id)) if pings else sse.COMMENT
    try:
        async for event in view.events:
            for wire in wires_of(event, shown, run_id=view.run_id, tokens=tokens):
                yield frame(wire)
    except LettaError as error:
        for wire in broken_off(view.run_id, error):
            yield frame(wire)
    yield sse.DONE


def frame(wire: JsonObject) -> bytes:
    """A message as it is sent in a stream."""
    return sse.error(wire) if wire["message_type"] == "error_message" else sse.data(wire)


def broken_off(run_id: str, error: LettaError) -> list[JsonObject]:
    """The end of a stream that can't be read on, while the run itself may go on."""
    message = "The stream ended before the run did. Resume it, or list the run's messages."
    told = error_message(run_id, error.detail, message=message, error_type=TurnInterruptedError.type)
    return [_stop_reason("error"), told]


def wires_of(event: TurnEvent, shown: Presentation, *, run_id: str, tokens: bool) -> list[JsonObject]:
    """The messages that an event is streamed as."""
    match event:
        case PartDelta():
            return [event.wire] if tokens and shown.wants(event.wire) else []
        case Compacting():
            return [event.wire] if shown.wants(event.wire) else []
        case StepCommitted():
            told = _STREAMED_TYPES if tokens and event.streamed else frozenset[str]()
            wires = to_wire(event.messages, replace(shown, summaries=True))
            return [wire for wire in wires if wire["message_type"] not in told]
        case TurnEnded(stop_reason="cancelled"):
            return [_stop_reason(event.stop_reason)]
        case TurnEnded():
            return [_stop_reason(event.stop_reason), event.usage.model_dump()]
        case TurnFailed():
            return [_stop_reason(event.stop_reason), _told(message_of(run_id, event.error))]


def _told(error: JsonObject) -> JsonObject:
    """An error as streams tell it: those of a model have fewer types in them than in other answers."""
    kind = str(error["error_type"])
    return error | {"error_type": "llm_error"} if kind.startswith("llm_") and kind not in _STREAMED_ERRORS else error


def _stop_reason(stop_reason: str) -> JsonObject:
    return {"message_type": "stop_reason", "stop_reason": stop_reason}


def ping(run_id: str) -> JsonObject:
    """A message that says only that the stream is alive, and whose it is."""
    return bare_head("ping", f"ping-{uuid.uuid4()}", run_id, datetime.now(UTC))
