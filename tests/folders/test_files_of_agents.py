"""What agents see of the files in their folders: opened and closed by the API, by themselves, and by what comes."""

import re

import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from tests.folders.conftest import TEXT, Library, NewLibrary, NewReader

FILE_TOOLS = {"open_files", "grep_files", "semantic_search_files"}


def section(text: str) -> str:
    found = re.search(r"<directories>.*</directories>", text, re.DOTALL)
    return found[0] if found else ""


def test_the_section_of_the_system_message(new_library: NewLibrary, new_reader: NewReader) -> None:
    library = new_library(name="Manuals", description="How things work.", instructions="Look before you guess.")
    library.keep("First step.\n\nSecond step.", "oven.txt")
    library.keep("x" * 500, "fridge.txt")
    reader = new_reader(library, max_files_open=1, per_file_view_window_char_limit=200)
    assert section(reader.system()) == (
        "<directories>\n<file_limits>\n- current_files_open=1\n- max_files_open=1\n</file_limits>\n"
        '<directory name="Manuals">\n<description>How things work.</description>\n'
        "<instructions>Look before you guess.</instructions>\n"
        '<file status="open" name="Manuals/oven.txt">\n'
        "<metadata>\n- read_only=true\n- chars_current=68\n- chars_limit=200\n</metadata>\n"
        "<value>\n[Viewing file start (out of 2 lines)]\n1: First step.\n2: Second step.\n</value>\n</file>\n"
        '<file status="closed" name="Manuals/fridge.txt">\n'
        "<metadata>\n- read_only=true\n- chars_current=0\n- chars_limit=200\n</metadata>\n</file>\n"
        "</directory>\n</directories>"
    )
    overview = reader.http.get(f"/v1/agents/{reader.id}/context").json()
    assert overview["directories"] == section(reader.system())
    assert overview["num_tokens_directories"] > 50


def test_a_view_beyond_the_limit_is_cut(library: Library, new_reader: NewReader) -> None:
    library.keep("x" * 5000)
    reader = new_reader(library, per_file_view_window_char_limit=300)
    (file,) = reader.files()
    assert len(file["visible_content"]) == 300
    assert file["visible_content"].endswith("Open the file with an offset to see more.]")


def test_folders_bring_the_tools_and_take_them_away(new_library: NewLibrary, new_reader: NewReader) -> None:
    first, second, reader = new_library(), new_library(), new_reader()
    assert reader.tools() == set()
    reader.attach(first)
    reader.attach(second)
    assert reader.tools() == FILE_TOOLS
    reader.detach(first)
    assert reader.tools() == FILE_TOOLS
    reader.detach(second)
    assert (reader.tools(), section(reader.system())) == (set(), "")


def test_a_folder_can_be_attached_again(library: Library, new_reader: NewReader) -> None:
    """Upstream answers 409 where rows of the first time are left over."""
    library.keep()
    reader = new_reader(library)
    (before,) = reader.files()
    reader.attach(library)
    assert reader.files() == [before]
    reader.detach(library)
    assert reader.files() == []
    reader.attach(library)
    assert reader.opened() == [f"{library.name}/notes.txt"]


def test_files_used_longest_ago_are_closed(library: Library, new_reader: NewReader) -> None:
    ids = [library.keep(f"text {number}", f"n{number}.txt") for number in range(4)]
    names = [f"{library.name}/n{number}.txt" for number in range(4)]
    reader = new_reader(library, max_files_open=2)
    assert reader.opened() == names[:2]
    assert reader.open(ids[0]) == []
    assert reader.open(ids[3]) == [names[1]]
    assert reader.open(ids[2]) == [names[0]]
    assert reader.opened() == names[2:]
    assert reader.close_all() == [names[3], names[2]]
    assert reader.close_all() == []
    late = library.keep("late", "late.txt")
    assert [file["file_id"] for file in reader.files(is_open=True)] == [late]


def test_limits_that_change_are_kept(library: Library, new_reader: NewReader) -> None:
    for number in range(3):
        library.keep("x" * 400, f"n{number}.txt")
    reader = new_reader(library, per_file_view_window_char_limit=150)
    path = f"/v1/agents/{reader.id}"
    reader.http.patch(path, json={"max_files_open": 1, "per_file_view_window_char_limit": 1000}).raise_for_status()
    (file,) = reader.files(is_open=True)
    assert "x" * 400 in file["visible_content"]
    reader.http.patch(path, json={"max_files_open": 0}).raise_for_status()
    assert reader.opened() == []
    answer = reader.http.patch(f"{path}/files/{file['file_id']}/open")
    assert answer.status_code == 400
    assert "max_files_open" in answer.json()["detail"]


def test_unknown_files_are_told(library: Library, new_reader: NewReader, new_library: NewLibrary) -> None:
    other = new_library()
    reader, file_id = new_reader(library), other.keep()
    for verb in ("open", "close"):
        answer = reader.http.patch(f"/v1/agents/{reader.id}/files/{file_id}/{verb}")
        assert answer.status_code == 404
        assert file_id in answer.json()["detail"]


def test_files_are_told_as_blocks(library: Library, new_reader: NewReader) -> None:
    file_id, reader = library.keep(), new_reader(library)
    (block,) = reader.retrieve("sources")["memory"]["file_blocks"]
    assert (block["label"], block["file_id"], block["source_id"]) == (f"{library.name}/notes.txt", file_id, library.id)
    assert block["is_open"]
    assert "beta second line" in block["value"]
    assert reader.retrieve()["memory"]["file_blocks"] == []


def test_replacing_folders_keeps_what_is_open_of_those_that_stay(
    new_library: NewLibrary, new_reader: NewReader
) -> None:
    first, second = new_library(), new_library()
    first.keep()
    second.keep()
    reader = new_reader(first)
    reader.close_all()
    reader.http.patch(f"/v1/agents/{reader.id}", json={"folder_ids": [first.id, second.id]}).raise_for_status()
    assert reader.opened() == [f"{second.name}/notes.txt"]
    reader.http.patch(f"/v1/agents/{reader.id}", json={"folder_ids": []}).raise_for_status()
    assert (reader.files(), reader.tools()) == ([], set())


def test_the_model_sees_what_was_opened_during_the_turn(
    library: Library, new_reader: NewReader, model: ScriptedModel
) -> None:
    library.keep()
    reader = new_reader(library)
    reader.close_all()
    name = f"{library.name}/notes.txt"
    status, told = reader.call(model, "open_files", file_requests=[{"file_name": name, "offset": 1, "length": 1}])
    assert (status, told) == ("success", f"* Opened {name} (lines 2-2)")
    before, after = [
        section(request.body["messages"][0]["content"]) for request in model.requests(path="chat/completions")
    ]
    assert "beta" not in before
    assert "[Viewing lines 2 to 2 (out of 3 lines)]\n2: beta second line\n</value>" in after
    (file,) = reader.files()
    assert (file["start_line"], file["end_line"]) == (1, 2)


def test_the_system_message_stays_while_nothing_changes(
    library: Library, new_reader: NewReader, model: ScriptedModel
) -> None:
    """Providers can cache it then."""
    library.keep()
    reader = new_reader(library)
    for text in ("One", "Two"):
        reader.say(model.script(Reply("Yes."), Reply("Yes.")).say(text))
    first = reader.system()
    library.keep("other", "other.txt")
    reader.say(model.script(Reply("Yes.")).say("Three"))
    assert "other.txt" not in first
    assert "other.txt" in reader.system()


def test_opening_files_says_what_was_closed(library: Library, new_reader: NewReader, model: ScriptedModel) -> None:
    names = [f"{library.name}/n{number}.txt" for number in range(3)]
    for number in range(3):
        library.keep(f"text {number}", f"n{number}.txt")
    reader = new_reader(library, max_files_open=2)
    _, told = reader.call(model, "open_files", file_requests=[{"file_name": names[2]}])
    assert told == f"* Opened {names[2]} (from its start)\nClosed to stay within 2 open files: {names[0]}"
    _, told = reader.call(model, "open_files", file_requests=[{"file_name": names[2]}], close_all_others=True)
    assert told == f"* Opened {names[2]} (from its start) (before: from its start)\nClosed as you asked: {names[1]}"
    assert reader.opened() == [names[2]]


@pytest.mark.parametrize(
    ("requests", "told"),
    [
        ([{"file_name": "nope.txt"}], "You have no file 'nope.txt'"),
        ([], "file_requests is empty"),
        ([{"name": "x"}], "file_name"),
        ([{"file_name": "NAME", "offset": -1}], "offset"),
        ([{"file_name": "NAME", "length": 0}], "length"),
        ([{"file_name": "NAME", "offset": "1"}], "offset"),
        ([{"file_name": "NAME", "offset": 3}], "has 3 lines"),
        ([{"file_name": f"{number}"} for number in range(50)], "files open at once"),
    ],
)
def test_what_cannot_be_opened_is_explained(
    library: Library, new_reader: NewReader, model: ScriptedModel, requests: list[dict[str, object]], told: str
) -> None:
    library.keep()
    reader = new_reader(library)
    name = f"{library.name}/notes.txt"
    given = [{key: name if value == "NAME" else value for key, value in request.items()} for request in requests]
    status, text = reader.call(model, "open_files", file_requests=given)
    assert status == "error"
    assert told in text
    assert reader.opened() == [name]


def test_lines_are_found_in_all_files(new_library: NewLibrary, new_reader: NewReader, model: ScriptedModel) -> None:
    first, second = new_library(name="one"), new_library(name="two")
    first.keep()
    second.keep("SECOND helping\nrest\n" + "second\n" * 30, "b.md")
    reader = new_reader(first, second)
    status, told = reader.call(model, "grep_files", pattern="^second|second line$")
    assert status == "success"
    assert told.startswith("Matches 1 to 20 of 32\n")
    assert "  - one/notes.txt: 1 matches\n  - two/b.md: 31 matches" in told
    assert "=== one/notes.txt:2 ===\n  1: alpha first line\n> 2: beta second line\n  3: gamma third line" in told
    assert told.endswith("call again with offset=20.")
    _, told = reader.call(model, "grep_files", pattern="second", offset=20, context_lines=0)
    assert told.startswith("Matches 21 to 32 of 32\n")
    _, told = reader.call(model, "grep_files", pattern="second", include="*.txt")
    assert "two/b.md" not in told
    _, told = reader.call(model, "grep_files", pattern="nowhere")
    assert told == "No line of your files matches 'nowhere'."
    for arguments in ({"pattern": "["}, {"pattern": "x" * 1001}, {"pattern": "x", "offset": -1}):
        status, _ = reader.call(model, "grep_files", **arguments)
        assert status == "error"


@pytest.mark.parametrize("embedding", [None, "openai/text-embedding-3-small"])
def test_passages_are_found_in_all_folders(
    new_library: NewLibrary, new_reader: NewReader, model: ScriptedModel, embedding: str | None
) -> None:
    fruit, cities = new_library(embedding=embedding), new_library(embedding=embedding)
    fruit.keep("Kiwis are green inside.", "kiwi.txt")
    cities.keep("Oslo is the capital of Norway.", "oslo.txt")
    reader = new_reader(fruit, cities)
    status, told = reader.call(model, "semantic_search_files", query="capital of Norway", limit=1)
    assert status == "success"
    assert f"=== {cities.name}/oslo.txt (passage #1) ===\n  Oslo is the capital of Norway." in told
    assert "Kiwis" not in told
    status, _ = reader.call(model, "semantic_search_files", query=" ")
    assert status == "error"


def test_types_that_always_see_values(library: Library, new_reader: NewReader) -> None:
    library.keep()
    name = f"{library.name}/notes.txt"
    shown = section(new_reader(library, agent_type="react_agent").system())
    assert f'<file status="open" name="{name}">\n<{name}>\n<metadata>' in shown
    assert TEXT.split("\n", maxsplit=1)[0] in shown


def test_conversations_see_the_same_files(library: Library, new_reader: NewReader, model: ScriptedModel) -> None:
    library.keep()
    reader = new_reader(library)
    made = reader.http.post("/v1/conversations", params={"agent_id": reader.id}, json={}).raise_for_status().json()
    text = reader.http.post(f"/v1/conversations/{made['id']}/recompile", params={"dry_run": True}).json()
    assert section(text) == section(reader.system())
