"""Searching messages, with one statement: full text, as in `letta.search.lexical`.

Talk spreads over turns: the question has the words, the answer beside it the fact. So a message lends its score to the
two before and after it, divided by one more than the distance; a tenth less to those before it, as answers follow.

Ties, which short texts often make, go to the older text: a fact is told when it is new, and referred to later.
"""
# ruff: noqa: S608 - what is put together are names of our own; every value is a parameter

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from letta.database.base import SCHEMA
from letta.organizations.actor import Actor
from letta.search.lexical import all_of, lexical, scope_of
from letta.search.request import MessageSearch

_POOL, _LARGE_POOL = 50, 200
"""Messages that lend their score, more where more results are wanted; where only one side of a talk is wanted."""
_BOTH_SIDES = {"user", "assistant"}
_REACH = 2
"""How far messages lend their score."""


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
            "scope": scope_of(*([search.agent_id] if search.agent_id is not None else [])),
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
    where = all_of(
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
    beside = all_of(within_conversation)
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
