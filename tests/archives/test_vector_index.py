"""Large archives get an index of their vectors; what is found stays the same."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import psycopg2.errors
import pytest
from sqlalchemy import Connection, text

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
from letta.database.vectors import to_literal, vector_support
from letta.organizations.actor import Actor
from letta.search.request import PassageSearch
from letta.settings import settings

DIMENSIONS, ROWS = 64, 420
pytestmark = pytest.mark.slow

SHARED = 0.9
"""Of what is nearest, as much is found at least: of mere noise. `benchmarks/archival_scale.py` has likelier data."""
DAY = datetime(2026, 3, 1, tzinfo=UTC)
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
                f"Passage {number}",
                tags=["even"] if number % 2 == 0 else [],
                created_at=DAY + timedelta(hours=number - ROWS // 2),
                embedding=vector,
                embedding_model="m",
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
        given: dict[str, Any] = {"exact_up_to": ROWS - 1, "memory_mb": 64, "quota_mb": None} | options
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
        search = replace(search, indexed=archive.indexed_vectors(DIMENSIONS))
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
    assert archive.indexed_vectors(DIMENSIONS)
    assert not archive.indexed_vectors(DIMENSIONS + 1)
    assert indexes(database, archive)
    with_index = found(database, actor, archive)
    shared = sum(len(set(a) & set(b)) for a, b in zip(exact, with_index, strict=True))
    assert shared >= SHARED * sum(map(len, exact))
    assert found(database, actor, archive, tags=["even"]) == tagged, "of few that are wanted, every vector is compared"
    assert any("hnsw.ef_search" in statement for statement in statements)


@pytest.mark.parametrize(
    "conditions", [{"tags": ["even"]}, {"start": DAY}, {"tags": ["even"], "end": DAY}, {"settled": False}]
)
async def test_what_meets_conditions_is_found_by_the_index_or_one_by_one(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer, conditions: dict[str, Any]
) -> None:
    archive = await look(make_indexer(), make_archive(), database, actor)
    exact = found(database, actor, replace(archive, vector_index=None), **conditions)
    assert all(len(texts) == 10 for texts in exact)
    for size in (1, 1_000_000):  # the larger an archive is taken to be, the sooner its index is read
        ready = replace(archive, vector_index={**(archive.vector_index or {}), "vectors": size})
        with_index = found(database, actor, ready, **conditions)
        shared = sum(len(set(a) & set(b)) for a, b in zip(exact, with_index, strict=True))
        assert shared >= SHARED * sum(map(len, exact))


async def test_the_index_is_what_is_asked(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = await look(make_indexer(), make_archive(), database, actor)
    before = await database.read(_uses, archive)
    await database.run(_without_sorting, archive, actor, vectors(1, seed=3)[0])
    deadline = time.monotonic() + 10
    while await database.read(_uses, archive) == before:
        assert time.monotonic() < deadline, "the index was not read"


async def test_an_index_that_an_earlier_version_noted_is_noted_anew(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = await look(make_indexer(), make_archive(), database, actor)
    state = {key: value for key, value in (archive.vector_index or {}).items() if key != "vectors"}
    await database.run(vector_index_repository.set_state, archive.id, state)
    archive = await database.read(repository.get_archive, actor, archive.id)
    assert archive.indexed_vectors(DIMENSIONS) == 0
    assert found(database, actor, archive)
    archive = await look(make_indexer(), archive, database, actor)
    assert archive.indexed_vectors(DIMENSIONS)


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
    assert not archive.indexed_vectors(DIMENSIONS)


async def test_a_build_that_fails_leaves_nothing_and_is_not_tried_for_a_day(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = make_archive()
    blocked = await look(make_indexer(memory_mb=0), archive, database, actor)  # less than Postgres takes
    assert blocked.vector_index is not None
    assert (blocked.vector_index["state"], blocked.vector_index["begun"]) == ("failed", True)
    assert indexes(database, archive) == []
    await look(make_indexer(), archive, database, actor)
    assert indexes(database, archive) == [], "a day has to pass"
    await database.run(
        vector_index_repository.set_state, archive.id, blocked.vector_index | {"at": time.time() - 25 * 3600}
    )
    await look(make_indexer(), archive, database, actor)
    assert indexes(database, archive)


async def test_a_build_that_could_not_begin_is_tried_again_by_the_next_process(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = make_archive()
    nowhere = parse_dsn("postgresql://u:p@127.0.0.1:1/nowhere?sslmode=disable")
    unreachable = make_indexer(maintenance=nowhere)
    archive = await look(unreachable, archive, database, actor)
    assert archive.vector_index is not None
    assert (archive.vector_index["state"], archive.vector_index["begun"]) == ("failed", False)
    unreachable._looked_at.clear()
    at = archive.vector_index["at"]
    archive = await look(unreachable, archive, database, actor)
    assert archive.vector_index is not None
    assert archive.vector_index["at"] == at, "an hour has to pass"
    assert (await look(make_indexer(), archive, database, actor)).indexed_vectors(DIMENSIONS)


async def test_a_pooler_in_transaction_mode_is_refused_in_words(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    pooler = parse_dsn("postgresql://postgres.ref:p@aws-0-eu.pooler.supabase.com:6543/postgres")
    archive = await look(make_indexer(maintenance=pooler), make_archive(), database, actor)
    assert archive.vector_index is not None
    assert (
        "Set LETTA_PG_MAINTENANCE_URI to the connection string of the database itself" in archive.vector_index["reason"]
    )


def test_postgres_itself_keeps_a_session(database: Database) -> None:
    assert vector_index_repository.leads_to_session(maintenance_dsn(settings, database.dsn))


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


async def test_a_deletion_lets_the_index_go(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    indexer = make_indexer()
    kept, archive = [await look(indexer, make_archive(), database, actor) for _ in range(2)]
    await database.run(repository.delete_archive, actor, archive.id)
    indexer.deleted()
    await indexer.finish()
    assert indexes(database, archive) == []
    assert indexes(database, kept)


async def test_with_another_model_of_as_many_dimensions_the_index_serves_on(
    database: Database, actor: Actor, make_archive: MakeArchive, make_indexer: MakeIndexer
) -> None:
    archive = await look(make_indexer(), make_archive(), database, actor)
    await database.run(_embed_anew, archive, ROWS // 2)
    some = PassageSearch("?", 10, archive.id, vector=vectors(1, seed=2)[0], model="another", indexed=ROWS)
    found = await database.read(passage_repository.find_passages, actor, some)
    assert len(found) == 10
    await database.run(_embed_anew, archive, ROWS)
    exact = await database.read(passage_repository.find_passages, actor, replace(some, indexed=False, settled=True))
    again = await database.read(passage_repository.find_passages, actor, replace(some, settled=True))
    shared = {passage.id for passage, _ in exact} & {passage.id for passage, _ in again}
    assert len(shared) >= 7


def test_sizes_are_estimated_for_people() -> None:
    assert 45 < vector_index_repository.estimated_bytes(100_000, 1536) / 1e6 < 60


def _embed_anew(connection: Connection, archive: Archive, count: int) -> None:
    """Give so many passages vectors of another model."""
    support = vector_support(connection)
    ids = connection.scalars(
        text(f"SELECT id FROM {SCHEMA}.passages WHERE archive_id = :id ORDER BY id"), {"id": archive.id}
    )
    statement = text(
        f"UPDATE {SCHEMA}.passages SET embedding = CAST(:vector AS {support.type}), embedding_model = 'another' "
        "WHERE id = :id"
    )
    values = zip(list(ids)[:count], vectors(count, seed=5), strict=True)
    connection.execute(statement, [{"id": passage, "vector": to_literal(vector)} for passage, vector in values])


def _uses(connection: Any, archive: Archive) -> int:
    query = text("SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelname = :name")
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    return int(connection.scalar(query, {"name": index_name(archive.id, DIMENSIONS)}) or 0)


def _without_sorting(connection: Any, archive: Archive, actor: Actor, vector: list[float]) -> None:
    """The planner would rather sort so few rows."""
    connection.execute(text("SET LOCAL enable_sort = off"))
    search = PassageSearch("?", 10, archive.id, vector=vector, model="m", indexed=ROWS)
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
