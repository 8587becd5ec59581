"""Operations on MCP servers as older clients know them: servers go by their names."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.sse import Stream
from letta.json_types import JsonObject
from letta.mcp import asking, repository, service, tools
from letta.mcp.connecting import connecting
from letta.mcp.mcp_server import McpServer
from letta.mcp.parameters import SecretsOf
from letta.mcp.schemas import (
    AnyServerConfig,
    McpRunRequest,
    MCPTool,
    UpdateServerConfig,
    masked,
    server_of,
    shown_as_before,
)
from letta.tools.schemas import ToolResponse
from letta.tools.tool import Tool

router = APIRouter(prefix="/v1/tools/mcp", tags=["tools"])

ServerName = Annotated[str, Path(description="Name of the server.")]
ToolName = Annotated[str, Path(description="Name of the tool.")]


@router.get("/servers", response_model=dict[str, AnyServerConfig])
async def list_servers_by_name(actor: ActorDep, database: DatabaseDep) -> dict[str, JsonObject]:
    """All MCP servers, by name."""
    servers = await database.read(repository.list_servers, actor)
    return {server.server_name: shown_as_before(server) for server in servers}


@router.put("/servers", response_model=list[AnyServerConfig])
async def add_server(actor: ActorDep, database: DatabaseDep, body: AnyServerConfig) -> list[JsonObject]:
    """Register an MCP server, import its tools, and list all servers."""
    await service.create_server(database, actor, server_of("", body))
    return await _all(actor, database)


@router.post("/servers/test")
async def test_server(actor: ActorDep, database: DatabaseDep, body: AnyServerConfig) -> JsonObject:
    """Test the connection to an MCP server and list its tools. Nothing is stored."""
    offered = await asking.list_offered(database, actor, server_of("", body))
    return {"status": "success", "tools": [_tool(tool) for tool in offered]}


@router.post("/servers/connect", response_class=Response)
async def connect_server(actor: ActorDep, server: ServerDep, request: Request, body: AnyServerConfig) -> Stream:
    """Test the connection to an MCP server, as server-sent events. If a sign-in is required, it is started.

    The sign-in counts for a server that is registered with this address within a day. Nothing else is stored.
    """
    return connecting(server, actor, server_of("", body), request)


@router.patch("/servers/{mcp_server_name}", response_model=AnyServerConfig)
async def update_server_by_name(
    actor: ActorDep, database: DatabaseDep, mcp_server_name: ServerName, body: UpdateServerConfig
) -> JsonObject:
    """Change an MCP server. Omitted fields are kept."""
    stored = await database.read(repository.get_server_by_name, actor, mcp_server_name)
    return shown_as_before(await service.update_server(database, actor, _changed(stored, body)))


@router.delete("/servers/{mcp_server_name}", response_model=list[AnyServerConfig])
async def delete_server_by_name(
    actor: ActorDep, database: DatabaseDep, mcp_server_name: ServerName
) -> list[JsonObject]:
    """Delete an MCP server with its tools, and list the remaining servers."""
    server = await database.read(repository.get_server_by_name, actor, mcp_server_name)
    await database.run(repository.delete_server, actor, server.id)
    return await _all(actor, database)


@router.get("/servers/{mcp_server_name}/tools", response_model=list[MCPTool])
async def list_tools_by_server_name(
    actor: ActorDep, database: DatabaseDep, mcp_server_name: ServerName
) -> list[JsonObject]:
    """The tools that an MCP server offers now, whether imported or not."""
    server = await database.read(repository.get_server_by_name, actor, mcp_server_name)
    return [tools.with_health(tool) for tool in await asking.list_offered(database, actor, server)]


@router.post("/servers/{mcp_server_name}/resync")
async def resync_server(
    actor: ActorDep, database: DatabaseDep, mcp_server_name: ServerName, agent_id: SecretsOf = None
) -> JsonObject:
    """Update the stored tools to what the MCP server offers now, and return which have changed."""
    server = await database.read(repository.get_server_by_name, actor, mcp_server_name)
    return (await tools.refresh(database, actor, server, agent_id)).shown()


@router.post("/servers/{mcp_server_name}/tools/{tool_name}/execute")
async def execute_tool(
    actor: ActorDep, server: ServerDep, mcp_server_name: ServerName, tool_name: ToolName, body: McpRunRequest
) -> JsonObject:
    """Call one of an MCP server's tools, whether imported or not."""
    database = server.database
    tool = await database.read(tools.tool_by_name, actor, mcp_server_name, tool_name)
    if tool is None:
        asked = await database.read(repository.get_server_by_name, actor, mcp_server_name)
        tool = tools.passing_tool(asked, await asking.list_offered(database, actor, asked), tool_name)
    ran = await server.custom_tools.run(actor, tool, body.args)
    return {"result": ran.text, "success": ran.status == "success"}


@router.post("/servers/{mcp_server_name}/{mcp_tool_name}", response_model=ToolResponse)
async def add_tool_by_name(
    actor: ActorDep, database: DatabaseDep, mcp_server_name: ServerName, mcp_tool_name: ToolName
) -> Tool:
    """Import one of an MCP server's tools."""
    server = await database.read(repository.get_server_by_name, actor, mcp_server_name)
    return await tools.add_tool(database, actor, server, mcp_tool_name)


async def _all(actor: ActorDep, database: DatabaseDep) -> list[JsonObject]:
    return [shown_as_before(server) for server in await database.read(repository.list_servers, actor)]


def _tool(tool: JsonObject) -> JsonObject:
    return MCPTool(**tools.with_health(tool)).model_dump(by_alias=True)


def _changed(stored: McpServer, body: UpdateServerConfig) -> McpServer:
    """The server that a request describes. Secrets that it leaves out are masked, so that they stay where they are."""
    changes = {name: value for name, value in body.given().items() if name not in {"token", "stdio_config"}}
    if not changes.get("server_name"):
        changes.pop("server_name", None)
    if "token" in body.model_fields_set:
        changes["auth_token"] = body.token
    if body.stdio_config is not None:
        changes |= body.stdio_config.model_dump(include={"command", "args", "env"})
    return replace(masked(stored), **changes)
