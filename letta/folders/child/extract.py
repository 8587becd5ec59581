"""The text of a file, whatever it is."""

import codecs
import io
import logging
import re
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docx.document import Document

_UNTEXTLIKE = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PDF = b"%PDF-"
_ZIP = b"PK\x03\x04"
_LOOKED_AT = 1024


class UnreadableError(Exception):
    """No text can be had from a file. The message says why, and what to do about it."""


def text_of(data: bytes, kind: str, most_characters: int, most_unpacked: int) -> str:
    """The text of a file of a kind: ``pdf``, ``docx`` or ``text``. What it is by its content counts for more.

    Args:
        data: the file.
        kind: what it is said to be.
        most_characters: of its text.
        most_unpacked: bytes that it may come to when it is unpacked.

    Raises:
        UnreadableError: it has none, can't be read, or is too long.
    """
    if not data:
        raise UnreadableError("The file is empty. Upload a file with content.")
    if _PDF in data[:_LOOKED_AT]:
        text = _text_of_pdf(data, most_characters)
    elif data.startswith(_ZIP) and kind != "pdf":
        text = _text_of_docx(data, most_unpacked)
    elif kind == "text":
        text = _decoded(data)
    else:
        raise UnreadableError(f"The file is not a {kind.upper()} file, despite its name. Give it the right extension.")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if len(text) > most_characters:
        raise _too_long(most_characters)
    if not text.strip():
        raise UnreadableError(
            "The file contains no text. If it is a scan, run text recognition (OCR) on it and upload the result."
        )
    return text


def _too_long(most_characters: int) -> UnreadableError:
    return UnreadableError(
        f"The file's text has more than {most_characters:,} characters. Split it, or raise LETTA_MAX_FILE_CHARACTERS."
    )


def _decoded(data: bytes) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeError:
        text = data.decode("cp1252", "replace")
    strange = len(_UNTEXTLIKE.findall(text, 0, 100_000))
    if "\0" in text[:100_000] or strange * 50 > min(len(text), 100_000):
        raise UnreadableError("The file is not a text file: it contains binary data. Give it the right extension.")
    return text


def _text_of_pdf(data: bytes, most_characters: int) -> str:
    logging.disable()  # the library tells of each flaw that it can do with
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, PyPdfError

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError("The PDF is encrypted. Upload a copy that opens without a password.")
        pages: list[str] = []
        length = 0
        for page in reader.pages:
            pages.append(page.extract_text().strip())
            length += len(pages[-1])
            if length > most_characters:
                raise _too_long(most_characters)
        return "\n\n".join(page for page in pages if page)
    except DependencyError:
        raise UnreadableError(
            "The PDF uses an unsupported encryption. Upload a copy that opens without a password."
        ) from None
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, OSError) as error:
        raise UnreadableError(
            f"The PDF is damaged and can't be read ({type(error).__name__}). Open it, save it again and upload the new "
            "file."
        ) from error


def _text_of_docx(data: bytes, most_unpacked: int) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {entry.filename for entry in archive.infolist()}
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise UnreadableError("The document is damaged. Open it, save it again and upload the new file.") from None
    if "word/document.xml" not in names:
        raise UnreadableError("The file is an archive, not a Word document (.docx). Upload its files one by one.")
    if size > most_unpacked:
        raise UnreadableError("The document is far too large once decompressed. Upload a smaller document.")
    return _text_of_document(data)


def _text_of_document(data: bytes) -> str:
    from docx import Document as open_document

    try:
        return "\n".join(_paragraphs(open_document(io.BytesIO(data))))
    except MemoryError:
        raise
    except Exception as error:  # whatever the libraries for ZIP and XML make of a broken one
        raise UnreadableError(
            f"The document is damaged and can't be read ({type(error).__name__}). Open it, save it again and upload "
            "the new file."
        ) from error


def _paragraphs(part: "Document | Any") -> list[str]:
    """Paragraphs in their order, headings marked as in Markdown, rows of tables with bars between their cells."""
    from docx.table import Table

    found: list[str] = []
    for item in part.iter_inner_content():
        if isinstance(item, Table):
            found += [" | ".join(" ".join(cell.text.split()) for cell in row.cells) for row in item.rows]
        else:
            found.append(_marked(item.text, (item.style.name if item.style is not None else "") or ""))
    return found


def _marked(text: str, style: str) -> str:
    level = style.removeprefix("Heading ")
    if style.startswith("Heading ") and level.isdigit() and text.strip():
        return f"{'#' * min(int(level), 6)} {text}"
    return text
