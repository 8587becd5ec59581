"""Schemas in the forms that providers accept."""

from typing import Any

import pytest

from letta.llm.json_schemas import closed, enforceable, for_gemini

TEXT = {"type": "string"}


def obj(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def test_every_object_is_closed() -> None:
    schema = obj(["a"], a={"type": "array", "items": obj([], properties=TEXT)})
    shut = {"additionalProperties": False}
    inner = obj([], properties=TEXT) | shut
    assert closed(schema) == obj(["a"], a={"type": "array", "items": inner}) | shut


@pytest.mark.parametrize(
    "schema",
    [
        obj(["a"], a=TEXT),
        obj(["a"], a={"anyOf": [TEXT, {"type": "null"}]}),
        obj(["a"], a=obj(["b"], b=TEXT)),
        obj([]),
    ],
)
def test_what_can_be_enforced(schema: dict[str, Any]) -> None:
    assert enforceable(schema) == closed(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        obj([], a=TEXT),
        obj(["a"], a=TEXT | {"pattern": "x"}),
        obj(["a"], a={"type": "object"}),
        obj(["a"], a={"type": "array", "items": obj([], b=TEXT)}),
    ],
)
def test_what_cannot(schema: dict[str, Any]) -> None:
    assert enforceable(schema) is None


def test_gemini_gets_only_what_it_reads() -> None:
    schema = {
        "$schema": "about:blank",
        "$defs": {"Point": obj(["x"], x={"type": "number", "exclusiveMinimum": 0})},
        **obj(["pattern"], pattern={"$ref": "#/$defs/Point", "description": "where"}, kind={"const": "dot"}),
    }
    point = obj(["x"], x={"type": "number"})
    assert for_gemini(schema) == obj(["pattern"], pattern=point | {"description": "where"}, kind={"enum": ["dot"]})


def test_gemini_gets_recursive_types_cut_off() -> None:
    node = obj([], child={"$ref": "#/$defs/Node"})
    found = for_gemini({"$defs": {"Node": node}, **obj([], root={"$ref": "#/$defs/Node"})})
    assert found == obj([], root=obj([], child={"type": "object"}))
