"""Telling the ends of runs to the addresses that their starters gave."""

import asyncio
from contextvars import Context

from letta.background import tell
from letta.database.engine import Database
from letta.outgoing.attempts import post
from letta.runs import callback_repository
from letta.runs.callback_repository import Callback

_PAUSES = (0.0, 1.0, 5.0)
"""Seconds before the first try and those that follow a failure."""
_SECONDS_AT_THE_END = 5
_MOST_AT_ONCE = 20
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class Callbacks:
    """Sends callbacks, each until it is received or has failed a few times; what came of it is noted at its run."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tasks: set[asyncio.Task[None]] = set()

    def send_soon(self, run_id: str) -> None:
        """Send the callback of a run, if it has one, is over, and nobody else is sending it."""
        task = asyncio.create_task(self._send(run_id), context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send_due(self) -> None:
        """Send those that a process has left unsent."""
        for run_id in await self._database.read(callback_repository.due, _MOST_AT_ONCE):
            self.send_soon(run_id)

    async def finish(self) -> None:
        """Wait a little for those that are being sent; what isn't sent then is left to another process."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_SECONDS_AT_THE_END)
        for task in self._tasks:
            task.cancel()

    async def _send(self, run_id: str) -> None:
        try:
            callback = await self._database.run(callback_repository.claim, run_id)
            if callback is not None:
                status, error = await _deliver(callback)
                await self._database.run(callback_repository.note_result, run_id, status, error)
        except Exception as error:
            tell(f"sending the callback of {run_id}", error)


async def _deliver(callback: Callback) -> tuple[int | None, str | None]:
    """Send a callback. Returns the status of the answer, and what went wrong."""
    status: int | None = None
    problem: str | None = None
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        made = await post(callback.url, json=callback.payload)
        status, problem = made.status, made.problem
        if not made.allowed or (status is not None and status not in _TRY_AGAIN):
            break
    return status, problem
