"""Cutting texts into passages and lines: nothing is lost, nothing too large, whatever the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letta.folders.child.chunks import chunks_of
from letta.folders.child.lines import lines_of
from letta.folders.views import view_of

TEXTS = st.text(st.sampled_from("ab .!?\n\t#。é") | st.characters(codec="utf-8"), max_size=600)


@given(TEXTS, st.integers(8, 80), st.integers(0, 20))
def test_passages_hold_all_that_is_said(text: str, size: int, overlap: int) -> None:
    chunks = chunks_of(text, size, min(overlap, size // 2))
    held: set[int] = set()
    for start, end in chunks:
        assert 0 < end - start <= size
        assert text[start:end].strip() == text[start:end]
        held |= set(range(start, end))
    assert all(text[place].isspace() for place in range(len(text)) if place not in held)
    assert chunks == sorted(chunks)
    assert len(set(chunks)) == len(chunks)


@given(TEXTS, st.booleans())
def test_lines_hold_all_that_is_said(text: str, prose: bool) -> None:
    lines = list(lines_of(text, prose=prose))
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(line.strip() and "\n" not in line for line in lines)


def test_a_passage_repeats_the_end_of_the_one_before() -> None:
    text = "".join(f"line {number:02d}\n" for number in range(30))
    chunks = chunks_of(text, 80, 20)
    assert [text[start:end].splitlines()[-2:] for start, end in chunks[:-1]] == [
        text[start:end].splitlines()[:2] for start, end in chunks[1:]
    ]


def test_a_heading_begins_a_passage() -> None:
    text = "# One\n" + "word " * 30 + "\n# Two\n" + "word " * 30
    assert [text[start:end][:5] for start, end in chunks_of(text, 240, 0)] == ["# One", "# Two"]


def test_long_texts_are_cut_in_linear_time() -> None:
    assert len(chunks_of("x" * 2_000_000, 1000, 200)) == 2000
    assert len(chunks_of("ab. " * 500_000, 1000, 200)) > 1000


@pytest.mark.parametrize(
    ("text", "prose", "lines"),
    [
        ("a\n\n  b\n", False, ["a", "  b"]),
        ("One. Two! Three", False, ["One. Two! Three"]),
        ("One. Two! Three", True, ["One.", "Two!", "Three"]),
        ('She said "Go." He went.', True, ['She said "Go."', "He went."]),
        ("一。二。", True, ["一。", "二。"]),
        ("", True, []),
    ],
)
def test_lines_by_which_agents_see_a_file(text: str, prose: bool, lines: list[str]) -> None:
    assert list(lines_of(text, prose=prose)) == lines


@given(TEXTS, st.integers(0, 300), st.integers(0, 5), st.integers(1, 5))
def test_a_view_is_no_longer_than_the_limit(text: str, limit: int, start: int, length: int) -> None:
    whole = view_of(text, prose=False, limit=10_000, line_count=9)
    assert whole.startswith("[Viewing file start (out of 9 lines)]")
    assert len(view_of(text, prose=False, limit=limit, line_count=9)) <= limit
    part = view_of(text, prose=False, limit=10_000, line_count=9, start=start, end=start + length)
    assert part.split("\n")[1:] == whole.split("\n")[1 + start : 1 + start + length]
