"""Several changes in the form of a patch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.memory_tools.conftest import NewEditor, editor


def test_a_hunk_changes_the_lines_it_shows(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a\nb\nc")
    edit("memory_apply_patch", label="notes", patch="@@\n a\n-b\n+B\n+B2\n c")
    assert edit.values()["notes"] == "a\nB\nB2\nc"


def test_hunks_are_applied_in_order(new_editor: NewEditor) -> None:
    edit = new_editor(notes="x\nx\nx")
    edit("memory_apply_patch", label="notes", patch="@@\n-x\n+1\n@@\n-x\n+2")
    assert edit.values()["notes"] == "1\n2\nx"


def test_the_header_of_a_diff_is_no_change(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a")
    edit("memory_apply_patch", label="notes", patch="--- a/notes\n+++ b/notes\n@@ -1 +1 @@\n-a\n+b\n")
    assert edit.values()["notes"] == "b"


def test_lines_of_dashes_and_pluses_can_be_changed(new_editor: NewEditor) -> None:
    edit = new_editor(notes="title\n---\n++\ntext")
    edit("memory_apply_patch", label="notes", patch=" title\n----\n+***\n-++\n+++x\n text")
    assert edit.values()["notes"] == "title\n***\n++x\ntext"


def test_lines_are_added_at_the_end_without_context(new_editor: NewEditor) -> None:
    edit = new_editor(notes="a")
    edit("memory_apply_patch", label="notes", patch="+b")
    assert edit.values()["notes"] == "a\nb"


def test_blocks_are_added_changed_moved_and_deleted_at_once(new_editor: NewEditor) -> None:
    edit = new_editor(old="1", gone="2", kept="3")
    patch = """*** Begin Patch
*** Add Block: fresh
Description: What is new.
+one
+two
*** Update Block: old
*** Move to: renamed
@@
-1
+one
*** Update Block: kept
Description: Kept for good.
*** Delete Block: gone
*** End Patch
"""
    edit("memory_apply_patch", label="old", patch=patch)
    assert edit.values() == {"fixed": "stays", "fresh": "one\ntwo", "renamed": "one", "kept": "3"}
    (fresh,) = edit.memory.created.values()
    assert fresh.description == "What is new."
    assert edit.memory.changed["block-kept"].description == "Kept for good."
    assert list(edit.memory.detached) == ["block-gone"]


def test_nothing_is_changed_when_a_part_does_not_fit(new_editor: NewEditor) -> None:
    edit = new_editor(one="1", two="2")
    patch = "*** Add Block: three\n+3\n*** Update Block: one\n-1\n+I\n*** Update Block: two\n-absent\n+II"
    assert "absent" in edit.error("memory_apply_patch", label="one", patch=patch)
    assert (edit.memory.changed, edit.memory.created) == ({}, {})


@pytest.mark.parametrize(
    ("patch", "told"),
    [
        ("", "contains no change"),
        (" a\n b", "contains no change"),
        ("@@\n-absent\n+x", "not found"),
        ("*** Update Block: none\n-a\n+b", "no memory block 'none'"),
        ("*** Delete Block: fixed", "read-only"),
        ("*** Add Block: notes\n+a", "already"),
    ],
)
def test_what_does_not_fit_is_explained(new_editor: NewEditor, patch: str, told: str) -> None:
    assert told in new_editor(notes="a\nb").error("memory_apply_patch", label="notes", patch=patch)


lines = st.lists(st.text("ab-+@ ", max_size=3), min_size=1, max_size=6)


@given(before=lines, after=lines)
def test_a_patch_that_shows_all_lines_rewrites_the_block(before: list[str], after: list[str]) -> None:
    edit = editor(notes="\n".join(before))
    patch = "\n".join(["@@", *(f"-{line}" for line in before), *(f"+{line}" for line in after)])
    if before == after:
        assert "contains no change" in edit.error("memory_apply_patch", label="notes", patch=patch)
        return
    edit("memory_apply_patch", label="notes", patch=patch)
    assert edit.values()["notes"] == "\n".join(after)
