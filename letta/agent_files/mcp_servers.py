"""MCP servers in agent files: where tools come from, without anything that is secret.

What a server needs beside is told by name, under ``metadata_``, so that whoever imports the file knows what to fill in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from sqlalchemy import Connection

from letta.agent_files.schemas import McpServerInFile
from letta.errors import InvalidArgumentError, LettaError
from letta.json_types import JsonObject
from letta.mcp import repository
from letta.mcp.asking import check_allowed
from letta.mcp.mcp_server import SSE, STDIO, STREAMABLE_HTTP, McpServer
from letta.mcp.sign_in_repository import signed_in_servers
from letta.organizations.actor import Actor
from letta.tools.tool import EXTERNAL_MCP, Tool

_MOST = 100
_NAME_CHARACTERS = 255
_NEEDS = "needs"
_SHOWN = 20
_SIGN_IN = "a sign-in"


@dataclass(frozen=True, slots=True)
class ExportedServers:
    """Servers as a file tells them. ``signed_in`` are those that somebody has signed in to."""

    servers: Sequence[McpServer]
    signed_in: set[str]

    def entries(self) -> list[JsonObject]:
        """The servers, by ids of the file."""
        return [_entry(server, f"mcp_server-{at}", self.signed_in) for at, server in enumerate(self.servers)]

    def metadata_of(self, tool: Tool) -> JsonObject:
        """A tool's metadata, in which its server goes by its id in the file."""
        ids = {server.id: f"mcp_server-{at}" for at, server in enumerate(self.servers)}
        origin = tool.metadata.get("mcp")
        if tool.tool_type != EXTERNAL_MCP or not origin:
            return tool.metadata
        return tool.metadata | {"mcp": origin | {"server_id": ids.get(origin["server_id"], origin["server_id"])}}


def servers_of_tools(connection: Connection, actor: Actor, tools: Iterable[Tool]) -> ExportedServers:
    """The servers that these tools come from."""
    found = {tool.metadata["mcp"]["server_id"] for tool in tools if tool.tool_type == EXTERNAL_MCP}
    if not found:
        return ExportedServers([], set())
    servers = [each for each in repository.list_servers(connection, actor) if each.id in found]
    return ExportedServers(servers, signed_in_servers(connection, actor))


def _entry(server: McpServer, file_id: str, signed_in: set[str]) -> JsonObject:
    needs = _needs(server) | ({"sign_in": True} if server.id in signed_in else {})
    is_command = server.server_type == STDIO
    return {
        "id": file_id,
        "server_type": server.server_type,
        "server_name": server.server_name,
        "server_url": None if is_command else _public(server.server_url or ""),
        "stdio_config": {"command": server.command, "args": server.args} if is_command else None,
        "metadata_": {_NEEDS: needs} if needs else None,
    }


def _needs(server: McpServer) -> JsonObject:
    named: JsonObject = {
        "custom_headers": sorted(server.custom_headers or ()),
        "env": sorted(server.env or ()),
        "query": list(dict.fromkeys(name for name, _ in parse_qsl(urlsplit(server.server_url or "").query, True))),
    }
    token = {"auth_token": server.auth_header or "Authorization"} if server.auth_token else {}
    return token | {name: names for name, names in named.items() if names}


def _public(url: str) -> str:
    """An address without what may be secret in it: user and password, and what follows the path."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


@dataclass(slots=True)
class PlannedServers:
    """The servers of a file that can be taken over, by their ids there, and what each lacks then."""

    servers: dict[str, McpServer] = field(default_factory=dict)
    lacking: dict[str, list[str]] = field(default_factory=dict)
    refused: int = 0


async def plan_servers(entries: Sequence[McpServerInFile], warnings: list[str]) -> PlannedServers:
    """Look through a file's servers. None of them is asked anything.

    Raises:
        InvalidArgumentError: there are too many.
    """
    if len(entries) > _MOST:
        raise InvalidArgumentError(
            f"The agent file has {len(entries)} MCP servers; at most {_MOST} are allowed. Remove some of them."
        )
    plan = PlannedServers()
    for entry in entries:
        server = _server(entry)
        if server is None or not await _may_be_asked(server, warnings):
            plan.refused += 1
            continue
        plan.servers[entry.id] = server
        plan.lacking[entry.id] = _lacking(entry)
    return plan


def _server(entry: McpServerInFile) -> McpServer | None:
    name = (entry.server_name or "")[:_NAME_CHARACTERS]
    command = entry.stdio_config or {}
    args = command.get("args") or []
    if name and entry.server_type == STDIO and isinstance(command.get("command"), str) and isinstance(args, list):
        return McpServer("", name, STDIO, command=command["command"], args=[str(each) for each in args])
    if name and entry.server_type in {SSE, STREAMABLE_HTTP} and entry.server_url:
        return McpServer("", name, entry.server_type, server_url=entry.server_url)
    return None


async def _may_be_asked(server: McpServer, warnings: list[str]) -> bool:
    if server.server_type == STDIO:  # it is none of a file's business which programs are run here
        return True
    try:
        await check_allowed(server)
    except LettaError as error:
        warnings.append(f"The MCP server '{server.server_name}' was not imported. {error.detail}")
        return False
    return True


def _lacking(entry: McpServerInFile) -> list[str]:
    needs = (entry.metadata_ or {}).get(_NEEDS)
    if not isinstance(needs, dict):
        return []
    found = ["auth_token"] if needs.get("auth_token") else []
    for name, words in (("custom_headers", "the header"), ("env", "the variable"), ("query", "the parameter")):
        names = needs.get(name)
        found += [f"{words} {each}"[:100] for each in names if isinstance(each, str)] if isinstance(names, list) else []
    return [*found[:_SHOWN], *([_SIGN_IN] if needs.get("sign_in") else [])]


def same_place(server: McpServer, stored: McpServer) -> bool:
    """Whether a server of a file is one that is here already."""
    if server.server_type != stored.server_type:
        return False
    if server.server_type == STDIO:
        return (server.command, server.args) == (stored.command, stored.args)
    return _public(server.server_url or "") == _public(stored.server_url or "")
