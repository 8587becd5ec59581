"""Operations on MCP servers."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import McpServerId, ToolId
from letta.http.sse import Stream
from letta.json_types import JsonObject
from letta.mcp import repository, service, tools
from letta.mcp.connecting import connecting
from letta.mcp.mcp_server import McpServer
from letta.mcp.parameters import SecretsOf
from letta.mcp.schemas import (
    AnyMcpServer,
    CreateMCPServerRequest,
    McpConfig,
    McpRunRequest,
    UpdateMCPServerRequest,
    shown,
)
from letta.tools.schemas import ToolExecutionResult, ToolResponse
from letta.tools.tool import Tool

router = APIRouter(prefix="/v1/mcp-servers", tags=["mcp-servers"])


@router.post("", response_model=AnyMcpServer)
async def create_mcp_server(actor: ActorDep, database: DatabaseDep, body: CreateMCPServerRequest) -> JsonObject:
    """Register an MCP server and import its tools. A server that can't be reached is registered without tools."""
    return shown(await service.create_server(database, actor, _server("", body.server_name, body.config)))


@router.get("", response_model=list[AnyMcpServer])
async def list_mcp_servers(actor: ActorDep, database: DatabaseDep) -> list[JsonObject]:
    """All MCP servers, oldest first."""
    return [shown(server) for server in await database.read(repository.list_servers, actor)]


@router.get("/connect/{mcp_server_id}", response_class=Response)
async def connect_mcp_server(
    actor: ActorDep, server: ServerDep, mcp_server_id: McpServerId, request: Request
) -> Stream:
    """Test the connection to an MCP server, as server-sent events. If a sign-in is required, it is started.

    The event `authorization_url` tells where somebody has to sign in; the stream goes on when that was done.
    """
    tried = await server.database.read(repository.get_server, actor, mcp_server_id)
    return connecting(server, actor, tried, request)


@router.get("/{mcp_server_id}", response_model=AnyMcpServer)
async def retrieve_mcp_server(actor: ActorDep, database: DatabaseDep, mcp_server_id: McpServerId) -> JsonObject:
    """One MCP server."""
    return shown(await database.read(repository.get_server, actor, mcp_server_id))


@router.patch("/{mcp_server_id}", response_model=AnyMcpServer)
async def update_mcp_server(
    actor: ActorDep, database: DatabaseDep, mcp_server_id: McpServerId, body: UpdateMCPServerRequest
) -> JsonObject:
    """Change an MCP server. Its configuration is replaced as a whole; refresh the server to import other tools."""
    name = body.server_name or (await database.read(repository.get_server, actor, mcp_server_id)).server_name
    return shown(await service.update_server(database, actor, _server(mcp_server_id, name, body.config)))


@router.delete("/{mcp_server_id}", status_code=204)
async def delete_mcp_server(actor: ActorDep, database: DatabaseDep, mcp_server_id: McpServerId) -> None:
    """Delete an MCP server with its tools. They are detached from all agents."""
    await database.run(repository.delete_server, actor, mcp_server_id)


@router.patch("/{mcp_server_id}/refresh")
async def refresh_mcp_server(
    actor: ActorDep, database: DatabaseDep, mcp_server_id: McpServerId, agent_id: SecretsOf = None
) -> JsonObject:
    """Update the stored tools to what the MCP server offers now, and return which have changed."""
    server = await database.read(repository.get_server, actor, mcp_server_id)
    return (await tools.refresh(database, actor, server, agent_id)).shown()


@router.get("/{mcp_server_id}/tools", response_model=list[ToolResponse])
async def list_mcp_tools(actor: ActorDep, database: DatabaseDep, mcp_server_id: McpServerId) -> list[Tool]:
    """The tools imported from the MCP server, by name."""
    return await database.read(tools.tools_of_server, actor, mcp_server_id)


@router.get("/{mcp_server_id}/tools/{tool_id}", response_model=ToolResponse)
async def retrieve_mcp_tool(
    actor: ActorDep, database: DatabaseDep, mcp_server_id: McpServerId, tool_id: ToolId
) -> Tool:
    """One of the MCP server's tools."""
    return await database.read(tools.tool_of_server, actor, mcp_server_id, tool_id)


@router.post("/{mcp_server_id}/tools/{tool_id}/run", response_model=ToolExecutionResult)
async def run_mcp_tool(
    actor: ActorDep, server: ServerDep, mcp_server_id: McpServerId, tool_id: ToolId, body: McpRunRequest | None = None
) -> JsonObject:
    """Call one of the MCP server's tools."""
    tool = await server.database.read(tools.tool_of_server, actor, mcp_server_id, tool_id)
    ran = await server.custom_tools.run(actor, tool, body.args if body else {})
    return {"status": ran.status, "func_return": ran.value}


def _server(server_id: str, name: str, config: McpConfig) -> McpServer:
    fields = config.model_dump(exclude={"mcp_server_type"})
    return McpServer(id=server_id, server_name=name, server_type=config.mcp_server_type, **fields)
