"""One call of an MCP server's tool, its outcome put into words for a model. Whatever goes wrong there is told in it."""

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from letta.agents.secret_repository import secret_values
from letta.database.engine import Database
from letta.database.text import storable
from letta.errors import LettaError, UnavailableError
from letta.json_types import JsonObject
from letta.mcp import asking, repository
from letta.mcp.mcp_server import McpServer
from letta.organizations.actor import Actor
from letta.sandbox.arguments import ArgumentError, fitted
from letta.settings import settings
from letta.tools.calls import ToolRun
from letta.tools.tool import Tool

if TYPE_CHECKING:
    from letta.mcp.client import Called, Target

_ERROR_CHARACTERS = 1000
_MARGIN_SECONDS = 10


async def call_mcp_tool(
    database: Database, actor: Actor, tool: Tool, arguments: JsonObject, agent_id: str | None
) -> ToolRun:
    """Ask the tool's server to carry out a call.

    Args:
        agent_id: the agent whose secrets stand for templates in headers.

    Raises:
        UnavailableError: the database can't be reached. Nothing was asked of the tool's server.
    """
    try:
        suitable = fitted(arguments, tool.json_schema.get("parameters") or {})
        server, secrets = await database.read(_means, actor, tool, agent_id)
        await asking.check_allowed(server)
        target = await asking.target_of(server, secrets, strict=True)
        from letta.mcp import client

        origin = tool.metadata["mcp"]
        theirs = origin.get("arguments") or {}
        connect, seconds = settings.mcp_connect_seconds, settings.mcp_call_seconds

        async def call(target: "Target") -> "Called":
            return await client.call_tool(
                target,
                origin.get("tool_name") or tool.name,
                {theirs.get(name, name): value for name, value in suitable.items()},
                connect_seconds=connect,
                seconds=seconds,
            )

        async with asyncio.timeout(2 * connect + seconds + _MARGIN_SECONDS):  # whatever the library does
            called = await asking.ask(database, actor, server, target, call)
    except ArgumentError as error:
        return _failed(tool, f"TypeError: {error}. Call again with correct arguments.")
    except UnavailableError:
        raise
    except LettaError as error:
        return _failed(tool, error.detail)
    except TimeoutError:
        return _failed(tool, "the MCP server did not close the connection in time.")
    text = storable(called.text)
    if called.is_error:
        return ToolRun("error", text or f"Error calling tool '{tool.name}'", text, [], [text])
    return ToolRun("success", text, text)


def _means(connection: Connection, actor: Actor, tool: Tool, agent_id: str | None) -> tuple[McpServer, dict[str, str]]:
    server = repository.get_server(connection, actor, (tool.metadata.get("mcp") or {}).get("server_id") or "")
    return server, secret_values(connection, agent_id) if agent_id else {}


def _failed(tool: Tool, reason: str) -> ToolRun:
    text = storable(f"Error executing function {tool.name}: {reason}"[:_ERROR_CHARACTERS])
    return ToolRun("error", text, text, [], [text])
