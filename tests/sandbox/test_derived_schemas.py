"""Schemas derived from well-meant sources."""

import textwrap
from typing import Any

import pytest

from letta.sandbox.schema import derive_schema, describe_with, function_name


def parameters(signature: str, *, before: str = "", explained: str = "") -> dict[str, Any]:
    """The parameters of a function whose parameters are all explained."""
    names = [part.partition(":")[0].strip() for part in explained.split(",")] if explained else ["x"]
    lines = "".join(f"\n        {name}: meaning of {name}" for name in names)
    source = f'{textwrap.dedent(before)}\ndef tool({signature}) -> str:\n    """Do it.\n\n    Args:{lines}\n    """\n'
    found: dict[str, Any] = derive_schema(source)["parameters"]
    return found


def schema_of(annotation: str, *, before: str = "") -> dict[str, Any]:
    """The schema of one parameter, without its description."""
    found = dict(parameters(f"x: {annotation}", before=before)["properties"]["x"])
    assert found.pop("description")
    return found


def test_a_tool_has_name_description_and_parameters() -> None:
    source = '''
def roll_dice(sides: int, times: int = 1) -> str:
    """
    Roll a die a number of times.

    Args:
        sides (int): Number of sides.
        times (int): Number of rolls.

    Returns:
        str: Text with the result.
    """
    return f"rolled {times}d{sides}"
'''
    assert derive_schema(source) == {
        "name": "roll_dice",
        "description": "Roll a die a number of times.",
        "parameters": {
            "type": "object",
            "properties": {
                "sides": {"type": "integer", "description": "Number of sides."},
                "times": {"type": "integer", "description": "Number of rolls."},
            },
            "required": ["sides"],
        },
    }


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("Any", {}),
        ("list", {"type": "array", "items": {"type": "string"}}),
        ("List", {"type": "array", "items": {"type": "string"}}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        ("typing.List[int]", {"type": "array", "items": {"type": "integer"}}),
        ("Sequence[dict]", {"type": "array", "items": {"type": "object"}}),
        ("set", {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        ("set[str]", {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        ("list[list[float]]", {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}),
        ("dict", {"type": "object"}),
        ("Dict[str, Any]", {"type": "object"}),
        ("dict[str, int]", {"type": "object", "additionalProperties": {"type": "integer"}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            "tuple[int, int]",
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "integer"}],
                "items": {"type": "integer"},
                "minItems": 2,
                "maxItems": 2,
            },
        ),
        ("Literal['a', 'b']", {"type": "string", "enum": ["a", "b"]}),
        ("Literal[1, -2]", {"type": "integer", "enum": [1, -2]}),
        ("Literal[True, 1]", {"enum": [True, 1]}),
        ("Literal['a', 'a']", {"type": "string", "enum": ["a"]}),
        ("'list[int]'", {"type": "array", "items": {"type": "integer"}}),
        ("list['int']", {"type": "array", "items": {"type": "integer"}}),
    ],
)
def test_types(annotation: str, schema: dict[str, Any]) -> None:
    assert schema_of(annotation) == schema


def test_a_tuple_of_several_types_names_them_as_items() -> None:
    assert schema_of("Tuple[str, int]")["items"] == {"anyOf": [{"type": "string"}, {"type": "integer"}]}


@pytest.mark.parametrize(
    "annotation", ["Optional[int]", "Union[int, None]", "int | None", "None | int", "'int | None'", "t.Optional['int']"]
)
def test_what_may_be_none_is_not_required(annotation: str) -> None:
    found = parameters(f"x: {annotation}", before="import typing as t")
    assert found["required"] == []
    assert found["properties"]["x"]["type"] == "integer"


def test_a_literal_with_none_is_optional() -> None:
    found = parameters("x: Literal['a', None]")
    assert found["required"] == []
    assert found["properties"]["x"]["enum"] == ["a"]


def test_only_parameters_without_default_are_required() -> None:
    found = parameters("a: int, b: int = 1, *, c: str, d: str = 'z'", explained="a,b,c,d")
    assert found["required"] == ["a", "c"]


def test_what_the_server_fills_in_is_left_out() -> None:
    assert list(parameters("self, agent_state, x: int")["properties"]) == ["x"]


@pytest.mark.parametrize(
    ("statement", "annotation"),
    [
        ("import typing", "typing.Optional[str]"),
        ("import typing as t", "t.Optional[str]"),
        ("from typing import Optional as Maybe", "Maybe[str]"),
        ("import collections.abc", "collections.abc.Sequence[str]"),
        ("from collections.abc import Sequence as S", "S[str]"),
    ],
)
def test_names_are_followed_through_imports(statement: str, annotation: str) -> None:
    assert schema_of(annotation, before=statement)["type"] in {"string", "array"}


def test_aliases_are_followed() -> None:
    assert schema_of("Mode", before="Mode = Literal['on', 'off']") == {"type": "string", "enum": ["on", "off"]}
    assert schema_of("list[Mode]", before="Mode: TypeAlias = int") == {"type": "array", "items": {"type": "integer"}}


def test_annotated_explains_and_limits() -> None:
    source = '''
from typing import Annotated
from pydantic import Field

def tool(x: Annotated[int, Field(ge=1, le=9, description="One to nine.")], y: Annotated[str, "A word."] = "a") -> str:
    """Do it."""
'''
    assert derive_schema(source)["parameters"] == {
        "type": "object",
        "properties": {
            "x": {"type": "integer", "minimum": 1, "maximum": 9, "description": "One to nine."},
            "y": {"type": "string", "description": "A word."},
        },
        "required": ["x"],
    }


def test_pydantic_models_are_objects() -> None:
    models = """
    from typing import ClassVar, Optional
    from pydantic import BaseModel, ConfigDict, Field

    class Place(BaseModel):
        '''Where something is.'''
        model_config: ConfigDict = ConfigDict()
        kind: ClassVar[str] = "place"
        _hidden: int = 0
        name: str = Field(..., description="Its name.", min_length=1)
        zoom: int = Field(3, ge=1)
        tags: list[str] = Field(default_factory=list, alias="labels")
        note: Optional[str] = None

        def method(self): ...

    class Trip(Place):
        name: str = "home"
        stops: list[Place]
    """
    place = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "description": "Its name."},
            "zoom": {"type": "integer", "minimum": 1},
            "labels": {"type": "array", "items": {"type": "string"}},
            "note": {"type": "string"},
        },
        "required": ["name"],
        "description": "Where something is.",
    }
    assert schema_of("list[Place]", before=models) == {"type": "array", "items": place}
    found = parameters("x: Trip", before=models)["properties"]["x"]
    assert list(found["properties"]) == ["zoom", "labels", "note", "name", "stops"]
    assert found["properties"]["name"] == {"type": "string"}
    assert found["required"] == ["stops"]
    assert found["properties"]["stops"]["items"] == place
    assert found["description"] == "meaning of x"


def test_typed_dictionaries_are_objects() -> None:
    classes = """
    class Options(TypedDict):
        depth: int
        name: NotRequired[str]

    class Loose(TypedDict, total=False):
        a: Required[int]
        b: int
    """
    assert schema_of("Options", before=classes)["required"] == ["depth"]
    assert schema_of("Options", before=classes)["properties"]["name"] == {"type": "string"}
    assert schema_of("Loose", before=classes)["required"] == ["a"]


def test_enumerations_are_choices() -> None:
    classes = """
    class Colour(str, Enum):
        RED = "red"
        BLUE = "blue"
        _ignored = "x"

    class Level(IntEnum):
        LOW = 1
        HIGH = 2
    """
    assert schema_of("Colour", before=classes) == {"type": "string", "enum": ["red", "blue"]}
    assert schema_of("Level", before=classes) == {"type": "integer", "enum": [1, 2]}


def test_long_descriptions_and_examples_are_told() -> None:
    source = '''
def tool(x: int) -> str:
    """Do it.

    With care.

    Args:
        x (int, optional): a number,
            written out

    Example:
        >>> tool(1)
        "one"
    """
'''
    found = derive_schema(source)
    assert found["description"] == 'Do it.\n\nWith care.\n\nExamples:\n>>> tool(1)\n"one"'
    assert found["parameters"]["properties"]["x"]["description"] == "a number,\nwritten out"


def test_the_last_function_at_the_top_is_the_tool() -> None:
    source = 'def helper(y): ...\nasync def tool():\n    """Do."""\n    def inner(z): ...\n'
    source += "class A:\n    def method(self): ...\n"
    assert function_name(source) == "tool"
    assert derive_schema(source)["parameters"] == {"type": "object", "properties": {}, "required": []}


def test_given_arguments_replace_the_signature() -> None:
    given = {"title": "A", "type": "object", "properties": {"y": {"type": "integer"}}, "required": ["y"]}
    found = describe_with('def tool(x):\n    """Do."""\n', given)
    assert found == {
        "name": "tool",
        "description": "Do.",
        "parameters": {"type": "object", "properties": {"y": {"type": "integer"}}, "required": ["y"]},
    }


def test_given_arguments_may_bring_the_description_and_definitions() -> None:
    given = {"description": "Told.", "properties": {"y": {"$ref": "#/$defs/Y"}}, "$defs": {"Y": {"type": "integer"}}}
    found = describe_with("def tool(x): ...", given)
    assert found["description"] == "Told."
    assert found["parameters"]["$defs"] == {"Y": {"type": "integer"}}
    assert found["parameters"]["required"] == []
