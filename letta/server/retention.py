"""Keeping what is stored for a while only within its time and space: provider traces, deleted passages."""

import asyncio

from letta.archives.deleted_repository import drop_old_deleted_passages
from letta.background import Worker
from letta.database.engine import Database
from letta.settings import Settings
from letta.steps.repository import drop_old_traces, drop_traces_beyond

_EVERY_SECONDS = 1800.0
_FIRST_AFTER_SECONDS = 60.0


class Retention(Worker):
    """Drops what is too old, and the oldest of what takes too much space."""

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__("dropping what is too old", after_failure=_EVERY_SECONDS)
        self._database = database
        self._settings = settings
        self._pause = _FIRST_AFTER_SECONDS

    async def look(self) -> float:
        await asyncio.sleep(self._pause)
        self._pause = 0.0
        await self._database.run(drop_old_traces, self._settings.trace_retention_days)
        await self._database.run(drop_traces_beyond, self._settings.trace_max_mb * 1024 * 1024)
        await self._database.run(drop_old_deleted_passages, self._settings.deleted_passages_days)
        return _EVERY_SECONDS
