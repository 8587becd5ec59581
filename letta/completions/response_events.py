"""A response of OpenAI as the events of its stream, which tell each part of it as it begins, grows and ends."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from letta.completions import responses
from letta.completions.pieces import Piece, Pieces
from letta.completions.responses import Item, ResponseHead
from letta.errors import LettaError
from letta.json_types import JsonObject
from letta.runs.view import RunView
from letta.turn.events import TurnEnded, TurnFailed


async def events(view: RunView, head: ResponseHead, pieces: Pieces) -> AsyncIterator[bytes]:
    """The frames of a response's stream."""
    writer = _Writer(head)
    for frame in writer.begin():
        yield frame
    try:
        async for event in pieces.follow(view):
            for frame in writer.frames(event):
                yield frame
    except LettaError as error:  # the stream can't be read on, while the run itself may go on
        yield writer.fail(error.detail, error.status)


class _Writer:
    """Numbers the events, and knows which item is open."""

    def __init__(self, head: ResponseHead) -> None:
        self._head = head
        self._number = 0
        self._open: Item | None = None
        self._output: list[JsonObject] = []

    def begin(self) -> Iterator[bytes]:
        """What every stream begins with."""
        for kind in ("response.created", "response.in_progress"):
            yield self._frame(kind, response=self._head.with_status("in_progress"))

    def frames(self, event: Piece | TurnEnded | TurnFailed) -> Iterator[bytes]:
        """The frames of something that happened."""
        match event:
            case Piece():
                yield from self._piece(event)
            case TurnEnded():
                yield from self._close()
                whole = responses.ended(self._head, self._output, event.stop_reason, event.usage)
                kind = "response.completed" if whole["status"] == "completed" else "response.incomplete"
                yield self._frame(kind, response=whole)
            case TurnFailed():
                yield from self._close()
                yield self.fail(event.error.detail, event.error.status)

    def fail(self, message: str, status: int) -> bytes:
        """The end of a stream that tells no whole response."""
        whole = responses.failed(self._head, self._output, message, status=status)
        return self._frame("response.failed", response=whole)

    def _piece(self, piece: Piece) -> Iterator[bytes]:
        if self._open is None or (self._open.kind, self._open.name) != (piece.kind, piece.item):
            yield from self._close()
            self._open = Item(piece.kind, piece.item, function=piece.name)
            yield from self._opened(self._open)
        self._open.text += piece.text
        if piece.text:
            yield self._of_item(_GROWS[piece.kind], self._open, delta=piece.text, **_logprobs(piece.kind))

    def _opened(self, item: Item) -> Iterator[bytes]:
        place = {"output_index": len(self._output)}
        yield self._frame("response.output_item.added", **place, item=item.shown(done=False))
        if item.kind in _PART:
            yield self._of_item(f"{_PART[item.kind]}.added", item, part=item.content())

    def _close(self) -> Iterator[bytes]:
        if self._open is None:
            return
        item, self._open = self._open, None
        text = {"arguments": item.text, "name": item.function} if item.kind == "call" else {"text": item.text}
        yield self._of_item(_DONE[item.kind], item, **text, **_logprobs(item.kind))
        if item.kind in _PART:
            yield self._of_item(f"{_PART[item.kind]}.done", item, part=item.content())
        yield self._frame("response.output_item.done", output_index=len(self._output), item=item.shown(done=True))
        self._output.append(item.shown(done=True))

    def _of_item(self, kind: str, item: Item, **fields: Any) -> bytes:
        index = {"text": {"content_index": 0}, "reasoning": {"summary_index": 0}}.get(item.kind, {})
        return self._frame(kind, item_id=item.id, output_index=len(self._output), **index, **fields)

    def _frame(self, kind: str, **fields: Any) -> bytes:
        payload = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        return f"event: {kind}\ndata: {text}\n\n".encode(errors="replace")


_PART = {"text": "response.content_part", "reasoning": "response.reasoning_summary_part"}
_GROWS = {
    "text": "response.output_text.delta",
    "reasoning": "response.reasoning_summary_text.delta",
    "call": "response.function_call_arguments.delta",
}
_DONE = {kind: f"{name.removesuffix('.delta')}.done" for kind, name in _GROWS.items()}


def _logprobs(kind: str) -> JsonObject:
    return {"logprobs": []} if kind == "text" else {}
