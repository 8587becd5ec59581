"""Tools of MCP servers, kept beside others."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import ConflictError, InvalidArgumentError, NotFoundError
from letta.json_types import JsonObject
from letta.mcp import repository
from letta.mcp.asking import list_offered
from letta.mcp.described import INVALID, Described, described
from letta.mcp.mcp_server import Changes, McpServer
from letta.organizations.actor import Actor
from letta.tools import repository as tools_repository
from letta.tools.tool import EXTERNAL_MCP, Tool

logger = logging.getLogger(__name__)

_TAG = "mcp:"


def tag_of(server_name: str) -> str:
    """What the tools of a server are tagged with."""
    return _TAG + server_name


async def refresh(database: Database, actor: Actor, server: McpServer, agent_id: str | None = None) -> Changes:
    """Ask a server for its tools, and bring those that are stored up to date.

    Raises:
        McpConnectionError: it can't be reached.
        McpTimeoutError: it takes too long.
    """
    found = [described(tool) for tool in await list_offered(database, actor, server, agent_id)]
    changes = await database.run(_store, actor, server.id, found)
    for name, reason in changes.skipped.items():
        logger.warning("Tool %s of MCP server %s is ignored: %s.", name, server.id, reason)
    return changes


async def add_tool(database: Database, actor: Actor, server: McpServer, name: str) -> Tool:
    """Import one of an MCP server's tools.

    Raises:
        NotFoundError: the server offers no such tool.
        InvalidArgumentError: models can't use it.
        ConflictError: its name is that of a tool of another kind.
    """
    offered = [described(tool) for tool in await list_offered(database, actor, server)]
    found = next((tool for tool in offered if name in {tool.remote_name, tool.name}), None)
    if found is None:
        raise NotFoundError(f"The MCP server '{server.server_name}' has no tool '{name}'.")
    if found.status == INVALID:
        raise InvalidArgumentError(f"Models can't use the tool '{name}': {', '.join(found.reasons)}.")
    tool = await database.run(_keep, actor, server, found)
    if tool is None:
        raise ConflictError(
            f"A tool named '{found.name}' that does not belong to an MCP server already exists. Rename or delete it."
        )
    return tool


def tell_new_name(connection: Connection, actor: Actor, server: McpServer) -> None:
    """Tell the tools of a server that was renamed."""
    for tool in repository.tools_of_server(connection, actor, server.id, lock=True):
        tags = [tag for tag in tool.tags if not tag.startswith(_TAG)]
        origin = tool.metadata["mcp"] | {"server_name": server.server_name}
        renamed = replace(tool, tags=[*tags, tag_of(server.server_name)], metadata=tool.metadata | {"mcp": origin})
        tools_repository.write_tool(connection, actor, renamed)


def with_health(tool: JsonObject) -> JsonObject:
    """A tool as its server describes it, with the arguments that models are shown, and whether they can use it."""
    found = described(tool)
    schema = tool.get("inputSchema") if found.status == INVALID else found.parameters
    return tool | {"inputSchema": schema or {}, "health": {"status": found.status, "reasons": found.reasons}}


def tool_of_server(connection: Connection, actor: Actor, server_id: str, tool_id: str) -> Tool:
    """One of a server's tools.

    Raises:
        NotFoundError: no such server, or it has no such tool.
    """
    repository.get_server(connection, actor, server_id)
    tool = tools_repository.get_tool(connection, actor, tool_id)
    if tool.tool_type != EXTERNAL_MCP or tool.metadata["mcp"]["server_id"] != server_id:
        raise NotFoundError(f"The MCP server {server_id} has no tool {tool_id}.")
    return tool


def tools_of_server(connection: Connection, actor: Actor, server_id: str) -> list[Tool]:
    """The tools that were taken over from a server.

    Raises:
        NotFoundError: no such server.
    """
    repository.get_server(connection, actor, server_id)
    return repository.tools_of_server(connection, actor, server_id)


def tool_by_name(connection: Connection, actor: Actor, server_name: str, name: str) -> Tool | None:
    """The tool of this name that was taken over from a server, or None.

    Raises:
        NotFoundError: no such server.
    """
    server = repository.get_server_by_name(connection, actor, server_name)
    kept = repository.tools_of_server(connection, actor, server.id)
    return next((tool for tool in kept if name in {tool.name, tool.metadata["mcp"].get("tool_name")}), None)


def passing_tool(server: McpServer, offered: Sequence[JsonObject], name: str) -> Tool:
    """A tool that is called once and not stored.

    Raises:
        NotFoundError: the server offers no such tool.
    """
    for tool in map(described, offered):
        if name in {tool.name, tool.remote_name}:
            return Tool("", tool.name, EXTERNAL_MCP, tool.json_schema(), metadata=tool.metadata(server))
    raise NotFoundError(f"The MCP server '{server.server_name}' has no tool '{name}'.")


def _store(connection: Connection, actor: Actor, server_id: str, offered: Sequence[Described]) -> Changes:
    server = repository.get_server(connection, actor, server_id, lock=True)
    stored = {tool.name: tool for tool in repository.tools_of_server(connection, actor, server_id, lock=True)}
    changes, seen = Changes(), set()
    for tool in sorted(offered, key=lambda each: each.name):  # in one order, so that none waits for another
        if tool.status == INVALID:
            changes.skipped[tool.remote_name] = ", ".join(tool.reasons)
        elif tool.name in seen:
            changes.skipped[tool.remote_name] = f"another of its tools is also named {tool.name}"
        elif tool.name in stored:
            seen.add(tool.name)
            if _renew(connection, actor, stored[tool.name], server, tool):
                changes.updated.append(tool.name)
        elif _keep(connection, actor, server, tool):
            seen.add(tool.name)
            changes.added.append(tool.name)
        else:
            changes.skipped[tool.remote_name] = (
                "a tool of this name that does not belong to an MCP server already exists"
            )
    for name, old in stored.items():
        if name not in seen:
            tools_repository.delete_tool(connection, actor, old.id)
            changes.deleted.append(name)
    return changes


def _keep(connection: Connection, actor: Actor, server: McpServer, offered: Described) -> Tool | None:
    """Store a tool. One of another MCP server gives way to it, any other doesn't: then None is returned."""
    tool = Tool(
        id=new_id("tool"),
        name=offered.name,
        tool_type=EXTERNAL_MCP,
        json_schema=offered.json_schema(),
        description=offered.description,
        source_type="python",
        args_json_schema={},
        tags=[tag_of(server.server_name)],
        metadata=offered.metadata(server),
    )
    existing = tools_repository.lock_tool_by_name(connection, actor, offered.name)
    if existing is None:
        created = tools_repository.insert_tool(connection, actor, tool)
        if created is not None:
            return created
        existing = tools_repository.lock_tool_by_name(connection, actor, offered.name)
    if existing is None or existing.tool_type != EXTERNAL_MCP:
        return None
    _renew(connection, actor, existing, server, offered)
    return tools_repository.get_tool(connection, actor, existing.id)


def _renew(connection: Connection, actor: Actor, tool: Tool, server: McpServer, offered: Described) -> bool:
    """Bring a tool up to date, and tell whether it wasn't. What users have set on it stays."""
    schema, tag = offered.json_schema(), tag_of(server.server_name)
    metadata = {key: value for key, value in tool.metadata.items() if key != "mcp"} | offered.metadata(server)
    tags = [*(each for each in tool.tags if not each.startswith(_TAG)), tag]
    if (schema, metadata, set(tags)) == (tool.json_schema, tool.metadata, set(tool.tags)):
        return False
    chosen = tool.description != tool.json_schema.get("description")
    renewed = replace(tool, json_schema=schema, metadata=metadata, tags=tags)
    tools_repository.write_tool(
        connection, actor, renewed if chosen else replace(renewed, description=offered.description)
    )
    return True
