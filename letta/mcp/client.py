"""Speaking with MCP servers, by the protocol's official SDK. Imported on first use: the SDK takes 40 MB.

A session lasts for one question. Nothing is kept running between two of them, so a server that dies, hangs or is
replaced costs at most the time limit of the question at hand.
"""

import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ContentBlock, EmbeddedResource, TextContent, TextResourceContents

from letta.json_types import JsonObject
from letta.mcp.errors import McpConnectionError, McpTimeoutError, McpUnauthorizedError
from letta.mcp.mcp_server import SSE, STDIO
from letta.outgoing.guarded_transport import GuardedTransport
from letta.redaction import redacted

Answer = TypeVar("Answer")

MOST_TOOLS = 1000
_MOST_PAGES = 50
_MOST_BYTES = 32 * 1024 * 1024
_REASON_CHARACTERS = 300
_UNAUTHORIZED = 401

logging.getLogger("mcp").setLevel(logging.CRITICAL)  # a server that fails is told of where it matters, once


@dataclass(frozen=True, slots=True)
class Target:
    """A server as it is to be asked now: headers complete, no template left in them."""

    name: str
    server_type: str
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    command: str = ""
    args: list[str] = field(default_factory=list)
    env: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """What a call came to, as text."""

    is_error: bool
    text: str


@dataclass(slots=True)
class _Attempt:
    """How far a question has come, to tell why it failed."""

    doing: str
    seconds: float
    guard: GuardedTransport | None = None


async def list_tools(target: Target, *, connect_seconds: float, seconds: float) -> list[JsonObject]:
    """The tools that a server offers, as the protocol describes them.

    Raises:
        McpUnauthorizedError: it wants a token, or another one.
        McpConnectionError: it can't be reached, or answers nonsense.
        McpTimeoutError: it takes longer than these seconds.
    """

    async def ask(client: Client) -> list[JsonObject]:
        found: list[JsonObject] = []
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += [tool.model_dump(by_alias=True, mode="json") for tool in page.tools]
            cursor = page.next_cursor
            if not cursor or len(found) >= MOST_TOOLS:
                break
        return found[:MOST_TOOLS]

    return await _ask(target, ask, "listing its tools", connect_seconds, seconds)


async def call_tool(
    target: Target, name: str, arguments: JsonObject, *, connect_seconds: float, seconds: float
) -> Called:
    """Call a tool of a server.

    Raises:
        McpUnauthorizedError: it wants a token, or another one.
        McpConnectionError: it can't be reached, or answers nonsense.
        McpTimeoutError: it takes longer than these seconds.
    """

    async def ask(client: Client) -> Called:
        result = await client.call_tool(name, arguments, read_timeout_seconds=seconds + 1)
        return Called(result.is_error, _text(result))

    return await _ask(target, ask, f"the call of {name}", connect_seconds, seconds)


async def _ask(
    target: Target, ask: Callable[[Client], Awaitable[Answer]], what: str, connect_seconds: float, seconds: float
) -> Answer:
    attempt = _Attempt("connecting to it", connect_seconds)
    with anyio.CancelScope(deadline=anyio.current_time() + connect_seconds) as scope:
        try:
            async with _connected(target, attempt) as client:
                attempt.doing, attempt.seconds = what, seconds
                scope.deadline = anyio.current_time() + seconds
                answer = await ask(client)
                scope.deadline = anyio.current_time() + connect_seconds
            return answer
        except Exception as error:
            refused = attempt.guard is not None and attempt.guard.status == _UNAUTHORIZED
            kind = McpUnauthorizedError if refused else McpConnectionError
            raise kind(_problem(target, attempt, error)) from error
    reason = f" {attempt.guard.problem}" if attempt.guard and attempt.guard.problem else ""
    raise McpTimeoutError(
        f"The MCP server '{target.name}' timed out: {attempt.doing} took more than {attempt.seconds:g} s.{reason}"
    )


@asynccontextmanager
async def _connected(target: Target, attempt: _Attempt) -> AsyncIterator[Client]:
    # Servers of the SSE kind are older than what is asked first otherwise, to find out what a server speaks.
    mode = "legacy" if target.server_type == SSE else "auto"
    async with _transport(target, attempt) as transport, Client(transport, mode=mode, cache=None) as client:
        yield client


@asynccontextmanager
async def _transport(target: Target, attempt: _Attempt) -> AsyncIterator[AbstractAsyncContextManager[Any]]:
    if target.server_type == STDIO:
        with open(os.devnull, "w") as nowhere:  # noqa: ASYNC230
            command = StdioServerParameters(command=target.command, args=target.args, env=target.env)
            yield stdio_client(command, errlog=nowhere)
        return
    attempt.guard = GuardedTransport(_MOST_BYTES)
    async with attempt.guard:
        if target.server_type == SSE:
            yield sse_client(target.url, headers=target.headers, httpx_client_factory=_factory(attempt.guard))
        else:
            async with open_client(attempt.guard, target.headers) as client:
                yield streamable_http_client(target.url, http_client=client)


def open_client(guard: GuardedTransport, headers: dict[str, Any] | None) -> httpx2.AsyncClient:
    """A client without time limits of its own: the deadline of the whole question is what counts."""
    return httpx2.AsyncClient(transport=guard, headers=headers, trust_env=False, timeout=None, follow_redirects=False)


def _factory(guard: GuardedTransport) -> Any:
    def make(headers: dict[str, Any] | None = None, **_: Any) -> httpx2.AsyncClient:
        return open_client(guard, headers)

    return make


def _problem(target: Target, attempt: _Attempt, error: Exception) -> str:
    """Why a question failed, in the words of whoever knew best."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    reason = attempt.guard.problem if attempt.guard else None
    if isinstance(error, MCPError) and not reason:
        reason = str(error)
    if isinstance(error, OSError) and target.server_type == STDIO:
        reason = f"{target.command}: {error.strerror or error}"
    reason = redacted(reason or f"{type(error).__name__}: {error}")[:_REASON_CHARACTERS]
    refused = attempt.guard is not None and attempt.guard.status in {_UNAUTHORIZED, 403}
    hint = " Check auth_token and custom_headers, or sign in." if refused else ""
    return f"The MCP server '{target.name}' failed while {attempt.doing}: {reason}{hint}"


def _text(result: CallToolResult) -> str:
    if not result.content and result.structured_content is not None:
        return json.dumps(result.structured_content, ensure_ascii=False)
    return "\n".join(_part(part) for part in result.content)


def _part(part: ContentBlock) -> str:
    """A part of a result; what is no text is named, as a model reads text."""
    if isinstance(part, TextContent):
        return part.text
    if isinstance(part, EmbeddedResource):
        resource = part.resource
        if isinstance(resource, TextResourceContents):
            return resource.text
        return f"[{resource.mime_type or 'data'}: {resource.uri}]"
    named = getattr(part, "uri", None) or f"{len(getattr(part, 'data', ''))} characters of base64"
    return f"[{getattr(part, 'mime_type', None) or part.type}: {named}]"
