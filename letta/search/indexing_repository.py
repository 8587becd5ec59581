"""Which words texts are found by, and queries that index what is stored already."""
# ruff: noqa: S608 - what is put together are names of our own

from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from letta.database.base import SCHEMA
from letta.database.tables import server_facts
from letta.errors import ConfigurationError

_LANGUAGE = "search_language"
_FIRST_LANGUAGE = "english"
"""That of the function which the migrations make."""
_INDEXED_BY = {"messages": "content", "passages": "text"}
"""Tables with a search index, and a column whose being set makes a row be indexed."""


def set_language(connection: Connection, language: str) -> bool:
    """Let words be stemmed as in this language from now on. Returns whether that is another one than before.

    Then all that is stored is due to be indexed anew; until that is done, some of it may not be found. Nothing is
    written where the language is the same.

    Raises:
        ConfigurationError: the database doesn't know the language.
    """
    known = connection.scalar(select(server_facts.c.value).where(server_facts.c.key == _LANGUAGE))
    if (known or _FIRST_LANGUAGE) == language:
        return False
    _check_language(connection, language)
    connection.execute(
        text(f"""
            CREATE OR REPLACE FUNCTION {SCHEMA}.search_words(t text) RETURNS tsvector
            LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
                SELECT to_tsvector(CAST('pg_catalog.{language}' AS regconfig), {SCHEMA}.search_folded(left(t, 100000)))
            $$
        """)
    )
    _note(connection, _LANGUAGE, language)
    for table in _INDEXED_BY:
        _note(connection, _due(table), "")
    return True


def unindexed_tables(connection: Connection) -> list[str]:
    """The tables of which something is due to be indexed."""
    keys = set(connection.scalars(select(server_facts.c.key).where(server_facts.c.key.in_(map(_due, _INDEXED_BY)))))
    return [table for table in _INDEXED_BY if _due(table) in keys]


def index_some(connection: Connection, table: str, limit: int) -> bool:
    """Index the next rows of a table. Returns whether there may be more. Processes that do it at once take turns."""
    due, column = server_facts.c.key == _due(table), _INDEXED_BY[table]
    after = connection.scalar(select(server_facts.c.value).where(due).with_for_update())
    if after is None:
        return False
    count, last = connection.execute(
        text(f"""
            WITH batch AS (SELECT id FROM {SCHEMA}.{table} WHERE id > :after ORDER BY id LIMIT :limit),
            indexed AS (
                UPDATE {SCHEMA}.{table} AS t SET {column} = t.{column} FROM batch WHERE t.id = batch.id
            )
            SELECT count(*), max(id) FROM batch
        """),
        {"after": after, "limit": limit},
    ).one()
    if count < limit:
        connection.execute(delete(server_facts).where(due))
        return False
    connection.execute(update(server_facts).where(due).values(value=last))
    return True


def _check_language(connection: Connection, language: str) -> None:
    query = text(
        "SELECT cfgname FROM pg_ts_config WHERE cfgnamespace = CAST('pg_catalog' AS regnamespace) ORDER BY cfgname"
    )
    known = list(connection.scalars(query))
    if language not in known:
        raise ConfigurationError(
            f"LETTA_SEARCH_LANGUAGE is '{language}', which the database does not support. Set it to one of: "
            f"{', '.join(known)}."
        )


def _due(table: str) -> str:
    return f"search_index_{table}_from"


def _note(connection: Connection, key: str, value: str) -> None:
    statement = insert(server_facts).values(key=key, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=[server_facts.c.key], set_={"value": value}))
