"""Pieces of an answer as messages of the API with part of their content."""

from dataclasses import replace

from letta.json_types import JsonObject
from letta.llm.chat import Delta
from letta.messages.message import Message
from letta.messages.wire import head
from letta.turn.approvals import is_gated, request_id_beside
from letta.turn.turn import Turn


class DeltaWriter:
    """Gives each part of one answer its place, so that ids and otids are those under which it will be stored.

    Calls that wait for a decision are stored in a row of their own when they are streamed, since nobody knows yet
    which other calls follow.
    """

    def __init__(self, turn: Turn, message: Message, *, first_call_only: bool) -> None:
        self._turn = turn
        self._message = message
        self._request = replace(message, id=request_id_beside(message.id))
        self._first_call_only = first_call_only
        self._places: dict[str, int] = {}
        self._gated: dict[int, bool] = {}

    def write(self, delta: Delta) -> list[JsonObject]:
        """The messages of a piece; none if that part of the answer will not be kept."""
        match delta.kind:
            case "reasoning":
                return [self.reasoning(f"reasoning {delta.index}", delta.text, native=True)]
            case "redacted" | "omitted":
                fields = {"state": delta.kind, "hidden_reasoning": delta.text or None}
                return [self._head("hidden_reasoning_message", f"{delta.kind} {delta.index}") | fields]
            case "text":
                return self.text(delta)
        if delta.index > 0 and self._first_call_only:
            return []
        return self.call(delta)

    def text(self, delta: Delta) -> list[JsonObject]:
        """The messages of a piece of text."""
        return [self.spoken(delta.text, f"text {delta.index}")]

    def call(self, delta: Delta) -> list[JsonObject]:
        """The messages of a piece of a call."""
        return self.called(delta, delta.name, delta.text)

    def reasoning(self, part: str, text: str, *, native: bool) -> JsonObject:
        """A piece of a thought. ``part`` tells thoughts from different places apart."""
        source = "reasoner_model" if native else "non_reasoner_model"
        return self._head("reasoning_message", part) | {"source": source, "reasoning": text, "signature": None}

    def spoken(self, text: str, part: str) -> JsonObject:
        """A piece of what the user is to read."""
        return self._head("assistant_message", part) | {"content": text}

    def called(self, delta: Delta, name: str | None, arguments: str) -> list[JsonObject]:
        """A piece of a call, with these parts of its name and arguments."""
        if not name and not arguments:
            return []
        if self.is_gated(delta):
            parts = {"name": name or None, "arguments": arguments or None, "tool_call_id": delta.call_id}
            wire = head(self._request, "approval_request_message", 0) | {"otid": self._request.id}
            return [wire | {"tool_call": parts, "tool_calls": parts}]
        given = (("name", name), ("arguments", arguments), ("tool_call_id", delta.call_id))
        call = {key: value for key, value in given if value}
        return [self._head("tool_call_message", "calls") | {"tool_call": call, "tool_calls": call}]

    def is_gated(self, delta: Delta) -> bool:
        """Whether the call that a piece belongs to will wait for a decision."""
        if delta.name and delta.index not in self._gated:
            turn = self._turn
            allowed = delta.name in turn.rules.allowed(turn.tool_names)
            self._gated[delta.index] = allowed and is_gated(turn, delta.name)
        return self._gated.get(delta.index, False)

    def _head(self, message_type: str, part: str) -> JsonObject:
        return head(self._message, message_type, self._places.setdefault(part, len(self._places)))
