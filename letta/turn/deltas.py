"""Pieces of an answer as messages of the API with part of their content."""

from typing import Any

from letta.llm.chat import Delta
from letta.messages.message import Message
from letta.messages.wire import head

JsonObject = dict[str, Any]

_TYPES = {"reasoning": "reasoning_message", "text": "assistant_message", "tool_call": "tool_call_message"}


class DeltaWriter:
    """Gives each part of one answer its place, so that ids and otids are those under which it will be stored."""

    def __init__(self, message: Message, *, first_call_only: bool) -> None:
        self._message = message
        self._first_call_only = first_call_only
        self._places: dict[str, int] = {}

    def write(self, delta: Delta) -> JsonObject | None:
        """The wire message of a piece; None if that part of the answer will not be kept."""
        if delta.kind == "tool_call" and delta.index > 0 and self._first_call_only:
            return None
        index = self._places.setdefault(delta.kind, len(self._places))
        wire = head(self._message, _TYPES[delta.kind], index)
        match delta.kind:
            case "reasoning":
                return wire | {"source": "reasoner_model", "reasoning": delta.text, "signature": None}
            case "text":
                return wire | {"content": delta.text}
            case "tool_call":
                return self._call(wire, delta)

    def _call(self, wire: JsonObject, delta: Delta) -> JsonObject | None:
        call: JsonObject = {}
        if delta.name:
            call["name"] = delta.name
        if delta.text:
            call["arguments"] = delta.text
        if not call:
            return None
        call["tool_call_id"] = delta.call_id
        return wire | {"tool_call": call, "tool_calls": call}
