"""MCP servers are stored, and asked for their tools when they are new."""

import logging
import re
from dataclasses import replace

from sqlalchemy import Connection

from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import InvalidArgumentError, LettaError
from letta.mcp import repository, sign_in_repository, tools
from letta.mcp.asking import check_allowed, takes_sign_in
from letta.mcp.fit_headers import with_fit_headers
from letta.mcp.mcp_server import STDIO, McpServer
from letta.organizations.actor import Actor
from letta.redaction import MASK

logger = logging.getLogger(__name__)

_BEARER = re.compile(r"^bearer\s+", re.IGNORECASE)


async def create_server(database: Database, actor: Actor, server: McpServer) -> McpServer:
    """Store a server and take over its tools. One that can't be reached now is stored without any.

    Raises:
        InvalidArgumentError: servers of its kind are switched off.
        UnprocessableError: its address isn't one that may be asked.
        ConflictError: another one has its name.
    """
    server = _merged(replace(server, id=new_id("mcp_server")), None)
    await check_allowed(server)
    await database.run(_insert, actor, server)
    try:
        await tools.refresh(database, actor, server)
    except LettaError as error:
        logger.warning("MCP server %s was stored without tools. %s", server.id, error.detail)
    return server


def _insert(connection: Connection, actor: Actor, server: McpServer) -> None:
    repository.insert_server(connection, actor, server)
    if takes_sign_in(server):
        sign_in_repository.adopt_sign_ins(connection, actor, server)


async def update_server(database: Database, actor: Actor, changed: McpServer) -> McpServer:
    """Store the new state of a server. Its tools keep what they have; a new name is told to them.

    Raises:
        NotFoundError: no such server.
        InvalidArgumentError: servers of its kind are switched off, or a secret is missing.
        UnprocessableError: its address isn't one that may be asked.
        ConflictError: another one has its name.
    """
    await check_allowed(changed)
    return await database.run(_update, actor, changed)


def _update(connection: Connection, actor: Actor, changed: McpServer) -> McpServer:
    stored = repository.get_server(connection, actor, changed.id, lock=True)
    server = _merged(changed, stored)
    repository.write_server(connection, actor, server)
    if server.server_url != stored.server_url:
        sign_in_repository.delete_sign_ins(connection, actor, server.id)
    if server.server_name != stored.server_name:
        tools.tell_new_name(connection, actor, server)
    return server


def _merged(server: McpServer, stored: McpServer | None) -> McpServer:
    """The server with secrets in place of the masks that answers show.

    Raises:
        InvalidArgumentError: there is no secret behind a mask, or it would be sent to another place.
    """
    moved = stored is not None and _place(stored) != _place(server)

    def behind(name: str, value: str | None, kept: str | None) -> str | None:
        if value != MASK:
            return value
        if kept is None:
            raise InvalidArgumentError(
                f"{name} is the placeholder shown in responses, not the secret. Send the secret itself."
            )
        if moved:
            raise InvalidArgumentError(
                f"{name} is kept for one address and isn't sent to another. Give it anew, or null."
            )
        return kept

    def behind_all(name: str, values: dict[str, str] | None) -> dict[str, str] | None:
        kept: dict[str, str] = (getattr(stored, name) or {}) if stored else {}
        return values and {key: behind(f"{name}.{key}", each, kept.get(key)) or "" for key, each in values.items()}

    token = behind("auth_token", server.auth_token, stored.auth_token if stored else None)
    if token and (server.auth_header or "Authorization").lower() == "authorization":
        token = _BEARER.sub("", token)
    merged = replace(
        server,
        auth_token=token or None,
        custom_headers=behind_all("custom_headers", server.custom_headers),
        env=behind_all("env", server.env),
    )
    return with_fit_headers(merged)


def _place(server: McpServer) -> str:
    if server.server_type == STDIO:
        return f"{server.command} {server.args}"
    return "/".join((server.server_url or "").split("/")[:3])
