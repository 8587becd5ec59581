"""Large archives get an index of their vectors; what is found stays the same."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg2
import psycopg2.errors
import pytest
from sqlalchemy import text

from letta.archives import passage_repository, repository, vector_index_repository
from letta.archives.archive import Archive
from letta.archives.passage_repository import NewPassage
from letta.archives.vector_index import VectorIndexer
from letta.archives.vector_index_repository import index_builder, index_name
from letta.database.base import SCHEMA
from letta.database.configured import maintenance_dsn
from letta.database.dsn import parse_dsn
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.vectors import vector_support
from letta.organizations.actor import Actor
from letta.search.request import PassageSearch
from letta.settings import settings

DIMENSIONS, ROWS = 64, 300
MakeArchive = Callable[[], Archive]
MakeIndexer = Callable[..., VectorIndexer]


def vectors(count: int, seed: int) -> list[list[float]]:
    chance = random.Random(seed)
    return [[chance.gauss(0, 1) for _ in range(DIMENSIONS)] for _ in range(count)]


@pytest.fixture
def make_archive(database: Database, actor: Actor) -> MakeArchive:
    """An archive with so many vectors, every second passage tagged."""

    def make() -> Archive:
        archive = Archive(new_id("archive"), actor.organization_id, "large", embedding_config={"handle": "m"})
        archive = database.run_sync(repository.insert_archive, actor, archive)
        new = [
            NewPassage(
                f"Passage {number}", tags=["even"] if number % 2 == 0 else [], embedding=vector, embedding_model="m"
            )
            for number, vector in enumerate(vectors(ROWS, seed=1))
        ]
        database.run_sync(passage_repository.insert_passages, actor, archive, new)
        return archive

    return make


@pytest.fixture
def make_indexer(database: Database) -> Iterator[MakeIndexer]:
    session = maintenance_dsn(settings, database.dsn)

    def make(**options: Any) -> VectorIndexer:
        given: dict[str, Any] = {"exact_up_to": ROWS - 1, "quota_mb": None} | options
        return VectorIndexer(database, given.pop("maintenance", session), **given)

    yield make
    with index_builder(session, database.run_sync(vector_support).schema) as builder:
        assert builder is not None
        for name in builder.names():
            builder.drop(name)


async def look(indexer: VectorIndexer, archive: Archive, database: Database, actor: Actor) -> Archive:
    """Search once, and wait for what that sets off."""
    indexer.searched(archive.id)
    await indexer.finish()
    return await database.read(repository.get_archive, actor, archive.id)


def found(database: Database, actor: Actor, archive: Archive, **conditions: Any) -> list[list[str]]:
    """What searches by vector find."""
    results = []
    for vector in vectors(10, seed=2):
        search = PassageSearch("?", 10, archive.id, vector=vector, model="m", **conditions)
        search = replace(search, indexed=archive.has_index_for(DIMENSIONS))
        results.append([p.text for p, _ in database.run_sync(passage_repository.find_passages, actor, search)])
    return results


def indexes(database: Database, archive: Archive) -> list[str]:
    query = text("SELECT indexname FROM pg_indexes WHERE schemaname = :schema AND indexname = :name")
    values = {"schema": SCHEMA, "name": index_name(archive.id, DIMENSIONS)}
    return database.run_sync(lambda connection: list(connection.scalars(query, values)))


async def test_an_archive_that_is_large_gets_an_index_and_finds_the_same(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer, statements: list[str]
) -> None:
    archive = make_archive()
    exact = found(database, actor, archive)
    tagged = found(database, actor, archive, tags=["even"])
    archive = await look(make_indexer(), archive, database, actor)
    assert archive.has_index_for(DIMENSIONS)
    assert not archive.has_index_for(DIMENSIONS + 1)
    assert indexes(database, archive)
    with_index = found(database, actor, archive)
    shared = sum(len(set(a) & set(b)) for a, b in zip(exact, with_index, strict=True))
    assert shared >= 0.95 * sum(map(len, exact))
    assert found(database, actor, archive, tags=["even"]) == tagged, "with conditions, every vector is compared"
    assert any("hnsw.ef_search" in statement for statement in statements)


async def test_the_index_is_what_is_asked(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = await look(make_indexer(), make_archive(), database, actor)
    before = await database.read(_uses, archive)
    await database.run(_without_sorting, archive, actor, vectors(1, seed=3)[0])
    deadline = time.monotonic() + 10
    while await database.read(_uses, archive) == before:
        assert time.monotonic() < deadline, "the index was not read"


async def test_a_small_archive_gets_none(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = await look(make_indexer(exact_up_to=ROWS), make_archive(), database, actor)
    assert (archive.vector_index, indexes(database, archive)) == (None, [])


async def test_one_that_would_not_fit_is_refused(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = await look(make_indexer(quota_mb=1), make_archive(), database, actor)
    assert archive.vector_index is not None
    assert archive.vector_index["state"] == "failed"
    assert "LETTA_DB_QUOTA_MB" in archive.vector_index["reason"]
    assert indexes(database, archive) == []
    assert not archive.has_index_for(DIMENSIONS)


async def test_a_build_that_fails_leaves_nothing_and_is_not_tried_at_once(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = make_archive()
    nowhere = parse_dsn("postgresql://u:p@127.0.0.1:1/nowhere?sslmode=disable")
    archive = await look(make_indexer(maintenance=nowhere), archive, database, actor)
    assert archive.vector_index is not None
    assert archive.vector_index["state"] == "failed"
    archive = await look(make_indexer(), archive, database, actor)
    assert indexes(database, archive) == [], "a day has to pass"


async def test_an_invalid_index_is_built_anew(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = make_archive()
    name = index_name(archive.id, DIMENSIONS)
    session = maintenance_dsn(settings, database.dsn).connect_arguments("letta-test")
    with closing(psycopg2.connect(**session)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        with pytest.raises(psycopg2.errors.UniqueViolation):  # which leaves an invalid index, as every failure does
            cursor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {SCHEMA}.passages ((1))")
    await look(make_indexer(), archive, database, actor)
    definition = text("SELECT pg_get_indexdef(to_regclass(:name))")
    assert "hnsw" in await database.read(lambda connection: connection.scalar(definition, {"name": f"{SCHEMA}.{name}"}))


async def test_only_one_process_builds(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = make_archive()
    with index_builder(maintenance_dsn(settings, database.dsn), "public"):
        archive = await look(make_indexer(), archive, database, actor)
    assert (archive.vector_index, indexes(database, archive)) == (None, [])


async def test_an_index_goes_with_its_archive(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    first = await look(make_indexer(), make_archive(), database, actor)
    await database.run(repository.delete_archive, actor, first.id)
    second = await look(make_indexer(), make_archive(), database, actor)
    assert indexes(database, first) == []
    assert indexes(database, second)


def test_sizes_are_estimated_for_people() -> None:
    assert 45 < vector_index_repository.estimated_bytes(100_000, 1536) / 1e6 < 60


def _uses(connection: Any, archive: Archive) -> int:
    query = text("SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = :name")
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    return int(connection.scalar(query, {"name": index_name(archive.id, DIMENSIONS)}) or 0)


def _without_sorting(connection: Any, archive: Archive, actor: Actor, vector: list[float]) -> None:
    """The planner would rather sort so few rows."""
    connection.execute(text("SET LOCAL enable_sort = off"))
    search = PassageSearch("?", 10, archive.id, vector=vector, model="m", indexed=True)
    assert passage_repository.find_passages(connection, actor, search)


async def test_a_shutdown_does_not_wait_for_a_build(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = make_archive()
    indexer = make_indexer()
    session = maintenance_dsn(settings, database.dsn).connect_arguments("letta-test")
    with closing(psycopg2.connect(**session)) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {SCHEMA}.passages IN SHARE MODE")  # which a build waits for
        indexer.searched(archive.id)
        await asyncio.sleep(0.5)
        await asyncio.wait_for(indexer.stop(), 2)
        connection.rollback()
    await asyncio.to_thread(_until_nobody_builds, database)


def _until_nobody_builds(database: Database) -> None:
    deadline = time.monotonic() + 20
    while True:
        with index_builder(maintenance_dsn(settings, database.dsn), "public") as builder:
            if builder is not None:
                return
        assert time.monotonic() < deadline, "the build goes on"
        time.sleep(0.1)
