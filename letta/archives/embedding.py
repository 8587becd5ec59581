"""Making vectors that are due: after an outage of the embedding model, or for another model.

What is done is stored batch by batch, so that it goes on where it was broken off, by whichever process. Passages are
found by their words meanwhile. An archive whose model fails is left alone for ever longer, and holds no other up.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

from letta.archives import embedding_repository as repository
from letta.archives.embedding_repository import DueArchive, DuePassage
from letta.background import Worker, growing_pause
from letta.database.engine import Database
from letta.errors import NotFoundError
from letta.json_types import JsonObject
from letta.llm.embeddings import MOST_CHARACTERS, Embedder
from letta.llm.errors import LlmError
from letta.telemetry import metrics

logger = logging.getLogger(__name__)

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the worker waits, in seconds.

    Attributes:
        first: before the next try after a failure; doubled each time.
        longest: the longest such pause.
        settle: for the transaction of whoever woke it to be committed.
        claim: how long a batch may take before others take the archive over. Where it takes longer, it is done twice.
        idle: how often it looks without having been woken: another process may have left something undone.
    """

    first: float = 5.0
    longest: float = 300.0
    settle: float = 0.5
    claim: float = 120.0
    idle: float = 600.0


@dataclass(frozen=True, slots=True)
class _Rest:
    """Why an archive is left alone for a while: after so many failures, until a point of the monotonic clock."""

    failures: int
    until: float


class EmbeddingWorker(Worker):
    """Looks for due vectors when it is woken, and now and then."""

    def __init__(self, database: Database, embedder: Embedder, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        super().__init__("making vectors", after_failure=self._pace.first, longest=self._pace.longest)
        self._database = database
        self._embedder = embedder
        self._resting: dict[str, _Rest] = {}
        self._due: dict[str, int] = {}

    async def look(self) -> float:
        await asyncio.sleep(self._pace.settle)
        others = await self._make_all()
        rests = [rest.until - time.monotonic() for rest in self._resting.values()]
        return max(0.0, min([self._pace.claim / 4 if others else self._pace.idle, *rests]))

    async def _make_all(self) -> bool:
        """Make what is due, but for archives that are left alone. Returns whether others are at work."""
        while True:
            now = time.monotonic()
            resting = [each for each, rest in self._resting.items() if rest.until > now]
            archive, others = await self._database.run(repository.claim_archive, self._pace.claim, resting)
            if archive is None:
                self._resting = {each: self._resting[each] for each in resting}  # no others are due any more
                self._note_due({each: self._due.get(each, 0) for each in resting})
                return others
            before = self._resting.pop(archive.id, _Rest(0, 0.0))
            if not await self._complete(archive):
                failures = before.failures + 1
                pause = growing_pause(self._pace.first, self._pace.longest, failures)
                self._resting[archive.id] = _Rest(failures, time.monotonic() + pause)

    def _note_due(self, due: dict[str, int]) -> None:
        self._due = due
        metrics.embedding_queue.set(sum(due.values()))

    async def _complete(self, archive: DueArchive) -> bool:
        """Make the vectors of one archive, and give it back whatever happens. False if the model can't be reached."""
        try:
            if archive.embedding_config is not None:
                due = await self._database.read(repository.count_due, archive)
                self._note_due({**self._due, archive.id: due})
                await self._embed(archive, archive.embedding_config)
        except (LlmError, NotFoundError) as error:
            logger.warning("passages could not be embedded; trying again later: %s", error.detail)
            return False
        finally:
            await self._database.run(repository.release_archive, archive)
        return True

    async def _embed(self, archive: DueArchive, config: JsonObject) -> None:
        """Make the vectors of an archive, batch by batch, until all are made or it has another model."""
        last: DuePassage | None = None
        while batch := await self._database.read(repository.due_passages, archive, last, _BATCH, MOST_CHARACTERS):
            vectors = await self._embedder.embed(config, [passage.text for passage in batch], archive.organization_id)
            done = list(zip(batch, vectors, strict=True))
            if not await self._database.run(repository.store_vectors, archive, done, self._pace.claim):
                return
            self._note_due({**self._due, archive.id: max(0, self._due[archive.id] - len(batch))})
            last = batch[-1]
