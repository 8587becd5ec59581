"""MCP servers. Their tokens and headers are encrypted anew."""

import json

from letta.json_types import JsonObject
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, owned, parsed, parsed_object
from letta.mcp.tables import mcp_servers


def _servers(reading: Reading, rows: list[JsonObject]) -> Rows:
    return [(mcp_servers, [_server(reading, row) for row in rows])]


def _server(reading: Reading, row: JsonObject) -> JsonObject:
    place = f"MCP server {row['server_name']}"
    command = parsed_object(row["stdio_config"])
    headers = _object(reading.secret(place, row["custom_headers_enc"], row["custom_headers"]))
    token = reading.secret(place, row["token_enc"], row["token"])
    environment = command.get("env")
    return owned(row) | {
        "server_name": row["server_name"],
        "server_type": row["server_type"],
        "server_url": row["server_url"],
        "auth_header": "Authorization" if token else None,
        "auth_token": token,
        "custom_headers": json.dumps(headers) if headers else None,
        "command": command.get("command"),
        "args": command.get("args") or [],
        "env": json.dumps(environment) if environment else None,
    }


def _object(written: str | None) -> JsonObject:
    try:
        value = parsed(written or None)
    except ValueError:
        return {}
    return {str(name): str(each) for name, each in value.items()} if isinstance(value, dict) else {}


SERVERS = Section(
    "MCP servers",
    Table(
        "mcp_server",
        (
            *("id", "server_name", "server_type", "server_url", "stdio_config", "token", "token_enc"),
            *("custom_headers", "custom_headers_enc", *AUDIT),
        ),
    ),
    _servers,
)
