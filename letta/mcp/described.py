"""Tools as MCP servers describe them, made into tools that every model provider accepts.

Providers refuse what the protocol allows: names with dots, combinations at the root of a schema, lists without items,
references that lead nowhere. What can be put right is; what can't is told, and the tool is left out.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from letta.json_types import JsonObject
from letta.mcp.mcp_server import McpServer

STRICT, NON_STRICT, INVALID = "STRICT_COMPLIANT", "NON_STRICT_ONLY", "INVALID"

_NAME_CHARACTERS = 64
_ARGUMENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DESCRIPTION_CHARACTERS = 10_000
_MOST_NODES = 5000
_DEEPEST = 40
_SIMPLE = {"type", "title", "description", "properties", "required", "additionalProperties", "items", "enum", "const"}
_SIMPLE |= {"anyOf", "default", "$ref", "$defs"}
_IGNORED = {"$schema", "$id", "$comment", "$anchor", "examples"}
_SCHEMAS = {"items", "additionalProperties", "not", "contains", "if", "then", "else", "propertyNames"}
_LISTS = {"anyOf", "oneOf", "allOf", "prefixItems"}
_SHAPES: dict[str, type] = {"required": list, "enum": list, "$ref": str}
_NAMED = {"properties", "$defs", "definitions", "patternProperties"}
_COMBINED = ("allOf", "anyOf", "oneOf")


@dataclass(slots=True)
class Described:
    """A tool that a server offers. ``arguments`` are those whose names had to be changed: theirs, by ours."""

    name: str
    remote_name: str
    description: str
    parameters: JsonObject
    status: str
    reasons: list[str] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)

    def json_schema(self) -> JsonObject:
        """What a tool row keeps."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
            "mcp:SCHEMA_STATUS": self.status,
            "mcp:SCHEMA_WARNINGS": self.reasons,
        }

    def metadata(self, server: McpServer) -> JsonObject:
        """Where the tool comes from; what it and its arguments are called there, where that differs."""
        origin: JsonObject = {"server_name": server.server_name, "server_id": server.id}
        if self.remote_name != self.name:
            origin["tool_name"] = self.remote_name
        if self.arguments:
            origin["arguments"] = self.arguments
        return {"mcp": origin}


class _TooMuchError(Exception):
    """A schema that nobody could use."""


def described(tool: JsonObject) -> Described:
    """A tool of a server's list, in the form in which models can use it."""
    remote_name = str(tool["name"])
    name = re.sub(r"[^A-Za-z0-9_-]", "_", remote_name)[:_NAME_CHARACTERS]
    description = (tool.get("description") or tool.get("title") or name)[:_DESCRIPTION_CHARACTERS]
    given = tool.get("inputSchema") or {}
    found = Described(name, remote_name, description, {}, STRICT)
    try:
        kinds = given.get("type", "object")
        if not name or "object" not in (kinds if isinstance(kinds, list) else [kinds]):
            raise _TooMuchError("the arguments are not an object")
        _check_size(given, given, (), [0])
        found.parameters = _root(_cleaned(given, _definitions(given), found.reasons), found)
    except _TooMuchError as error:
        found.status, found.reasons = INVALID, [str(error)]
        found.parameters = {"type": "object", "properties": {}, "required": []}
        return found
    found.reasons = list(dict.fromkeys(found.reasons))
    if found.reasons or not _is_simple(found.parameters):
        found.status = NON_STRICT
    return found


def _definitions(root: JsonObject) -> set[str]:
    named = {key: root.get(key) for key in ("$defs", "definitions")}
    return {f"#/{key}/{name}" for key, each in named.items() if isinstance(each, dict) for name in each}


def _check_size(node: Any, root: JsonObject, path: tuple[str, ...], seen: list[int]) -> None:
    """Refuse what is too large where references are replaced by what they refer to, as it is for some providers."""
    seen[0] += 1
    if seen[0] > _MOST_NODES or len(path) > _DEEPEST:
        raise _TooMuchError("the schema is too large or too deep")
    if isinstance(node, list):
        for each in node:
            _check_size(each, root, (*path, ""), seen)
    elif isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str) and reference in _definitions(root) and reference not in path:
            _, key, name = reference.split("/", 2)
            _check_size(root[key][name], root, (*path, reference), seen)
        for key, each in node.items():
            if path or key not in {"$defs", "definitions"}:
                _check_size(each, root, (*path, ""), seen)


def _cleaned(node: Any, known: set[str], reasons: list[str]) -> JsonObject:
    """A schema without what providers refuse. Names of properties are never taken for keywords."""
    if not isinstance(node, dict):
        return {}  # true and false are schemas too, but few know
    clean: JsonObject = {}
    for key, value in node.items():
        if key in _NAMED:
            if isinstance(value, dict):
                clean[key] = {name: _cleaned(each, known, reasons) for name, each in value.items()}
        elif key in _LISTS:
            if isinstance(value, list):
                clean[key] = [_cleaned(each, known, reasons) for each in value]
        elif key in _SCHEMAS:
            clean[key] = value if value is False else _cleaned(value, known, reasons)
        elif key not in _IGNORED and isinstance(value, _SHAPES.get(key, object)):
            clean[key] = value
    if clean.get("items") is False:
        clean["items"] = {}
    if "$ref" in clean and clean["$ref"] not in known:
        reasons.append("a $ref has no target")
        del clean["$ref"]
    if "properties" in clean:
        _close(clean)
    kinds = clean.get("type")
    if (kinds == "array" or (isinstance(kinds, list) and "array" in kinds)) and "items" not in clean:
        clean["items"] = {}
    return clean


def _close(node: JsonObject) -> None:
    """Allow an object only the properties that it names, unless it says otherwise; nothing else can be required."""
    if "required" in node:
        node["required"] = [name for name in node["properties"] if name in node["required"]]
    node.setdefault("additionalProperties", False)


def _root(schema: JsonObject, found: Described) -> JsonObject:
    """The root as providers want it: an object with properties, without alternatives."""
    for key in _COMBINED:
        if key in schema:
            found.reasons.append(f"{key} is used at the root")
            _merge(schema, schema.pop(key), required=key == "allOf")
    for key in ("not", "enum", "const", "if", "then", "else"):
        if schema.pop(key, None) is not None:
            found.reasons.append(f"{key} is used at the root")
    properties, required = schema.get("properties") or {}, schema.get("required") or []
    ours = {name: _argument(name) for name in properties}
    if len(set(ours.values())) < len(ours):
        raise _TooMuchError("two arguments would get the same name")
    found.arguments = {mine: theirs for theirs, mine in ours.items() if mine != theirs}
    return {
        **schema,
        "properties": {ours[name]: each for name, each in properties.items()},
        "required": [ours[name] for name in properties if name in required],
        "type": "object",
        "additionalProperties": schema.get("additionalProperties", False),
    }


def _argument(name: str) -> str:
    return name if _ARGUMENT.fullmatch(name) else re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:64] or "_"


def _merge(schema: JsonObject, parts: list[JsonObject], *, required: bool) -> None:
    """Take the properties of alternatives into the root; what only one of them needs isn't required."""
    for part in parts:
        properties = part.get("properties") or {}
        schema["properties"] = {**properties, **(schema.get("properties") or {})}
        if required:
            schema["required"] = [*(schema.get("required") or []), *(part.get("required") or [])]


def _is_simple(node: JsonObject) -> bool:
    if not node.keys() <= _SIMPLE:
        return False
    if "properties" in node and node.get("additionalProperties") is not False:
        return False
    named = [each for key in ("properties", "$defs") for each in (node.get(key) or {}).values()]
    others = [each for each in (node.get("items"), *node.get("anyOf", ())) if isinstance(each, dict)]
    return all(_is_simple(each) for each in [*named, *others])
