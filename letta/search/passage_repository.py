"""Searching passages, with one statement: full text, as in `letta.search.lexical`, and vectors.

**Meaning.** Cosine similarity of vectors, exact among the texts that meet the conditions; in a large archive that has
an index, among those that it finds. Where there are other conditions (tags, dates), those nearest to the question tell
how many texts meet them: if enough, the index is read until so many are found; if few, or if it ends before that, the
texts that meet them are found by their tags or dates, and compared one by one.

**Both.** The best by words and the nearest vectors are put together; each measure is scaled to 0…1 among them (by the
best for words, from the farthest to the nearest for vectors) and the mean of the two is the score. A text whose vector
isn't there yet counts by its words for both.

**Ties**, which short texts often make, go to the older text: a fact is told when it is new, and referred to later.

The constants are round numbers, and others near them measure alike (`benchmarks/retrieval.py`).
"""
# ruff: noqa: S608 - what is put together are names of our own; every value is a parameter

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from letta.database.base import SCHEMA
from letta.database.vectors import VectorSupport, to_literal, vector_support
from letta.organizations.actor import Actor
from letta.search.lexical import all_of, lexical, scope_of
from letta.search.request import PassageSearch

_POOL = 50
"""Candidates taken from each measure; more where more results are wanted."""
_CANDIDATES_SHARE, _FEWEST_CANDIDATES, _MOST_CANDIDATES = 0.002, 200, 1_000
"""Vectors that an index finds by their bits, to be compared exactly: a share of all that are wanted, within limits.
`hnsw.ef_search` is at most 1,000."""
_SAMPLE = 100
"""The nearest by their bits, which tell how many texts meet other conditions."""
_READING_TO_COMPARING = 15
"""So many vectors are compared in the time in which the index finds another one."""


def search_passages(
    connection: Connection, actor: Actor, search: PassageSearch, columns: Sequence[str]
) -> list[tuple[Row[*tuple[Any, ...]], float]]:
    """The best passages: rows of these columns of theirs, and scores from 1 (best) to 0."""
    support = None if search.vector is None else vector_support(connection)
    dimensions = len(search.vector or ())
    rows = connection.execute(
        _passages_statement(
            tuple(columns),
            support,
            archives="several" if search.archive_ids else "all" if search.archive_id is None else "one",
            tags=("all" if search.all_tags else "any") if search.tags else None,
            starts=search.start is not None,
            ends=search.end is not None,
            settled=search.settled,
            bits=dimensions if search.indexed else None,
        ),
        {
            "organization_id": actor.organization_id,
            "archive_id": search.archive_id,
            "archive_ids": list(search.archive_ids),
            "scope": scope_of(
                *(search.archive_ids or ([search.archive_id] if search.archive_id else [])),
                tags=search.tags,
                all_tags=search.all_tags,
            ),
            "text": search.text,
            "tags": list(search.tags),
            "start": search.start,
            "end": search.end,
            "vector": to_literal(search.vector),
            "model": search.model,
            "dimensions": dimensions,
            "pool": max(_POOL, search.limit),
            "limit": search.limit,
            **_reading(search.indexed),
        },
    )
    return [(row, row[-1]) for row in rows]


def _reading(vectors: int) -> dict[str, int]:
    """How far an index of so many vectors is read for those that meet other conditions, and when it is worth it.

    Where a share of them does, as many have to be compared as meet them, or the candidates divided by the share read.
    The share at which both take the same time decides.
    """
    share = sqrt(_FEWEST_CANDIDATES * _READING_TO_COMPARING / max(vectors, 1))
    return {
        "candidates": min(_MOST_CANDIDATES, max(_FEWEST_CANDIDATES, round(_CANDIDATES_SHARE * vectors))),
        "enough": max(3, round(_SAMPLE * share)),
        "most_read": 2 * round(_FEWEST_CANDIDATES / min(share, 1.0)),
    }


@lru_cache(maxsize=64)
def _passages_statement(
    columns: tuple[str, ...],
    support: VectorSupport | None,
    *,
    archives: str,
    tags: str | None,
    starts: bool,
    ends: bool,
    settled: bool,
    bits: int | None,
) -> TextClause:
    within = all_of(
        {
            "c.organization_id = :organization_id": archives == "all",
            "c.file_id IS NULL": archives == "all",
            "c.archive_id = :archive_id": archives == "one",
            "c.archive_id = ANY (CAST(:archive_ids AS text[]))": archives == "several",
        }
    )
    where = all_of(
        {
            within: True,
            "c.tags && CAST(:tags AS text[])": tags == "any",
            "c.tags @> CAST(:tags AS text[])": tags == "all",
            "c.created_at >= :start": starts,
            "c.created_at <= :end": ends,
        }
    )
    # In a large archive, a frequent word would be read from its beginning until the texts of a date come.
    fenced = bits is None or not (starts or ends)
    by_words = lexical(f"{SCHEMA}.passages", where, scoped=archives != "all" or tags is not None, fenced=fenced)
    before, best = "", _BEST_BY_WORDS
    if support is not None:
        vectors = _Vectors(support, within, where, tagged=tags is not None, settled=settled)
        indexed = bits is not None and (vectors.plain or support.iterates)
        before = _index_settings(vectors) if indexed else ""
        best = _best_by_both(vectors, bits if indexed else None)
    selected = ", ".join(f"p.{column}" for column in columns)
    return text(f"""{before}
WITH {by_words},{best}
SELECT {selected}, best.score FROM best JOIN {SCHEMA}.passages AS p ON p.ctid = best.place
ORDER BY best.score DESC, p.created_at, p.id
""")


_BEST_BY_WORDS = """
best AS (
    SELECT place, score / max(score) OVER () AS score FROM lexical ORDER BY lexical.score DESC, place LIMIT :limit
)"""


@dataclass(frozen=True, slots=True)
class _Vectors:
    """The vectors of the rows ``c`` that are compared with the one asked for.

    Attributes:
        within: which rows are looked at: those of an archive or organization.
        where: which of them are wanted.
        tagged: whether for some tags, by which the search index finds them.
        settled: see `PassageSearch`.
    """

    support: VectorSupport
    within: str
    where: str
    tagged: bool
    settled: bool

    @property
    def plain(self) -> bool:
        """Whether all that are looked at are wanted."""
        return self.settled and self.where == self.within

    @property
    def fits(self) -> str:
        return f"{self.support.dimensions}(c.embedding) = :dimensions"

    @property
    def comparable(self) -> str:
        return self.fits if self.settled else f"{self.fits} AND c.embedding_model = :model"

    @property
    def wanted(self) -> str:
        return f"{self.where} AND {self.comparable}"

    @property
    def rows(self) -> str:
        tagged = " AND c.search @@ CAST(:scope AS tsquery)" if self.tagged else ""
        return f"{SCHEMA}.passages AS c WHERE {self.wanted}{tagged}"

    @property
    def distance(self) -> str:
        return f"c.embedding {self.support.cosine_distance} (SELECT vector FROM asked)"


def _best_by_both(vectors: _Vectors, bits: int | None) -> str:
    near = _near(vectors, f"SELECT c.ctid AS place, c.embedding FROM {vectors.rows}")
    if bits is not None:
        near = _near_by_index(vectors, bits)
    return f"""
asked AS MATERIALIZED (SELECT CAST(:vector AS {vectors.support.type}) AS vector),{near},
pool AS (
    (SELECT place, score, CAST(NULL AS float8) AS distance FROM lexical ORDER BY score DESC, place LIMIT :pool)
    UNION ALL SELECT place, score, distance FROM near LEFT JOIN lexical USING (place)
),
measured AS (
    SELECT place, coalesce(max(score) / max(max(score)) OVER (), 0) AS words, 1 - coalesce(min(distance),
        (SELECT {vectors.distance} FROM {SCHEMA}.passages AS c WHERE c.ctid = place AND {vectors.comparable})
    ) AS likeness
    FROM pool GROUP BY place
),
scaled AS (
    SELECT place, words, (likeness - min(likeness) OVER ())
        / nullif(max(likeness) OVER () - min(likeness) OVER (), 0) AS meaning
    FROM measured
),
best AS (
    SELECT place, (words + coalesce(meaning, words)) / 2 AS score FROM scaled ORDER BY score DESC, place LIMIT :limit
)"""


def _near(vectors: _Vectors, rows: str) -> str:
    return f"""
near AS MATERIALIZED (
    SELECT c.place, {vectors.distance} AS distance FROM ({rows}) AS c ORDER BY distance LIMIT :pool
)"""


def _near_by_index(vectors: _Vectors, bits: int) -> str:
    """The nearest that an index of the vectors' bits finds (see `letta.archives.vector_index_repository`)."""
    schema = vectors.support.schema
    quantized = "CAST({}.binary_quantize({}) AS bit({}))"
    stored = quantized.format(schema, "c.embedding", bits)
    asked = quantized.format(schema, "(SELECT vector FROM asked)", bits)
    entries = f"""SELECT c.ctid AS place, c.embedding, c.embedding_model, c.archive_id, c.tags, c.created_at
        FROM {SCHEMA}.passages AS c WHERE {vectors.within} AND {vectors.fits}
        ORDER BY {stored} OPERATOR({schema}.<~>) {asked}"""
    if vectors.plain:
        return _near(vectors, f"{entries} LIMIT :candidates")
    return f"""
first AS MATERIALIZED (
    SELECT count(*) AS found, greatest({_FEWEST_CANDIDATES}, :candidates * count(*) / {_SAMPLE}) AS needed
    FROM ({entries} LIMIT {_SAMPLE}) AS c WHERE {vectors.wanted}
),
candidates AS MATERIALIZED (
    SELECT c.place, {vectors.distance} AS distance FROM ({entries} LIMIT :most_read) AS c
    WHERE (SELECT found FROM first) >= :enough AND {vectors.wanted} LIMIT (SELECT needed FROM first)
),
enough AS MATERIALIZED (SELECT count(*) = (SELECT needed FROM first) AS found FROM candidates),
near AS MATERIALIZED (
    SELECT * FROM candidates WHERE (SELECT found FROM enough)
    UNION ALL
    SELECT c.ctid AS place, {vectors.distance} FROM {vectors.rows} AND NOT (SELECT found FROM enough)
    ORDER BY distance LIMIT :pool
)"""


def _index_settings(vectors: _Vectors) -> str:
    if not vectors.support.iterates:
        return "SET LOCAL hnsw.ef_search = :candidates;"
    return f"""
SET LOCAL hnsw.ef_search = {":candidates" if vectors.plain else _SAMPLE}; SET LOCAL hnsw.iterative_scan = relaxed_order;
SET LOCAL hnsw.max_scan_tuples = 1000000; SET LOCAL hnsw.scan_mem_multiplier = 8;"""
