"""Pieces of an answer in which the model speaks and thinks in the arguments of a call."""

import json

from letta.json_types import JsonObject
from letta.llm.chat import Delta
from letta.memory_tools.execute import THINKING
from letta.messages.message import Message
from letta.turn.argument_stream import ArgumentReader, Piece
from letta.turn.deltas import DeltaWriter
from letta.turn.turn import Turn


class MessagingDeltaWriter(DeltaWriter):
    """Shows thoughts as reasoning and, where the request wants it, a message's text as an assistant message.

    Thoughts come first, as in the message that is stored: a model that should think in its arguments, but writes
    others before, has those held back.
    """

    def __init__(self, turn: Turn, message: Message, *, thinks: bool, had_tools: bool) -> None:
        super().__init__(turn, message, first_call_only=True)
        shown = turn.options.request_config
        self._speaking_tool = shown.get("assistant_message_tool_name") or "send_message"
        self._speaking_argument = shown.get("assistant_message_tool_kwarg") or "message"
        self._translates = shown.get("use_assistant_message", True)
        self._had_tools = had_tools
        self._reader = ArgumentReader()
        self._awaits_thoughts = thinks
        self._held: list[Piece] = []
        self._name: str | None = None
        self._speaks = False
        self._named = False
        self._arguments_begun = False
        self._arguments_ended = False

    def text(self, delta: Delta) -> list[JsonObject]:
        """Text is a thought, unless there is no tool to speak through."""
        part = f"text {delta.index}"
        if self._had_tools:
            return [self.reasoning(part, delta.text, native=False)]
        return [self.spoken(delta.text, part)]

    def call(self, delta: Delta) -> list[JsonObject]:
        """Thoughts, words, or what remains of the arguments without them."""
        if delta.name:
            self._name = delta.name
            self._speaks = self._translates and delta.name == self._speaking_tool and not self.is_gated(delta)
        pieces = self._reader.feed(delta.text)
        thoughts = [self.reasoning(THINKING, p.text, native=False) for p in pieces if p.name == THINKING and p.text]
        others = self._ready(pieces)
        if self._speaks:
            return [*thoughts, *(self.spoken(text, "call") for p in others if (text := self._words(p)))]
        return [*thoughts, *self._call(delta, others)]

    def _ready(self, pieces: list[Piece]) -> list[Piece]:
        """Pieces of arguments whose turn it is, now that thoughts are over or won't come."""
        self._held += [piece for piece in pieces if piece.name != THINKING]
        if any(piece.name == THINKING for piece in pieces) or self._reader.ended:
            self._awaits_thoughts = False
        if self._awaits_thoughts or (pieces and pieces[-1].name == THINKING and not self._reader.ended):
            return []
        ready, self._held = self._held, []
        return ready

    def _words(self, piece: Piece) -> str:
        if piece.name != self._speaking_argument:
            return ""
        return piece.raw if piece.text is None else piece.text

    def _call(self, delta: Delta, pieces: list[Piece]) -> list[JsonObject]:
        """The name is held back until the thoughts, which come first, are over."""
        arguments = "".join(self._argument(piece) for piece in pieces)
        if self._reader.ended and not self._arguments_ended:
            self._arguments_ended = True
            arguments += "}" if self._arguments_begun else "{}"
        if not arguments:
            return []
        name = [] if self._named else self.called(delta, self._name, "")
        self._named = True
        return [*name, *self.called(delta, None, arguments)]

    def _argument(self, piece: Piece) -> str:
        if not piece.first:
            return piece.raw
        opening = ", " if self._arguments_begun else "{"
        self._arguments_begun = True
        return f"{opening}{json.dumps(piece.name, ensure_ascii=False)}: {piece.raw}"
