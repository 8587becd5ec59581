"""The headers of requests to an MCP server, as they can be sent."""

from collections.abc import Callable
from dataclasses import replace

from letta.errors import InvalidArgumentError
from letta.mcp.mcp_server import McpServer
from letta.outgoing.header_text import header_name, header_value


def with_fit_headers(server: McpServer) -> McpServer:
    """The server with its headers without spaces around them.

    Raises:
        InvalidArgumentError: one can't be sent.
    """
    headers = server.custom_headers and {
        _fit("custom_headers", header_name, name): _fit(f"custom_headers.{name}", header_value, value)
        for name, value in server.custom_headers.items()
    }
    return replace(
        server,
        auth_header=server.auth_header and _fit("auth_header", header_name, server.auth_header),
        auth_token=server.auth_token and _fit("auth_token", header_value, server.auth_token),
        custom_headers=headers,
    )


def _fit(field: str, check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise InvalidArgumentError(f"{field}: {error}") from None
