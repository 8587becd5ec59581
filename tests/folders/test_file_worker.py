"""Reading files in the background: by exactly one process, again where one has ended, and with vectors that follow."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import fields

import pytest
from sqlalchemy import Connection, func, select, update

from letta.archives.archive import Archive
from letta.archives.embedding import EmbeddingWorker
from letta.archives.embedding import Pace as EmbeddingPace
from letta.archives.memory import ArchivalMemory
from letta.archives.tables import archives, passages
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.folders import file_repository, processing_repository, repository, service
from letta.folders.file import File
from letta.folders.file_types import FileType
from letta.folders.folder import Folder
from letta.folders.processing import FileWorker, Pace
from letta.folders.reading import FileReader, ReadFile
from letta.folders.tables import file_uploads, files
from letta.llm.catalog import Catalog
from letta.llm.clients import close_clients
from letta.llm.embeddings import Embedder
from letta.llm.provider import Provider
from letta.organizations.actor import Actor
from letta.search.request import PassageSearch
from letta.settings import Settings
from tests.embedding_endpoint import EmbeddingEndpoint

PAGE = Page(None, order="asc")


class Held(FileReader):
    """Reads nothing before it is allowed to."""

    def __init__(self) -> None:
        super().__init__(Settings())
        self.began, self.may_go_on = asyncio.Event(), asyncio.Event()
        self.count = 0

    async def read(self, pieces: AsyncIterator[bytes], file_type: FileType, chunk_tokens: int) -> ReadFile:
        self.count += 1
        self.began.set()
        await self.may_go_on.wait()
        return await super().read(pieces, file_type, chunk_tokens)


class Shelf:
    """A folder, and what is in it."""

    def __init__(self, database: Database, actor: Actor, config: dict[str, object] | None = None) -> None:
        self.database, self.actor = database, actor
        folder = Folder(new_id("source"), "shelf", actor.organization_id, embedding_config=config)
        self.id = database.run_sync(repository.create_folder, actor, folder).id

    def put(self, text: str, name: str = "a.txt") -> str:
        new = File(new_id("file"), self.actor.organization_id, self.id, name, file_type="text/plain")
        stored, _ = self.database.run_sync(file_repository.add_file, self.actor, new, [text.encode()], "suffix")
        return stored.id

    def statuses(self) -> list[str]:
        listed = self.database.run_sync(file_repository.list_files, self.actor, self.id, PAGE, with_content=False)
        return [file.processing_status for file in listed]

    def file(self, file_id: str) -> File:
        return self.database.run_sync(file_repository.get_file, self.actor, self.id, file_id, with_content=True)

    def count(self, table: object = passages) -> int:
        return self.database.run_sync(_count, table, self.file_ids())

    def file_ids(self) -> list[str]:
        listed = self.database.run_sync(file_repository.list_files, self.actor, self.id, PAGE, with_content=False)
        return [file.id for file in listed]


def _count(connection: Connection, table: object, file_ids: list[str]) -> int:
    column = (passages if table is passages else file_uploads).c.file_id
    return connection.scalar(select(func.count()).where(column.in_(file_ids))) or 0


def _let_claims_expire(connection: Connection, file_id: str) -> None:
    connection.execute(update(files).where(files.c.id == file_id).values(claimed_until=func.now()))


async def come_true(look: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds * 50)):
        if await asyncio.to_thread(look):
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"not so after {seconds} s")


@pytest.fixture
async def endpoint() -> AsyncIterator[EmbeddingEndpoint]:
    with EmbeddingEndpoint() as running:
        yield running
    await close_clients()


@pytest.fixture
async def new_worker(database: Database) -> AsyncIterator[Callable[..., FileWorker]]:
    running: list[FileWorker] = []

    def make(reader: FileReader | None = None, pace: Pace | None = None) -> FileWorker:
        made = FileWorker(database, reader or FileReader(Settings()), lambda: None, pace or Pace(idle=0.05, claim=0.6))
        running.append(made)
        made.start()
        return made

    yield make
    for worker in running:
        await worker.stop()


async def test_each_file_is_read_by_one_process(
    database: Database, actor: Actor, new_worker: Callable[..., FileWorker]
) -> None:
    shelf, one, other = Shelf(database, actor), Held(), Held()
    ids = [shelf.put(f"text {number}", f"{number}.txt") for number in range(6)]
    one.may_go_on.set()
    other.may_go_on.set()
    new_worker(one)
    new_worker(other)
    await come_true(lambda: shelf.statuses() == ["completed"] * 6)
    assert one.count + other.count == 6
    assert shelf.count() == 6
    assert shelf.count(file_uploads) == 0, "what was uploaded is needed no more"
    assert shelf.file(ids[3]).content == "text 3"


async def test_a_file_whose_reader_is_gone_is_read_by_another(
    database: Database, actor: Actor, new_worker: Callable[..., FileWorker]
) -> None:
    shelf = Shelf(database, actor)
    file_id = shelf.put("text")
    lost, _ = database.run_sync(processing_repository.claim_file, "lost", 600)
    assert lost is not None
    assert lost.id == file_id
    new_worker()
    await asyncio.sleep(0.3)
    assert shelf.statuses() == ["parsing"]
    database.run_sync(_let_claims_expire, file_id)
    await come_true(lambda: shelf.statuses() == ["completed"])
    late = ReadFile("late", [(0, 4)], 1)
    assert not database.run_sync(processing_repository.finish, lost, late), "who comes back late changes nothing"
    assert (shelf.file(file_id).content, shelf.count()) == ("text", 1)


async def test_a_claim_is_kept_while_a_file_is_being_read(
    database: Database, actor: Actor, new_worker: Callable[..., FileWorker]
) -> None:
    shelf, slow, other = Shelf(database, actor), Held(), Held()
    shelf.put("text")
    new_worker(slow)
    await slow.began.wait()
    new_worker(other)
    await asyncio.sleep(1.0)
    assert other.count == 0
    slow.may_go_on.set()
    await come_true(lambda: shelf.statuses() == ["completed"])


async def test_who_stops_gives_the_file_back(
    database: Database, actor: Actor, new_worker: Callable[..., FileWorker]
) -> None:
    shelf, slow = Shelf(database, actor), Held()
    shelf.put("text")
    worker = new_worker(slow, Pace(claim=600))
    await slow.began.wait()
    await worker.stop()
    new_worker()
    await come_true(lambda: shelf.statuses() == ["completed"])


async def test_a_file_that_ends_its_readers_is_given_up(
    database: Database, actor: Actor, new_worker: Callable[..., FileWorker]
) -> None:
    shelf = Shelf(database, actor)
    file_id = shelf.put("text")
    for attempt in range(3):
        claimed, _ = database.run_sync(processing_repository.claim_file, f"lost {attempt}", 600)
        assert claimed is not None
        database.run_sync(_let_claims_expire, file_id)
    new_worker()
    await come_true(lambda: shelf.statuses() == ["error"])
    assert "stopped 3 times" in (shelf.file(file_id).error_message or "")


async def test_a_file_that_is_deleted_meanwhile_leaves_nothing(
    database: Database, actor: Actor, new_worker: Callable[..., FileWorker]
) -> None:
    shelf, slow = Shelf(database, actor), Held()
    file_id = shelf.put("text")
    new_worker(slow)
    await slow.began.wait()
    database.run_sync(file_repository.delete_file, actor, shelf.id, file_id)
    slow.may_go_on.set()
    last = shelf.put("more", "b.txt")
    await come_true(lambda: shelf.file(last).processing_status == "completed")
    assert shelf.count() == 1


async def test_a_file_is_found_by_its_words_until_its_vectors_are_made(
    database: Database, actor: Actor, endpoint: EmbeddingEndpoint, new_worker: Callable[..., FileWorker]
) -> None:
    config: dict[str, object] = {"embedding_model": "one", "embedding_endpoint": endpoint.url}
    shelf = Shelf(database, actor, config)
    endpoint.status = 500
    embedder = Embedder(Catalog([Provider("openai", "openai", endpoint.url, "openai")]))
    vectors = EmbeddingWorker(database, embedder, EmbeddingPace(first=0.05, longest=0.1, settle=0.0))
    vectors.start()
    file_id = shelf.put("Oslo is the capital of Norway.")
    new_worker()
    await come_true(lambda: shelf.statuses() == ["embedding"])
    vectors.wake()
    assert (shelf.file(file_id).total_chunks, shelf.file(file_id).chunks_embedded) == (1, 0)
    (archive,) = database.run_sync(_archives, shelf.id)
    memory = ArchivalMemory(database, embedder, lambda: None)
    found = await memory.find_in_several(actor, [archive], PassageSearch("capital", 5))
    assert [passage.file_id for passage, _ in found] == [file_id]
    endpoint.status = 200
    await come_true(lambda: shelf.statuses() == ["completed"])
    assert shelf.file(file_id).chunks_embedded == 1
    changed = {"embedding_config": {"embedding_model": "two", "embedding_endpoint": endpoint.url}}
    database.run_sync(service.update_folder, actor, shelf.id, changed)
    vectors.wake()
    await come_true(lambda: database.run_sync(_models, file_id) == {"two"})
    await vectors.stop()


def _archives(connection: Connection, folder_id: str) -> list[Archive]:
    query = select(*(archives.c[field.name] for field in fields(Archive))).where(archives.c.folder_id == folder_id)
    return [Archive(*row) for row in connection.execute(query)]


def _models(connection: Connection, file_id: str) -> set[str | None]:
    return set(connection.scalars(select(passages.c.embedding_model).where(passages.c.file_id == file_id)))
