"""Reading arguments while they are written."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letta.turn.argument_stream import ArgumentReader

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
objects = st.dictionaries(st.text(max_size=8), json_values, max_size=5)


def read(text: str, cuts: list[int]) -> tuple[dict[str, str], dict[str, str], bool]:
    """The raw JSON and the decoded text of each member, read in pieces."""
    reader = ArgumentReader()
    raw: dict[str, str] = {}
    decoded: dict[str, str] = {}
    edges = [0, *sorted({cut % (len(text) + 1) for cut in cuts}), len(text)]
    for start, end in pairwise(edges):
        for piece in reader.feed(text[start:end]):
            assert piece.first == (piece.name not in raw)
            raw[piece.name] = raw.get(piece.name, "") + piece.raw
            if piece.text is not None:
                decoded[piece.name] = decoded.get(piece.name, "") + piece.text
    return raw, decoded, reader.ended


@given(objects, st.lists(st.integers(0, 1000), max_size=20), st.booleans(), st.sampled_from([None, 2]))
def test_pieces_add_up_however_they_are_cut(
    arguments: dict[str, Any], cuts: list[int], ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(arguments, ensure_ascii=ascii_only, indent=indent)
    raw, decoded, ended = read(text, cuts)
    assert ended
    assert {name: json.loads(value) for name, value in raw.items()} == arguments
    assert decoded == {name: value for name, value in arguments.items() if isinstance(value, str)}


@given(st.text(), st.lists(st.integers(0, 1000), max_size=20))
def test_what_is_no_object_is_passed_over(text: str, cuts: list[int]) -> None:
    read(text, cuts)


def test_text_is_told_as_soon_as_it_is_certain() -> None:
    reader = ArgumentReader()
    assert reader.feed('{"mess') == []
    assert [(p.text, p.first) for p in reader.feed('age": "Hel')] == [("Hel", True)]
    assert [(p.text, p.first) for p in reader.feed("lo\\")] == [("lo", False)]
    assert [p.text for p in reader.feed("nAd\\u00e")] == ["\nAd"]
    assert [p.text for p in reader.feed('9", "x": 1')] == ["é", None]
    assert not reader.ended
    assert reader.feed("}") == []
    assert reader.ended


@pytest.mark.parametrize("text", [r'{"a": "\ud83d\ude00"}', '{"a": "😀"}'])
def test_a_character_outside_the_basic_plane(text: str) -> None:
    assert read(text, list(range(len(text))))[1] == {"a": "😀"}


@pytest.mark.parametrize("inside", [r"\ud83d", r"\ude00", r"\ud83dx", r"\ud83d\n"])
def test_half_a_character_is_replaced(inside: str) -> None:
    text = read('{"a": "' + inside + '"}', [])[1]["a"]
    assert text.startswith("\ufffd")
    text.encode()
