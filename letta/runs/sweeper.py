"""Looking after what other processes left behind: lost runs, callbacks that weren't sent, logs that are too old.

Nobody tells a process that another one is gone, so it has to look: once a minute when it is idle, and several times
within the time of a lease while others carry out runs, or while it is used itself.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.runs import event_repository, lease_repository
from letta.runs.callbacks import Callbacks
from letta.webhooks import delivery_repository

logger = logging.getLogger(__name__)

_MOST_SECONDS = 60
_IDLE_LEASES = 3
"""So many times the length of a lease lie between two looks of an idle process; a minute, as leases are by default."""
_LOOKS_PER_LEASE = 4
_SECONDS_BETWEEN_CLEANINGS = 1800
_MOST_AT_ONCE = 20


class Sweeper:
    """Looks once at the start, then now and then."""

    def __init__(
        self,
        database: Database,
        owner: str,
        lease_seconds: float,
        recover: Callable[[str], Awaitable[None]],
        callbacks: Callbacks,
        wake_webhooks: Callable[[], None],
        nudge_queue: Callable[[], None],
        heard: Callable[[float | None], None],
    ) -> None:
        """`heard` is told after how many seconds the next scheduled message is due, if there is one."""
        self._database = database
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._recover = recover
        self._callbacks = callbacks
        self._wake_webhooks = wake_webhooks
        self._nudge_queue = nudge_queue
        self._heard = heard
        self._cleaned: float | None = None
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._sweep())

    def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    def nudge(self) -> None:
        """Look soon: the process is used."""
        self._nudged.set()

    async def _sweep(self) -> None:
        short = min(_MOST_SECONDS, self._lease_seconds / _LOOKS_PER_LEASE)
        while True:
            pause = min(_MOST_SECONDS, self._lease_seconds * _IDLE_LEASES)
            self._nudged.clear()
            try:
                if await self._look():
                    pause = short
            except UnavailableError as error:
                logger.warning("what other processes left behind could not be looked for: %s", error.detail)
            except Exception:
                logger.exception("what other processes left behind could not be taken care of")
            await asyncio.sleep(short)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), pause - short)

    async def _look(self) -> bool:
        """Do what waits. Returns whether there may soon be more."""
        waiting = await self._database.read(lease_repository.what_waits, self._owner)
        self._heard(waiting.scheduled)
        if waiting.expired:
            for run_id in await self._database.read(lease_repository.lost_runs, _MOST_AT_ONCE):
                await self._recover(run_id)
        if waiting.queued:
            self._nudge_queue()
        if waiting.callbacks:
            await self._callbacks.send_due()
        if waiting.webhooks:
            self._wake_webhooks()
        if self._cleaned is None or time.monotonic() - self._cleaned > _SECONDS_BETWEEN_CLEANINGS:
            await self._database.run(event_repository.delete_expired)
            await self._database.run(delivery_repository.delete_old)
            self._cleaned = time.monotonic()
        return waiting.expired or waiting.others or waiting.queued
