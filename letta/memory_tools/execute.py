"""Carrying out calls of the built-in tools that edit memory."""

import json
from collections.abc import Callable
from typing import cast

from letta.database.text import storable
from letta.json_types import JsonObject
from letta.memory_tools import edits
from letta.memory_tools.commands import memory_command
from letta.memory_tools.errors import ToolError
from letta.memory_tools.memory import Memory
from letta.memory_tools.patch import memory_apply_patch
from letta.tools.registry import BY_NAME

_EDITORS: dict[str, Callable[..., str]] = {
    "core_memory_append": edits.core_memory_append,
    "core_memory_replace": edits.core_memory_replace,
    "memory": memory_command,
    "memory_apply_patch": memory_apply_patch,
    "memory_finish_edits": edits.memory_finish_edits,
    "memory_insert": edits.memory_insert,
    "memory_replace": edits.memory_replace,
    "memory_rethink": edits.memory_rethink,
}

THINKING = "thinking"
HEARTBEAT = "request_heartbeat"
"""Arguments that a model may be asked for with any call; they are for the loop, not for the tool."""

_SENT = "The message was sent."
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def edits_memory(name: str) -> bool:
    """Whether a built-in tool of this name edits blocks."""
    return name in _EDITORS


def edit_memory(memory: Memory, name: str, arguments: JsonObject) -> str:
    """Carry out one call on blocks that are locked in the current transaction.

    Raises:
        ToolError: the call can't be carried out. Nothing of it has been done then.
    """
    with memory.all_or_nothing():
        return _EDITORS[name](memory, **checked_arguments(name, arguments))


def send_message(arguments: JsonObject) -> str:
    """The return of the messaging tool; the message itself is the call.

    A message may be an object, where the agent's response format asks for one.
    """
    message = arguments.get("message")
    checked_arguments("send_message", arguments | ({"message": "{}"} if isinstance(message, dict) else {}))
    return _SENT


def read_arguments(text: str) -> JsonObject:
    """The arguments of a call as a model wrote them.

    Raises:
        ToolError: they are no JSON object.
    """
    try:
        arguments = json.loads(text or "{}")
    except RecursionError:
        raise ToolError("The arguments are nested too deeply. Call again with simpler ones.") from None
    except ValueError as error:
        raise ToolError(f"The arguments are not valid JSON ({error}). Call again with a JSON object.") from error
    if not isinstance(arguments, dict):
        raise ToolError("The arguments must be a JSON object.")
    return cast(JsonObject, storable(arguments))


def parse_arguments(text: str) -> JsonObject:
    """The arguments of a call that are for the tool itself.

    Raises:
        ToolError: they are no JSON object.
    """
    return {name: value for name, value in read_arguments(text).items() if name not in {HEARTBEAT, THINKING}}


def checked_arguments(name: str, arguments: JsonObject) -> JsonObject:
    """The arguments, held against the tool's own schema; those that are null are left out.

    Raises:
        ToolError: one is missing, unknown or of the wrong type.
    """
    schema = BY_NAME[name].parameters
    known = schema["properties"]
    given = {key: value for key, value in arguments.items() if value is not None}
    for key in schema["required"]:
        if key not in given:
            raise ToolError(f"{name} needs the argument '{key}'.")
    for key, value in given.items():
        if key not in known:
            raise ToolError(f"{name} has no argument '{key}'. Its arguments: {', '.join(known)}.")
        kind = known[key]["type"]
        if not isinstance(value, _JSON_TYPES[kind]) or (kind == "integer" and isinstance(value, bool)):
            raise ToolError(f"Argument '{key}' of {name} must be of type {kind}.")
    return given
