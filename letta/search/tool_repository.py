"""The search among tools: by words, as among passages. They are few, so that no index of their words is kept."""
# ruff: noqa: S608 - what is put together are names of our own; every value is a parameter

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from letta.database.base import SCHEMA
from letta.organizations.actor import Actor
from letta.search.lexical import lexical
from letta.search.request import ToolSearch

_SAID = """concat_ws(E'\\n', replace(t.name, '_', ' '), coalesce(t.json_schema ->> 'description', t.description),
    array_to_string(t.tags, ' '), (
        SELECT string_agg(concat_ws(': ', replace(key, '_', ' '), value ->> 'description'), E'\\n')
        FROM jsonb_each(CASE WHEN jsonb_typeof(t.json_schema #> '{parameters,properties}') = 'object'
            THEN t.json_schema #> '{parameters,properties}' END) AS argument
    ))"""
"""What a tool is found by: its name, what it is for, its tags and arguments."""


def search_tools(
    connection: Connection, actor: Actor, search: ToolSearch, columns: Sequence[str]
) -> list[tuple[Row[*tuple[Any, ...]], str, float]]:
    """The best tools: rows of these columns of theirs, what they were found by, and scores from 1 (best) to 0.

    With a blank text the newest, with score 0.
    """
    blank = not search.text.strip()
    selected = ", ".join(f"t.{column}" for column in columns)
    ranked = f"""
WITH documents AS MATERIALIZED ({_documents(search)}),
{lexical("documents", "true", scoped=False)}
SELECT {selected}, documents.said, lexical.score / max(lexical.score) OVER () AS score
FROM lexical JOIN documents ON documents.ctid = place JOIN {SCHEMA}.tools AS t ON t.ctid = place
ORDER BY score DESC, t.created_at, t.id LIMIT :limit"""
    newest = f"""
SELECT {selected}, documents.said, CAST(0 AS float8) AS score
FROM ({_documents(search)}) AS documents JOIN {SCHEMA}.tools AS t ON t.ctid = documents.ctid
ORDER BY t.created_at DESC, t.id LIMIT :limit"""
    values = {
        "organization_id": actor.organization_id,
        "text": search.text,
        "types": list(search.types or ()),
        "tags": list(search.tags or ()),
        "limit": search.limit,
    }
    return [(row, row[-2], row[-1]) for row in connection.execute(text(newest if blank else ranked), values)]


def _documents(search: ToolSearch) -> str:
    conditions = [
        "t.organization_id = :organization_id",
        *(["t.tool_type = ANY (CAST(:types AS text[]))"] if search.types is not None else []),
        *(["t.tags && CAST(:tags AS text[])"] if search.tags is not None else []),
    ]
    return f"""
    SELECT ctid, said, {SCHEMA}.search_words(said) AS search FROM (
        SELECT t.ctid, {_SAID} AS said FROM {SCHEMA}.tools AS t WHERE {" AND ".join(conditions)}
    ) AS described"""
