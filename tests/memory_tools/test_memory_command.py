"""The tool that sees blocks as files."""

import pytest

from letta.constants import DEFAULT_BLOCK_LIMIT
from tests.memory_tools.conftest import NewEditor


def test_create_adds_a_block(new_editor: NewEditor) -> None:
    edit = new_editor()
    edit("memory", command="create", path="/memories/plans", description="What is next.", file_text="rest")
    (made,) = edit.memory.created.values()
    assert (made.label, made.value, made.description) == ("plans", "rest", "What is next.")


def test_a_created_block_can_be_edited_at_once(new_editor: NewEditor) -> None:
    edit = new_editor()
    edit("memory", command="create", path="/memories/plans", description="d", file_text="a")
    edit("memory", command="insert", path="/memories/plans", insert_line=1, insert_text="b")
    edit("memory", command="str_replace", path="/memories/plans", old_string="a", new_string="c")
    edit("memory", command="rename", old_path="/memories/plans", new_path="/memories/ideas")
    (made,) = edit.memory.created.values()
    assert (made.label, made.value) == ("ideas", "c\nb")
    assert edit.memory.changed == {}


def test_a_created_block_that_is_deleted_was_never_there(new_editor: NewEditor) -> None:
    edit = new_editor()
    edit("memory", command="create", path="/memories/plans", description="d", file_text="a")
    edit("memory", command="delete", path="/memories/plans")
    assert (edit.memory.created, edit.memory.detached) == ({}, {})


def test_delete_detaches_and_forgets_edits(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a")
    edit("core_memory_append", label="notes", content="b")
    edit("memory", command="delete", path="/memories/notes")
    assert list(edit.memory.detached) == ["block-notes"]
    assert edit.memory.changed == {}
    assert "notes" not in edit.memory.labels


def test_rename_changes_the_label_or_the_description(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a")
    edit("memory", command="rename", old_path="/memories/notes", new_path="/memories/facts")
    edit("memory", command="rename", path="/memories/facts", description="Facts.")
    changed = edit.memory.changed["block-notes"]
    assert (changed.label, changed.description, changed.value) == ("facts", "Facts.", "a")


def test_labels_are_taken_without_the_root_as_well(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a")
    edit("memory", command="str_replace", path="notes", old_string="a", new_string="b")
    assert edit.values()["notes"] == "b"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"command": "view", "path": "/memories/notes"}, "Unknown command 'view'"),
        ({"command": "create", "path": "/memories/notes", "description": "d"}, "already"),
        ({"command": "create", "path": "/memories/new"}, "needs description"),
        ({"command": "create", "description": "d"}, "path is missing"),
        ({"command": "create", "path": "/memories/", "description": "d"}, "path is missing"),
        ({"command": "str_replace", "path": "/memories/notes"}, "needs old_string"),
        ({"command": "insert", "path": "/memories/notes"}, "needs insert_text"),
        ({"command": "delete", "path": "/memories/none"}, "no memory block 'none'"),
        ({"command": "delete", "path": "/memories/fixed"}, "read-only"),
        ({"command": "rename", "old_path": "/memories/notes", "new_path": "/memories/fixed"}, "already"),
        ({"command": "rename", "new_path": "/memories/x"}, "old_path is missing"),
    ],
)
def test_what_cannot_be_done_is_explained(new_editor: NewEditor, arguments: dict[str, str], told: str) -> None:
    assert told in new_editor(notes="a").error("memory", **arguments)


def test_a_text_too_long_for_a_new_block(new_editor: NewEditor) -> None:
    text = "x" * (DEFAULT_BLOCK_LIMIT + 1)
    told = new_editor().error("memory", command="create", path="/memories/long", description="d", file_text=text)
    assert str(DEFAULT_BLOCK_LIMIT) in told


def test_edits_return_the_new_value(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a")
    path = "/memories/notes"
    assert edit("memory", command="insert", path=path, insert_line=1, insert_text="b") == "a\nb"
    assert edit("memory", command="str_replace", path=path, old_string="b", new_string="c") == "a\nc"
    assert edit("memory_apply_patch", label="notes", patch="-c\n+d") == "a\nd"
