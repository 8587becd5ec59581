"""Full text: how what has words of a question is found and scored.

A question is an OR of its words, stemmed and without accents. A text's score is the sum over the words that it has of
how rare the word is among all that was found (``ln(1 + hits / texts with the word)``, to the power of 1.5: between
BM25, which takes it once, and the product of two tf-idf vectors, which takes it twice), in longer texts times `ts_rank`
of the word, which grows with its occurrences ever more slowly. Texts more than twice as long as usual are marked down
by the logarithm of their length, since long ones have many words by chance.

Of a word that very many texts have, not all are looked at, but those that have another word of the question as well.

The constants are round numbers, and others near them measure alike (`benchmarks/retrieval.py`).
"""
# ruff: noqa: S608 - what is put together are names of our own; every value is a parameter

from collections.abc import Sequence

from letta.database.base import SCHEMA

_MOST_WORDS = 40
"""Of a long question, the words that count."""
_MOST_HITS = 1_000
"""Texts with one word that are looked at. Of a word that more have, those that have another one of the question too."""
_TAG_CHARACTERS = 200
"""Of a tag, as much as is indexed."""
_SHORT, _ONCE = 500, 0.0607927
"""Bytes of an index entry up to which it tells nothing how often a word occurs; `ts_rank` of one that occurs once."""

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


def all_of(conditions: dict[str, bool]) -> str:
    """Those of the conditions that are wanted."""
    return " AND ".join(condition for condition, wanted in conditions.items() if wanted)


def scope_of(*identifiers: str, tags: Sequence[str] = (), all_tags: bool = False) -> str | None:
    """The lexemes with which texts are indexed beside their words: those of archives, or an agent, and of tags."""
    of_tags = (" & " if all_tags else " | ").join(_lexeme(f"#{tag[:_TAG_CHARACTERS]}") for tag in dict.fromkeys(tags))
    owners = " | ".join(_lexeme(f"@{identifier[-12:]}") for identifier in identifiers)
    scopes = [f"({owners})"] if owners else []
    return " & ".join([*scopes, *([f"({of_tags})"] if of_tags else [])]) or None


def _lexeme(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
