"""Work that a process does beside its requests, for all who call it and on behalf of none of them."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context

from letta.errors import UnavailableError

logger = logging.getLogger(__name__)


def growing_pause(first: float, longest: float, failures: int) -> float:
    """Seconds to wait after so many failures in a row: the first pause, doubled each time, up to the longest."""
    return min(longest, first * 2.0 ** min(failures - 1, 30))


def tell(what: str, error: Exception) -> None:
    """Tell the log that some work, as "reading uploaded files", failed and will be tried again."""
    if isinstance(error, UnavailableError):
        logger.warning("%s is delayed: %s", what, error.detail)
    else:
        logger.error("%s failed unexpectedly; trying again later", what, exc_info=error)


class Worker(ABC):
    """Does what is to be done as long as the process lives: when it is woken, and when it expects more itself."""

    def __init__(self, what: str, *, after_failure: float, longest: float | None = None, rest: float = 0.0) -> None:
        """
        Args:
            what: what it does, for the log: "reading uploaded files".
            after_failure: seconds until it looks again after a failure; doubled each time, where `longest` is more.
            rest: seconds that it rests after each look, even if it is woken.
        """
        self._what = what
        self._after_failure = after_failure
        self._longest = longest or after_failure
        self._rest = rest
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with what was left undone."""
        self._task = asyncio.create_task(self._work(), context=Context())

    def wake(self) -> None:
        """Say that there is something to do, or is about to be."""
        self._woken.set()

    async def stop(self) -> None:
        """End. What is under way is left to the next process that looks."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    @abstractmethod
    async def look(self) -> float | None:
        """Do what waits. Returns after how many seconds to look again if nobody wakes it; None: not before that."""

    async def _work(self) -> None:
        failures = 0
        while True:
            self._woken.clear()
            try:
                pause = await self.look()
                failures = 0
            except Exception as error:
                tell(self._what, error)
                failures += 1
                pause = growing_pause(self._after_failure, self._longest, failures)
            await asyncio.sleep(self._rest)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if pause is None else max(0.0, pause - self._rest)):
                    await self._woken.wait()


class Task:
    """Something that runs while it is needed, and never twice at the same time."""

    def __init__(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def ensure(self) -> None:
        """Begin, unless it runs already. It belongs to all, and so knows nothing of the request that came first."""
        if not self.is_running:
            self._task = asyncio.create_task(self._work(), context=Context())

    async def finish(self, seconds: float | None = None) -> None:
        """Wait for its end, or so long at most."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
