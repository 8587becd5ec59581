"""The event log of a background run: its messages as they are streamed, each with the number that readers resume at.

Number 1 is the ping that a stream begins with; it isn't stored. A process that takes a run over goes on at the next
million, so that no number is ever given twice, even if the process before it couldn't store what it had sent.
"""

import json
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from letta.errors import LettaError
from letta.http import sse
from letta.json_types import JsonObject
from letta.messages.wire import Presentation, for_answer
from letta.runs.event_log import Entry
from letta.runs.joining import cut
from letta.runs.presentation import asked_for, broken_off, frame, ping, wires_of
from letta.turn.events import PartDelta, TurnEvent
from letta.turn.request import RunOptions
from letta.turn.turn import Turn

_COMPRESSION = 1
_MOST_BYTES = 64 * 1024
"""Of a batch, unless a single frame is larger."""
_NUMBERS_PER_OWNER = 1_000_000
_LAST_TYPES = {"usage_statistics", "error_message"}


@dataclass(frozen=True, slots=True)
class Frame:
    """A message of a stream, and the numbers that it takes up: more than one where pieces were joined in it."""

    first: int
    last: int
    wire: JsonObject
    pieces: tuple[int, ...] = ()

    @property
    def is_end(self) -> bool:
        """Whether it is the last one of its run."""
        return self.wire["message_type"] in _LAST_TYPES or self.wire.get("stop_reason") == "cancelled"

    def rest(self, after: int) -> "Frame":
        """What of it comes after a number."""
        if after < self.first:
            return self
        skipped = after - self.first + 1
        return Frame(after + 1, self.last, cut(self.wire, self.pieces, skipped), self.pieces[skipped:])

    def data(self) -> bytes:
        """The frame as it is sent."""
        return frame(self.wire | {"seq_id": self.last} if "seq_id" in self.wire else self.wire)


@dataclass(frozen=True, slots=True)
class Show:
    """How a background run is shown, to whomever: as the request that started it wanted."""

    run_id: str
    presentation: Presentation
    tokens: bool

    def count(self, event: TurnEvent) -> int:
        """How many messages an event is shown as."""
        return len(self.wires(event))

    def wires(self, event: TurnEvent) -> list[JsonObject]:
        """The messages that an event is shown as."""
        return wires_of(event, self.presentation, run_id=self.run_id, tokens=self.tokens)

    def frames(self, entry: Entry) -> list[Frame]:
        """The frames of an entry of the log."""
        wires = self.wires(entry.event)
        if isinstance(entry.event, PartDelta):
            return [Frame(entry.first, entry.last, wire, entry.pieces) for wire in wires]
        return [Frame(number, number, wire) for number, wire in enumerate(wires, entry.first)]


def show_of(turn: Turn) -> Show:
    """How the run of a turn is shown."""
    return show_as(turn.run_id, turn.options, turn.agent.agent_type)


def show_as(run_id: str, options: RunOptions, agent_type: str) -> Show:
    """How a run with these options, of such an agent, is shown."""
    return Show(run_id, for_answer(asked_for(options), agent_type), options.stream_tokens)


def first_number(take_overs: int) -> int:
    """Where the process that took a run over for the n-th time begins to count."""
    return 2 if take_overs == 0 else take_overs * _NUMBERS_PER_OWNER + 1


def number(wires: Iterable[JsonObject], first: int) -> list[Frame]:
    """Whole messages as frames."""
    return [Frame(place, place, wire) for place, wire in enumerate(wires, first)]


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames that are stored as one row.

    Attributes:
        settled: whether they are whole: pieces of a message that is still being written may be replaced.
    """

    frames: Sequence[Frame]
    settled: bool

    def encode(self) -> bytes:
        """The batch as it is stored."""
        values = [[frame.first, frame.last, frame.wire, list(frame.pieces)] for frame in self.frames]
        text = json.dumps({"settled": self.settled, "frames": values}, separators=(",", ":"))
        return zlib.compress(text.encode(), _COMPRESSION)

    @classmethod
    def decode(cls, stored: bytes) -> "Batch":
        """A stored batch."""
        value = json.loads(zlib.decompress(stored))
        frames = [Frame(first, last, wire, tuple(pieces)) for first, last, wire, pieces in value["frames"]]
        return cls(frames, value["settled"])


def in_batches(frames: Iterable[Frame], *, settled: bool) -> list[Batch]:
    """Frames as batches that are no larger than readers have room for; one that is larger is a batch of its own."""
    batches: list[Batch] = []
    together: list[Frame] = []
    size = 0
    for found in frames:
        weight = len(json.dumps(found.wire))
        if together and size + weight > _MOST_BYTES:
            batches.append(Batch(together, settled))
            together, size = [], 0
        together.append(found)
        size += weight
    return [*batches, Batch(together, settled)] if together else batches


class Recording:
    """A background run's stream, from some number on."""

    def __init__(self, run_id: str, frames: AsyncIterator[Frame], starting_after: int, *, pings: bool) -> None:
        self._run_id = run_id
        self._frames = frames
        self._last = max(starting_after, 0)
        self._pings = pings

    async def read(self) -> AsyncIterator[bytes]:
        """What is sent: a first sign of life, the frames, ``[DONE]``."""
        if self._last == 0:
            self._last = 1
            yield self.ping()
        else:
            yield sse.COMMENT
        try:
            async for found in self._frames:
                self._last = found.last
                yield found.data()
        except LettaError as error:
            for wire in broken_off(self._run_id, error):
                yield Frame(self._last, self._last, wire).data()
        yield sse.DONE

    def ping(self) -> bytes:
        """A sign of life, with the number of the last frame."""
        return sse.data(ping(self._run_id) | {"seq_id": self._last}) if self._pings else sse.COMMENT
