"""Queries on tools, and on which agents hold them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy import values as rows_of
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from letta.agents.tables import agents, agents_tools
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, InvalidArgumentError, no_such
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.organizations.tables import organizations
from letta.tools.tables import tools
from letta.tools.tool import Tool

COLUMNS = [tools.c[field.name] for field in fields(Tool)]
_NAMES = [column.name for column in COLUMNS]
AnyRow = Row[*tuple[Any, ...]]

_DERIVED = {"created_by_id", "last_updated_by_id", "created_at", "updated_at"}


@dataclass(frozen=True, slots=True)
class ToolFilter:
    """Conditions of a tool list; those that are None don't count."""

    name: str | None = None
    names: Sequence[str] | None = None
    tool_ids: Sequence[str] | None = None
    search: str | None = None
    tool_types: Sequence[str] | None = None
    exclude_tool_types: Sequence[str] | None = None
    only_letta: bool = False
    exclude_letta: bool = False


def insert_tool(connection: Connection, actor: Actor, tool: Tool) -> Tool | None:
    """Store a new tool; None when its name is taken."""
    values = _values(tool) | {
        "organization_id": actor.organization_id,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
    }
    statement = upsert(tools).values(values).on_conflict_do_nothing(index_elements=["organization_id", "name"])
    row = connection.execute(statement.returning(*COLUMNS)).first()
    return None if row is None else to_tool(row)


def write_tool(connection: Connection, actor: Actor, tool: Tool) -> Tool:
    """Store the new state of a tool.

    Raises:
        ConflictError: another tool has its name.
    """
    values = _values(tool) | {"last_updated_by_id": actor.user_id, "updated_at": func.now()}
    statement = update(tools).where(tools.c.id == tool.id, tools.c.organization_id == actor.organization_id)
    try:
        row = connection.execute(statement.values(values).returning(*COLUMNS)).one()
    except IntegrityError as error:
        raise ConflictError(f"A tool named '{tool.name}' already exists. Give the function another name.") from error
    return to_tool(row)


def get_tool(connection: Connection, actor: Actor, tool_id: str) -> Tool:
    """The tool with this id."""
    return _one(connection, _select(actor).where(tools.c.id == tool_id), tool_id)


def lock_tool(connection: Connection, actor: Actor, tool_id: str) -> Tool:
    """The tool, locked until the transaction ends."""
    return _one(connection, _select(actor).where(tools.c.id == tool_id).with_for_update(), tool_id)


def lock_tool_by_name(connection: Connection, actor: Actor, name: str) -> Tool | None:
    """The tool of this name, locked until the transaction ends, or None."""
    row = connection.execute(_select(actor).where(tools.c.name == name).with_for_update()).first()
    return None if row is None else to_tool(row)


def list_tools(connection: Connection, actor: Actor, condition: ToolFilter, page: Page) -> list[Tool]:
    """Tools of the organization that meet the condition."""
    query = paginate(_filtered(_select(actor), condition), tools, page)
    return _tools(connection.execute(query))


def count_tools(connection: Connection, actor: Actor, condition: ToolFilter) -> int:
    """How many tools meet the condition."""
    query = _filtered(select(func.count()).select_from(tools), condition)
    return connection.scalar(query.where(tools.c.organization_id == actor.organization_id)) or 0


def delete_tool(connection: Connection, actor: Actor, tool_id: str) -> None:
    """Delete a tool; agents that hold it lose it."""
    found = connection.execute(
        delete(tools).where(tools.c.id == tool_id, tools.c.organization_id == actor.organization_id)
    )
    if found.rowcount == 0:
        raise no_such("tool", tool_id)


def tools_by_names(connection: Connection, actor: Actor, names: Sequence[str]) -> list[Tool]:
    """The tools with these names, in the order of the names.

    Raises:
        InvalidArgumentError: there is no tool of some of the names; it says which.
    """
    if not names:
        return []
    found = {tool.name: tool for tool in _tools(connection.execute(_select(actor).where(tools.c.name.in_(names))))}
    missing = [name for name in dict.fromkeys(names) if name not in found]
    if missing:
        raise InvalidArgumentError(
            f"There is no tool named {', '.join(map(repr, missing))}. Create it first, or leave it out of 'tools'."
        )
    return [found[name] for name in dict.fromkeys(names)]


def tools_by_ids(connection: Connection, actor: Actor, tool_ids: Sequence[str]) -> list[Tool]:
    """The tools with these ids, in the order of the ids.

    Raises:
        NotFoundError: one of them does not exist.
    """
    if not tool_ids:
        return []
    found = {tool.id: tool for tool in _tools(connection.execute(_select(actor).where(tools.c.id.in_(tool_ids))))}
    for tool_id in tool_ids:
        if tool_id not in found:
            raise no_such("tool", tool_id)
    return [found[tool_id] for tool_id in dict.fromkeys(tool_ids)]


_TOOLS_OF_AGENT = (
    select(*COLUMNS)
    .join(agents_tools, agents_tools.c.tool_id == tools.c.id)
    .where(agents_tools.c.agent_id == bindparam("agent_id"))
    .order_by(tools.c.created_at, tools.c.id)
)


def tools_of_agent(connection: Connection, agent_id: str) -> list[Tool]:
    """The agent's tools, oldest first."""
    return [to_tool(row) for row in connection.execute(_TOOLS_OF_AGENT, {"agent_id": agent_id})]


def tools_of_agents(connection: Connection, agent_ids: Sequence[str]) -> dict[str, list[Tool]]:
    """The tools of several agents by agent id, oldest first; agents without tools are left out."""
    query = (
        select(*COLUMNS, func.array_agg(agents_tools.c.agent_id).label("holders"))
        .join(agents_tools, agents_tools.c.tool_id == tools.c.id)
        .where(agents_tools.c.agent_id.in_(agent_ids))
        .group_by(tools.c.id)
        .order_by(tools.c.created_at, tools.c.id)
    )
    found: dict[str, list[Tool]] = {}
    for row in connection.execute(query):  # one row a tool, since agents have most of theirs in common
        tool = to_tool(row)
        for agent_id in row.holders:
            found.setdefault(agent_id, []).append(tool)
    return found


def attach_tool(connection: Connection, actor: Actor, agent_id: str, tool_id: str) -> None:
    """Give a tool to an agent; nothing happens when it has it already.

    Raises:
        NotFoundError: no such tool or agent.
    """
    attach_tools(connection, actor, agent_id, [tool_id])


def attach_tools(connection: Connection, actor: Actor, agent_id: str, tool_ids: Iterable[str]) -> None:
    """As `attach_tool`, for several tools in one statement."""
    wanted = set(tool_ids)
    pairs = (
        select(agents.c.id, tools.c.id)
        .select_from(agents.join(tools, tools.c.organization_id == agents.c.organization_id))
        .where(agents.c.id == agent_id, tools.c.id.in_(wanted), agents.c.organization_id == actor.organization_id)
    )
    statement = upsert(agents_tools).from_select(["agent_id", "tool_id"], pairs).on_conflict_do_nothing()
    if connection.execute(statement).rowcount < len(wanted):
        _check_attached(connection, actor, agent_id, wanted)


def detach_tool(connection: Connection, actor: Actor, agent_id: str, tool_id: str) -> None:
    """Take a tool from an agent; nothing happens when it doesn't have it.

    Raises:
        NotFoundError: no such tool.
    """
    held = (agents_tools.c.agent_id == agent_id, agents_tools.c.tool_id == tool_id)
    owned = select(agents.c.id).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    if connection.execute(delete(agents_tools).where(*held, agents_tools.c.agent_id.in_(owned))).rowcount == 0:
        get_tool(connection, actor, tool_id)


def write_builtin_tools(connection: Connection, actor: Actor, seeds: Sequence[Tool]) -> None:
    """Store built-in tools. What users may set on a stored one, such as limits and tags, stays.

    A custom tool that has the name of a built-in one stays as it is.
    """
    statement = upsert(tools)
    updated = {name: statement.excluded[name] for name in ("json_schema", "description", "tool_type", "source_type")}
    statement = statement.on_conflict_do_update(
        index_elements=["organization_id", "name"],
        set_=updated | {"updated_at": func.now()},
        where=tools.c.tool_type.startswith("letta_", autoescape=True),
    )
    owner = {
        "organization_id": actor.organization_id,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
    }
    connection.execute(statement.values([_values(seed) | owner for seed in seeds]))


def organizations_without(
    connection: Connection, wanted: Sequence[tuple[str, str, JsonObject]], *, besides: str
) -> list[str]:
    """Organizations that lack one of these tools (name, type, schema), or have it otherwise.

    A tool of the type ``besides`` that has one of the names is left alone.
    """
    names = rows_of(column("name", Text), column("tool_type", Text), column("json_schema", JSONB), name="wanted")
    listed = names.data(list(wanted))
    held = and_(tools.c.organization_id == organizations.c.id, tools.c.name == listed.c.name)
    differs = or_(tools.c.tool_type != listed.c.tool_type, tools.c.json_schema != listed.c.json_schema)
    query = (
        select(organizations.c.id)
        .distinct()
        .select_from(organizations.join(listed, true()).outerjoin(tools, held))
        .where(or_(tools.c.id.is_(None), and_(tools.c.tool_type != besides, differs)))
    )
    return list(connection.scalars(query))


def find_by_names(connection: Connection, actor: Actor, names: Sequence[str]) -> list[Tool]:
    """Those tools of these names that exist, oldest first."""
    query = _select(actor).where(tools.c.name.in_(names)).order_by(tools.c.created_at, tools.c.id)
    return _tools(connection.execute(query))


def to_tool(row: AnyRow) -> Tool:
    """The tool in a row that begins with all of a tool's columns."""
    return Tool(**dict(zip(_NAMES, row, strict=False)))


def _values(tool: Tool) -> dict[str, Any]:
    return {column.name: getattr(tool, column.name) for column in COLUMNS if column.name not in _DERIVED}


def _select(actor: Actor) -> Select[Any]:
    return select(*COLUMNS).where(tools.c.organization_id == actor.organization_id)


def _one(connection: Connection, query: Select[Any], tool_id: str) -> Tool:
    row = connection.execute(query).first()
    if row is None:
        raise no_such("tool", tool_id)
    return to_tool(row)


def _tools(rows: Iterable[AnyRow]) -> list[Tool]:
    return [to_tool(row) for row in rows]


def _filtered(query: Select[Any], condition: ToolFilter) -> Select[Any]:
    is_letta = tools.c.tool_type.startswith("letta_", autoescape=True)
    if condition.name is not None:
        query = query.where(tools.c.name == condition.name)
    if condition.search:
        query = query.where(tools.c.name.icontains(condition.search, autoescape=True))
    if condition.exclude_tool_types:
        query = query.where(tools.c.tool_type.not_in(condition.exclude_tool_types))
    if condition.only_letta:
        query = query.where(is_letta)
    if condition.exclude_letta:
        query = query.where(~is_letta)
    chosen = {tools.c.name: condition.names, tools.c.id: condition.tool_ids, tools.c.tool_type: condition.tool_types}
    return query.where(*(column.in_(values) for column, values in chosen.items() if values))


def _check_attached(connection: Connection, actor: Actor, agent_id: str, tool_ids: set[str]) -> None:
    tools_by_ids(connection, actor, list(tool_ids))
    owned = select(agents.c.id).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    if connection.scalar(owned) is None:
        raise no_such("agent", agent_id)
