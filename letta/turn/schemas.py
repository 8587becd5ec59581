"""What a model is told of the tools that it may call."""

from letta.json_types import JsonObject
from letta.tools.tool import Tool
from letta.turn.tool_rules import ToolRules

_NO_PARAMETERS: JsonObject = {"type": "object", "properties": {}, "required": []}
_SHOWN = ("name", "description", "parameters")


def plain_schema(tool: Tool) -> JsonObject:
    """The tool's own schema: name, description and parameters."""
    return {name: tool.json_schema[name] for name in _SHOWN if tool.json_schema.get(name) is not None}


def parameters_of(schema: JsonObject) -> JsonObject:
    """The parameters of a tool's schema, with all that a JSON schema of an object has."""
    parameters: JsonObject = {**_NO_PARAMETERS, **(schema.get("parameters") or {})}
    return parameters


def with_response_format(schema: JsonObject, rules: ToolRules, response_format: JsonObject | None) -> JsonObject:
    """The schema of a tool that delivers the agent's words, held to the format that these have to have.

    That is ``send_message`` with its ``message``, and tools that end the turn with their only parameter.
    """
    wanted = _wanted(response_format)
    name = schema["name"]
    if wanted is None or not (name == "send_message" or rules.ends_turn(name)):
        return schema
    parameters = parameters_of(schema)
    properties = parameters["properties"]
    if name != "send_message" and len(properties) != 1:
        return schema
    argument = "message" if "message" in properties else next(iter(properties))
    described = {"description": properties[argument].get("description", "")}
    return schema | {"parameters": parameters | {"properties": properties | {argument: wanted | described}}}


def _wanted(response_format: JsonObject | None) -> JsonObject | None:
    """The JSON schema of a response format; None for plain text."""
    given = response_format or {}
    match given.get("type"):
        case "json_schema":
            described: JsonObject = given.get("json_schema") or {}
            schema: JsonObject = described.get("schema", described)
            return schema
        case "json_object":
            return {"type": "object"}
    return None
