"""Hybrid search, each one statement: full text, ranked as below, and for passages vectors as well.

**Words.** A question is an OR of its words, stemmed and without accents. A text's score is the sum over the words that
it has of how rare the word is among all that was found (``ln(1 + hits / texts with the word)``, to the power of 1.5:
between BM25, which takes it once, and the product of two tf-idf vectors, which takes it twice), in longer texts times
`ts_rank` of the word, which grows with its occurrences ever more slowly. Texts more than twice as long as usual are
marked down by the logarithm of their length, since long ones have many words by chance.

Of a word that very many texts have, not all are looked at, but those that have another word of the question as well.

**Meaning.** Cosine similarity of vectors, exact among the texts that meet the conditions; in a large archive that has
an index, among those that it finds. Where there are other conditions (tags, dates), those nearest to the question tell
how many texts meet them: if enough, the index is read until so many are found; if few, or if it ends before that, the
texts that meet them are found by their tags or dates, and compared one by one.

**Both.** The best by words and the nearest vectors are put together; each measure is scaled to 0…1 among them (by the
best for words, from the farthest to the nearest for vectors) and the mean of the two is the score. A text whose vector
isn't there yet counts by its words for both.

**Neighbours.** Talk spreads over turns: the question has the words, the answer beside it the fact. So a message lends
its score to the two before and after it, divided by one more than the distance; a tenth less to those before it, as
answers follow.

**Ties**, which short texts often make, go to the older text: a fact is told when it is new, and referred to later.

The constants are round numbers, and others near them measure alike (`benchmarks/retrieval.py`).
"""
# ruff: noqa: S608 - what is put together are names of our own; every value is a parameter

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from letta.database.base import SCHEMA
from letta.database.vectors import VectorSupport, to_literal, vector_support
from letta.organizations.actor import Actor
from letta.search.request import MessageSearch, PassageSearch

_MOST_WORDS = 40
"""Of a long question, the words that count."""
_MOST_HITS = 1_000
"""Texts with one word that are looked at. Of a word that more have, those that have another one of the question too."""
_POOL = 50
"""Candidates taken from each measure, and messages that lend their score; more where more results are wanted."""
_CANDIDATES_SHARE, _FEWEST_CANDIDATES, _MOST_CANDIDATES = 0.002, 200, 1_000
"""Vectors that an index finds by their bits, to be compared exactly: a share of all that are wanted, within limits.
`hnsw.ef_search` is at most 1,000."""
_SAMPLE = 100
"""The nearest by their bits, which tell how many texts meet other conditions."""
_READING_TO_COMPARING = 15
"""So many vectors are compared in the time in which the index finds another one."""
_LARGE_POOL = 200
"""The same where only one side of a talk is wanted."""
_TAG_CHARACTERS = 200
"""Of a tag, as much as is indexed."""
_BOTH_SIDES = {"user", "assistant"}
_SHORT, _ONCE = 500, 0.0607927
"""Bytes of an index entry up to which it tells nothing how often a word occurs; `ts_rank` of one that occurs once."""
_REACH = 2
"""How far messages lend their score."""

_TERMS = f"""
words AS (
    SELECT lexeme FROM unnest({SCHEMA}.search_words(:text)) ORDER BY positions[1] LIMIT {_MOST_WORDS}
),
terms AS MATERIALIZED (
    SELECT row_number() OVER () AS number,
        ('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''')::tsquery AS term
    FROM words
)"""


def lexical(source: str, where: str, *, scoped: bool, fenced: bool = True) -> str:
    """Common table expressions, ``lexical`` the last: the place and score of each row that has a word of the text.

    They are written so that the plan is good without knowing how many rows an archive, or agent, has: new ones aren't
    in the planner's statistics.

    Args:
        source: a table, or a common table expression, with columns ``search`` and ``ctid``.
        where: further conditions on its rows, called ``c``.
        scoped: whether the index is to be led to one archive or agent, by the parameter ``scope``.
        fenced: whether rows are found by their words and by nothing else. Otherwise the planner may find them by
            ``where`` as well, which it needs statistics for.
    """
    scope = "&& CAST(:scope AS tsquery)" if scoped else ""
    hits = _matching(source, f"(term {scope})", where, fenced)
    beside = _matching(source, f"(term && others {scope})", where, fenced)
    return f"""{_TERMS},
hits AS MATERIALIZED (
    SELECT place, number, size, rank FROM terms CROSS JOIN LATERAL {hits} AS hit
),
rarity AS MATERIALIZED (
    SELECT number, count(*) >= {_MOST_HITS} AS frequent,
        CAST(power(ln(1 + sum(count(*)) OVER () / count(*)), 1.5) AS float8) AS weight,
        CAST(2 * sum(sum(size)) OVER () / sum(count(*)) OVER () AS float8) AS long
    FROM hits GROUP BY number
),
beside AS MATERIALIZED (
    SELECT place, number, size, rank
    FROM (
        SELECT number, term, (
            SELECT CAST(string_agg(CAST(t.term AS text), '|') AS tsquery) FROM terms AS t WHERE t.number <> terms.number
        ) AS others
        FROM terms JOIN rarity USING (number) WHERE frequent
    ) AS terms CROSS JOIN LATERAL {beside} AS hit
),
counted AS (
    SELECT * FROM hits
    UNION ALL SELECT * FROM beside WHERE NOT EXISTS (
        SELECT FROM hits WHERE hits.place = beside.place AND hits.number = beside.number
    )
),
lexical AS MATERIALIZED (
    SELECT place, sum(rank * weight / CASE WHEN size <= long THEN 1 ELSE 1 + ln(size / long) END) AS score
    FROM counted JOIN rarity USING (number) GROUP BY place
)"""


def _matching(source: str, match: str, where: str, fenced: bool) -> str:
    """The rows that match, no more of them than are looked at, with the rank of the term."""
    fence = "OFFSET 0" if fenced else ""
    return f"""(
        SELECT place, pg_column_size(search) AS size,
            CASE WHEN pg_column_size(search) < {_SHORT} THEN {_ONCE} ELSE ts_rank(search, term) END AS rank
        FROM (
            SELECT found.ctid AS place, found.* FROM {source} AS found WHERE found.search @@ {match} {fence}
        ) AS c WHERE {where} LIMIT {_MOST_HITS}
    )"""


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
            place="several" if search.archive_ids else "all" if search.archive_id is None else "one",
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
            "scope": _scope(
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
    place: str,
    tags: str | None,
    starts: bool,
    ends: bool,
    settled: bool,
    bits: int | None,
) -> TextClause:
    within = _conditions(
        {
            "c.organization_id = :organization_id": place == "all",
            "c.file_id IS NULL": place == "all",
            "c.archive_id = :archive_id": place == "one",
            "c.archive_id = ANY (CAST(:archive_ids AS text[]))": place == "several",
        }
    )
    where = _conditions(
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
    by_words = lexical(f"{SCHEMA}.passages", where, scoped=place != "all" or tags is not None, fenced=fenced)
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


def search_messages(
    connection: Connection, actor: Actor, search: MessageSearch, columns: Sequence[str]
) -> list[tuple[Row[*tuple[Any, ...]], float]]:
    """The best messages: rows of these columns of theirs, and scores from 1 (best) down."""
    return _messages(connection, actor, search, columns, "ranked")


def newest_messages(
    connection: Connection, actor: Actor, search: MessageSearch, columns: Sequence[str]
) -> list[tuple[Row[*tuple[Any, ...]], float]]:
    """As `search_messages`, but whatever the words: the newest first, with score 0."""
    return _messages(connection, actor, search, columns, "newest")


def messages_containing(
    connection: Connection, actor: Actor, search: MessageSearch, columns: Sequence[str]
) -> list[tuple[Row[*tuple[Any, ...]], float]]:
    """As `newest_messages`, those in which the text stands as it is, be it as a part of a word."""
    return _messages(connection, actor, search, columns, "containing")


def _messages(
    connection: Connection, actor: Actor, search: MessageSearch, columns: Sequence[str], manner: str
) -> list[tuple[Row[*tuple[Any, ...]], float]]:
    statement = _messages_statement(
        tuple(columns),
        manner=manner,
        of_agent=search.agent_id is not None,
        conversation=_conversation_kind(search.conversation_id),
        starts=search.start is not None,
        ends=search.end is not None,
    )
    rows = connection.execute(
        statement,
        {
            "organization_id": actor.organization_id,
            "agent_id": search.agent_id,
            "conversation_id": search.conversation_id,
            "scope": _scope(*([search.agent_id] if search.agent_id is not None else [])),
            "text": search.text,
            "pattern": _pattern(search.text or ""),
            "roles": list(search.roles),
            "start": search.start,
            "end": search.end,
            "current_run_id": search.current_run_id,
            "pool": max(_POOL if set(search.roles) >= _BOTH_SIDES else _LARGE_POOL, search.limit),
            "limit": search.limit,
        },
    )
    return [(row, row[-1]) for row in rows]


def _pattern(contained: str) -> str:
    """For LIKE on JSON text."""
    escaped = re.sub(r"([%_~])", r"~\1", json.dumps(contained, ensure_ascii=False)[1:-1])
    return f"%{escaped}%"


@lru_cache(maxsize=64)
def _messages_statement(
    columns: tuple[str, ...], *, manner: str, of_agent: bool, conversation: str | None, starts: bool, ends: bool
) -> TextClause:
    within_conversation = {
        "c.search IS NOT NULL": True,
        _IN_CONVERSATION: conversation == "named",
        "c.created_at >= :start": starts,
        "c.created_at <= :end": ends,
    }
    where = _conditions(
        {
            "c.organization_id = :organization_id": True,
            "c.agent_id = :agent_id": of_agent,
            _IN_DEFAULT_CONVERSATION: conversation == "default",
            _CONTAINS: manner == "containing",
            _BY_ROLE: manner != "ranked",
            **within_conversation,
        }
    )
    selected = ", ".join(f"c.{column}" for column in columns)
    if manner != "ranked":
        return text(f"""
SELECT {selected}, CAST(0 AS float8) AS score FROM {SCHEMA}.messages AS c WHERE {where}
ORDER BY coalesce(c.run_id = :current_run_id, false), c.sequence_id DESC LIMIT :limit
""")
    beside = _conditions(within_conversation)
    return text(f"""
WITH {lexical(f"{SCHEMA}.messages", where, scoped=of_agent)},
pool AS MATERIALIZED (SELECT place, score FROM lexical ORDER BY score DESC, place LIMIT :pool),
shares AS (
    SELECT place, score FROM pool
    UNION ALL
    SELECT neighbour.place, pool.score * neighbour.share
    FROM pool JOIN {SCHEMA}.messages AS m ON m.ctid = pool.place CROSS JOIN LATERAL (
        {_neighbours("<", "DESC", 0.9, beside)}
        UNION ALL
        {_neighbours(">", "ASC", 1.0, beside)}
    ) AS neighbour
),
summed AS (SELECT place, sum(score) AS score FROM shares GROUP BY place)
SELECT {selected}, summed.score / max(summed.score) OVER () AS score
FROM summed JOIN {SCHEMA}.messages AS c ON c.ctid = summed.place WHERE {_BY_ROLE}
ORDER BY coalesce(c.run_id = :current_run_id, false), summed.score DESC, c.sequence_id LIMIT :limit
""")


_BY_ROLE = "c.role = ANY (CAST(:roles AS text[]))"
"""Roles decide what is shown, not what is looked at: the words may be beside it."""
_CONTAINS = "CAST(jsonb_path_query_array(c.content, '$[*].text') AS text) ILIKE :pattern ESCAPE '~'"
_IN_CONVERSATION = f"""(c.conversation_id = :conversation_id OR c.id IN (
    SELECT message_id FROM {SCHEMA}.shared_messages WHERE conversation_id = :conversation_id))"""
_IN_DEFAULT_CONVERSATION = f"""c.conversation_id IN (
    SELECT id FROM {SCHEMA}.conversations WHERE is_default AND organization_id = :organization_id)"""


def _neighbours(side: str, order: str, share: float, where: str) -> str:
    return f"""(
            SELECT c.ctid AS place,
                {share} / (1 + row_number() OVER (ORDER BY c.sequence_id {order})) AS share
            FROM {SCHEMA}.messages AS c
            WHERE c.conversation_id = m.conversation_id AND c.sequence_id {side} m.sequence_id AND {where}
            ORDER BY c.sequence_id {order} LIMIT {_REACH}
        )"""


def _conversation_kind(conversation_id: str | None) -> str | None:
    if conversation_id is None:
        return None
    return "default" if conversation_id == "default" else "named"


def _conditions(conditions: dict[str, bool]) -> str:
    return " AND ".join(condition for condition, wanted in conditions.items() if wanted)


def _scope(*identifiers: str, tags: Sequence[str] = (), all_tags: bool = False) -> str | None:
    """The lexemes with which texts are indexed beside their words: those of archives, or an agent, and of tags."""
    of_tags = (" & " if all_tags else " | ").join(_lexeme(f"#{tag[:_TAG_CHARACTERS]}") for tag in dict.fromkeys(tags))
    owners = " | ".join(_lexeme(f"@{identifier[-12:]}") for identifier in identifiers)
    scopes = [f"({owners})"] if owners else []
    return " & ".join([*scopes, *([f"({of_tags})"] if of_tags else [])]) or None


def _lexeme(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
