"""JSON schemas of tools and answers, in the forms that providers accept."""

from collections.abc import Callable
from typing import Any

from letta.json_types import JsonObject

_ENFORCEABLE = {
    "type",
    "title",
    "description",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "anyOf",
}
"""Keywords that every provider with strict tools can enforce; some of them refuse any other."""

_GEMINI = (
    {"type", "format", "title", "description", "enum", "items", "prefixItems", "minItems", "maxItems"}
    | {"minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required", "nullable"}
)  # fmt: skip
"""Keywords of JSON schema that Gemini reads. Source: https://ai.google.dev/api/caching#FunctionDeclaration"""


def closed(schema: JsonObject) -> JsonObject:
    """The schema with every object limited to the properties it names, as strict modes demand."""

    def close(node: JsonObject) -> JsonObject:
        return node | {"additionalProperties": False} if "properties" in node else node

    return _walked(schema, close)


def enforceable(schema: JsonObject) -> JsonObject | None:
    """The schema in the form in which providers enforce it; None if that would change what it means.

    They enforce only schemas in which every property is required and nothing but simple keywords is used.
    """
    strict = closed(schema)
    return strict if strict.get("type") == "object" and "properties" in strict and _is_enforceable(strict) else None


def _is_enforceable(node: Any) -> bool:
    if not isinstance(node, dict):
        return True
    properties = node.get("properties", {})
    if not node.keys() <= _ENFORCEABLE or properties.keys() != set(node.get("required", ())):
        return False
    if node.get("type") == "object" and node.get("additionalProperties") is not False:
        return False
    children = [*properties.values(), node.get("items"), *node.get("anyOf", ())]
    return all(_is_enforceable(child) for child in children)


def for_gemini(schema: JsonObject) -> JsonObject:
    """The schema without what Gemini can't read. References are replaced by what they refer to, as it lets nothing
    stand beside one."""

    def keep_known(node: JsonObject) -> JsonObject:
        if "const" in node:
            node = node | {"enum": [node["const"]]}
        return {name: value for name, value in node.items() if name in _GEMINI}

    return _walked(_resolved(schema, schema.get("$defs") or schema.get("definitions") or {}, ()), keep_known)


def _walked(node: JsonObject, change: Callable[[JsonObject], JsonObject]) -> JsonObject:
    """The schema with every schema in it changed. Names of properties are never taken for keywords."""
    return change({name: _walked_value(name, value, change) for name, value in node.items()})


def _walked_value(name: str, value: Any, change: Callable[[JsonObject], JsonObject]) -> Any:
    if name in {"properties", "$defs", "definitions"} and isinstance(value, dict):
        return {key: _walked(each, change) if isinstance(each, dict) else each for key, each in value.items()}
    if name in {"items", "additionalProperties", "not"} and isinstance(value, dict):
        return _walked(value, change)
    if name in {"anyOf", "oneOf", "allOf", "prefixItems"} and isinstance(value, list):
        return [_walked(each, change) if isinstance(each, dict) else each for each in value]
    return value


def _resolved(value: Any, definitions: JsonObject, path: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, definitions, path) for each in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    if not isinstance(reference, str):
        return {name: _resolved(each, definitions, path) for name, each in value.items()}
    name = reference.rpartition("/")[2]
    if name in path or name not in definitions:
        return {"type": "object"}  # recursive types have no end that could be written out
    beside = {key: each for key, each in value.items() if key != "$ref"}
    return _resolved(definitions[name], definitions, (*path, name)) | beside
