"""Arguments as models write them, and as tools want them."""

from typing import Any

import pytest

from letta.sandbox.arguments import ArgumentError, fitted


def schema(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required or []}


INTEGER = {"type": "integer"}
FITS: dict[str, tuple[Any, Any, Any]] = {
    "integer": (INTEGER, 7, 7),
    "integer in text": (INTEGER, " 7 ", 7),
    "integer with a point": (INTEGER, 7.0, 7),
    "number in text": ({"type": "number"}, "1.5", 1.5),
    "number": ({"type": "number"}, 1, 1),
    "boolean": ({"type": "boolean"}, True, True),
    "boolean in text": ({"type": "boolean"}, "False", False),
    "text": ({"type": "string"}, "a", "a"),
    "number for text": ({"type": "string"}, 12, "12"),
    "object for text": ({"type": "string"}, {"a": "ü"}, '{"a": "ü"}'),
    "array in text": ({"type": "array", "items": INTEGER}, '["1", 2]', [1, 2]),
    "object in text": ({"type": "object", "properties": {"a": INTEGER}}, '{"a": "1", "b": "2"}', {"a": 1, "b": "2"}),
    "mapping": ({"type": "object", "additionalProperties": INTEGER}, {"a": "1"}, {"a": 1}),
    "tuple": ({"type": "array", "prefixItems": [INTEGER, {"type": "string"}]}, ["1", "2"], [1, "2"]),
    "choice": ({"type": "string", "enum": ["a", "b"]}, "b", "b"),
    "null": (INTEGER, None, None),
    "anything": ({}, {"a": [1]}, {"a": [1]}),
    "several types": ({"anyOf": [INTEGER, {"type": "string"}]}, "7", "7"),
}


@pytest.mark.parametrize(("kind", "given", "value"), FITS.values(), ids=FITS)
def test_fits(kind: Any, given: Any, value: Any) -> None:
    fitting = fitted({"x": given}, schema(x=kind))["x"]
    assert (type(fitting), fitting) == (type(value), value)


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "word for integer": (INTEGER, "abc", "'x' must be of type integer, but is \"abc\""),
    "fraction for integer": (INTEGER, 1.5, "must be of type integer"),
    "endless integer": (INTEGER, "1e999", "must be of type integer"),
    "truth for integer": (INTEGER, True, "must be of type integer"),
    "word for boolean": ({"type": "boolean"}, "maybe", "must be of type boolean"),
    "text for array": ({"type": "array"}, "a, b", "must be of type array"),
    "array for object": ({"type": "object"}, [1], "must be of type object"),
    "no choice": ({"type": "string", "enum": ["a", "b"]}, "c", 'must be one of ["a", "b"]'),
    "inside": ({"type": "array", "items": INTEGER}, [1, "b"], "'x.1' must be of type integer"),
    "inside of inside": ({"type": "object", "properties": {"a": INTEGER}}, {"a": "b"}, "'x.a' must be"),
}


@pytest.mark.parametrize(("kind", "given", "told"), REFUSED.values(), ids=REFUSED)
def test_refused(kind: Any, given: Any, told: str) -> None:
    with pytest.raises(ArgumentError) as refusal:
        fitted({"x": given}, schema(x=kind))
    assert told in str(refusal.value)


def test_missing_and_unknown_arguments_are_named() -> None:
    with pytest.raises(ArgumentError, match="'x' is missing"):
        fitted({}, schema(["x"], x=INTEGER))
    with pytest.raises(ArgumentError, match=r"no argument 'y'\. The arguments are: x"):
        fitted({"x": 1, "y": 2}, schema(x=INTEGER))


def test_what_is_for_the_loop_is_left_out() -> None:
    given = {"x": 1, "request_heartbeat": True, "thinking": "…"}
    assert fitted(given, schema(x=INTEGER)) == {"x": 1}
    assert fitted(given, schema(x=INTEGER, thinking={"type": "string"})) == {"x": 1, "thinking": "…"}


def test_without_a_schema_arguments_are_as_they_are() -> None:
    assert fitted({"x": "1"}, {}) == {"x": "1"}
    assert fitted({"x": 1, "y": 2}, schema(x=INTEGER) | {"additionalProperties": True}) == {"x": 1, "y": 2}
