"""What can go wrong with MCP servers."""

from letta.errors import LettaError


class McpConnectionError(LettaError):
    """An MCP server can't be reached, or doesn't speak the protocol."""

    status = 502

    def __init__(self, detail: str) -> None:
        super().__init__(detail, extra={"type": "mcp_connection_error"})


class McpUnauthorizedError(McpConnectionError):
    """An MCP server refuses whoever shows no token, or that one."""


class SignInError(McpConnectionError):
    """A sign-in to an MCP server didn't come about."""


class SignInEndedError(SignInError):
    """A sign-in counts no longer, so that somebody has to sign in again."""


class McpTimeoutError(LettaError):
    """An MCP server takes too long."""

    status = 408
