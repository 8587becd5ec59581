"""A turn as OpenAI's clients can be told it: what the agent says and thinks, and calls of the client's own functions.

What the agent does with its own tools is left out, as a client would take it for something that it has to do.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.messages.wire import PLAIN, for_answer, to_wire
from letta.runs.presentation import wires_of
from letta.runs.view import RunView
from letta.turn.events import Compacting, TurnEnded, TurnFailed


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, or all of it, of one part of an answer, which ``item`` tells apart from others.

    Attributes:
        text: of a call, its arguments.
        name: of a call, with its first piece.
    """

    kind: Literal["text", "reasoning", "call"]
    item: str
    text: str
    name: str | None = None


class Pieces:
    """Takes a turn's messages apart. ``functions`` are the names of those that run at the client."""

    def __init__(self, agent_type: str, functions: Collection[str]) -> None:
        self._shown = for_answer(PLAIN, agent_type)
        self._functions = functions
        self._calls: set[str] = set()

    async def follow(self, view: RunView) -> AsyncIterator[Piece | TurnEnded | TurnFailed]:
        """The pieces of a run as they come, and its end."""
        async for event in view.events:
            if isinstance(event, TurnEnded | TurnFailed):
                yield event
            elif not isinstance(event, Compacting):
                for piece in self._pieces(wires_of(event, self._shown, run_id=view.run_id, tokens=True)):
                    yield piece

    def of(self, messages: Iterable[Message]) -> list[Piece]:
        """The pieces of stored messages."""
        return list(self._pieces(to_wire(messages, self._shown)))

    def _pieces(self, wires: Iterable[JsonObject]) -> Iterator[Piece]:
        for wire in wires:
            match wire["message_type"]:
                case "assistant_message":
                    yield Piece("text", wire["otid"], wire["content"])
                case "reasoning_message":
                    yield Piece("reasoning", wire["otid"], wire["reasoning"])
                case "approval_request_message" | "tool_call_message":
                    yield from self._calls_of(wire)

    def _calls_of(self, wire: JsonObject) -> Iterator[Piece]:
        calls = wire["tool_calls"]
        for call in calls if isinstance(calls, list) else [calls]:
            call_id, name = call.get("tool_call_id") or "", call.get("name")
            if name in self._functions and call_id not in self._calls:
                self._calls.add(call_id)
                yield Piece("call", call_id, call.get("arguments") or "", name)
            elif call_id in self._calls and not name:
                yield Piece("call", call_id, call.get("arguments") or "")
