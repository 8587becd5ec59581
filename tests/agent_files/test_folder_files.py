"""Files of folders in agent files: exported with their texts, imported with passages and what was open."""

import httpx2

from letta.testing.scripted_model import ScriptedModel
from tests.agent_files.conftest import Files
from tests.folders.conftest import TEXT, Library, Reader
from tests.folders.uploading import settled

PROSE = "One sentence. Another one."


def reader_of(http: httpx2.Client, agent_id: str) -> Reader:
    found = Reader.of(http, agent_id)
    assert isinstance(found, Reader)
    return found


def own_name(file: dict[str, object]) -> str:
    """The name of a file without its folder's."""
    return str(file["file_name"]).rpartition("/")[2]


def test_files_go_along_with_their_agent(http: httpx2.Client, files: Files, model: ScriptedModel) -> None:
    library = Library(http, name="Library of an agent file", instructions="Look.")
    library.keep(TEXT, "a.txt")
    second = library.keep(PROSE, "b.md")
    settled(http, library.id, library.upload(b"", "broken.txt")["id"])
    reader = Reader(http, folder_ids=[library.id], max_files_open=5)
    name = f"{library.name}/a.txt"
    reader.call(model, "open_files", file_requests=[{"file_name": name, "offset": 1, "length": 1}])
    http.patch(f"/v1/agents/{reader.id}/files/{second}/close").raise_for_status()

    exported = files.export(reader.id)
    assert [(file["id"], file["source_id"], file["file_name"]) for file in exported["files"]] == [
        ("file-0", "source-0", "a.txt"),
        ("file-1", "source-0", "b.md"),
        ("file-2", "source-0", "broken.txt"),
    ]
    assert [file["content"] for file in exported["files"]] == [TEXT, PROSE, None]
    views = exported["agents"][0]["files_agents"]
    assert [(view["file_id"], view["is_open"], view["start_line"]) for view in views] == [
        ("file-0", True, 1),
        ("file-1", False, None),
    ]

    answer = files.load(exported)
    assert answer["not_imported"] == {"files": 1}
    assert any("broken.txt" in warning for warning in answer["warnings"])
    copied = reader_of(http, answer["agent_ids"][0])
    listed = copied.files()
    assert [(own_name(file), file["is_open"]) for file in listed] == [("a.txt", True), ("b.md", False)]
    assert listed[0]["visible_content"] == reader.files()[0]["visible_content"]
    folder = listed[0]["folder_id"]
    assert folder != library.id
    assert "2: beta second line" in copied.system()
    stored = [settled(http, folder, file["file_id"]) for file in listed]
    assert [file["processing_status"] for file in stored] == ["completed", "completed"]
    passages = http.get(f"/v1/folders/{folder}/passages").json()
    assert {passage["text"] for passage in passages} == {TEXT.strip(), PROSE}
    again = files.export(copied.id)
    assert [file["content"] for file in again["files"]] == [TEXT, PROSE]
    assert [view["is_open"] for view in again["agents"][0]["files_agents"]] == [True, False]


def test_odd_files_are_told(http: httpx2.Client, files: Files) -> None:
    library = Library(http, name="Odd files")
    exported = files.export(Reader(http, folder_ids=[library.id]).id)
    odd = {"id": "file-0", "source_id": "source-0", "file_name": "../a.txt", "content": "text"}
    exported["files"] = [odd, odd | {"id": "file-1"}, odd | {"id": "file-2", "source_id": "source-9"}]
    view = {"file_id": "file-1", "start_line": 99, "end_line": 3}
    exported["agents"][0]["files_agents"] = [view, view | {"file_id": "file-9"}]
    answer = files.load(exported)
    assert answer["not_imported"] == {"files": 1, "files_agents": 1}
    copied = reader_of(http, answer["agent_ids"][0])
    assert [own_name(file) for file in copied.files()] == ["a.txt", "a_(1).txt"]
    assert [(own_name(file), file["visible_content"]) for file in copied.files(is_open=True)] == [
        ("a_(1).txt", "[Viewing file start (out of 1 lines)]\n1: text")
    ]
