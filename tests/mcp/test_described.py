"""Schemas of MCP servers, made fit for models."""

from typing import Any

import pytest

from letta.llm.json_schemas import for_gemini
from letta.mcp.described import INVALID, NON_STRICT, STRICT, described

Json = dict[str, Any]


def tool(schema: Any, name: str = "t") -> Json:
    return {"name": name, "description": "d", "inputSchema": schema}


def test_a_plain_schema_is_closed() -> None:
    found = described(tool({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}))
    assert (found.status, found.reasons) == (STRICT, [])
    assert found.parameters == {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }


def test_nothing_given() -> None:
    found = described({"name": "t", "inputSchema": {}})
    assert (found.status, found.description) == (STRICT, "t")
    assert found.parameters["properties"] == {}


def test_odd_parts_are_put_right() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "list": {"type": "array"},
            "any": True,
            "lost": {"$ref": "https://example.com/x.json"},
            "found": {"$ref": "#/$defs/F"},
            "$filter by": {"type": "string"},
            "nested": {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type", "gone"]},
        },
        "required": ["list", "missing", "$filter by"],
        "$defs": {"F": {"type": "object", "properties": {"again": {"$ref": "#/$defs/F"}}}},
        "anyOf": [{"required": ["any"]}, {"properties": {"other": {"type": "string"}}, "required": ["other"]}],
    }
    found = described(tool(schema))
    properties = found.parameters["properties"]
    assert found.status == NON_STRICT
    assert set(found.reasons) == {"a $ref has no target", "anyOf is used at the root"}
    assert properties["list"] == {"type": "array", "items": {}}
    assert (properties["any"], properties["lost"]) == ({}, {})
    assert properties["nested"]["required"] == ["type"]
    assert properties["nested"]["additionalProperties"] is False
    assert properties["other"] == {"type": "string"}
    assert found.parameters["required"] == ["list", "_filter_by"]
    assert found.arguments == {"_filter_by": "$filter by"}
    assert not {"anyOf", "$schema"} & found.parameters.keys()
    assert for_gemini(found.parameters)["properties"]["found"]["properties"]["again"] == {"type": "object"}


def test_all_of_at_the_root_keeps_what_is_required() -> None:
    parts = [{"properties": {"a": {"type": "string"}}, "required": ["a"]}]
    found = described(tool({"type": "object", "allOf": parts}))
    assert (found.parameters["properties"], found.parameters["required"]) == ({"a": {"type": "string"}}, ["a"])


def test_a_name_that_no_model_accepts() -> None:
    found = described(tool({}, name="github.com/issues list"))
    assert (found.name, found.remote_name) == ("github_com_issues_list", "github.com/issues list")


def deep(levels: int) -> Json:
    node: Json = {"type": "string"}
    for _ in range(levels):
        node = {"type": "object", "properties": {"a": node}}
    return node


def doubling(levels: int) -> Json:
    """A few lines that become millions where references are written out."""
    definitions = {
        f"d{n}": {"type": "object", "properties": {k: {"$ref": f"#/$defs/d{n + 1}"} for k in ("a", "b")}}
        for n in range(levels)
    }
    definitions[f"d{levels}"] = {"type": "string"}
    return {"type": "object", "properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": definitions}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"type": "array", "items": {}},
        deep(100),
        doubling(30),
        {"type": "object", "properties": {"a b": {}, "a/b": {}}},
    ],
)
def test_what_nobody_could_use_is_told(schema: Json) -> None:
    found = described(tool(schema))
    assert found.status == INVALID
    assert found.reasons


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": ["a"], "required": "a"},
        {"properties": {"a": {"enum": 3, "anyOf": {"x": 1}, "items": [{"type": "string"}], "required": [["a"]]}}},
        {"allOf": {"a": 1}, "anyOf": [True, 3]},
        {"$defs": 3, "properties": {"a": {"$ref": 3}}},
        {"type": ["object", "null"], "properties": None},
    ],
)
def test_nonsense_breaks_nothing(schema: Json) -> None:
    found = described(tool(schema))
    assert found.parameters["type"] == "object"
    for_gemini(found.parameters)
