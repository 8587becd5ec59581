"""Storing the MCP servers of an agent file, and telling its tools where they come from here."""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from letta.agent_files.mcp_servers import PlannedServers, same_place
from letta.agent_files.schemas import ImportedAgents
from letta.database.ids import new_id
from letta.errors import ConflictError
from letta.json_types import JsonObject
from letta.mcp import repository
from letta.mcp.mcp_server import STDIO, McpServer
from letta.mcp.tools import tag_of
from letta.organizations.actor import Actor
from letta.tools.tool import Tool

_MOST_NAMES = 100


class StoredServers:
    """The servers that are here, by what tools of the file call them: their id in it, or their name."""

    def __init__(self, plan: PlannedServers, stored: Mapping[str, McpServer]) -> None:
        self._by_id = stored
        self._by_name = {plan.servers[file_id].server_name: server for file_id, server in stored.items()}

    def at_home(self, tool: Tool) -> Tool | None:
        """The tool as it would have been taken over from its server; None if that isn't here."""
        told = tool.metadata.get("mcp")
        origin: JsonObject = told if isinstance(told, dict) else {}
        server = self._by_id.get(str(origin.get("server_id"))) or self._by_name.get(str(origin.get("server_name")))
        if server is None:
            return None
        here: JsonObject = {"server_name": server.server_name, "server_id": server.id}
        if isinstance(origin.get("tool_name"), str):
            here["tool_name"] = origin["tool_name"]
        if isinstance(origin.get("arguments"), dict):
            here["arguments"] = {str(ours): str(theirs) for ours, theirs in origin["arguments"].items()}
        own = [tag for tag in tool.tags if not tag.startswith(tag_of(""))]
        return replace(tool, metadata=tool.metadata | {"mcp": here}, tags=[*own, tag_of(server.server_name)])


def store_servers(connection: Connection, actor: Actor, plan: PlannedServers, outcome: ImportedAgents) -> StoredServers:
    """Store the servers that aren't here already, under free names.

    Raises:
        ConflictError: too many have its name, or somebody else is just taking it.
    """
    if not plan.servers:
        return StoredServers(plan, {})
    known = {server.server_name: server for server in repository.list_servers(connection, actor)}
    stored: dict[str, McpServer] = {}
    for file_id, server in sorted(plan.servers.items(), key=lambda item: item[1].server_name):
        found = next((each for each in known.values() if _is_that(server, each)), None)
        if found is None and server.server_type == STDIO:
            outcome.not_imported["mcp_servers"] = outcome.not_imported.get("mcp_servers", 0) + 1
            outcome.warnings.append(_not_run(server))
            continue
        if found is None:
            found = replace(server, id=new_id("mcp_server"), server_name=_free(server.server_name, known))
            repository.insert_server(connection, actor, found)
            known[found.server_name] = found
            outcome.warnings += _told(server, found, plan.lacking[file_id])
        stored[file_id] = found
    return StoredServers(plan, stored)


def _is_that(server: McpServer, stored: McpServer) -> bool:
    return server.server_name == stored.server_name and same_place(server, stored)


def _free(name: str, known: Mapping[str, McpServer]) -> str:
    for number in range(1, _MOST_NAMES):
        free = name if number == 1 else f"{name} ({number})"
        if free not in known:
            return free
    raise ConflictError(f"There are too many MCP servers named '{name}'. Rename it in the agent file.")


def _told(server: McpServer, stored: McpServer, lacking: list[str]) -> list[str]:
    told = []
    if stored.server_name != server.server_name:
        told.append(
            f"The MCP server '{server.server_name}' was imported as '{stored.server_name}', because its name was taken "
            "by a server with another address."
        )
    if lacking:
        told.append(
            f"The MCP server '{stored.server_name}' lacks {', '.join(lacking)}, because agent files never contain "
            f"them. Set them with PATCH /v1/mcp-servers/{stored.id}."
        )
    return told


def _not_run(server: McpServer) -> str:
    return (
        f"The MCP server '{server.server_name}' runs a command and is never imported from a file. Review the command; "
        "if it should run on this server, register it under this name and import the file again."
    )
