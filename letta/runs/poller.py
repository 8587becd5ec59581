"""Following runs of other processes: one query at a time for everybody who wants to know, and none if nobody does."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from letta.background import Task, tell
from letta.database.engine import Database
from letta.errors import UNKNOWN, LettaError, UnavailableError, no_such
from letta.runs.event_repository import News

logger = logging.getLogger(__name__)

_WHAT = "following runs of other processes"
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
            LettaError: what is stored of the run can't be read.
        """
        key = (run_id, position)
        try:
            found = await self._database.read(self._query, [key])
        except LettaError:
            raise
        except Exception as error:
            logger.exception("run %s can't be followed", run_id)
            raise LettaError(UNKNOWN) from error
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
        self._fail(
            list(self._waiting), UnavailableError("The server is restarting; another process continues the run.")
        )

    async def _poll(self) -> None:
        failures = 0
        while self._waiting:
            wanted = list(self._waiting)
            try:
                self._tell(wanted, await self._database.read(self._query, wanted))
                failures = 0
            except UnavailableError as error:
                failures += 1
                tell(_WHAT, error)
                if failures >= _PATIENCE:
                    self._fail(wanted, error)
            except Exception:
                await self._look_at_each(wanted)
            await asyncio.sleep(self._interval)

    async def _look_at_each(self, wanted: Sequence[Position]) -> None:
        """Look for the news of each run by itself, so that one that can't be read is no other reader's trouble."""
        for key in wanted:
            try:
                self._tell([key], {key: await self.look(*key)})
            except UnavailableError as error:
                tell(_WHAT, error)
            except LettaError as error:
                self._fail([key], error)

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
