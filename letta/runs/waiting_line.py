"""Requests that wait for a busy conversation, in the order in which they came."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from letta.errors import BusyError, UnavailableError

T = TypeVar("T")

_MOST_IN_A_LINE = 32


class WaitingLine:
    """One line for each conversation. Whoever waits holds nothing but its place: no thread, no connection."""

    def __init__(self, seconds: float) -> None:
        """``seconds`` is how long a request waits at most."""
        self._seconds = seconds
        self._lines: dict[str, list[asyncio.Event]] = {}
        self._closed = False

    async def wait(
        self,
        key: str,
        attempt: Callable[[], Awaitable[T]],
        until_ended: Callable[[str | None, float], Awaitable[None]],
    ) -> T:
        """What ``attempt`` returns, once it doesn't raise BusyError any more and all that came before have begun.

        Args:
            until_ended: waits for the end of a run, or for a while.

        Raises:
            BusyError: it still does when the time is over.
            UnavailableError: too many wait already, or the process is shutting down.
        """
        line = self._lines.setdefault(key, [])
        if len(line) >= _MOST_IN_A_LINE:
            raise UnavailableError(f"{len(line)} requests are already waiting for this conversation. Try again later.")
        place = asyncio.Event()
        line.append(place)
        deadline = time.monotonic() + self._seconds
        try:
            await self._until_first(line, place, deadline)
            return await self._until_free(attempt, until_ended, deadline)
        finally:
            line.remove(place)
            if line:
                line[0].set()
            else:
                self._lines.pop(key, None)

    def __len__(self) -> int:
        """How many wait."""
        return sum(map(len, self._lines.values()))

    def close(self) -> None:
        """Send all away who wait."""
        self._closed = True
        for line in self._lines.values():
            for place in line:
                place.set()

    async def _until_first(self, line: list[asyncio.Event], place: asyncio.Event, deadline: float) -> None:
        if line[0] is place:
            return
        try:
            await asyncio.wait_for(place.wait(), deadline - time.monotonic())
        except TimeoutError:
            raise self._too_long() from None

    async def _until_free(
        self,
        attempt: Callable[[], Awaitable[T]],
        until_ended: Callable[[str | None, float], Awaitable[None]],
        deadline: float,
    ) -> T:
        while True:
            if self._closed:
                raise UnavailableError("The server is shutting down. Send the request again in a few seconds.")
            try:
                return await attempt()
            except BusyError as busy:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise
                await until_ended(busy.extra.get("run_id"), left)

    def _too_long(self) -> BusyError:
        return BusyError(None, 5)
