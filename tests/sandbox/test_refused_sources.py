"""Sources that can't be described, or mean harm: each is refused in one clear sentence, and nothing of it runs."""

import contextlib
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letta.sandbox.errors import SchemaError, SourceError
from letta.sandbox.schema import derive_schema, describe_with
from letta.sandbox.source import MAX_SOURCE_CHARACTERS


def function(
    signature: str, *, docstring: str = "Do it.\n\n    Args:\n        x: a thing\n    ", before: str = ""
) -> str:
    return f'{before}\ndef tool({signature}) -> str:\n    """{docstring}"""\n'


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "no function"),
        ("x = 1", "no function"),
        ("class A:\n    def method(self): ...", "no function"),
        ("def broken(:\n  pass", "line 1"),
        ("this is not python", "no function"),
        ("def tool(): ...\0", "not valid Python|character"),  # the second until Python 3.11.3
        ("x = '\ud800'", "character"),
        ("x = " + "9" * 5000, "not valid Python"),
        ("-" * 100_000 + "1", "too deeply"),
        ("1" + "+1" * 90_000, "too deeply"),
        ("a" + ".a" * 90_000, "too deeply"),
        ("(" * 5000, "not valid Python"),
        ("#" * (MAX_SOURCE_CHARACTERS + 1), "Move data out"),
    ],
)
def test_what_is_no_source(source: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        derive_schema(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def tool(a):\n    return a\n", "'tool' has no docstring. Add one"),
        (function("x"), "parameter 'x' of 'tool' has no type annotation. Add one, such as 'x: str'"),
        (function("y: int"), "parameter 'y' of 'tool' is not described. Add a line 'y"),
        (function("x: int", docstring="Do it.\n:param x: a thing"), "parameter 'x' of 'tool' is not described"),
        (function("x: int", docstring="Do it.\n\n    Args:\n    x: a thing\n    "), "Google style"),
        (function("x: int", docstring="Do it.\n\n    Args:\n        x (int) a thing\n    "), "Google style"),
        (function("*x: int"), "that can't be passed by name"),
        (function("**x: int"), "that can't be passed by name"),
        (function("x: int, /"), "that can't be passed by name"),
        (function("x: int | str"), "parameter 'x' of 'tool' allows several types"),
        (function("x: Union[int, str, None]"), "allows several types"),
        (function("x: None"), "'None' of parameter 'x'"),
        (function("x: Optional[None]"), "'None' of parameter 'x'"),
        (function("x: list[int, str]"), "can't be described"),
        (function("x: datetime", before="from datetime import datetime"), "type 'datetime' of parameter 'x'"),
        (function("x: List", before="from mine import List"), "can't be described"),
        (function("x: Callable[[int], str]"), "can't be described"),
        (function("x: dict[int, str]"), r"Use dict\[str"),
        (function("x: Literal[1.5]"), "must be text, whole numbers or truth values"),
        (function("x: Literal[1, f()]"), "must be text, whole numbers or truth values"),
        (function("x: 'list['"), "not valid Python"),
        (function("x: A", before="class A:\n    y: int"), "Class 'A' can't be described"),
        (function("x: A", before="class A(Enum):\n    B = auto()"), "choices of class 'A'"),
        (
            function("x: A", before="class A(BaseModel):\n    y: A"),
            "type 'A' of field 'y' of class 'A' contains itself",
        ),
        (function("x: A", before="A = list['A']"), "contains itself"),
        (function("x: A", before="class A(BaseModel):\n    y: object"), "field 'y' of class 'A'"),
    ],
)
def test_what_cannot_be_described(source: str, words: str) -> None:
    with pytest.raises(SchemaError, match=words) as caught:
        derive_schema(source)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "parameter",
    [
        "x: TOUCH",
        "x: list[TOUCH]",
        "x: 'TOUCH'",
        "x: Literal[TOUCH]",
        "x: (lambda: TOUCH)()",
        "x: [y for y in [TOUCH]]",
        "x: (y := TOUCH)",
        "x: f'{TOUCH}'",
        "x: TOUCH.kind",
        "x: int if TOUCH else str",
        "x: int = TOUCH",
        "x: Annotated[int, Field(description=TOUCH)]",
        "x: A",
        "x: B",
    ],
)
def test_nothing_in_a_source_is_evaluated(parameter: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    touch = f'open("{trace}", "w")'
    before = (
        f"{touch}\nA = {touch}\nclass B(BaseModel, meta={touch}):\n    y: int = Field({touch})\n@decorated({touch})"
    )
    with contextlib.suppress(SchemaError):  # no SourceError: each of them is valid Python
        derive_schema(function(parameter.replace("TOUCH", touch), before=before))
    assert not trace.exists()


def _layers(first: str, step: str, count: int = 40) -> str:
    return first + "".join("\n" + step.format(this=f"T{i}", last=f"T{i - 1}") for i in range(1, count))


@pytest.mark.parametrize(
    ("before", "annotation"),
    [
        (_layers("T0 = int", "{this} = tuple[{last}, {last}]"), "T39"),
        (_layers("class T0(BaseModel):\n  a: int", "class {this}(BaseModel):\n  a: {last}\n  b: {last}"), "T39"),
        (_layers("class T0(BaseModel):\n  a: int", "class {this}({last}, {last}):\n  b: int"), "T39"),
        (_layers("class T0(T1):\n  a: int", "class {this}({last}):\n  b: int"), "T39"),
        ("", "tuple[" + "int," * 20_000 + "]"),
        ("", "|".join(["int"] * 900)),
        ("", "Literal[" + "1," * 20_000 + "]"),
        ("", "list[" * 90 + "int" + "]" * 90),
        (_layers("T0 = int", "{this} = list[{last}]", 900), "T899"),
    ],
    ids=["aliases", "fields", "bases", "circle", "wide", "union", "choices", "deep", "chain"],
)
def test_a_source_cannot_keep_the_server_busy(before: str, annotation: str) -> None:
    started = time.process_time()
    with contextlib.suppress(SchemaError, SourceError):
        derive_schema(function(f"x: {annotation}", before=before))
    assert time.process_time() - started < 5


@pytest.mark.parametrize("arguments", [{"type": "string"}, {"properties": []}])
def test_given_arguments_must_be_an_object(arguments: dict[str, object]) -> None:
    with pytest.raises(SchemaError, match="args_json_schema"):
        describe_with('def tool():\n    """Do."""', arguments)


def test_values_that_json_does_not_know_are_left_out() -> None:
    source = function("x: Annotated[float, Field(le=1e999, ge=1j, description=b'x')]")
    assert derive_schema(source)["parameters"]["properties"]["x"] == {"type": "number", "description": "a thing"}


@settings(max_examples=300, deadline=None)
@given(
    annotation=st.text(alphabet="intsrOptional[Literal]|,.'\"( )=:\n1\\{}", max_size=40),
    documentation=st.text(max_size=60),
)
def test_whatever_is_written_is_described_or_refused(annotation: str, documentation: str) -> None:
    source = f"def tool(x: {annotation}):\n    {documentation!r}\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        with contextlib.suppress(SchemaError, SourceError):
            assert derive_schema(source)["name"] == "tool"
