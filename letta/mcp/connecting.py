"""Trying a server out, told step by step as events; where it wants a sign-in, that is begun and waited for."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import Request

from letta.errors import LettaError
from letta.http import sse
from letta.http.sse import Stream
from letta.mcp import asking, sign_in_repository, signing_in, tools
from letta.mcp.errors import McpUnauthorizedError, SignInEndedError
from letta.mcp.mcp_server import McpServer
from letta.mcp.schemas import MCPTool
from letta.mcp.sign_in import AUTHORIZED, ERROR, SignIn
from letta.organizations.actor import Actor
from letta.server.server import SyncServer
from letta.settings import settings

_SIGN_IN = "This MCP server requires a sign-in."
_OPEN = "Open the URL from the previous event in a browser and sign in there. This stream continues afterwards."
_LOOK_SECONDS = 1.0


def connecting(server: SyncServer, actor: Actor, tried: McpServer, request: Request) -> Stream:
    """The answer of the operations that connect."""
    base_url = settings.render_external_url or str(request.base_url)
    events = _events(server, actor, tried, base_url)
    return Stream(sse.with_pings(events, sse.comment, settings.keepalive_interval), lambda: None)


async def _events(server: SyncServer, actor: Actor, tried: McpServer, base_url: str) -> AsyncIterator[bytes]:
    yield sse.data({"event": "connection_attempt", "server_name": tried.server_name})
    try:
        try:
            yield await _offered(server, actor, tried)
            return
        except (McpUnauthorizedError, SignInEndedError):
            if not asking.takes_sign_in(tried):
                raise
        yield sse.data({"event": "oauth_required", "message": _SIGN_IN})
        target = await asking.target_of(tried, {}, strict=False)
        sign_in, url = await signing_in.begin(server.database, actor, tried, target, base_url)
        yield sse.data({"event": "authorization_url", "url": url, "session_id": sign_in.id})
        yield sse.data({"event": "waiting_for_auth", "session_id": sign_in.id, "message": _OPEN})
        problem = await _ended(server, actor, sign_in)
        yield sse.data({"event": "error", "message": problem}) if problem else await _offered(server, actor, tried)
    except LettaError as error:
        yield sse.data({"event": "error", "message": error.detail})


async def _offered(server: SyncServer, actor: Actor, tried: McpServer) -> bytes:
    offered = await asking.list_offered(server.database, actor, tried)
    shown = [MCPTool(**tools.with_health(tool)).model_dump(mode="json", by_alias=True) for tool in offered]
    return sse.data({"event": "success", "tools": shown})


async def _ended(server: SyncServer, actor: Actor, sign_in: SignIn) -> str | None:
    """Wait until somebody has signed in, through whichever process. Returns what went wrong, if anything did."""
    deadline = time.monotonic() + signing_in.SECONDS
    while time.monotonic() < deadline:
        if server.executor.is_stopping:
            return "The server is about to stop. Finish the sign-in in the browser; it takes effect nevertheless."
        await asyncio.sleep(_LOOK_SECONDS)
        found = await server.database.read(sign_in_repository.get_sign_in, actor, sign_in.id)
        if found.status == AUTHORIZED:
            return None
        if found.status == ERROR:
            return found.problem or "The sign-in failed. Connect again."
    return "Nobody signed in before the time limit. Connect again."
