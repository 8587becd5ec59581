"""Whether there is something to bring over, and whether there is room for it."""
# ruff: noqa: S608 - what is put together is the name of a schema, quoted

from dataclasses import dataclass

from sqlalchemy import Connection, text

from letta.database.base import SCHEMA
from letta.legacy.upstream import MARKS
from letta.server.facts_repository import known_facts


@dataclass(frozen=True, slots=True)
class Found:
    """What was found at first sight. Numbers are estimates of Postgres' own, and of small tables counted."""

    revision: str | None
    agents: int
    messages: int


def what_is_there(connection: Connection, schema: str) -> Found | None:
    """The former server's tables in a schema, or None."""
    if schema == SCHEMA:
        return None
    query = text("""
        SELECT c.relname, c.reltuples FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = :schema AND c.relkind IN ('r', 'p') AND c.relname = ANY(:names)
    """)
    names = [*sorted(MARKS), "alembic_version"]
    rows = {name: int(number) for name, number in connection.execute(query, {"schema": schema, "names": names})}
    if not rows.keys() >= MARKS:
        return None
    quoted = '"{}"'.format(schema.replace('"', '""'))
    revision = None
    if "alembic_version" in rows:
        revision = connection.scalar(text(f"SELECT max(version_num) FROM {quoted}.alembic_version"))
    agents = connection.scalar(text(f"SELECT count(*) FROM (SELECT FROM {quoted}.agents LIMIT 100000) AS part"))
    if rows["messages"] < 0:  # never looked at by Postgres
        rows["messages"] = connection.scalar(
            text(f"SELECT count(*) FROM (SELECT FROM {quoted}.messages LIMIT 100000) AS part")
        )
    return Found(revision, agents or 0, rows["messages"])


def is_open(connection: Connection) -> bool:
    """Whether nothing is stored here yet, or an import was begun and isn't finished."""
    known = known_facts(connection)
    return known.is_empty or known.import_is_unfinished
