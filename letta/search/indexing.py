"""Indexing anew what is stored already: after the language was changed, or by the first version that searches.

What is written from then on is indexed by triggers. What is done is stored batch by batch, so that it goes on where it
was broken off, by whichever process.
"""

import asyncio
import logging

from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.search.indexing_repository import index_some, unindexed_tables

logger = logging.getLogger(__name__)

_BATCH = 500
_PAUSE_SECONDS = 30.0
"""Before going on after the database was away."""


async def index_stored(database: Database) -> None:
    """Index all that is stored and waits for it. Where nothing does, this is one statement."""
    while True:
        try:
            for table in await database.read(unindexed_tables):
                logger.info("indexing stored %s for search", table)
                more = True
                while more:
                    more = await database.run(index_some, table, _BATCH)
                logger.info("stored %s are indexed", table)
            return
        except UnavailableError as error:
            logger.warning("stored texts could not be indexed, which goes on later: %s", error.detail)
            await asyncio.sleep(_PAUSE_SECONDS)
