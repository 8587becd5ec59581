"""The tools that edit one block at a time."""

import pytest

from tests.memory_tools.conftest import NewEditor


def test_append_adds_a_line(new_editor: NewEditor) -> None:
    edit = new_editor(human="Ada")
    assert edit("core_memory_append", label="human", content="Likes tea.") == "Ada\nLikes tea."
    assert edit.memory.changed["block-human"].value == "Ada\nLikes tea."


def test_replace_changes_every_occurrence(new_editor: NewEditor) -> None:
    edit = new_editor(human="tea, green tea")
    assert edit("core_memory_replace", label="human", old_content="tea", new_content="rum") == "rum, green rum"


def test_replace_with_nothing_deletes(new_editor: NewEditor) -> None:
    edit = new_editor(human="Ada, rude")
    assert edit("core_memory_replace", label="human", old_content=", rude", new_content="") == "Ada"


@pytest.mark.parametrize(
    ("line", "value"),
    [(0, "new\na\nb"), (1, "a\nnew\nb"), (2, "a\nb\nnew"), (-1, "a\nb\nnew"), (None, "a\nb\nnew")],
)
def test_insert_puts_text_after_a_line(new_editor: NewEditor, line: int | None, value: str) -> None:
    edit = new_editor(notes="a\nb")
    assert edit("memory_insert", label="notes", new_string="new", insert_line=line) == value


@pytest.mark.parametrize("line", [-2, 3, 99])
def test_insert_beyond_the_block_tells_its_size(new_editor: NewEditor, line: int) -> None:
    told = new_editor(notes="a\nb").error("memory_insert", label="notes", new_string="x", insert_line=line)
    assert "has 2 lines" in told
    assert "0 to 2" in told


def test_replacing_one_occurrence(new_editor: NewEditor) -> None:
    edit = new_editor(notes="one\ntwo")
    assert edit("memory_replace", label="notes", old_string="two", new_string="three") == "one\nthree"


def test_replacing_what_occurs_twice_tells_where(new_editor: NewEditor) -> None:
    told = new_editor(notes="tea\nrum\ntea").error("memory_replace", label="notes", old_string="tea", new_string="x")
    assert "2 times" in told
    assert "[1, 3]" in told


@pytest.mark.parametrize("old", ["absent", ""])
def test_replacing_what_does_not_occur(new_editor: NewEditor, old: str) -> None:
    assert "not found" in new_editor(notes="a").error("memory_replace", label="notes", old_string=old, new_string="x")


def test_tabs_are_compared_as_the_model_saw_them(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a\tb")
    assert edit("memory_replace", label="notes", old_string="a       b", new_string="c\td") == "c       d"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("memory_insert", {"new_string": "3→ x"}),
        ("memory_replace", {"old_string": "3→ x", "new_string": "y"}),
        ("memory_replace", {"old_string": "a", "new_string": "  12→ y"}),
        ("memory_rethink", {"new_memory": "a\n2→ b"}),
    ],
)
def test_line_numbers_are_not_for_writing(new_editor: NewEditor, name: str, arguments: dict[str, str]) -> None:
    assert "line numbers" in new_editor(notes="a").error(name, label="notes", **arguments)


def test_an_arrow_within_a_line_is_no_line_number(new_editor: NewEditor) -> None:
    edit = new_editor(notes="")
    assert edit("memory_rethink", label="notes", new_memory="from 1→ to 2") == "from 1→ to 2"


def test_rethinking_a_block_that_is_not_there_makes_it(new_editor: NewEditor) -> None:
    edit = new_editor()
    assert edit("memory_rethink", label="plans", new_memory="rest") == "rest"
    (made,) = edit.memory.created.values()
    assert (made.label, made.value) == ("plans", "rest")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("core_memory_append", {"content": "x"}),
        ("core_memory_replace", {"old_content": "stays", "new_content": "x"}),
        ("memory_insert", {"new_string": "x"}),
        ("memory_replace", {"old_string": "stays", "new_string": "x"}),
        ("memory_rethink", {"new_memory": "x"}),
        ("memory_apply_patch", {"patch": "-stays\n+goes"}),
    ],
)
def test_read_only_blocks_stay(new_editor: NewEditor, name: str, arguments: dict[str, str]) -> None:
    assert "read-only" in new_editor().error(name, label="fixed", **arguments)


def test_an_unknown_label_is_answered_with_those_there_are(new_editor: NewEditor) -> None:
    told = new_editor(human="", persona="").error("core_memory_append", label="huamn", content="x")
    assert all(f"'{label}'" in told for label in ("huamn", "human", "persona", "fixed"))


def test_a_value_beyond_the_limit_is_refused_with_both_numbers(new_editor: NewEditor) -> None:
    told = new_editor(notes="a").error("core_memory_append", label="notes", content="x" * 99)
    assert "101" in told
    assert "100" in told


def test_several_edits_of_one_block_build_on_each_other(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a")
    edit("core_memory_append", label="notes", content="b")
    edit("memory_insert", label="notes", new_string="c", insert_line=0)
    assert list(edit.memory.changed) == ["block-notes"]
    assert edit.memory.changed["block-notes"].value == "c\na\nb"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"label": "notes"}, "needs the argument 'content'"),
        ({"label": "notes", "content": "x", "extra": 1}, "no argument 'extra'"),
        ({"label": "notes", "content": 7}, "must be of type string"),
        ({"label": "notes", "content": None}, "needs the argument 'content'"),
    ],
)
def test_wrong_arguments_are_named(new_editor: NewEditor, arguments: dict[str, object], told: str) -> None:
    assert told in new_editor(notes="a").error("core_memory_append", **arguments)


def test_a_boolean_is_no_line(new_editor: NewEditor) -> None:
    told = new_editor(notes="a").error("memory_insert", label="notes", new_string="x", insert_line=True)
    assert "must be of type integer" in told
