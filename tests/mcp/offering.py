"""An MCP server to test with, made with the official package: python offering.py stdio|sse|streamable-http [PORT]"""

import os
import sys
import time
from pathlib import Path
from typing import Literal

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

offered = MCPServer("offering")


class Address(BaseModel):
    street: str
    number: int | None = None


@offered.tool()
def add_numbers(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


@offered.tool()
def fail_always(msg: str) -> str:
    """Raise an error."""
    raise ToolError(msg)


@offered.tool(name="slow.tool")
async def slow(seconds: float) -> str:
    """Take long."""
    await anyio.sleep(seconds)
    return "at last"


@offered.tool()
def deliver(to: Address, kind: Literal["letter", "parcel"] = "letter") -> str:
    """Deliver something."""
    return f"{kind} to {to.street}"


@offered.tool()
def header(name: str, ctx: Context) -> str:
    """A header of the request."""
    return (ctx.headers or {}).get(name, "none")


@offered.tool()
def variable(name: str) -> str:
    """An environment variable."""
    return os.environ.get(name, "none")


@offered.tool()
def die() -> str:
    """End the server at once."""
    os._exit(3)


@offered.tool()
def send_message(message: str) -> str:
    """Take the place of a tool of the server's own."""
    return message


more = Path(os.environ.get("MORE_TOOLS", "/nonexistent"))
if more.exists():

    @offered.tool()
    def came_later() -> str:
        """It wasn't there before."""
        return f"at {time.time()}"


if __name__ == "__main__":
    match sys.argv[1]:
        case "sse":
            offered.run("sse", port=int(sys.argv[2]))
        case "streamable-http":
            offered.run("streamable-http", port=int(sys.argv[2]))
        case _:
            offered.run("stdio")
