"""Looking after what other processes left behind: lost runs, callbacks that weren't sent, logs that are too old.

Nobody tells a process that another one is gone, so it has to look: once a minute when it is idle, and several times
within the time of a lease while others carry out runs, or while it is used itself.
"""

import time
from collections.abc import Awaitable, Callable

from letta.background import Worker, tell
from letta.database.engine import Database
from letta.runs import event_repository, lease_repository
from letta.runs.callbacks import Callbacks
from letta.webhooks import delivery_repository

_MOST_SECONDS = 60
_IDLE_LEASES = 3
"""So many times the length of a lease lie between two looks of an idle process; a minute, as leases are by default."""
_LOOKS_PER_LEASE = 4
_SECONDS_BETWEEN_CLEANINGS = 1800
_MOST_AT_ONCE = 20


class Sweeper(Worker):
    """Looks once at the start, then now and then; sooner when it is woken, as the process is used."""

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
        self._soon = min(_MOST_SECONDS, lease_seconds / _LOOKS_PER_LEASE)
        self._idle = min(_MOST_SECONDS, lease_seconds * _IDLE_LEASES)
        super().__init__("looking after what others left behind", after_failure=self._idle, rest=self._soon)
        self._database = database
        self._owner = owner
        self._recover = recover
        self._callbacks = callbacks
        self._wake_webhooks = wake_webhooks
        self._nudge_queue = nudge_queue
        self._heard = heard
        self._cleaned: float | None = None

    async def look(self) -> float:
        return self._soon if await self._take_care() else self._idle

    async def _take_care(self) -> bool:
        """Do what waits. Returns whether there may soon be more."""
        waiting = await self._database.read(lease_repository.what_waits, self._owner)
        self._heard(waiting.scheduled)
        if waiting.expired:
            for run_id in await self._database.read(lease_repository.lost_runs, _MOST_AT_ONCE):
                await self._recover_one(run_id)
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

    async def _recover_one(self, run_id: str) -> None:
        """Take care of a lost run. If that fails, the others must not wait for it."""
        try:
            await self._recover(run_id)
        except Exception as error:
            tell(f"taking over run {run_id}", error)
