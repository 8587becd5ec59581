"""Writing what is brought over, and reading it again to compare. What is there already stays as it is."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Text, and_, bindparam, delete, exists, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert

from letta.agents.tables import agents_tools
from letta.archives.tables import archives, passages
from letta.constants import DEFAULT_ORGANIZATION_NAME
from letta.database.base import SCHEMA
from letta.database.tables import LEGACY_IMPORT, server_facts
from letta.database.vectors import Vector
from letta.json_types import JsonObject
from letta.messages.tables import messages
from letta.organizations.tables import organizations
from letta.tools.tables import tools


def insert_new(connection: Connection, table: sqlalchemy.Table, rows: Sequence[JsonObject]) -> int:
    """Store those rows that aren't there yet. Returns how many that were."""
    if not rows:
        return 0
    statement = upsert(table).on_conflict_do_nothing()
    for column in table.columns:
        if isinstance(column.type, Vector) and column.name in rows[0]:
            statement = statement.values({column.name: bindparam(column.name, type_=Text())})  # written as text already
    key = next(iter(table.primary_key))  # which is told of new rows alone; many go in one statement
    return len(connection.scalars(statement.returning(key), rows).all())


def not_there(connection: Connection, table: sqlalchemy.Table, rows: Sequence[JsonObject]) -> list[JsonObject]:
    """Those of these rows that were not stored, since another one has what has to be unique."""
    there = set(connection.scalars(select(table.c.id).where(table.c.id.in_([row["id"] for row in rows]))))
    return [row for row in rows if row["id"] not in there]


def has_other_keys(table: sqlalchemy.Table) -> bool:
    """Whether rows with an id have something else that has to be unique."""
    constraints = [each for each in table.constraints if isinstance(each, sqlalchemy.UniqueConstraint)]
    return "id" in table.c and bool(constraints)


def stored(
    connection: Connection, table: sqlalchemy.Table, rows: Sequence[JsonObject]
) -> dict[tuple[object, ...], JsonObject]:
    """What is stored under the primary keys of these rows, by primary key."""
    keys = list(table.primary_key)
    wanted = [tuple(row[key.name] for key in keys) for row in rows]
    columns = [column for column in table.columns if not column.computed]
    found: dict[tuple[object, ...], JsonObject] = {}
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        matches = keys[0].in_([key[0] for key in part]) if len(keys) == 1 else tuple_(*keys).in_(part)
        for row in connection.execute(select(*columns).where(matches)):
            values = dict(row._mapping)
            found[tuple(values[key.name] for key in keys)] = values
    return found


def count(connection: Connection, table: sqlalchemy.Table) -> int:
    """How many rows a table of ours has."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def name_default_organization(connection: Connection, rows: Iterable[JsonObject]) -> None:
    """Let organizations that have the name they are made with have that of the former server."""
    for row in rows:
        unnamed = and_(organizations.c.id == row["id"], organizations.c.name == DEFAULT_ORGANIZATION_NAME)
        values = {"name": row["name"], "privileged_tools": row["privileged_tools"]}
        connection.execute(update(organizations).where(unnamed).values(values))


def adopt_builtin_tools(connection: Connection, known: Sequence[tuple[str, str, str]]) -> None:
    """Let built-in tools that no agent holds yet have the ids that clients know them by: (organization, name, id)."""
    held = exists().where(agents_tools.c.tool_id == tools.c.id)
    taken = tools.alias()
    statement = (
        update(tools)
        .where(
            tools.c.organization_id == bindparam("of_organization"),
            tools.c.name == bindparam("of_name"),
            tools.c.tool_type.startswith("letta_", autoescape=True),
            tools.c.id != bindparam("new_id"),
            ~held,
            ~exists().where(taken.c.id == bindparam("new_id")),
        )
        .values(id=bindparam("new_id"))
    )
    values = [{"of_organization": owner, "of_name": name, "new_id": tool_id} for owner, name, tool_id in known]
    if values:
        connection.execute(statement, values)


def give_way(connection: Connection, named: Sequence[tuple[str, str]]) -> None:
    """Delete built-in tools that no agent holds and that have the names of others: (organization, name)."""
    if not named:
        return
    held = exists().where(agents_tools.c.tool_id == tools.c.id)
    of_these = tuple_(tools.c.organization_id, tools.c.name).in_(list(named))
    builtin = tools.c.tool_type.startswith("letta_", autoescape=True)
    connection.execute(delete(tools).where(of_these, builtin, ~held))


def tool_ids(connection: Connection) -> dict[tuple[str, str], str]:
    """Ids of all tools by organization and name."""
    rows = connection.execute(select(tools.c.organization_id, tools.c.name, tools.c.id))
    return {(owner, name): tool_id for owner, name, tool_id in rows}


def number_messages_after(connection: Connection, last: int) -> None:
    """Let messages that are stored from now on be numbered behind this."""
    sequence = func.pg_get_serial_sequence(f"{SCHEMA}.{messages.name}", "sequence_id")
    known = select(func.coalesce(func.max(messages.c.sequence_id), 0)).scalar_subquery()
    connection.execute(select(func.setval(sequence, func.greatest(last, known, func.nextval(sequence)))))


def note_missing_vectors(connection: Connection) -> None:
    """Have vectors made where an archive's model is another one than that of a passage, or has made none yet."""
    connection.execute(text("SET LOCAL statement_timeout = '10min'"))
    handle = archives.c.embedding_config["handle"].astext
    model = func.coalesce(handle, archives.c.embedding_config["embedding_model"].astext)
    missing = exists().where(passages.c.archive_id == archives.c.id, passages.c.embedding_model.is_distinct_from(model))
    wants = archives.c.embedding_config.is_not(None)
    connection.execute(update(archives).where(wants, ~archives.c.embedding_due, missing).values(embedding_due=True))


def begin(connection: Connection, state: Mapping[str, Any]) -> None:
    """Note that an import begins, unless one is noted already."""
    connection.execute(upsert(server_facts).values(key=LEGACY_IMPORT, value=json.dumps(state)).on_conflict_do_nothing())


def save_state(connection: Connection, state: Mapping[str, Any]) -> None:
    """Note how far the import is."""
    value = json.dumps(state)
    connection.execute(update(server_facts).where(server_facts.c.key == LEGACY_IMPORT).values(value=value))


def state(connection: Connection) -> JsonObject | None:
    """How far the import is; None where none was begun."""
    value = connection.scalar(select(server_facts.c.value).where(server_facts.c.key == LEGACY_IMPORT))
    return None if value is None else json.loads(value)


def locked_state(connection: Connection) -> JsonObject | None:
    """The same, locked; None where another process has it."""
    query = select(server_facts.c.value).where(server_facts.c.key == LEGACY_IMPORT)
    value = connection.scalar(query.with_for_update(skip_locked=True))
    return None if value is None else json.loads(value)
