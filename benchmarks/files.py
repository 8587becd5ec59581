"""What reading large files takes. Measures and prints; judges nothing (the exit code is always 0).

    python -m benchmarks.files [--megabytes 10] [--pages 300] [--json FILE]

A text and a PDF of so many pages, each full of text, are uploaded to a server of its own each, which takes such long
texts (LETTA_MAX_FILE_CHARACTERS). Told is the most memory that the server's process has had until the passages are
stored, and until they have vectors too; as the operating system counts it, shared libraries included. The processes
that read the files are counted apart. The database is `--pg-uri` (default `LETTA_PG_URI`, else an embedded Postgres
that goes afterwards).
"""

import argparse
import random
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil

from benchmarks.report import Row, table, write_json
from benchmarks.stage import (
    add_shared_options,
    embedded_postgres,
    environment_for,
    progress,
    running_server,
    scripted_model,
)
from letta.testing.postgres import throwaway_schema
from letta.testing.server import ServerProcess

EMBEDDING = "openai/text-embedding-3-small"
LINES_OF_A_PAGE = 46
WORDS = ("tea", "gardens", "journeys", "music", "weather", "bread", "friends", "work", "rivers", "stones")
ROWS = (
    Row("idle_mb", "memory of the server when idle, MB"),
    Row("read_mb", "most until the passages are stored, MB", "<= 160"),
    Row("embedded_mb", "most until they have vectors, MB", "<= 160"),
    Row("child_mb", "most of the process that reads, MB", "LETTA_FILE_PARSE_MEMORY_MB"),
    Row("read_s", "time until the passages are stored, s"),
    Row("embedded_s", "time until they have vectors, s"),
    Row("passages", "passages"),
)


def main() -> None:
    options = _parser().parse_args()
    text = "\n".join(_lines(options.megabytes * 1_000_000)).encode()
    files = {
        f"text, {options.megabytes} MB": ("large.txt", text),
        f"PDF, {options.pages} pages": ("large.pdf", _pdf(options.pages)),
    }
    figures = {}
    with ExitStack() as stack:
        uri = options.pg_uri or stack.enter_context(embedded_postgres())
        model = stack.enter_context(scripted_model())
        for what, (name, data) in files.items():
            progress(what)
            with throwaway_schema(uri) as schema:
                environment = environment_for(uri, schema, model) | {"LETTA_MAX_FILE_CHARACTERS": str(len(text) * 2)}
                with running_server(environment) as server:
                    figures[what] = measure(server, name, data)
    facts = {"megabytes": options.megabytes, "pages": options.pages}
    sys.stdout.write(table(ROWS, figures, facts) + "\n")
    if options.json:
        write_json(options.json, figures, facts)


def measure(server: ServerProcess, name: str, data: bytes) -> dict[str, float]:
    """The figures of one file."""
    with httpx2.Client(base_url=server.url, timeout=300, trust_env=False) as http:
        folder = _checked(http.post("/v1/folders/", json={"name": "Large", "embedding": EMBEDDING}))["id"]
        figures = {"idle_mb": _most(server.pid)}
        _forget_the_most(server.pid)
        began = time.monotonic()
        sent = _checked(http.post(f"/v1/folders/{folder}/upload", files={"file": (name, data)}))
        place = f"/v1/folders/{folder}/files/{sent['id']}"
        figures["child_mb"] = _watched(server.pid, lambda: _status(http, place) != "parsing")
        figures |= {"read_s": time.monotonic() - began, "read_mb": _most(server.pid)}
        _watched(server.pid, lambda: _status(http, place) != "embedding")
        figures |= {"embedded_s": time.monotonic() - began, "embedded_mb": _most(server.pid)}
        file = _checked(http.get(place))
        if file["processing_status"] != "completed":
            sys.exit(f"{name} was not read: {file['error_message']}")
        return figures | {"passages": file["total_chunks"]}


def _watched(pid: int, done: Callable[[], bool]) -> float:
    """Waits until something is done. The most memory that a process of the server has meanwhile, in MB."""
    most = 0.0
    while not done():
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(OSError, StopIteration):  # it ends as we look
                most = max(most, _most(child.pid))
        time.sleep(0.02)
    return most


def _status(http: httpx2.Client, place: str) -> str:
    return str(_checked(http.get(place))["processing_status"])


def _checked(answer: httpx2.Response) -> dict[str, Any]:
    return dict(answer.raise_for_status().json())


def _most(pid: int) -> float:
    """The most memory that a process has had, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _forget_the_most(pid: int) -> None:
    """From now on only what comes counts."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _lines(size: int) -> Sequence[str]:
    """Lines of words, of so many bytes in all."""
    chosen, words = random.Random(7), WORDS
    lines, written = [], 0
    while written < size:
        lines.append(" ".join(chosen.choices(words, k=12)).capitalize() + ".")
        written += len(lines[-1]) + 1
    return lines


def _pdf(pages: int) -> bytes:
    """A PDF with so many pages of lines, compressed as programs do it."""
    lines = iter(_lines(pages * LINES_OF_A_PAGE * 90))
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(pages))
    objects = [
        b"<</Type /Catalog /Pages 2 0 R>>",
        f"<</Type /Pages /Count {pages} /Kids [{kids}]>>".encode(),
        b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>",
    ]
    for page in range(pages):
        drawn = "\n".join(f"({next(lines)}) Tj T*" for _ in range(LINES_OF_A_PAGE))
        content = zlib.compress(f"BT /F1 9 Tf 12 TL 72 760 Td\n{drawn}\nET".encode())
        objects.append(
            f"<</Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * page} 0 R "
            "/Resources <</Font <</F1 3 0 R>>>>>>".encode()
        )
        objects.append(b"<</Filter /FlateDecode /Length %d>>\nstream\n%b\nendstream" % (len(content), content))
    return _assembled(objects)


def _assembled(objects: Sequence[bytes]) -> bytes:
    written, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table_at = len(written)
    written += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    written += b"".join(b"%010d 00000 n \n" % place for place in places)
    written += b"trailer\n<</Size %d /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, table_at)
    return bytes(written)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.files", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=10)
    parser.add_argument("--pages", type=int, default=300)
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
