"""Files of folders over the API: what is stored of an upload, what becomes of it, and what is refused."""

import httpx2
import pytest
from letta_client import Letta

from letta.testing.server import ServerProcess
from tests.folders.conftest import TEXT, Library, NewLibrary, NewReader
from tests.folders.documents import encrypted_pdf, pdf, with_document, word
from tests.folders.uploading import settled

EMBEDDING = "openai/text-embedding-3-small"


def test_a_file_on_the_wire(http: httpx2.Client, library: Library) -> None:
    answered = library.upload(TEXT.encode(), "notes.md")
    assert answered["processing_status"] == "parsing"
    assert answered["file_name"] == f"{library.name}/notes.md"
    file = settled(http, library.id, answered["id"])
    moments = [file.pop("created_at"), file.pop("updated_at")]
    assert all(moment.endswith("Z") for moment in moments)
    assert file == {
        "id": answered["id"],
        "source_id": library.id,
        "file_name": "notes.md",
        "original_file_name": "notes.md",
        "file_path": None,
        "file_type": "text/x-markdown",
        "file_size": len(TEXT),
        "file_creation_date": None,
        "file_last_modified_date": None,
        "processing_status": "completed",
        "error_message": None,
        "total_chunks": 1,
        "chunks_embedded": 0,
        "content": None,
        "organization_id": "org-00000000-0000-4000-8000-000000000000",
    }
    assert [each["content"] for each in library.files(include_content=True)] == [TEXT]
    twin = f"/v1/sources/{library.id}/files"
    assert http.get(twin, params={"check_status_updates": True}).json() == library.files()
    assert http.get(f"{twin}/{file['id']}").json()["id"] == file["id"]


def test_passages_are_those_of_the_file(http: httpx2.Client, new_library: NewLibrary) -> None:
    library = new_library(embedding=EMBEDDING, embedding_chunk_size=20)
    file_id = library.keep("".join(f"This is line number {number}.\n" for number in range(20)))
    passages = http.get(f"{library.path}/passages", params={"order": "asc"}).json()
    assert len(passages) == settled(http, library.id, file_id)["total_chunks"] > 5
    assert passages[0]["text"].startswith("This is line number 0.")
    assert passages[-1]["text"].endswith("This is line number 19.")
    assert settled(http, library.id, file_id)["chunks_embedded"] == len(passages)
    for passage in passages:
        assert passage["embedding"]
        assert passage["embedding_config"]["handle"] == EMBEDDING
        assert (passage["source_id"], passage["file_id"]) == (library.id, file_id)
        assert (passage["file_name"], passage["archive_id"]) == (f"{library.name}/notes.txt", None)
    assert http.get(f"/v1/sources/{library.id}/passages", params={"limit": 2}).json() == passages[:-3:-1]


def test_a_long_text_is_stored_in_pieces_and_whole(http: httpx2.Client, new_library: NewLibrary) -> None:
    library = new_library()
    text = "\n".join(f"Zeile {number}: süß und €{number}, lang genug für eine Passage. 🍵" for number in range(10_000))
    assert len(text.encode()) > 600_000
    file_id = library.keep(text)
    path = f"{library.path}/files/{file_id}"
    file = http.get(path, params={"include_content": True}).raise_for_status().json()
    assert file["content"] == text
    assert file["total_chunks"] > 500
    passages = http.get(f"{library.path}/passages", params={"order": "asc", "limit": 1000}).json()
    starts = [text.index(passage["text"]) for passage in passages]
    assert starts == sorted(starts)
    assert len(set(starts)) == file["total_chunks"]


def test_passages_of_files_are_no_archival_memory(http: httpx2.Client, library: Library) -> None:
    before = http.get("/v1/archives").json()
    library.keep("Quokkas are marsupials.")
    assert http.get("/v1/archives").json() == before
    for search in ({"query": "Quokkas"}, {"limit": 100}):
        found = http.post("/v1/passages/search", json=search).json()
        assert [each for each in found if "Quokkas" in each["passage"]["text"]] == []


@pytest.mark.parametrize(
    ("handling", "names"),
    [
        ("suffix", ["notes.txt", "notes_(1).txt", "notes_(2).txt"]),
        ("skip", ["notes.txt"]),
        ("replace", ["notes.txt"]),
    ],
)
def test_a_name_that_is_taken(http: httpx2.Client, library: Library, handling: str, names: list[str]) -> None:
    first = library.keep()
    for _ in range(2):
        last = library.upload(b"new", "notes.txt", duplicate_handling=handling)
        settled(http, library.id, last["id"])
    assert library.names() == names
    assert (last["id"] == first) == (handling == "skip")
    contents = [file["content"] for file in library.files(include_content=True, order="asc")]
    assert contents == {"suffix": [TEXT, "new", "new"], "skip": [TEXT], "replace": ["new"]}[handling]


def test_a_name_that_must_not_be_taken(http: httpx2.Client, library: Library) -> None:
    library.keep()
    files = {"file": ("notes.txt", b"x", "text/plain")}
    answer = http.post(f"{library.path}/upload", files=files, params={"duplicate_handling": "error"})
    assert answer.status_code == 400
    assert "already exists" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("C:\\docs\\a.txt", "a.txt"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ('a"><b>.txt', "a___b_.txt"),
        ("x" * 300 + ".txt", "x" * 196 + ".txt"),
        ("ünï.py", "ünï.py"),
    ],
)
def test_names_are_made_harmless(library: Library, given: str, stored: str) -> None:
    library.upload(b"x", "other.md", name=given)
    assert library.names() == [stored]


@pytest.mark.parametrize(
    ("name", "declared", "status"),
    [
        ("a.exe", "application/x-msdownload", 415),
        ("a.png", "image/png", 415),
        ("a.docm", "text/plain", 415),
        ("...", "text/plain", 400),
        ("README", "text/plain", 200),
        ("Dockerfile", "application/octet-stream", 200),
        ("a.py", "application/octet-stream", 200),
        ("a.odd", "application/pdf", 200),
    ],
)
def test_which_files_are_taken(http: httpx2.Client, library: Library, name: str, declared: str, status: int) -> None:
    answer = http.post(f"{library.path}/upload", files={"file": (name, b"x", declared)})
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        (b"", "empty.txt", "The file is empty."),
        (b"\x00\x01\x02", "binary.txt", "The file is not a text file"),
        (b"text", "text.pdf", "The file is not a PDF file"),
        (encrypted_pdf("Alpha.", "secret"), "locked.pdf", "The PDF is encrypted."),
        (with_document(b"<broken"), "broken.docx", "The document is damaged"),
    ],
)
def test_a_file_that_cannot_be_read_is_listed_as_failed(
    http: httpx2.Client, library: Library, new_reader: NewReader, data: bytes, name: str, told: str
) -> None:
    reader = new_reader(library)
    file = settled(http, library.id, library.upload(data, name)["id"])
    assert file["processing_status"] == "error"
    assert file["error_message"].startswith(told)
    assert [each["id"] for each in library.files()] == [file["id"]]
    assert reader.files() == []
    http.delete(f"{library.path}/{file['id']}").raise_for_status()
    assert library.files() == []


def test_documents_are_read_as_text(http: httpx2.Client, library: Library) -> None:
    for data, name in ((pdf("Alpha one.", "Beta."), "a.pdf"), (word("First."), "b.docx")):
        settled(http, library.id, library.upload(data, name)["id"])
    contents = [file["content"] for file in library.files(include_content=True, order="asc")]
    assert contents == ["Alpha one.\n\nBeta.", "# Chapter\nFirst.\nleft | right"]


def test_how_much_there_is(http: httpx2.Client, library: Library) -> None:
    file_id = library.keep()
    told = http.get("/v1/folders/metadata", params={"include_detailed_per_source_metadata": True}).json()
    (own,) = [source for source in told["sources"] if source["source_id"] == library.id]
    assert own == {
        "source_id": library.id,
        "source_name": library.name,
        "file_count": 1,
        "total_size": len(TEXT),
        "files": [{"file_id": file_id, "file_name": "notes.txt", "file_size": len(TEXT)}],
    }
    short = http.get("/v1/sources/metadata").json()
    assert short["sources"] == []
    assert short["total_files"] >= 1
    assert (short["total_sources"], short["total_size"]) == (told["total_sources"], told["total_size"])


def test_what_is_unknown_is_told(http: httpx2.Client, library: Library) -> None:
    unknown = "source-00000000-0000-4000-8000-0000000000aa"
    missing = "file-00000000-0000-4000-8000-0000000000aa"
    file = {"file": ("a.txt", b"x", "text/plain")}
    assert http.post(f"/v1/folders/{unknown}/upload", files=file).status_code == 404
    assert http.get(f"/v1/folders/{unknown}/files").status_code == 404
    assert http.get(f"/v1/folders/{unknown}/passages").status_code == 404
    for ask in (http.get(f"{library.path}/files/{missing}"), http.delete(f"{library.path}/{missing}")):
        assert ask.status_code == 404
        assert missing in ask.json()["detail"]
    assert http.post(f"{library.path}/upload").status_code == 422
    assert http.get(f"{library.path}/files/nonsense").status_code == 422


def test_deleting_takes_all_of_it(http: httpx2.Client, library: Library, new_reader: NewReader) -> None:
    file_id, reader = library.keep(), new_reader(library)
    assert reader.opened() == [f"{library.name}/notes.txt"]
    assert http.delete(f"{library.path}/{file_id}").status_code == 204
    assert (library.files(), reader.files()) == ([], [])
    assert http.get(f"{library.path}/passages").json() == []
    library.keep()
    http.delete(f"/v1/folders/{library.id}").raise_for_status()
    assert reader.files() == []
    assert reader.tools() == set()


def test_the_official_client_pages_through_files(client: Letta, library: Library, new_reader: NewReader) -> None:
    for number in range(3):
        library.keep(f"text {number}", f"n{number}.txt")
    reader = new_reader(library)
    assert len(list(client.folders.files.list(library.id, limit=2))) == 3
    assert len(list(client.agents.files.list(reader.id, limit=2))) == 3


@pytest.mark.slow
def test_a_file_over_the_limit_is_refused(server_environment: dict[str, str]) -> None:
    limits = {"LETTA_MAX_FILE_MB": "1", "LETTA_MAX_BODY_MB": "3", "LETTA_MAX_FILE_CHARACTERS": "1000"}
    with ServerProcess(server_environment | limits) as server, httpx2.Client(base_url=server.url) as http:
        library = Library(http, name="limits")
        for size, told in ((1_100_000, "LETTA_MAX_FILE_MB"), (4_000_000, "LETTA_MAX_BODY_MB")):
            file = {"file": ("a.txt", b"x" * size, "text/plain")}
            answer = http.post(f"{library.path}/upload", files=file)
            assert answer.status_code == 413
            assert told in answer.json()["detail"]
        file_id = library.upload(b"x" * 1001, "long.txt")["id"]
        assert "LETTA_MAX_FILE_CHARACTERS" in settled(http, library.id, file_id)["error_message"]


@pytest.mark.slow
def test_files_that_were_being_read_when_the_server_was_killed_are_read_by_the_next(
    server_environment: dict[str, str],
) -> None:
    with ServerProcess(server_environment) as server, httpx2.Client(timeout=30) as http:
        http.base_url = httpx2.URL(server.url)
        library = Library(http, name="killed")
        ids = [library.upload(f"text {number}\n".encode() * 5_000, f"n{number}.txt")["id"] for number in range(4)]
        server.kill()
        server.start()
        http.base_url = httpx2.URL(server.url)
        files = [settled(http, library.id, file_id) for file_id in ids]
        assert {file["processing_status"] for file in files} == {"completed"}
        expected = sum(file["total_chunks"] for file in files)
        assert len(http.get(f"{library.path}/passages", params={"limit": 1000}).json()) == min(expected, 1000)
