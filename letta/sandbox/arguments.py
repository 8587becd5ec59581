"""Arguments as a tool's schema wants them.

Models write ``"7"`` for 7, and objects as text; what can't be meant is told.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from letta.json_types import JsonObject

_SHOWN = 60
_FOR_THE_LOOP = {"request_heartbeat", "thinking"}
"""Arguments that models have been taught to give to any tool."""
_FAILED = object()


class ArgumentError(Exception):
    """The arguments don't fit. The message tells the model which, and what would."""


def fitted(arguments: JsonObject, parameters: JsonObject) -> JsonObject:
    """The arguments, with values of the types that the schema names wherever they can be read as such.

    Raises:
        ArgumentError: one is missing, unknown, or of another type.
    """
    known: Mapping[str, JsonObject] = parameters.get("properties") or {}
    given = {name: value for name, value in arguments.items() if name in known or name not in _FOR_THE_LOOP}
    unknown = [name for name in given if name not in known]
    if unknown and known and not parameters.get("additionalProperties"):
        raise ArgumentError(f"there is no argument '{unknown[0]}'. The arguments are: {', '.join(known)}")
    missing = [name for name in parameters.get("required") or () if name not in given]
    if missing:
        raise ArgumentError(f"the argument '{missing[0]}' is missing. Required: {', '.join(parameters['required'])}")
    return {name: _fitted(name, value, known.get(name) or {}) for name, value in given.items()}


def _fitted(where: str, value: Any, schema: Any) -> Any:
    if not isinstance(schema, dict) or value is None:
        return value
    kind = schema.get("type")
    if isinstance(kind, str) and kind in _READERS:
        read = _READERS[kind](value)
        if read is _FAILED:
            raise ArgumentError(f"the argument '{where}' must be of type {kind}, but is {_shown(value)}")
        value = read
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        raise ArgumentError(f"the argument '{where}' is {_shown(value)}, but must be one of {_shown(choices, 300)}")
    if isinstance(value, list):
        return _fitted_items(where, value, schema)
    if isinstance(value, dict):
        return _fitted_members(where, value, schema)
    return value


def _fitted_items(where: str, items: list[Any], schema: JsonObject) -> list[Any]:
    fixed = schema.get("prefixItems")
    if isinstance(fixed, list) and len(fixed) == len(items):
        return [
            _fitted(f"{where}.{place}", item, of) for place, (item, of) in enumerate(zip(items, fixed, strict=True))
        ]
    return [_fitted(f"{where}.{place}", item, schema.get("items")) for place, item in enumerate(items)]


def _fitted_members(where: str, members: JsonObject, schema: JsonObject) -> JsonObject:
    known = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    return {name: _fitted(f"{where}.{name}", value, known.get(name, others)) for name, value in members.items()}


def _integer(value: Any) -> Any:
    if isinstance(value, bool):
        return _FAILED
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else _FAILED


def _number(value: Any) -> Any:
    if isinstance(value, str):
        text = value.strip()
        for kind in (int, float):
            try:
                return kind(text)
            except (ValueError, OverflowError):
                continue
        return _FAILED
    return value if isinstance(value, int | float) and not isinstance(value, bool) else _FAILED


def _boolean(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), _FAILED)
    return value if isinstance(value, bool) else _FAILED


def _string(value: Any) -> Any:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _array(value: Any) -> Any:
    return _parsed(value, list)


def _object(value: Any) -> Any:
    return _parsed(value, dict)


def _parsed(value: Any, kind: type) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return _FAILED
    return value if isinstance(value, kind) else _FAILED


_READERS: dict[str, Callable[[Any], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "string": _string,
    "array": _array,
    "object": _object,
}


def _shown(value: Any, most: int = _SHOWN) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else text[: most - 1] + "…"
