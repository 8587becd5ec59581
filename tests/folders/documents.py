"""Documents for tests, sound ones and such as break programs that read them."""

import io
import zipfile

import docx
from pypdf import PdfReader, PdfWriter


def pdf(*pages: str) -> bytes:
    """A PDF with a line of text on each page."""
    count = len(pages)
    kids = " ".join(f"{3 + number} 0 R" for number in range(count))
    objects = ["<</Type /Catalog /Pages 2 0 R>>", f"<</Type /Pages /Count {count} /Kids [{kids}]>>"]
    font = 3 + 2 * count
    for number in range(count):
        content = 3 + count + number
        objects.append(
            f"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {content} 0 R "
            f"/Resources <</Font <</F1 {font} 0 R>>>>>>"
        )
    for text in pages:
        drawn = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET"
        objects.append(f"<</Length {len(drawn)}>>\nstream\n{drawn}\nendstream")
    objects.append("<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>")
    return assembled(objects)


def assembled(objects: list[str]) -> bytes:
    """A PDF of these objects, the first of which is its catalog."""
    written = bytearray(b"%PDF-1.4\n")
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = len(written)
    written += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    written += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    written += f"trailer\n<</Size {len(objects) + 1} /Root 1 0 R>>\nstartxref\n{table}\n%%EOF".encode()
    return bytes(written)


def encrypted_pdf(text: str, password: str) -> bytes:
    writer = PdfWriter()
    writer.append(PdfReader(io.BytesIO(pdf(text))))
    writer.encrypt(password, algorithm="AES-256")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def looping_pdf() -> bytes:
    """Its tree of pages has itself among its branches."""
    return assembled(["<</Type /Catalog /Pages 2 0 R>>", "<</Type /Pages /Count 9 /Kids [2 0 R 2 0 R]>>"])


def inflating_pdf(megabytes: int) -> bytes:
    """A page whose content is a thousand times as large as it looks."""
    import zlib

    packed = zlib.compress(b" " * (megabytes << 20), 9).decode("latin-1")
    return assembled(
        [
            "<</Type /Catalog /Pages 2 0 R>>",
            "<</Type /Pages /Count 1 /Kids [3 0 R]>>",
            "<</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R>>",
            f"<</Filter /FlateDecode /Length {len(packed)}>>\nstream\n{packed}\nendstream",
        ]
    )


def word(*paragraphs: str) -> bytes:
    """A Word document with a heading, paragraphs and a table."""
    document = docx.Document()
    document.add_heading("Chapter", 1)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def archive(**entries: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name.replace("__", "/"), content)
    return written.getvalue()


def with_document(document: bytes) -> bytes:
    """A Word document whose text is replaced by these bytes."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(word("text"))) as sound,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for entry in sound.infolist():
            made.writestr(entry, document if entry.filename == "word/document.xml" else sound.read(entry))
    return written.getvalue()
