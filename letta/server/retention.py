"""Keeping what is stored for a while only within its time and space: provider traces, deleted passages."""

import asyncio
import logging

from letta.archives.deleted_repository import drop_old_deleted_passages
from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.settings import Settings
from letta.steps.repository import drop_old_traces, drop_traces_beyond

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 1800.0
_FIRST_AFTER_SECONDS = 60.0


async def drop_what_is_too_old(database: Database, settings: Settings) -> None:
    """Drop what is too old, and the oldest of what takes too much space; now and then, for ever."""
    await asyncio.sleep(_FIRST_AFTER_SECONDS)
    while True:
        try:
            await database.run(drop_old_traces, settings.trace_retention_days)
            await database.run(drop_traces_beyond, settings.trace_max_mb * 1024 * 1024)
            await database.run(drop_old_deleted_passages, settings.deleted_passages_days)
        except UnavailableError as error:
            logger.warning("what is too old could not be dropped: %s", error.detail)
        await asyncio.sleep(_EVERY_SECONDS)
