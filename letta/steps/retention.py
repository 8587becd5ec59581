"""Keeping provider traces within their time and space."""

import asyncio
import logging

from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.settings import Settings
from letta.steps.repository import drop_old_traces, drop_traces_beyond

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 1800.0
_FIRST_AFTER_SECONDS = 60.0


async def keep_traces_bounded(database: Database, settings: Settings) -> None:
    """Drop provider traces that are too old, and the oldest where they take too much space; now and then, for ever."""
    await asyncio.sleep(_FIRST_AFTER_SECONDS)
    while True:
        try:
            await database.run(drop_old_traces, settings.trace_retention_days)
            await database.run(drop_traces_beyond, settings.trace_max_mb * 1024 * 1024)
        except UnavailableError as error:
            logger.warning("old provider traces could not be dropped: %s", error.detail)
        await asyncio.sleep(_EVERY_SECONDS)
