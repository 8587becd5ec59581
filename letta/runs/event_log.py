"""What a run has told so far, for any number of readers."""

import asyncio
from collections.abc import AsyncIterator

from letta.turn.events import TurnEvent


class EventLog:
    """An append-only list of events. A slow reader costs a position in it, not a copy."""

    def __init__(self) -> None:
        self._events: list[TurnEvent] = []
        self._closed = False
        self._changed = asyncio.Event()

    def append(self, event: TurnEvent) -> None:
        """Add an event and wake the readers."""
        self._events.append(event)
        self._wake()

    def close(self) -> None:
        """Say that no event follows."""
        self._closed = True
        self._wake()

    async def read(self) -> AsyncIterator[TurnEvent]:
        """All events from the first one on, until the log is closed."""
        position = 0
        while True:
            while position < len(self._events):
                yield self._events[position]
                position += 1
            if self._closed:
                return
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
