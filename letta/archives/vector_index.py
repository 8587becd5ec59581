"""Approximate vector indexes for large archives, built in the background when a search first finds one large.

Until an index is ready, and wherever none can be had, search compares every vector: slower, but right.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg2

from letta.archives import vector_index_repository as repository
from letta.archives.vector_index_repository import Measured, NoSessionError, index_builder
from letta.background import Task
from letta.database.dsn import Dsn
from letta.database.engine import Database
from letta.database.size import database_bytes
from letta.database.vectors import vector_support
from letta.errors import LettaError, UnavailableError

logger = logging.getLogger(__name__)

_LOOK_AGAIN_SECONDS = 600.0
"""How long an archive that was looked at isn't looked at again."""
_RETRY_SECONDS = 3600.0
"""How long a build that couldn't begin isn't tried again; by another process sooner, which may be set up otherwise."""
_REBUILD_SECONDS = 24 * 3600.0
"""How long a build that was begun and failed isn't tried again, as it may have taken much of what others need."""
_MEGABYTE = 1024 * 1024
_LEAST_MEMORY_MB = 64
_MOST_REMEMBERED = 10_000


class VectorIndexer:
    """Looks at archives that are searched, and builds the indexes that they need."""

    def __init__(
        self, database: Database, maintenance: Dsn, *, exact_up_to: int, memory_mb: int, quota_mb: int | None
    ) -> None:
        """`maintenance` leads to a session, `quota_mb` is what the database may take, if it is limited."""
        self._database = database
        self._maintenance = maintenance
        self._exact_up_to = exact_up_to
        self._memory_mb = memory_mb
        self._quota_mb = quota_mb
        self._looked_at: dict[str, float] = {}
        self._waiting: set[str] = set()
        self._to_drop = False
        self._began = time.time()
        self._working = Task(self._work)

    def searched(self, archive_id: str) -> None:
        """An archive was searched by vector."""
        now = time.monotonic()
        if now - self._looked_at.get(archive_id, -_LOOK_AGAIN_SECONDS) < _LOOK_AGAIN_SECONDS:
            return
        if len(self._looked_at) >= _MOST_REMEMBERED:
            self._looked_at.clear()
        self._looked_at[archive_id] = now
        self._waiting.add(archive_id)
        self._working.ensure()

    def deleted(self) -> None:
        """Archives were deleted, or vectors of theirs became due again: indexes may be left over."""
        self._to_drop = True
        self._working.ensure()

    async def finish(self) -> None:
        """Wait until nothing is left to be looked at or built."""
        await self._working.finish()

    async def stop(self) -> None:
        """End. A build that is under way ends by itself, or with the process."""
        await self._working.stop()

    async def _work(self) -> None:
        while self._waiting or self._to_drop:
            if self._to_drop:
                self._to_drop = False
                await self._try_to_drop()
                continue
            archive_id = self._waiting.pop()
            try:
                await self._look_at(archive_id)
            except UnavailableError as error:
                logger.warning("archive %s could not be checked: %s", archive_id, error.detail)
            except Exception:
                logger.exception("checking archive %s failed unexpectedly", archive_id)

    async def _try_to_drop(self) -> None:
        """Drop what is left over. Where that can't be done now, the next build does it."""
        try:
            if await self._database.read(repository.left_over):
                support = await self._database.read(vector_support)
                await _in_a_thread_that_may_be_left(lambda: self._drop(support.schema))
        except (psycopg2.Error, LettaError) as error:
            logger.warning("vector indexes of deleted archives could not be dropped: %s", error)
        except Exception:
            logger.exception("dropping vector indexes failed unexpectedly")

    def _drop(self, vector_schema: str) -> None:
        with index_builder(self._maintenance, vector_schema) as builder:
            if builder is not None:
                self._drop_left_over(builder)

    async def _look_at(self, archive_id: str) -> None:
        found = await self._database.read(repository.measure, archive_id, self._exact_up_to + 1)
        if found is None or found.vectors <= self._exact_up_to or not self._is_due(found):
            return
        vectors = await self._database.read(repository.count_vectors, archive_id, found.dimensions)
        obstacle = await self._obstacle(repository.estimated_bytes(vectors, found.dimensions))
        if obstacle is not None:
            await self._note_failure(archive_id, found.dimensions, obstacle, begun=False)
            return
        support = await self._database.read(vector_support)
        begun = threading.Event()
        try:
            await _in_a_thread_that_may_be_left(
                lambda: self._build(archive_id, found.dimensions, vectors, support.schema, begun)
            )
        except NoSessionError as error:
            await self._note_failure(archive_id, found.dimensions, error.detail, begun=False)
        except (psycopg2.Error, LettaError) as error:
            reason = f"{type(error).__name__}: {error}".strip()[:300]
            await self._note_failure(archive_id, found.dimensions, reason, begun=begun.is_set())

    async def _obstacle(self, estimated_bytes: int) -> str | None:
        """Why no index can be had."""
        if not await self._database.read(repository.can_quantize):
            return "pgvector is older than 0.7. Update the extension (ALTER EXTENSION vector UPDATE)."
        if self._quota_mb is None:
            return None
        needed = estimated_bytes / _MEGABYTE
        left = self._quota_mb - await self._database.read(database_bytes) / _MEGABYTE
        if needed <= left:
            return None
        return (
            f"The index would take about {needed:.0f} MB, but only {max(0, left):.0f} of {self._quota_mb} MB are left "
            "(LETTA_DB_QUOTA_MB). Delete data, or get more space."
        )

    def _build(
        self, archive_id: str, dimensions: int, vectors: int, vector_schema: str, begun: threading.Event
    ) -> None:
        """Build the index, in a thread, unless another process is building one."""
        with index_builder(self._maintenance, vector_schema) as builder:
            if builder is None:
                return
            self._drop_left_over(builder)
            memory = round(repository.estimated_bytes(vectors, dimensions) * 2 / _MEGABYTE)
            began = time.monotonic()
            begun.set()
            size = builder.build(archive_id, dimensions, min(self._memory_mb, max(_LEAST_MEMORY_MB, memory)))
            # While nobody else may build: whoever comes next would take an index without a state for an orphan.
            state = {"state": "ready", "dimensions": dimensions, "vectors": vectors, "bytes": size}
            self._database.run_sync(repository.set_state, archive_id, state)
            self._drop_left_over(builder)  # that of other dimensions, which was of use until now
        logger.info(
            "vector index of archive %s: %d vectors, %.1f MB, built in %.1f s",
            archive_id,
            vectors,
            size / _MEGABYTE,
            time.monotonic() - began,
        )

    def _drop_left_over(self, builder: repository.IndexBuilder) -> None:
        """Drop indexes of archives that are gone, or have vectors of other dimensions by now."""
        for name in self._database.run_sync(repository.left_over):
            builder.drop(name)

    def _is_due(self, found: Measured) -> bool:
        """Whether an index is to be built now: none was, or of other dimensions, or the last attempt is long ago."""
        state = found.state
        if state is None or state["dimensions"] != found.dimensions:
            return True
        if state["state"] != "failed":
            return "vectors" not in state  # as earlier versions noted it
        if state.get("begun", True):
            return bool(time.time() - state["at"] > _REBUILD_SECONDS)
        return bool(time.time() - state["at"] > _RETRY_SECONDS or state["at"] < self._began)

    async def _note_failure(self, archive_id: str, dimensions: int, reason: str, *, begun: bool) -> None:
        logger.warning("no vector index for archive %s, which is still searched exactly: %s", archive_id, reason)
        state = {"state": "failed", "dimensions": dimensions, "reason": reason, "at": time.time(), "begun": begun}
        await self._database.run(repository.set_state, archive_id, state)


async def _in_a_thread_that_may_be_left(work: Callable[[], None]) -> None:
    """As `asyncio.to_thread`, but the process may end meanwhile: a build takes minutes, a shutdown has seconds."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[None] = loop.create_future()

    def finish(outcome: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(lambda: None if result.done() else outcome())

    def run() -> None:
        try:
            work()
        except BaseException as error:  # whatever it is, it belongs to whoever waits
            failure = error
            finish(lambda: result.set_exception(failure))
        else:
            finish(lambda: result.set_result(None))

    threading.Thread(target=run, name="vector-index", daemon=True).start()
    await result
