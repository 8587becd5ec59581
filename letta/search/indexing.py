"""Indexing anew what is stored already: after the language was changed, or by the first version that searches.

What is written from then on is indexed by triggers. What is done is stored batch by batch, so that it goes on where it
was broken off, by whichever process.
"""

import logging

from letta.background import Worker
from letta.database.engine import Database
from letta.search.indexing_repository import index_some, unindexed_tables

logger = logging.getLogger(__name__)

_BATCH = 500
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 30.0, 600.0
"""Before going on after the database was away, or while it is read-only."""


class StoredTexts(Worker):
    """Indexes all that is stored and waits for it, at the start. Where nothing does, this is one statement."""

    def __init__(self, database: Database) -> None:
        super().__init__("indexing stored texts", after_failure=_PAUSE_SECONDS, longest=_LONGEST_PAUSE_SECONDS)
        self._database = database

    async def look(self) -> None:
        for table in await self._database.read(unindexed_tables):
            logger.info("indexing stored %s for search", table)
            while await self._database.run(index_some, table, _BATCH):
                pass
            logger.info("stored %s are indexed", table)
