"""Tools that come with the server, and how their rooms describe them to a model."""

from dataclasses import dataclass

from letta.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class BuiltinTool:
    """A built-in tool. ``parameters`` is a JSON schema of type object."""

    name: str
    tool_type: str
    description: str
    parameters: JsonObject
    enable_parallel_execution: bool = False


def text(description: str) -> JsonObject:
    """A parameter that is a text."""
    return {"type": "string", "description": description}


def integer(description: str) -> JsonObject:
    """A parameter that is a whole number."""
    return {"type": "integer", "description": description}


def parameters(required: list[str], **properties: JsonObject) -> JsonObject:
    """The schema of a tool's parameters."""
    return {"type": "object", "properties": properties, "required": required}
