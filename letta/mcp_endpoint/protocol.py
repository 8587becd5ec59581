"""The MCP endpoint, by the protocol's official SDK. Imported on first use: the SDK takes 40 MB."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from pydantic import ValidationError
from starlette.requests import Request

import letta
from letta.errors import LettaError
from letta.http.dependencies import principal_of
from letta.mcp_endpoint.caller import Caller
from letta.mcp_endpoint.tools import TOOLS, OfferedTool
from letta.memory_tools.errors import ToolError
from letta.settings import settings

Context = ServerRequestContext[Any, Request]

logger = logging.getLogger(__name__)
logging.getLogger("mcp").setLevel(logging.CRITICAL)  # what matters of a request is told where it is answered

_INSTRUCTIONS = (
    "These tools open the agents of a Letta server. Agents remember: ask them, tell them what they should know, or "
    "read and edit their memory directly. list_agents tells which there are."
)
_SECONDS_BETWEEN_SIGNS = 5.0
"""Clients give up after a minute or so without any sign, and count anew with each."""


def session_manager(max_body_size: int) -> StreamableHTTPSessionManager:
    """What answers requests. It keeps nothing between two of them, so any instance of the server can answer each."""
    server = Server(
        "letta",
        version=letta.__version__,
        title="Letta",
        instructions=_INSTRUCTIONS,
        on_list_tools=_list_tools,
        on_call_tool=_call_tool,
    )
    return StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=max_body_size)


async def _list_tools(_context: Context, _params: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=[_described(tool) for tool in TOOLS.values()])


def _described(tool: OfferedTool) -> Tool:
    hints = ToolAnnotations(read_only_hint=tool.reads_only, open_world_hint=tool.name == "send_message")
    schema = tool.arguments.model_json_schema()
    return Tool(name=tool.name, description=tool.description, input_schema=schema, annotations=hints)


async def _call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
    tool = TOOLS.get(params.name)
    if tool is None:
        return _failed(f"There is no tool '{params.name[:100]}'. The tools: {', '.join(TOOLS)}.")
    try:
        given = tool.arguments.model_validate(params.arguments or {})
        return _told(await _with_signs(context, _called(context, tool, given)))
    except ValidationError as error:
        return _failed("; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()))
    except LettaError as error:
        return _failed(error.detail)
    except ToolError as error:
        return _failed(str(error))
    except Exception:
        logger.exception("the tool %s of the MCP endpoint failed", tool.name)
        return _failed("An unknown error occurred. See the server log.")


async def _called(context: Context, tool: OfferedTool, given: Any) -> str:
    request = context.request
    assert request is not None  # noqa: S101 - every message of this transport comes by HTTP
    return await tool.call(Caller(request.app.state.server, await principal_of(request)), given)


async def _with_signs(context: Context, work: Awaitable[str]) -> str:
    """The result of work, with a sign of life now and then for clients that asked for such."""
    task = asyncio.ensure_future(work)
    interval = min(_SECONDS_BETWEEN_SIGNS, settings.keepalive_interval)
    passed = 0.0
    try:
        while not (await asyncio.wait({task}, timeout=interval))[0]:
            passed += interval
            await context.session.report_progress(passed, message="The agent is working.")
        return task.result()
    finally:
        task.cancel()


def _told(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)])


def _failed(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
