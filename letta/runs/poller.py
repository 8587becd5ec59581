"""Following runs of other processes: one query at a time for everybody who wants to know, and none if nobody does."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from letta.background import Task
from letta.database.engine import Database
from letta.errors import UnavailableError, no_such
from letta.runs.event_repository import News

logger = logging.getLogger(__name__)

_PATIENCE = 20
"""How many failures in a row are waited out before the readers are told."""

Position = tuple[str, int]
"""A run's id, and the number or place up to which a reader knows it."""


class Poller:
    """Looks for news of runs, several times a second while somebody waits for some."""

    def __init__(
        self,
        database: Database,
        query: Callable[[Connection, Sequence[Position]], dict[Position, News]],
        *,
        interval: float = 0.25,
    ) -> None:
        self._database = database
        self._query = query
        self._interval = interval
        self._waiting: dict[Position, list[asyncio.Future[News]]] = {}
        self._polling = Task(self._poll)

    async def look(self, run_id: str, position: int) -> News:
        """What a reader doesn't know yet, be it nothing.

        Raises:
            NotFoundError: the run is gone.
            UnavailableError: the database can't be reached.
        """
        key = (run_id, position)
        found = await self._database.read(self._query, [key])
        if key not in found:
            raise no_such("run", run_id)
        return found[key]

    async def next(self, run_id: str, position: int) -> News:
        """What a reader doesn't know yet, as soon as there is anything. A run that is over or lost is always news.

        Raises:
            NotFoundError: the run is gone.
            UnavailableError: the database couldn't be reached for a while.
        """
        key = (run_id, position)
        future: asyncio.Future[News] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        self._polling.ensure()
        try:
            return await future
        finally:
            self._forget(key, future)

    async def stop(self) -> None:
        """Look no more, and tell those who wait."""
        await self._polling.stop()
        self._fail(list(self._waiting), UnavailableError("The server is restarting; the run goes on elsewhere."))

    async def _poll(self) -> None:
        failures = 0
        while self._waiting:
            wanted = list(self._waiting)
            try:
                self._tell(wanted, await self._database.read(self._query, wanted))
                failures = 0
            except UnavailableError as error:
                failures += 1
                logger.warning("runs of other processes could not be followed: %s", error.detail)
                if failures >= _PATIENCE:
                    self._fail(wanted, error)
            await asyncio.sleep(self._interval)

    def _tell(self, wanted: Sequence[Position], found: dict[Position, News]) -> None:
        for key in wanted:
            news = found.get(key)
            if news is None:
                self._fail([key], no_such("run", key[0]))
            elif news.frames or news.messages or news.state.over_for is not None or news.state.lost:
                for future in self._waiting.pop(key, ()):
                    if not future.done():
                        future.set_result(news)

    def _fail(self, keys: Sequence[Position], error: Exception) -> None:
        for key in keys:
            for future in self._waiting.pop(key, ()):
                if not future.done():
                    future.set_exception(error)

    def _forget(self, key: Position, future: asyncio.Future[News]) -> None:
        waiting = self._waiting.get(key, [])
        if future in waiting:
            waiting.remove(future)
            if not waiting:
                del self._waiting[key]
