"""Vectors that are made afterwards: after an outage, for another model, by one of several processes."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from letta.archives import embedding_repository
from letta.archives.archive import Archive
from letta.archives.embedding import EmbeddingWorker, Pace
from letta.archives.memory import ArchivalMemory
from letta.archives.passage_repository import NewPassage
from letta.archives.repository import delete_archive, get_archive, insert_archive, update_archive
from letta.archives.tables import archives, passages
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import UnavailableError
from letta.llm.catalog import Catalog
from letta.llm.clients import close_clients
from letta.llm.embeddings import Embedder
from letta.llm.provider import Provider
from letta.organizations.actor import Actor
from letta.search.request import PassageSearch
from tests.embedding_endpoint import EmbeddingEndpoint

QUICK = Pace(first=0.01, longest=0.02, settle=0.0, claim=60.0, idle=60.0)
MakeWorker = Callable[..., EmbeddingWorker]


async def come_true(look: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds * 100)):
        if look():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"not so after {seconds} s")


class Store:
    """One archive, and what is in it."""

    def __init__(self, database: Database, actor: Actor, endpoint: EmbeddingEndpoint, memory: ArchivalMemory) -> None:
        self.database, self.actor, self.endpoint, self.memory = database, actor, endpoint, memory
        new = Archive(new_id("archive"), actor.organization_id, "store", embedding_config=self.config("one"))
        self.id = database.run_sync(insert_archive, actor, new).id

    def config(self, model: str) -> dict[str, Any]:
        return {"embedding_model": model, "embedding_endpoint": self.endpoint.url}

    async def keep(self, *texts: str) -> None:
        await self.memory.insert(self.actor, self.id, [NewPassage(text) for text in texts])

    def change_model(self, model: str | None) -> None:
        changes = {"embedding_config": None if model is None else self.config(model)}
        self.database.run_sync(update_archive, self.actor, self.id, changes)

    def archive(self) -> Archive:
        return self.database.run_sync(get_archive, self.actor, self.id)

    def models(self) -> list[str | None]:
        """The models of the vectors there are, in the order of the passages."""
        return self.database.run_sync(self._models)

    def _models(self, connection: Connection) -> list[str | None]:
        query = select(passages.c.embedding_model).where(passages.c.archive_id == self.id)
        return list(connection.scalars(query.order_by(passages.c.created_at)))

    def embedded(self) -> list[list[float] | None]:
        query = select(passages.c.embedding).where(passages.c.archive_id == self.id).order_by(passages.c.created_at)
        return self.database.run_sync(lambda connection: list(connection.scalars(query)))

    async def find(self, text: str) -> list[str]:
        found = await self.memory.find(self.actor, self.archive(), PassageSearch(text, 10))
        return [passage.text for passage, _ in found]

    async def complete(self) -> None:
        """Wait until no vector is due."""
        await come_true(lambda: not self.archive().embedding_due)


@pytest.fixture
def endpoint() -> Iterator[EmbeddingEndpoint]:
    with EmbeddingEndpoint() as running:
        yield running


@pytest.fixture
async def embedder(endpoint: EmbeddingEndpoint) -> AsyncIterator[Embedder]:
    yield Embedder(Catalog([Provider("openai", "openai", endpoint.url, "openai")]))
    await close_clients()


@pytest.fixture
def woken() -> list[str]:
    return []


@pytest.fixture
async def store(
    database: Database, actor: Actor, endpoint: EmbeddingEndpoint, embedder: Embedder, woken: list[str]
) -> Store:
    database.run_sync(_settle_all)
    return Store(database, actor, endpoint, ArchivalMemory(database, embedder, lambda: woken.append("due")))


def _settle_all(connection: Connection) -> None:
    """What other tests left undone is not ours to do."""
    connection.execute(update(archives).values(embedding_due=False))


@pytest.fixture
async def worker(database: Database, embedder: Embedder) -> AsyncIterator[MakeWorker]:
    """Starts workers, each as a process of its own would have one."""
    started: list[EmbeddingWorker] = []

    def start(pace: Pace = QUICK) -> EmbeddingWorker:
        one = EmbeddingWorker(database, embedder, pace)
        started.append(one)
        one.start()
        return one

    yield start
    for one in started:
        await one.stop()


async def test_with_the_endpoint_up_vectors_come_at_once(store: Store, woken: list[str]) -> None:
    await store.keep("a", "b")
    assert store.models() == ["one", "one"]
    assert not store.archive().embedding_due
    assert woken == []


async def test_an_outage_costs_nothing_but_time(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker, woken: list[str]
) -> None:
    endpoint.status = 500
    await store.keep("The key is under the mat.", "The cat is on the roof.")
    assert store.models() == [None, None]
    assert store.archive().embedding_due
    assert woken == ["due"]
    assert await store.find("Where is the key?") == ["The key is under the mat."]
    worker()
    await asyncio.sleep(0.1)  # it fails some times, and goes on trying
    endpoint.status = 200
    await store.complete()
    assert store.models() == ["one", "one"]
    assert len(await store.find("Where is the key?")) == 2, "by meaning, everything is more or less near"


async def test_another_model_makes_all_vectors_anew(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker
) -> None:
    await store.keep(*(f"passage {number}" for number in range(150)))
    endpoint.dimensions = 12
    store.change_model("two")
    assert len(await store.find("passage 77")) == 10, "found by words until the vectors are there"
    worker()
    await store.complete()
    assert store.models() == ["two"] * 150
    assert {len(vector or []) for vector in store.embedded()} == {12}
    assert (await store.find("passage 77"))[0] == "passage 77"


async def test_a_model_may_change_its_dimensions_under_the_same_name(store: Store, endpoint: EmbeddingEndpoint) -> None:
    """Those that can't be compared count by their words."""
    await store.keep("the first passage")
    endpoint.dimensions = 12
    await store.keep("the second passage")
    assert await store.find("second passage") == ["the second passage", "the first passage"]


async def test_a_worker_that_dies_leaves_what_it_has_done(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker, database: Database
) -> None:
    await store.keep(*(f"passage {number}" for number in range(150)))
    store.change_model("two")
    endpoint.asked.clear()
    reached, held = threading.Event(), threading.Event()

    def hold(texts: list[str]) -> None:
        if "passage 100" in texts:
            reached.set()
            held.wait(20)

    endpoint.before = hold
    first = worker()
    assert await asyncio.to_thread(reached.wait, 20)
    assert first._task is not None
    first._task.cancel()
    held.set()
    done = store.models().count("two")
    assert 64 <= done < 150
    database.run_sync(_claim_lost, store.id)  # a process that is killed gives nothing back
    endpoint.before = lambda _texts: None
    endpoint.asked.clear()
    worker(Pace(first=0.01, settle=0.0, claim=0.2, idle=60.0))
    await store.complete()
    assert store.models() == ["two"] * 150
    assert sum(map(len, endpoint.asked)) == 150 - done, "what was done is not done again"


def _claim_lost(connection: Connection, archive_id: str) -> None:
    soon = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, 0.2)
    connection.execute(update(archives).where(archives.c.id == archive_id).values(embedding_claimed_until=soon))


async def test_two_instances_share_the_work(store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker) -> None:
    await store.keep(*(f"passage {number}" for number in range(200)))
    store.change_model("two")
    endpoint.asked.clear()
    worker()
    worker()
    await store.complete()
    assert store.models() == ["two"] * 200
    assert sorted(text for texts in endpoint.asked for text in texts) == sorted(
        f"passage {number}" for number in range(200)
    ), "each text was embedded once"


async def test_the_model_may_change_again_while_vectors_are_made(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker
) -> None:
    await store.keep(*(f"passage {number}" for number in range(100)))
    store.change_model("two")

    def change(texts: list[str]) -> None:
        endpoint.before = lambda _texts: None
        store.change_model("three")

    endpoint.before = change
    worker()
    await store.complete()
    assert store.models() == ["three"] * 100


async def test_a_passage_that_is_kept_while_the_model_changes_gets_the_new_ones_vector(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker
) -> None:
    """Its own was made by the old one."""

    def change(texts: list[str]) -> None:
        endpoint.before = lambda _texts: None
        store.change_model("two")

    endpoint.before = change
    await store.keep("a passage")
    assert store.models() == [None]
    worker()
    await store.complete()
    assert store.models() == ["two"]


async def test_without_a_model_nothing_is_due(store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker) -> None:
    store.change_model(None)
    endpoint.asked.clear()
    await store.keep("The key is under the mat.")
    assert not store.archive().embedding_due
    worker()
    assert await store.find("where is my key?") == ["The key is under the mat."]
    assert endpoint.asked == []


async def test_a_text_that_the_model_refuses_is_not_tried_for_ever(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker
) -> None:
    original = endpoint.answer

    def answer(texts: list[str]) -> tuple[int, dict[str, Any]]:
        return (400, {"error": {"message": "no"}}) if "a bad apple" in texts else original(texts)

    endpoint.answer = answer  # type: ignore[method-assign]
    await store.keep("a good pear", "a bad apple")
    assert not store.archive().embedding_due
    assert [vector is None for vector in store.embedded()] == [False, True]
    assert await store.find("apple") == ["a bad apple", "a good pear"]
    store.change_model("two")
    worker()
    await store.complete()
    assert store.models() == ["two", "two"]


async def test_an_archive_whose_provider_is_gone_holds_no_other_up(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker
) -> None:
    other = Store(store.database, store.actor, endpoint, store.memory)
    endpoint.status = 500
    await store.keep("a")
    await other.keep("b")
    endpoint.status = 200
    gone = {"embedding_model": "m", "embedding_endpoint": "http://gone.invalid", "handle": "gone/m"}
    store.database.run_sync(update_archive, store.actor, store.id, {"embedding_config": gone})
    one = worker(Pace(first=60.0, settle=0.0, claim=60.0, idle=60.0))
    await other.complete()
    assert store.archive().embedding_due
    await other.keep("c")
    other.change_model("two")
    one.wake()
    await other.complete()
    assert other.models() == ["two", "two"], "while the first archive is left alone"


async def test_an_idle_worker_is_silent(
    store: Store, worker: MakeWorker, statements: list[str], endpoint: EmbeddingEndpoint
) -> None:
    """An idle server makes at most two statements a minute; this part of it one look in ten minutes."""
    one = worker()
    await come_true(lambda: bool(statements) and not one._woken.is_set())
    await asyncio.sleep(0.1)
    statements.clear()
    await asyncio.sleep(0.5)
    assert statements == []
    assert Pace().idle >= 600
    one.wake()
    await asyncio.sleep(0.3)
    assert 0 < len(statements) <= 4


async def test_an_archive_that_is_deleted_while_it_is_left_alone_is_forgotten(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker, statements: list[str]
) -> None:
    endpoint.status = 500
    await store.keep("a")
    one = worker(Pace(first=0.2, settle=0.0, claim=60.0, idle=60.0))
    await come_true(lambda: store.id in one._resting)
    store.database.run_sync(delete_archive, store.actor, store.id)
    await come_true(lambda: store.id not in one._resting)
    await asyncio.sleep(0.1)
    statements.clear()
    await asyncio.sleep(0.3)
    assert statements == []


async def test_a_database_that_is_away_is_waited_for(
    store: Store, endpoint: EmbeddingEndpoint, worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.status = 500
    await store.keep("a")
    endpoint.status = 200
    claim, failures = embedding_repository.claim_archive, [RuntimeError("broken"), UnavailableError("away")]

    def failing(connection: Connection, seconds: float, but: Sequence[str] = ()) -> Any:
        if failures:
            raise failures.pop()
        return claim(connection, seconds, but)

    monkeypatch.setattr(embedding_repository, "claim_archive", failing)
    worker()
    await store.complete()
    assert store.models() == ["one"]
