"""How an MCP server is asked: whether it may be, with which headers, and what it offers."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection

from letta.agents.repository import require_agent
from letta.agents.secret_repository import secret_values
from letta.database.engine import Database
from letta.database.text import storable
from letta.errors import InvalidArgumentError, UnprocessableError
from letta.json_types import JsonObject
from letta.mcp import signing_in
from letta.mcp.errors import McpUnauthorizedError
from letta.mcp.mcp_server import STDIO, McpServer
from letta.mcp.sign_in import SignIn
from letta.organizations.actor import Actor
from letta.outgoing import egress
from letta.settings import settings

if TYPE_CHECKING:
    from letta.mcp.client import Target

Answer = TypeVar("Answer")

_TEMPLATE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:\|([^}]*))?\}\}")


async def check_allowed(server: McpServer) -> None:
    """Refuse a server that this one may not speak with.

    Raises:
        InvalidArgumentError: servers of its kind are switched off.
        UnprocessableError: its address isn't one that may be asked.
    """
    if server.server_type == STDIO:
        if settings.mcp_disable_stdio:
            raise InvalidArgumentError(
                "MCP servers of type stdio are disabled, because they are commands that run with this server's "
                "permissions. Set MCP_DISABLE_STDIO=false to allow them, or use streamable_http."
            )
        return
    try:
        await egress.check(server.server_url or "")
    except InvalidArgumentError as error:
        raise UnprocessableError(f"server_url: {error.detail}") from error


async def list_offered(
    database: Database, actor: Actor, server: McpServer, agent_id: str | None = None
) -> list[JsonObject]:
    """The tools that a server offers now, as it describes them.

    Raises:
        McpConnectionError: it can't be reached.
        McpTimeoutError: it takes too long.
        NotFoundError: no such agent.
    """
    await check_allowed(server)
    secrets = await database.read(_secrets, actor, agent_id) if agent_id else {}
    target = await target_of(server, secrets, strict=False)
    from letta.mcp import client

    async def list_tools(target: "Target") -> list[JsonObject]:
        listed = await client.list_tools(
            target, connect_seconds=settings.mcp_connect_seconds, seconds=settings.mcp_list_seconds
        )
        return [storable(tool) for tool in listed]

    return await ask(database, actor, server, target, list_tools)


async def ask(
    database: Database,
    actor: Actor,
    server: McpServer,
    target: "Target",
    question: Callable[["Target"], Awaitable[Answer]],
) -> Answer:
    """What a server answers, asked with the token of a sign-in where there is one and no other token is given.

    Raises:
        McpConnectionError: it can't be reached, or wants somebody to sign in.
        McpTimeoutError: it takes too long.
    """
    if not takes_sign_in(server):
        return await question(target)
    signed_in = await signing_in.current(database, actor, server)
    if signed_in is None:
        return await question(target)
    try:
        return await question(_signed(target, signed_in))
    except McpUnauthorizedError:
        if not signed_in.refresh_token:
            raise
    return await question(_signed(target, await signing_in.renewed(database, actor, signed_in)))


def takes_sign_in(server: McpServer) -> bool:
    """Whether the token of a sign-in is sent to a server: not where it is a command, or a token is given."""
    given = {name.lower() for name in server.custom_headers or ()}
    return server.server_type != STDIO and not server.auth_token and "authorization" not in given


def _signed(target: "Target", sign_in: SignIn) -> "Target":
    return replace(target, headers=target.headers | {"Authorization": f"Bearer {sign_in.access_token}"})


async def target_of(server: McpServer, secrets: Mapping[str, str], *, strict: bool) -> "Target":
    """What is needed to ask a server.

    Args:
        secrets: what templates in headers stand for.
        strict: whether a variable that is missing is an error; otherwise its header is left out.

    Raises:
        InvalidArgumentError: a variable is missing.
    """
    await asyncio.to_thread(import_module, "letta.mcp.client")  # the first time takes a second or more
    from letta.mcp.client import Target

    headers: dict[str, str] = {}
    for name, value in _headers(server).items():
        filled, missing = _filled(value, secrets)
        if missing is None:
            headers[name] = filled
        elif strict:
            raise InvalidArgumentError(
                f"The header {name} of the MCP server '{server.server_name}' needs the variable {missing}. "
                "Add it to the agent's secrets."
            )
    return Target(
        name=server.server_name,
        server_type=server.server_type,
        url=server.server_url or "",
        headers=headers,
        command=server.command or "",
        args=server.args,
        env=server.env,
    )


def _headers(server: McpServer) -> dict[str, str]:
    headers = dict(server.custom_headers or {})
    if server.auth_token:
        name, token = server.auth_header or "Authorization", server.auth_token
        if name.lower() == "authorization" and " " not in _TEMPLATE.sub("", token).strip():
            token = f"Bearer {token}"
        headers[name] = token
    return headers


def _filled(value: str, secrets: Mapping[str, str]) -> tuple[str, str | None]:
    """A text with its templates replaced, and the name of a variable that is missing."""
    missing: list[str] = []

    def fill(found: re.Match[str]) -> str:
        name, default = found[1], found[2]
        if name in secrets:
            return secrets[name]
        if default is None:
            missing.append(name)
        return (default or "").strip()

    filled = _TEMPLATE.sub(fill, value)
    return filled, missing[0] if missing else None


def _secrets(connection: Connection, actor: Actor, agent_id: str) -> dict[str, str]:
    require_agent(connection, actor, agent_id)
    return secret_values(connection, agent_id)
