"""Reading uploaded files in the background, one at a time in each process.

What was uploaded waits in the database until its text is there, so that it is read by whichever process comes to it,
and again where one ended meanwhile. Vectors are made afterwards (`letta.archives.embedding`).
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from letta.background import Worker
from letta.constants import DEFAULT_EMBEDDING_CHUNK_SIZE
from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.folders import processing_repository as repository
from letta.folders.file_types import FileType, known_type
from letta.folders.processing_repository import ClaimedFile
from letta.folders.reading import FileReader, ReadFile, TaskError, in_one

logger = logging.getLogger(__name__)

_MOST_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the worker waits, in seconds.

    Attributes:
        claim: how long a file is another process's that has said nothing since.
        idle: how often it looks without having been woken: another process may have left something undone.
        failed: before it looks again after the database was away; doubled each time, up to `idle`.
    """

    claim: float = 15.0
    idle: float = 600.0
    failed: float = 10.0


class FileWorker(Worker):
    """Reads files when it is woken, and now and then."""

    def __init__(
        self, database: Database, reader: FileReader, when_due: Callable[[], None], pace: Pace | None = None
    ) -> None:
        """`when_due` is told when vectors are missing."""
        self._pace = pace or Pace()
        super().__init__("reading uploaded files", after_failure=self._pace.failed, longest=self._pace.idle)
        self._database = database
        self._reader = reader
        self._when_due = when_due

    async def look(self) -> float:
        return self._pace.claim / 2 if await self._read_all() else self._pace.idle

    async def _read_all(self) -> bool:
        """Read what waits. Returns whether others are busy with files."""
        while True:
            claim = uuid.uuid4().hex
            file, others = await self._database.run(repository.claim_file, claim, self._pace.claim)
            if file is None:
                return others
            await self._process(file)

    async def _process(self, file: ClaimedFile) -> None:
        if file.attempts > _MOST_ATTEMPTS:
            message = (
                f"The server stopped {_MOST_ATTEMPTS} times while it was reading the file. Upload a simpler or smaller "
                "file."
            )
            await self._database.run(repository.fail, file, message)
            return
        keeping = asyncio.create_task(self._keep(file))
        try:
            await self._complete(file)
        except asyncio.CancelledError:
            with suppress(UnavailableError):
                await self._database.run(repository.give_back, file)
            raise
        finally:
            keeping.cancel()

    async def _complete(self, file: ClaimedFile) -> None:
        try:
            read = await self._read(file)
        except TaskError as error:
            logger.info("file %s could not be read: %s", file.id, error)
            await self._database.run(repository.fail, file, str(error))
            return
        if await self._database.run(repository.finish, file, read):
            self._when_due()

    async def _read(self, file: ClaimedFile) -> ReadFile:
        config = file.embedding_config or {}
        tokens = config.get("embedding_chunk_size") or DEFAULT_EMBEDDING_CHUNK_SIZE
        file_type = known_type(file.file_type)
        if file.content is not None:
            return await self._reader.read(in_one(file.content.encode()), FileType(file_type.name, "text"), tokens)
        return await self._reader.read(self._uploaded(file), file_type, tokens)

    async def _uploaded(self, file: ClaimedFile) -> AsyncIterator[bytes]:
        for number in count():
            piece = await self._database.read(repository.uploaded_piece, file, number)
            if piece is None:
                return
            yield piece

    async def _keep(self, file: ClaimedFile) -> None:
        """Say again and again that we are busy with a file."""
        while True:
            await asyncio.sleep(self._pace.claim / 3)
            with suppress(UnavailableError):
                if not await self._database.run(repository.renew, file, self._pace.claim):
                    return
