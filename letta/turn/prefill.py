"""Arguments of calls that tool rules fix in advance."""

import json

from letta.json_types import JsonObject
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import read_arguments
from letta.tools.tool import Tool
from letta.turn.schemas import parameters_of
from letta.turn.tool_rules import ToolRules

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class PrefillError(ToolError):
    """A rule fixes an argument that the tool doesn't take."""


def with_fixed_arguments(rules: ToolRules, tool: Tool, call: JsonObject) -> JsonObject:
    """The call with those arguments that the rules in force fix, whatever the model wrote.

    Raises:
        PrefillError: the tool doesn't take such arguments.
        ToolError: what the model wrote is no JSON object.
    """
    fixed = rules.prefilled(tool.name)
    if not fixed:
        return call
    properties = parameters_of(tool.json_schema)["properties"]
    for name, value in fixed.items():
        if name not in properties:
            raise PrefillError(
                f"A tool rule sets the argument '{name}' of {tool.name}, which has no such argument. Correct the rule."
            )
        if not _fits(value, properties[name]):
            raise PrefillError(
                f"A tool rule fixes the argument '{name}' of {tool.name} to {json.dumps(value)}, which is not of type "
                f"{properties[name]['type']}. Correct the rule."
            )
    arguments = read_arguments(call["arguments"]) | fixed
    return call | {"arguments": json.dumps(arguments, ensure_ascii=False)}


def _fits(value: object, schema: JsonObject) -> bool:
    kinds = schema.get("type")
    if kinds is None:
        return True
    names = kinds if isinstance(kinds, list) else [kinds]
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, _JSON_TYPES.get(name, (object,))) for name in names)
