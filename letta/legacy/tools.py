"""Tools. Built-in ones are ours, known by the same names; the others are brought over."""

from letta.constants import DEFAULT_RETURN_CHAR_LIMIT
from letta.json_types import JsonObject
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, owned, parsed_list, parsed_object, parsed_object_or_none, parsed_texts
from letta.tools.tables import tools
from letta.tools.tool import CUSTOM, EXTERNAL_MCP

_ENCODED = "json"
"""How the former server named the source of Python tools that came through its API."""


def is_builtin(tool_type: str | None) -> bool:
    """Whether a tool of the former server came with it."""
    return (tool_type or "").startswith("letta_")


def _tools(reading: Reading, rows: list[JsonObject]) -> Rows:
    others = [row for row in rows if not is_builtin(row["tool_type"])]
    servers = _servers_of(reading, [row["id"] for row in others])
    for row in others:
        _note(reading, row)
    return [(tools, [_tool(row, servers.get(row["id"])) for row in others])]


def _note(reading: Reading, row: JsonObject) -> None:
    if row["tool_type"] not in {CUSTOM, EXTERNAL_MCP}:
        reading.notes.add(f"Tools of type {row['tool_type']} were kept, but this server can't run them", row["name"])
    elif row["source_type"] == "typescript":
        reading.notes.add("Tools in TypeScript were kept, but this server can't run them", row["name"])


def _servers_of(reading: Reading, tool_ids: list[str]) -> dict[str, str]:
    found = reading.related("mcp_tools", ("tool_id", "mcp_server_id"), "tool_id", tool_ids)
    return {row["tool_id"]: row["mcp_server_id"] for row in found}


def _tool(row: JsonObject, server_id: str | None) -> JsonObject:
    schema = _schema(row)
    return owned(row) | {
        "name": row["name"],
        "tool_type": row["tool_type"],
        "description": row["description"],
        "source_type": "python" if row["source_type"] == _ENCODED else row["source_type"],
        "source_code": row["source_code"],
        "json_schema": schema,
        "args_json_schema": parsed_object_or_none(row["args_json_schema"]),
        "tags": parsed_texts(row["tags"]),
        "return_char_limit": row["return_char_limit"] or DEFAULT_RETURN_CHAR_LIMIT,
        "pip_requirements": parsed_list(row["pip_requirements"]) or None,
        "npm_requirements": parsed_list(row["npm_requirements"]) or None,
        "default_requires_approval": row["default_requires_approval"],
        "enable_parallel_execution": bool(row["enable_parallel_execution"]),
        "metadata": _metadata(row, server_id),
        "project_id": row["project_id"],
    }


def _schema(row: JsonObject) -> JsonObject:
    """The schema, complete. Without one, a tool takes no arguments."""
    schema = parsed_object(row["json_schema"])
    parameters = schema.get("parameters")
    complete = {"type": "object", "properties": {}, "required": []}
    return schema | {
        "name": schema.get("name") or row["name"],
        "description": schema.get("description") or row["description"] or "",
        "parameters": complete | parameters if isinstance(parameters, dict) else complete,
    }


def _metadata(row: JsonObject, server_id: str | None) -> JsonObject:
    metadata = parsed_object(row["metadata_"])
    if row["tool_type"] != EXTERNAL_MCP:
        return metadata
    known = metadata.get("mcp")
    origin: JsonObject = {"server_name": None, "server_id": server_id} | (known if isinstance(known, dict) else {})
    origin["server_id"] = origin["server_id"] or server_id
    return metadata | {"mcp": origin}


TOOLS = Section(
    "tools",
    Table(
        "tools",
        (
            *("id", "name", "tool_type", "description", "source_type", "source_code", "json_schema"),
            *("args_json_schema", "tags", "return_char_limit", "pip_requirements", "npm_requirements"),
            *("default_requires_approval", "enable_parallel_execution", "metadata_", "project_id", *AUDIT),
        ),
        large=("source_code", "json_schema"),
    ),
    _tools,
)
