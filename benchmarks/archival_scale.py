"""How archival memory bears size. Measures and prints; judges nothing (the exit code is always 0).

    python -m benchmarks.archival_scale [--passages 100000] [--dimensions 1536] [--agents 10000]
        [--build-memory 256] [--json FILE]

Many agents with a small archive each, and one large archive whose vectors are drawn from 1,000 clusters with noise, as
are the questions. Everything goes through the functions that the server uses; only the bulk is copied in. Needs numpy,
which is no dependency of the project. The database is `--pg-uri` (default `LETTA_PG_URI`, else an embedded Postgres
that goes afterwards); what is stored goes with its schema.
"""

import argparse
import asyncio
import io
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

import psutil
import psycopg2

from benchmarks.report import Row, table, write_json
from benchmarks.stage import own_schema, progress

CLUSTERS, NOISE = 1000, 1.0
SMALL_ARCHIVE = 10
CHUNK = 2000
QUERIES, EXACT_QUERIES = 200, 50
BATCH, BATCHES = 50, 6
EXACT_UP_TO = 20_000
K = 10
TAGGED_EVERY = (2, 20, 50, 200, 2000)
"""One in so many passages has a tag. They are a minute apart, and spans are as many of the last minutes."""
FIRST = datetime(2020, 1, 1, tzinfo=UTC)

ROWS: Sequence[Row] = (
    Row("small_p95_ms", "search in one of {agents:,} small archives, p95, ms", "<= 20"),
    Row("exact_p95_ms", "search in the large one without index, p95, ms"),
    Row("large_p95_ms", "search in the large one, p95, ms", "<= 50"),
    Row("large_p50_ms", "search in the large one, p50, ms"),
    Row("recall", "recall@10 against exact", ">= 0.95"),
    *(
        row
        for every in TAGGED_EVERY
        for row in (
            Row(f"tagged_{every}_p95_ms", f"search by a tag that 1 in {every:,} has, p95, ms", "<= 50"),
            Row(f"tagged_{every}_recall", f"search by a tag that 1 in {every:,} has, recall@10", ">= 0.95"),
            Row(f"dated_{every}_p95_ms", f"search in a span that 1 in {every:,} is of, p95, ms", "<= 50"),
            Row(f"dated_{every}_recall", f"search in a span that 1 in {every:,} is of, recall@10", ">= 0.95"),
        )
    ),
    Row("insert_empty_ms", "insert into an empty archive, ms a passage", "flat"),
    Row("insert_large_ms", "insert into the large one, no index, ms a passage", "flat"),
    Row("insert_indexed_ms", "insert into the large one with its index, ms a passage", "flat"),
    Row("build_s", "building the index, s"),
    Row("build_mb", "memory of Postgres while building (RSS beyond shared), MB"),
    Row("index_mb", "size of the index, MB"),
    Row("table_mb", "size of the passages, MB"),
)


def main() -> None:
    options = _parser().parse_args()
    if find_spec("numpy") is None:
        sys.exit("This benchmark needs numpy: pip install numpy")
    with ExitStack() as stack:
        uri, _ = stack.enter_context(own_schema(options.pg_uri))
        figures = asyncio.run(
            Bench(uri, options.dimensions, options.build_memory).measure(options.agents, options.passages)
        )
    facts = {"agents": options.agents, "passages": options.passages, "dimensions": options.dimensions}
    sys.stdout.write(f"{options.passages:,} passages of {options.dimensions:,} dimensions in the large archive\n")
    sys.stdout.write(table(ROWS, {"ours": figures}, facts) + "\n")
    if options.json:
        write_json(options.json, {"ours": figures}, facts)


class Clusters:
    """Unit vectors around random centres."""

    def __init__(self, dimensions: int) -> None:
        self._np: Any = import_module("numpy")
        self._random = self._np.random.default_rng(7)
        self._dimensions = dimensions
        self._centres = self._unit(self._random.standard_normal((CLUSTERS, dimensions)).astype("f4"))

    def draw(self, count: int) -> Any:
        """So many vectors, as rows."""
        chosen = self._random.integers(0, CLUSTERS, count)
        noise = self._random.standard_normal((count, self._dimensions)).astype("f4") * (NOISE / self._dimensions**0.5)
        return self._unit(self._centres[chosen] + noise)

    def _unit(self, vectors: Any) -> Any:
        return vectors / self._np.linalg.norm(vectors, axis=1, keepdims=True)


class Bench:
    """Fills a database and asks it."""

    def __init__(self, uri: str, dimensions: int, build_memory: int) -> None:
        from letta.database.dsn import parse_dsn
        from letta.database.engine import Database
        from letta.database.migrations import migrate
        from letta.organizations.actor import DEFAULT_ACTOR

        self._uri = uri
        self._build_memory = build_memory
        self._database = Database(parse_dsn(uri))
        migrate(self._database)
        self._actor = DEFAULT_ACTOR
        self._dimensions = dimensions
        self._clusters = Clusters(dimensions)

    async def measure(self, agents: int, passages: int) -> dict[str, float]:
        """All figures, by their keys."""
        figures = {"insert_empty_ms": self._insert_ms(self._archive())}
        progress(f"{agents:,} agents")
        small = self._small_archives(agents)
        progress(f"{passages:,} passages")
        large = self._archive()
        self._copy(large.id, passages)
        self._analyze()
        figures["small_p95_ms"] = _p95([self._search_ms(archive_id) for archive_id in small[:QUERIES]])
        figures["insert_large_ms"] = self._insert_ms(large)
        questions = self._clusters.draw(QUERIES).tolist()
        progress("searching every vector")
        exact = [self._search(large.id, question) for question in questions[:EXACT_QUERIES]]
        conditions = dict(_conditions(passages))
        filtered = {
            name: [self._search(large.id, question, **given)[1] for question in questions[:EXACT_QUERIES]]
            for name, given in conditions.items()
        }
        figures["exact_p95_ms"] = _p95([ms for ms, _ in exact])
        progress("building the index")
        figures |= await self._build(large.id)
        for question in questions[:20]:
            self._search(large.id, question, indexed=passages)
        found = [self._search(large.id, question, indexed=passages) for question in questions]
        figures["large_p95_ms"], figures["large_p50_ms"] = _p95([ms for ms, _ in found]), median(ms for ms, _ in found)
        figures["recall"] = _recall([right for _, right in exact], [got for _, got in found[:EXACT_QUERIES]])
        for name, right in filtered.items():
            found = [self._search(large.id, q, indexed=passages, **conditions[name]) for q in questions[:EXACT_QUERIES]]
            figures[f"{name}_p95_ms"] = _p95([ms for ms, _ in found])
            figures[f"{name}_recall"] = _recall(right, [got for _, got in found])
        figures["insert_indexed_ms"] = self._insert_ms(large)
        figures["table_mb"] = self._bytes("passages") / 1e6
        self._database.close()
        return figures

    def _archive(self) -> Any:
        from letta.archives.archive import Archive
        from letta.archives.repository import insert_archive
        from letta.database.ids import new_id

        archive = Archive(new_id("archive"), self._actor.organization_id, "bench", embedding_config={"handle": "bench"})
        return self._database.run_sync(insert_archive, self._actor, archive)

    def _small_archives(self, agents: int) -> list[str]:
        """Agents with an archive of their own; its ids."""
        from letta.agents.agent import Agent
        from letta.agents.repository import insert_agent
        from letta.archives.repository import ensure_archive_of_agent
        from letta.database.ids import new_id

        def make(connection: Any, count: int) -> list[str]:
            made = []
            for _ in range(count):
                config = {"handle": "bench"}
                agent = Agent(new_id("agent"), self._actor.organization_id, "Bench", "letta_v1_agent", "", {})
                insert_agent(connection, replace(agent, embedding_config=config))
                made.append(ensure_archive_of_agent(connection, self._actor, agent.id).id)
            return made

        ids: list[str] = []
        while len(ids) < agents:
            ids += self._database.run_sync(make, min(500, agents - len(ids)))
        self._copy_rows([(archive_id, number) for archive_id in ids for number in range(SMALL_ARCHIVE)])
        return ids

    def _copy(self, archive_id: str, count: int) -> None:
        self._copy_rows([(archive_id, number) for number in range(count)])

    def _copy_rows(self, rows: Sequence[tuple[str, int]]) -> None:
        from letta.database.base import SCHEMA

        columns = "id, organization_id, archive_id, text, tags, embedding_model, embedding, created_at"
        with closing(psycopg2.connect(self._uri)) as connection, connection, connection.cursor() as cursor:
            for start in range(0, len(rows), CHUNK):
                part = rows[start : start + CHUNK]
                copied = _binary(part, self._clusters.draw(len(part)), self._actor.organization_id)
                cursor.copy_expert(f"COPY {SCHEMA}.passages ({columns}) FROM STDIN BINARY", copied)

    def _insert_ms(self, archive: Any) -> float:
        """Milliseconds that storing one passage takes, in batches."""
        from letta.archives.passage_repository import NewPassage, insert_passages

        times = []
        for batch in range(BATCHES):
            new = [
                NewPassage(f"Fact {batch} of {number}.", embedding=vector, embedding_model="bench")
                for number, vector in enumerate(self._clusters.draw(BATCH).tolist())
            ]
            began = time.perf_counter()
            self._database.run_sync(insert_passages, self._actor, archive, new)
            times.append((time.perf_counter() - began) * 1000 / BATCH)
        return median(times)

    def _search_ms(self, archive_id: str) -> float:
        return self._search(archive_id, self._clusters.draw(1)[0].tolist(), text="something remembered")[0]

    def _search(
        self, archive_id: str, vector: list[float], *, text: str = "?", **conditions: Any
    ) -> tuple[float, list[str]]:
        """Milliseconds of a search, its transaction included, and what it found."""
        from letta.archives.passage_repository import find_passages
        from letta.search.request import PassageSearch

        search = PassageSearch(text, K, archive_id, vector=vector, model="bench", settled=True, **conditions)
        began = time.perf_counter()
        found = self._database.run_sync(find_passages, self._actor, search)
        return (time.perf_counter() - began) * 1000, [passage.id for passage, _ in found]

    async def _build(self, archive_id: str) -> dict[str, float]:
        from letta.archives.repository import get_archive
        from letta.archives.vector_index import VectorIndexer

        indexer = VectorIndexer(
            self._database, self._database.dsn, exact_up_to=EXACT_UP_TO, memory_mb=self._build_memory, quota_mb=None
        )
        began = time.perf_counter()
        with _watched_memory() as peak:
            indexer.searched(archive_id)
            await indexer.finish()
        took = time.perf_counter() - began
        archive = await self._database.read(get_archive, self._actor, archive_id)
        if not archive.indexed_vectors(self._dimensions):
            sys.exit(f"no index was built: {archive.vector_index}")
        return {"build_s": took, "build_mb": peak() / 1e6, "index_mb": (archive.vector_index or {})["bytes"] / 1e6}

    def _bytes(self, relation: str) -> int:
        from letta.database.base import SCHEMA

        with closing(psycopg2.connect(self._uri)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_table_size(%s)", (f"{SCHEMA}.{relation}",))
            return int(cursor.fetchone()[0])  # type: ignore[index]

    def _analyze(self) -> None:
        from letta.database.base import SCHEMA

        with closing(psycopg2.connect(self._uri)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(f"VACUUM ANALYZE {SCHEMA}.passages")


def _binary(rows: Sequence[tuple[str, int]], vectors: Any, organization_id: str) -> io.BytesIO:
    """Rows in the binary form of COPY. Source: the pages of Postgres on COPY, of pgvector on `halfvec_send`."""
    from letta.database.ids import new_id

    copied = io.BytesIO()
    copied.write(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0))
    halves = vectors.astype(">f2")
    for (archive_id, number), half in zip(rows, halves, strict=True):
        tags = [_tag(every).encode() for every in TAGGED_EVERY if number % every == 0]
        array = struct.pack(">iii", int(bool(tags)), 0, 25)
        if tags:
            array += struct.pack(">ii", len(tags), 1) + b"".join(map(_field, tags))
        vector = struct.pack(">HH", len(half), 0) + half.tobytes()
        texts = (new_id("passage"), organization_id, archive_id, f"Fact {number}.")
        since_2000 = FIRST + timedelta(minutes=number) - datetime(2000, 1, 1, tzinfo=UTC)
        created_at = struct.pack(">q", since_2000 // timedelta(microseconds=1))
        fields = [*(text.encode() for text in texts), array, b"bench", vector, created_at]
        copied.write(struct.pack(">h", len(fields)) + b"".join(map(_field, fields)))
    copied.write(struct.pack(">h", -1))
    copied.seek(0)
    return copied


def _tag(every: int) -> str:
    return f"one in {every}"


def _conditions(passages: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Searches by tags and dates, by the beginnings of the keys of their figures."""
    for every in TAGGED_EVERY:
        yield f"tagged_{every}", {"tags": [_tag(every)]}
        end = FIRST + timedelta(minutes=passages - 1)
        yield f"dated_{every}", {"start": end - timedelta(minutes=passages // every - 1), "end": end}


def _recall(right: Sequence[Sequence[str]], got: Sequence[Sequence[str]]) -> float:
    return mean(len(set(a) & set(b)) / len(a) for a, b in zip(right, got, strict=True))


def _field(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


@contextmanager
def _watched_memory() -> Iterator[Callable[[], int]]:
    """The most private memory (bytes) of processes of Postgres that build an index meanwhile."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            for process in psutil.process_iter(["name", "cmdline"]):
                if "CREATE INDEX" in " ".join(process.info["cmdline"] or ()):
                    with process.oneshot():
                        memory = process.memory_info()
                        peak[0] = max(peak[0], memory.rss - memory.shared)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: peak[0]
    finally:
        over.set()
        thread.join()


def _p95(times: Sequence[float]) -> float:
    return quantiles(times, n=20)[-1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.archival_scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--passages", type=int, default=100_000, help="of the large archive")
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--build-memory", type=int, default=256, metavar="MB", help="LETTA_VECTOR_INDEX_MEMORY_MB")
    parser.add_argument("--pg-uri", help="database to use")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    return parser


if __name__ == "__main__":
    main()
