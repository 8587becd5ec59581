"""Stopping a turn from outside while it waits for a model or a tool."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

T = TypeVar("T")


class TurnCancelledError(Exception):
    """Somebody asked for the run to be cancelled."""


class TurnHandedOverError(Exception):
    """The process is shutting down: the uncommitted step is dropped, and another process may go on."""


class Cancellation:
    """A turn's stop signal. Waits that are guarded end at once when it is given."""

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._given = asyncio.Event()

    def cancel(self) -> None:
        """End the turn as cancelled."""
        self._give(TurnCancelledError())

    def hand_over(self) -> None:
        """End the turn here, so that another process goes on with it."""
        self._give(TurnHandedOverError())

    def _give(self, error: Exception) -> None:
        self._error = self._error or error
        self._given.set()

    def check(self) -> None:
        """Raise the signal if it was given."""
        if self._error is not None:
            raise self._error

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Wait for something, or for the signal."""
        self.check()
        task = asyncio.ensure_future(awaitable)
        signal = asyncio.ensure_future(self._given.wait())
        try:
            await asyncio.wait({task, signal}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            self.check()
            raise AssertionError("unreachable")
        finally:
            for pending in (task, signal):
                if not pending.done():
                    pending.cancel()
            await asyncio.gather(task, signal, return_exceptions=True)

    async def guard(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """The items of an iterator, until the signal."""
        iterator = items.__aiter__()
        try:
            while True:
                try:
                    yield await self.wait(iterator.__anext__())
                except StopAsyncIteration:
                    return
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
