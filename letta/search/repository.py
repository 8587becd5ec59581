"""Hybrid search, each one statement: full text, ranked as below, and for passages vectors as well.

**Words.** A question is an OR of its words, stemmed and without accents. A text's score is the sum over the words that
it has of how rare the word is among all that was found (``ln(1 + hits / texts with the word)``, to the power of 1.5:
between BM25, which takes it once, and the product of two tf-idf vectors, which takes it twice), in longer texts times
`ts_rank` of the word, which grows with its occurrences ever more slowly. Texts more than twice as long as usual are
marked down by the logarithm of their length, since long ones have many words by chance.

Of a word that very many texts have, not all are looked at, but those that have another word of the question as well.

**Meaning.** Cosine similarity of vectors, exact among the texts that meet the conditions; in a large archive that has
an index, and with no other condition, among those that it finds.

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
from functools import lru_cache
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
_CANDIDATES = 200
"""Vectors that an index finds by their bits, to be compared exactly."""
_LARGE_POOL = 200
"""The same where only one side of a talk is wanted."""
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


def _lexical(table: str, where: str, *, scoped: bool) -> str:
    """Common table expressions, ``lexical`` the last: the place and score of each row that has a word of the text.

    They are written so that the plan is good without knowing how many rows an archive, or agent, has: new ones aren't
    in the planner's statistics.

    Args:
        table: with a column ``search``.
        where: further conditions on its rows, called ``c``.
        scoped: whether the index is to be led to one archive or agent, by the parameter ``scope``.
    """
    scope = "&& CAST(:scope AS tsquery)" if scoped else ""
    return f"""{_TERMS},
hits AS MATERIALIZED (
    SELECT place, number, size, rank FROM terms CROSS JOIN LATERAL {_matching(table, f"(term {scope})", where)} AS hit
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
    ) AS terms CROSS JOIN LATERAL {_matching(table, f"(term && others {scope})", where)} AS hit
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


def _matching(table: str, match: str, where: str) -> str:
    """The rows that match, no more of them than are looked at, with the rank of the term."""
    # OFFSET 0 keeps the conditions out, so that rows are found by their words and by nothing else.
    return f"""(
        SELECT place, pg_column_size(search) AS size,
            CASE WHEN pg_column_size(search) < {_SHORT} THEN {_ONCE} ELSE ts_rank(search, term) END AS rank
        FROM (
            SELECT found.ctid AS place, found.* FROM {SCHEMA}.{table} AS found WHERE found.search @@ {match} OFFSET 0
        ) AS c WHERE {where} LIMIT {_MOST_HITS}
    )"""


def search_passages(
    connection: Connection, actor: Actor, search: PassageSearch, columns: Sequence[str]
) -> list[tuple[Row[*tuple[Any, ...]], float]]:
    """The best passages: rows of these columns of theirs, and scores from 1 (best) to 0."""
    support = None if search.vector is None else vector_support(connection)
    dimensions = len(search.vector or ())
    indexed = search.indexed and not (search.tags or search.start or search.end)
    if indexed:
        connection.execute(text(f"SET LOCAL hnsw.ef_search = {_CANDIDATES}"))
    rows = connection.execute(
        _passages_statement(
            tuple(columns),
            support,
            in_archive=search.archive_id is not None,
            tags=("all" if search.all_tags else "any") if search.tags else None,
            starts=search.start is not None,
            ends=search.end is not None,
            settled=search.settled,
            bits=dimensions if indexed else None,
        ),
        {
            "organization_id": actor.organization_id,
            "archive_id": search.archive_id,
            "scope": _scope(search.archive_id),
            "text": search.text,
            "tags": list(search.tags),
            "start": search.start,
            "end": search.end,
            "vector": to_literal(search.vector),
            "model": search.model,
            "dimensions": dimensions,
            "pool": max(_POOL, search.limit),
            "limit": search.limit,
        },
    )
    return [(row, row[-1]) for row in rows]


@lru_cache(maxsize=64)
def _passages_statement(
    columns: tuple[str, ...],
    support: VectorSupport | None,
    *,
    in_archive: bool,
    tags: str | None,
    starts: bool,
    ends: bool,
    settled: bool,
    bits: int | None,
) -> TextClause:
    where = _conditions(
        {
            "c.organization_id = :organization_id": not in_archive,
            "c.archive_id = :archive_id": in_archive,
            "c.tags && CAST(:tags AS text[])": tags == "any",
            "c.tags @> CAST(:tags AS text[])": tags == "all",
            "c.created_at >= :start": starts,
            "c.created_at <= :end": ends,
        }
    )
    lexical = _lexical("passages", where, scoped=in_archive)
    best = _BEST_BY_WORDS if support is None else _best_by_both(support, where, settled=settled, bits=bits)
    selected = ", ".join(f"p.{column}" for column in columns)
    return text(f"""
WITH {lexical},{best}
SELECT {selected}, best.score FROM best JOIN {SCHEMA}.passages AS p ON p.ctid = best.place
ORDER BY best.score DESC, p.created_at, p.id
""")


_BEST_BY_WORDS = """
best AS (
    SELECT place, score / max(score) OVER () AS score FROM lexical ORDER BY lexical.score DESC, place LIMIT :limit
)"""


def _best_by_both(support: VectorSupport, where: str, *, settled: bool, bits: int | None) -> str:
    comparable = f"{support.dimensions}(c.embedding) = :dimensions"
    if not settled:
        comparable += " AND c.embedding_model = :model"
    distance = f"c.embedding {support.cosine_distance} (SELECT vector FROM asked)"
    compared = f"{SCHEMA}.passages AS c WHERE {where} AND {comparable}"
    if bits is not None:
        compared = _nearest_by_bits(support, compared, bits)
    return f"""
asked AS MATERIALIZED (SELECT CAST(:vector AS {support.type}) AS vector),
near AS MATERIALIZED (
    SELECT c.place, {distance} AS distance FROM (SELECT c.ctid AS place, c.embedding FROM {compared}) AS c
    ORDER BY distance LIMIT :pool
),
pool AS (
    (SELECT place, score, CAST(NULL AS float8) AS distance FROM lexical ORDER BY score DESC, place LIMIT :pool)
    UNION ALL SELECT place, NULL, distance FROM near
    UNION ALL SELECT place, score, NULL FROM lexical WHERE place = ANY (ARRAY(SELECT place FROM near))
),
measured AS (
    SELECT place, coalesce(max(score) / max(max(score)) OVER (), 0) AS words, 1 - coalesce(min(distance),
        (SELECT {distance} FROM {SCHEMA}.passages AS c WHERE c.ctid = place AND {comparable})) AS likeness
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


def _nearest_by_bits(support: VectorSupport, compared: str, bits: int) -> str:
    """The rows that an index of the vectors' bits says are nearest (see `letta.archives.vector_index_repository`)."""
    quantized = "CAST({}.binary_quantize({}) AS bit({}))"
    stored = quantized.format(support.schema, "c.embedding", bits)
    asked = quantized.format(support.schema, "(SELECT vector FROM asked)", bits)
    return f"{compared} ORDER BY {stored} OPERATOR({support.schema}.<~>) {asked} LIMIT {_CANDIDATES}"


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
            "scope": _scope(search.agent_id),
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
WITH {_lexical("messages", where, scoped=of_agent)},
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


def _scope(identifier: str | None) -> str | None:
    """The lexeme with which every text of an archive, or agent, is indexed beside its words."""
    return None if identifier is None else f"'@{identifier[-12:]}'"
