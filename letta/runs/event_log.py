"""What a run has told so far, for any number of readers in this process."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from letta.runs.joining import can_join, cut, join, length
from letta.turn.events import PartDelta, TurnEvent, TurnFailed

_URGENT_BYTES = 64 * 1024
_MOST_JOINED = 64 * 1024
"""Characters of a joined delta, so that whoever reads a long message needs no more memory than for a short one."""
_AT_ONCE = 64
"""Entries that a reader takes out of the list at once, and holds while it is slow, whatever becomes of the list."""
_DELTA_BYTES = 350
"""About what a delta takes on the wire, beside its text."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An event and the numbers that it takes up.

    Attributes:
        pieces: lengths of the deltas that were joined in this one; each of them had a number.
    """

    first: int
    last: int
    event: TurnEvent
    pieces: tuple[int, ...] = ()

    def rest(self, after: int) -> "Entry":
        """What of it comes after a number."""
        if after < self.first or not isinstance(self.event, PartDelta):
            return self
        skipped = after - self.first + 1
        return Entry(after + 1, self.last, PartDelta(cut(self.event.wire, self.pieces, skipped)), self.pieces[skipped:])


def _one(_event: TurnEvent) -> int:
    return 1


class EventLog:
    """An append-only list of numbered events. A slow reader costs a position in it, not a copy.

    When something else follows them, deltas are joined to one for each part (or some, if it is long), so that a long
    turn isn't kept in small pieces; a reader who is in the midst of them goes on where it was.
    """

    def __init__(self, count: Callable[[TurnEvent], int] = _one, start: int = 1) -> None:
        """``count`` tells how many numbers an event takes up (none: it isn't kept), ``start`` is the first number."""
        self._count = count
        self._next = start
        self._entries: list[Entry] = []
        self._loose_from = 0
        self._loose_bytes = 0
        self._changed = asyncio.Event()
        self.closed = False
        self.interruption: TurnFailed | None = None
        self.settled = start - 1
        self.urgent = asyncio.Event()

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self._next - 1

    def append(self, event: TurnEvent) -> None:
        """Add an event and wake the readers."""
        count = self._count(event)
        if count == 0:
            return
        entry = Entry(self._next, self._next + count - 1, event)
        self._next += count
        if isinstance(event, PartDelta):
            self._entries.append(entry)
            self._weigh(event)
        else:
            self._join_loose()
            self._entries.append(entry)
            self._settle()
        self._wake()

    def close(self, interruption: TurnFailed | None = None) -> None:
        """Say that no event follows. An interruption is told to the readers, but it isn't part of the run.

        What an interruption leaves in pieces stays so: whoever goes on with the run tells it anew.
        """
        if interruption is None:
            self._join_loose()
            self._settle()
        self.closed = True
        self.interruption = interruption
        self._wake()

    async def changed(self) -> None:
        """Wait for something to be added, or for the end."""
        await self._changed.wait()

    def after(self, number: int, most: int | None = None) -> list[Entry]:
        """What came after a number, so far; the first ones of it if there is more than ``most``."""
        first = bisect_right(self._entries, number, key=lambda entry: entry.last)
        found = self._entries[first : None if most is None else first + most]
        return [found[0].rest(number), *found[1:]] if found else found

    async def entries(self, number: int = 0) -> AsyncIterator[Entry]:
        """What comes after a number, until the log is closed."""
        while True:
            changed, closed = self._changed, self.closed
            found = self.after(number, _AT_ONCE)
            for entry in found:
                number = entry.last
                yield entry
            if len(found) == _AT_ONCE:
                continue
            if closed:
                return
            del found
            await changed.wait()  # not of the log as it is by now: a yield takes as long as the reader wants

    async def read(self) -> AsyncIterator[TurnEvent]:
        """All events from the first one on; an interruption comes last."""
        async for entry in self.entries():
            yield entry.event
        if self.interruption is not None:
            yield self.interruption

    def _weigh(self, event: PartDelta) -> None:
        self._loose_bytes += _DELTA_BYTES + len(str(event.wire.get("content") or ""))
        if self._loose_bytes > _URGENT_BYTES:
            self._loose_bytes = 0
            self.urgent.set()

    def _join_loose(self) -> None:
        loose = self._entries[self._loose_from :]
        del self._entries[self._loose_from :]
        group: list[Entry] = []
        characters = 0
        for entry in loose:
            wire = _wire(entry)
            characters += length(wire)
            if group and (characters > _MOST_JOINED or not can_join(_wire(group[0]), wire)):
                self._entries.append(_joined(group))
                group, characters = [], length(wire)
            group.append(entry)
        if group:
            self._entries.append(_joined(group))

    def _settle(self) -> None:
        self._loose_from = len(self._entries)
        self._loose_bytes = 0
        self.settled = self.last
        self.urgent.set()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _wire(entry: Entry) -> dict[str, object]:
    assert isinstance(entry.event, PartDelta)  # noqa: S101 - only deltas are loose
    return entry.event.wire


def _joined(group: list[Entry]) -> Entry:
    if len(group) == 1:
        return group[0]
    wire, pieces = join([_wire(entry) for entry in group])
    return Entry(group[0].first, group[-1].last, PartDelta(wire), pieces)
