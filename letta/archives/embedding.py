"""Making vectors that are due: after an outage of the embedding model, or for another model.

What is done is stored batch by batch, so that it goes on where it was broken off, by whichever process. Passages are
found by their words meanwhile.
"""

import asyncio
import logging

from letta.archives import embedding_repository as repository
from letta.archives.embedding_repository import DueArchive, DuePassage
from letta.database.engine import Database
from letta.errors import NotFoundError, UnavailableError
from letta.llm.embeddings import Embedder
from letta.llm.errors import LlmError

logger = logging.getLogger(__name__)

_BATCH = 64
_CLAIM_SECONDS = 300.0
"""Longer than a batch takes, retries of the provider's client included."""
_SETTLE_SECONDS = 0.5
"""Time for the transaction of whoever woke us to be committed."""
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
"""Seconds before the next try after a failure; doubled each time."""
_IDLE_SECONDS = 600.0
"""How often to look without having been woken: another process may have left something undone."""


class EmbeddingWorker:
    """Looks for due vectors when it is woken, and now and then."""

    def __init__(self, database: Database, embedder: Embedder, *, first_pause: float = _FIRST_PAUSE) -> None:
        self._database = database
        self._embedder = embedder
        self._first_pause = first_pause
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0

    def start(self) -> None:
        """Begin, with what was left undone."""
        self.wake()
        self._task = asyncio.create_task(self._work())

    def wake(self) -> None:
        """Say that vectors are, or are about to become, due."""
        self._woken.set()

    async def stop(self) -> None:
        """End. What is under way is left to the next process that looks."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        while True:
            pause = await self._look()
            try:
                async with asyncio.timeout(pause):
                    await self._woken.wait()
            except TimeoutError:
                logger.debug("looking for passages without vectors, unasked")
            self._woken.clear()
            # Whoever adds passages while the model is away wakes us each time: the pause holds all the same.
            await asyncio.sleep(self._pause_after_failure() if self._failures else _SETTLE_SECONDS)

    async def _look(self) -> float:
        """Make what is due. Returns after how many seconds to look again, if nobody wakes us."""
        failed: set[str] = set()
        others = False
        try:
            while True:
                archive, others = await self._database.run(repository.claim_archive, _CLAIM_SECONDS, failed)
                if archive is None:
                    break
                if not await self._complete(archive):
                    failed.add(archive.id)
        except UnavailableError as error:
            logger.warning("passages without vectors could not be looked for: %s", error.detail)
            failed.add("")
        self._failures = self._failures + 1 if failed else 0
        if failed:
            return 0.0
        return _CLAIM_SECONDS if others else _IDLE_SECONDS

    def _pause_after_failure(self) -> float:
        return float(min(_LONGEST_PAUSE, self._first_pause * 2 ** (self._failures - 1)))

    async def _complete(self, archive: DueArchive) -> bool:
        """Make the vectors of one archive, and give it back whatever happens. False if the model can't be reached."""
        last: DuePassage | None = None
        try:
            while batch := await self._database.read(repository.due_passages, archive, last, _BATCH):
                vectors = await self._embedder.embed(archive.embedding_config, [passage.text for passage in batch])
                done = list(zip(batch, vectors, strict=True))
                if not await self._database.run(repository.store_vectors, archive, done, _CLAIM_SECONDS):
                    break
                last = batch[-1]
        except (LlmError, NotFoundError) as error:
            logger.warning("passages could not be embedded, which is tried again later: %s", error.detail)
            return False
        finally:
            await self._database.run(repository.release_archive, archive)
        return True
