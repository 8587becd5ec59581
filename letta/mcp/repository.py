"""Queries on MCP servers, and on the tools that came from them."""

import json
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from letta.errors import ConflictError, NotFoundError, no_such
from letta.json_types import JsonObject
from letta.mcp.mcp_server import McpServer
from letta.mcp.tables import mcp_servers
from letta.organizations.actor import Actor
from letta.tools.repository import COLUMNS as TOOL_COLUMNS
from letta.tools.repository import to_tool
from letta.tools.tables import tools
from letta.tools.tool import EXTERNAL_MCP, Tool

AnyRow = Row[*tuple[Any, ...]]

_OBJECTS = ("custom_headers", "env")
_NAMES = (
    *("id", "server_name", "server_type", "server_url", "auth_header", "auth_token", "custom_headers"),
    *("command", "args", "env"),
)
_COLUMNS = [mcp_servers.c[name] for name in _NAMES]


def insert_server(connection: Connection, actor: Actor, server: McpServer) -> None:
    """Store a new server.

    Raises:
        ConflictError: another one has its name.
    """
    owner = {"organization_id": actor.organization_id, "created_by_id": actor.user_id}
    values = _values(server) | owner | {"last_updated_by_id": actor.user_id}
    try:
        connection.execute(insert(mcp_servers).values(values))
    except IntegrityError as error:
        raise _taken(server.server_name) from error


def write_server(connection: Connection, actor: Actor, server: McpServer) -> None:
    """Store the new state of a server.

    Raises:
        ConflictError: another one has its name.
    """
    values = _values(server) | {"last_updated_by_id": actor.user_id, "updated_at": func.now()}
    try:
        connection.execute(update(mcp_servers).where(mcp_servers.c.id == server.id).values(values))
    except IntegrityError as error:
        raise _taken(server.server_name) from error


def get_server(connection: Connection, actor: Actor, server_id: str, *, lock: bool = False) -> McpServer:
    """The server with this id.

    Raises:
        NotFoundError: there is none.
    """
    query = _select(actor).where(mcp_servers.c.id == server_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise no_such("MCP server", server_id)
    return _server(row)


def get_server_by_name(connection: Connection, actor: Actor, name: str) -> McpServer:
    """The server of this name.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_select(actor).where(mcp_servers.c.server_name == name)).first()
    if row is None:
        raise NotFoundError(f"There is no MCP server named '{name}'.")
    return _server(row)


def list_servers(connection: Connection, actor: Actor) -> list[McpServer]:
    """All servers of the organization, oldest first."""
    query = _select(actor).order_by(mcp_servers.c.created_at, mcp_servers.c.id)
    return [_server(row) for row in connection.execute(query)]


def delete_server(connection: Connection, actor: Actor, server_id: str) -> None:
    """Delete an MCP server with its tools. They are detached from all agents.

    Raises:
        NotFoundError: there is none.
    """
    condition = (mcp_servers.c.id == server_id, mcp_servers.c.organization_id == actor.organization_id)
    if connection.execute(delete(mcp_servers).where(*condition)).rowcount == 0:
        raise no_such("MCP server", server_id)
    connection.execute(delete(tools).where(*_of_server(actor, server_id)))


def tools_of_server(connection: Connection, actor: Actor, server_id: str, *, lock: bool = False) -> list[Tool]:
    """The tools that came from a server, by name."""
    query = select(*TOOL_COLUMNS).where(*_of_server(actor, server_id)).order_by(tools.c.name)
    return [to_tool(row) for row in connection.execute(query.with_for_update() if lock else query)]


def _of_server(actor: Actor, server_id: str) -> tuple[Any, ...]:
    return (
        tools.c.organization_id == actor.organization_id,
        tools.c.tool_type == EXTERNAL_MCP,
        tools.c.metadata["mcp"]["server_id"].astext == server_id,
    )


def _select(actor: Actor) -> Select[Any]:
    return select(*_COLUMNS).where(mcp_servers.c.organization_id == actor.organization_id)


def _values(server: McpServer) -> JsonObject:
    values = {name: getattr(server, name) for name in _NAMES}
    return values | {name: None if values[name] is None else json.dumps(values[name]) for name in _OBJECTS}


def _server(row: AnyRow) -> McpServer:
    values = dict(zip(_NAMES, row, strict=True))
    for name in _OBJECTS:  # what can't be decrypted reads as an empty text
        values[name] = None if values[name] is None else json.loads(values[name] or "{}")
    return McpServer(**values | {"args": values["args"] or []})


def _taken(name: str) -> ConflictError:
    return ConflictError(f"An MCP server named '{name}' already exists. Choose another name.")
