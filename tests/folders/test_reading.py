"""Reading files in processes of their own: sound files, damaged ones, and such as are meant to break the reader."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from letta.folders import reading
from letta.folders.file_types import DOCX, PDF, FileType
from letta.folders.reading import FileReader, TaskError, in_one
from letta.settings import Settings
from tests.folders.documents import (
    archive,
    encrypted_pdf,
    inflating_pdf,
    looping_pdf,
    pdf,
    with_document,
    word,
)

PDF_TYPE, WORD, TEXT = FileType(PDF, "pdf"), FileType(DOCX, "docx"), FileType("text/plain", "text")


@pytest.fixture
def reader() -> FileReader:
    return FileReader(Settings(max_file_characters=100_000, file_parse_seconds=5))


async def test_a_pdf_is_read_page_by_page(reader: FileReader) -> None:
    read = await reader.read(in_one(pdf("Alpha one. Alpha two.", "Beta.")), PDF_TYPE, 300)
    assert read.text == "Alpha one. Alpha two.\n\nBeta."
    assert read.lines == 3
    assert read.chunks == [(0, len(read.text))]


async def test_a_word_document_is_read_with_headings_and_tables(reader: FileReader) -> None:
    read = await reader.read(in_one(word("First.", "Second.")), WORD, 300)
    assert read.text.splitlines() == ["# Chapter", "First.", "Second.", "left | right"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße\r\nund\rKüsse".encode(), "Grüße\nund\nKüsse"),
        ("\ufeffmark".encode(), "mark"),
        ("sixteen ünits".encode("utf-16"), "sixteen ünits"),
        ("old Grüße".encode("cp1252"), "old Grüße"),
    ],
)
async def test_texts_of_several_encodings(reader: FileReader, data: bytes, text: str) -> None:
    assert (await reader.read(in_one(data), TEXT, 300)).text == text


async def test_what_a_file_is_counts_for_more_than_its_name(reader: FileReader) -> None:
    assert (await reader.read(in_one(pdf("Alpha.")), TEXT, 300)).text == "Alpha."
    assert "First." in (await reader.read(in_one(word("First.")), TEXT, 300)).text


@pytest.mark.parametrize(
    ("data", "file_type", "told"),
    [
        (b"", TEXT, "empty"),
        (b" \n\t", TEXT, "contains no text"),
        (b"MZ\x00\x01\x02\x03" * 100, TEXT, "not a text file: it contains binary data"),
        (bytes(range(1, 255)) * 10, TEXT, "not a text file: it contains binary data"),
        (b"x" * 100_001, TEXT, "more than 100,000 characters"),
        (b"not a PDF", PDF_TYPE, "not a PDF file"),
        (b"%PDF-1.7\n garbage", PDF_TYPE, "damaged"),
        (pdf("Alpha.")[:-200], PDF_TYPE, "damaged|contains no text"),
        (pdf(""), PDF_TYPE, "OCR"),
        (encrypted_pdf("Alpha.", "secret"), PDF_TYPE, "encrypted"),
        (looping_pdf(), PDF_TYPE, "damaged|contains no text|timed out|memory"),
        (b"not a document", WORD, "not a DOCX file"),
        (b"PK\x03\x04 garbage", WORD, "damaged"),
        (archive(a=b"b"), WORD, "not a Word document"),
        (with_document(b"<broken"), WORD, "damaged"),
        (with_document(b"<a/>"), WORD, "damaged"),
        (with_document(b" " * 150_000_000), WORD, "far too large"),
        (archive(word__document=b""), WORD, "not a Word document"),
    ],
)
async def test_what_cannot_be_read_is_explained(
    reader: FileReader, data: bytes, file_type: FileType, told: str
) -> None:
    with pytest.raises(TaskError, match=told):
        await reader.read(in_one(data), file_type, 300)


async def test_a_pdf_without_a_real_password_is_read(reader: FileReader) -> None:
    assert (await reader.read(in_one(encrypted_pdf("Alpha.", "")), PDF_TYPE, 300)).text == "Alpha."


@pytest.mark.slow
async def test_a_file_that_takes_too_much_memory_ends_its_reader_alone() -> None:
    reader = FileReader(Settings(file_parse_memory_mb=64))
    with pytest.raises(TaskError, match=r"64 MB|damaged|contains no text"):
        await reader.read(in_one(inflating_pdf(300)), PDF_TYPE, 300)
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "x" * 10}">' for n in range(10))
    bomb = f"<?xml version='1.0'?><!DOCTYPE a [{entities}]><a>&e9;</a>".encode()
    with pytest.raises(TaskError, match=r"damaged|64 MB|no text"):
        await reader.read(in_one(with_document(bomb)), WORD, 300)
    assert (await reader.read(in_one(b"sound"), TEXT, 300)).text == "sound"


async def texts_of(*texts: str) -> AsyncIterator[bytes]:
    for text in texts:
        yield text.encode()


def task(pattern: str, *labels: str) -> dict[str, object]:
    return {
        "pattern": pattern,
        "context": 1,
        "first": 0,
        "page": 2,
        "most": 5,
        "files": [(label, False) for label in labels],
    }


async def test_matches_are_counted_and_shown_page_by_page(reader: FileReader) -> None:
    found = await reader.search(task("b", "one", "two"), texts_of("a\nB\nc\nb", "x\nxbx"))
    assert (found["total"], found["counts"], found["cut"]) == (3, {"one": 2, "two": 1}, False)
    assert [(match["label"], match["line"]) for match in found["shown"]] == [("one", 1), ("one", 3)]
    assert found["shown"][0]["lines"] == [[0, "a"], [1, "B"], [2, "c"]]
    found = await reader.search(task("x", "one"), texts_of("x\n" * 9))
    assert (found["total"], found["cut"]) == (5, True)


@pytest.mark.slow
async def test_an_expression_that_never_ends_is_ended(reader: FileReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SEARCH_CPU_SECONDS", 1)
    lag, running = [0.0], True

    async def watch() -> None:
        while running:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            lag[0] = max(lag[0], time.monotonic() - before - 0.01)

    watching = asyncio.create_task(watch())
    with pytest.raises(TaskError, match="timed out"):
        await reader.search(task("(a+)+$", "one"), texts_of("a" * 60 + "b"))
    running = False
    await watching
    assert lag[0] < 0.5, "the event loop goes on meanwhile"


async def test_what_is_no_expression_is_explained(reader: FileReader) -> None:
    with pytest.raises(TaskError, match="not a valid regular expression"):
        await reader.search(task("[", "one"), texts_of("text"))


@pytest.mark.slow
async def test_a_reader_sees_no_files_and_no_secrets(reader: FileReader, monkeypatch: pytest.MonkeyPatch) -> None:
    """What broke into the parser would find nothing."""
    monkeypatch.setenv("LETTA_ENCRYPTION_KEY", "secret")
    looks = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from letta.folders.child.main import _confine; "
        "_confine(1 << 28, 5)\n"
        "told = dict(os.environ)\n"
        "try: told['passwd'] = open('/etc/hostname').read() and os.listdir('/root')\n"
        "except OSError as error: told['refused'] = error.strerror\n"
        "print(told)"
    )
    monkeypatch.setattr(reading, "_START", looks)
    monkeypatch.setattr(reading, "_RUN", "sys.exit()")
    process = await reader._started(5)
    told, _ = await process.communicate()
    assert b"secret" not in told
    assert b"passwd" not in told
