"""Stopping a turn from outside while it waits for a model or a tool."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


class TurnCancelledError(Exception):
    """Somebody asked for the run to be cancelled."""


class TurnHandedOverError(Exception):
    """The process is shutting down: the uncommitted step is dropped, and another process may go on."""


class Cancellation:
    """A turn's stop signal. Waits that are guarded end at once when it is given."""

    def __init__(self) -> None:
        self._error: Exception | None = None
        self._waiting: asyncio.Task[Any] | None = None

    def cancel(self) -> None:
        """End the turn as cancelled."""
        self._give(TurnCancelledError())

    def hand_over(self) -> None:
        """End the turn here, so that another process goes on with it."""
        self._give(TurnHandedOverError())

    def _give(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
            if self._waiting is not None:
                self._waiting.cancel()

    def check(self) -> None:
        """Raise the signal if it was given."""
        if self._error is not None:
            raise self._error

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Wait for something, or for the signal; what is waited for is then cancelled.

        Raises:
            TurnCancelledError, TurnHandedOverError: the signal was given.
        """
        self.check()
        task = self._waiting = asyncio.current_task()
        try:
            return await awaitable
        except BaseException:
            self.check()  # whatever else came of it
            raise
        finally:
            self._waiting = None
            if self._error is not None and task is not None:
                task.uncancel()

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
