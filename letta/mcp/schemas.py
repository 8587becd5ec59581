"""MCP servers on the wire: those of ``/v1/mcp-servers``, and the older forms of ``/v1/tools/mcp/servers``."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from letta.json_types import JsonObject
from letta.mcp.mcp_server import SSE, STDIO, McpServer
from letta.redaction import MASK
from letta.schema import Schema

ServerName = Annotated[str, Field(min_length=1, max_length=255)]
_TOKEN = f"Token for the header. Responses show {MASK}; sending that back keeps the stored token."
_HEADERS = (
    "Headers of every request. `{{ NAME }}` or `{{ NAME | default }}` in a value is replaced by a secret of "
    f"the calling agent. Responses show {MASK} instead of values."
)


class StdioConfig(Schema):
    """A command that is run here and spoken with over its input and output."""

    command: str = Field(min_length=1)
    args: list[str]
    env: dict[str, str] | None = Field(
        None, description=f"Environment variables to set. Responses show {MASK} instead of values."
    )


class HttpConfig(Schema):
    """An address."""

    server_url: str = Field(min_length=1, description="Where the server is asked.")
    auth_header: str | None = Field(None, description="Header that carries the token; Authorization by default.")
    auth_token: str | None = Field(None, description=_TOKEN)
    custom_headers: dict[str, str] | None = Field(None, description=_HEADERS)


class StdioMCPConfig(StdioConfig):
    """A server of type stdio."""

    mcp_server_type: Literal["stdio"] = "stdio"


class SSEMCPConfig(HttpConfig):
    """A server of the older kind, which answers by server-sent events."""

    mcp_server_type: Literal["sse"] = "sse"


class StreamableHTTPMCPConfig(HttpConfig):
    """A server of the current kind."""

    mcp_server_type: Literal["streamable_http"] = "streamable_http"


McpConfig = Annotated[StdioMCPConfig | SSEMCPConfig | StreamableHTTPMCPConfig, Field(discriminator="mcp_server_type")]


class CreateMCPServerRequest(Schema):
    """A new server."""

    server_name: ServerName
    config: McpConfig


class UpdateMCPServerRequest(Schema):
    """Changes to a server. The configuration is replaced as a whole."""

    server_name: ServerName | None = None
    config: McpConfig


class StdioMCPServer(StdioMCPConfig):
    """A stored server of type stdio."""

    id: str
    server_name: str


class SSEMCPServer(SSEMCPConfig):
    """A stored server of type sse."""

    id: str
    server_name: str


class StreamableHTTPMCPServer(StreamableHTTPMCPConfig):
    """A stored server of type streamable_http."""

    id: str
    server_name: str


AnyMcpServer = StdioMCPServer | SSEMCPServer | StreamableHTTPMCPServer


class StdioServerConfig(StdioConfig):
    """A server of type stdio, in the older form."""

    server_name: ServerName
    type: Literal["stdio"] = "stdio"


class SSEServerConfig(HttpConfig):
    """A server of type sse, in the older form."""

    server_name: ServerName
    type: Literal["sse"] = "sse"


class StreamableHTTPServerConfig(HttpConfig):
    """A server of type streamable_http, in the older form."""

    server_name: ServerName
    type: Literal["streamable_http"] = "streamable_http"


AnyServerConfig = StdioServerConfig | SSEServerConfig | StreamableHTTPServerConfig


class UpdateServerConfig(Schema):
    """Changes to a server, in the older form. Fields that are left out stay as they are."""

    server_name: ServerName | None = None
    server_url: str | None = None
    auth_header: str | None = None
    auth_token: str | None = None
    token: str | None = Field(None, description="Another name for auth_token.")
    custom_headers: dict[str, str] | None = None
    stdio_config: StdioServerConfig | None = None


class MCPToolHealth(Schema):
    """Whether models can use a tool."""

    status: str
    reasons: list[str] = Field(default_factory=list)


class MCPTool(Schema):
    """A tool as its server describes it."""

    name: str
    title: str | None = None
    description: str | None = None
    inputSchema: dict[str, Any]
    outputSchema: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None
    meta: dict[str, Any] | None = Field(None, alias="_meta")
    health: MCPToolHealth | None = None


class McpRunRequest(Schema):
    """Arguments for a tool."""

    args: dict[str, Any] = Field(default_factory=dict)


def shown(server: McpServer) -> JsonObject:
    """A server in the form of ``/v1/mcp-servers``, without secrets."""
    return {"mcp_server_type": server.server_type, "id": server.id, "server_name": server.server_name} | _config(server)


def shown_as_before(server: McpServer) -> JsonObject:
    """A server in the older form, without secrets."""
    return {"server_name": server.server_name, "type": server.server_type} | _config(server)


def masked(server: McpServer) -> McpServer:
    """A server with masks in place of its secrets."""
    return replace(
        server,
        auth_token=MASK if server.auth_token else None,
        custom_headers=_masked(server.custom_headers),
        env=_masked(server.env),
    )


def _config(server: McpServer) -> JsonObject:
    told = masked(server)
    if told.server_type == STDIO:
        return {"command": told.command, "args": told.args, "env": told.env}
    return {name: getattr(told, name) for name in ("server_url", "auth_header", "auth_token", "custom_headers")}


def _masked(values: dict[str, str] | None) -> dict[str, str] | None:
    return None if values is None else dict.fromkeys(values, MASK)


def server_of(server_id: str, config: AnyServerConfig) -> McpServer:
    """What the older form describes."""
    fields = config.model_dump(exclude={"type"})
    return McpServer(id=server_id, server_type=config.type or SSE, **fields)
