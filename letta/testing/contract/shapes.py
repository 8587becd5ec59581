"""What JSON answers look like: names of fields, and of which kinds their values were, of as many answers as there are.

A shape is `{"kinds": […]}`, with `fields` (a shape each) of objects and `items` (one shape) of lists. Things with an id
and messages are told once, by the beginning of the id or the type of the message; elsewhere `#agent` stands for them.
Of objects whose names are data, such as metadata, no more is told than that they are there.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

Shape = dict[str, Any]

_ID = re.compile(r"([a-z_-]+)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMES_ARE_DATA = {
    "args_json_schema",
    "child_output_mapping",
    "custom_headers",
    "env",
    "error_data",
    "func_response",
    "functions_definitions",
    "inputSchema",
    "json_schema",
    "metadata",
    "metadata_",
    "outputSchema",
    "properties",
    "request_json",
    "response_json",
}
_KINDS: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", type(None): "null"}


class Shapes:
    """The shapes of answers, by operation, and of the things in them."""

    def __init__(self, operations: Iterable[str]) -> None:
        """`operations` are those that answers belong to, such as `GET /v1/agents/{agent_id}`."""
        ordered = sorted(operations, key=lambda operation: operation.count("{"))
        self._operations = [(re.compile(_pattern(operation)), operation) for operation in ordered]
        self.answers: dict[str, Shape] = {}
        self.things: dict[str, Shape] = {}

    def take(self, method: str, path: str, answer: Any) -> None:
        """Note an answer; of what is no operation here, only the things in it."""
        asked = f"{method} {path.rstrip('/')}"
        operation = next((name for pattern, name in self._operations if pattern.fullmatch(asked)), "")
        self.answers[operation] = self._shape(answer, self.answers.get(operation))

    def take_event(self, event: Any) -> None:
        """Note an event of a stream."""
        self._shape(event, None)

    def _shape(self, value: Any, known: Shape | None) -> Shape:
        shape: Shape = known if known is not None else {"kinds": []}
        thing = _thing(value)
        kind = f"#{thing}" if thing else _kind(value)
        if kind not in shape["kinds"]:
            shape["kinds"] = sorted([*shape["kinds"], kind])
        if thing:
            self.things[thing] = self._with_fields(value, self.things.get(thing, {"kinds": ["object"]}))
        elif isinstance(value, list):
            for item in value:
                shape["items"] = self._shape(item, shape.get("items"))
        elif isinstance(value, dict):
            self._with_fields(value, shape)
        return shape

    def _with_fields(self, value: dict[str, Any], shape: Shape) -> Shape:
        fields = shape.setdefault("fields", {})
        for name, field in value.items():
            known = "{}" if _ID.fullmatch(name) else name
            told = type(field)() if name in _NAMES_ARE_DATA and isinstance(field, dict | list) else field
            fields[known] = self._shape(told, fields.get(known))
        return shape


def _pattern(operation: str) -> str:
    return re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(operation.rstrip("/")))


def _thing(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    if "message_type" in value:
        return str(value["message_type"])
    found = _ID.fullmatch(value["id"]) if isinstance(value.get("id"), str) else None
    return found[1] if found else None


def _kind(value: Any) -> str:
    return "list" if isinstance(value, list) else _KINDS.get(type(value), "object")


def differences(own: Shape, wanted: Shape, at: str) -> Iterator[str]:
    """What the wanted shape has and ours lacks, or has of other kinds. Nothing is told of what was never there."""
    ours, theirs = set(own["kinds"]) - {"null"}, set(wanted["kinds"]) - {"null"}
    if theirs and not ours <= theirs:
        yield f"{at}: {'|'.join(sorted(ours))} instead of {'|'.join(sorted(theirs))}"
    if not ours and "null" not in wanted["kinds"]:
        yield f"{at}: always null"
    if "items" in own and "items" in wanted:
        yield from differences(own["items"], wanted["items"], f"{at}[]")
    if "fields" in own:
        for name, field in wanted.get("fields", {}).items():
            if name in own["fields"]:
                yield from differences(own["fields"][name], field, f"{at}.{name}")
            else:
                yield f"{at}.{name}: missing"
