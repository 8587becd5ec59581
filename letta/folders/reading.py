"""Reading files, and searching in them, in processes of their own with bounds on time and memory.

Whatever a file does to its parser, or an expression to its matcher, ends with that process.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import letta
from letta.folders.child.main import LENGTH
from letta.folders.file_types import FileType
from letta.json_types import JsonObject
from letta.settings import Settings

_START = "import sys; sys.path.insert(0, sys.argv[1]); from letta.folders.child.main import main; sys.path.pop(0)"
_RUN = "main(int(sys.argv[2]), int(sys.argv[3]))"
_WAIT = 10
"""A process may take so many times as long as it may use of the processor, which others use as well."""
_PIECE = 1 << 18
_MOST_OUTCOME_BYTES = 64 * 1024 * 1024
_BYTES_PER_CHARACTER = 4

SEARCH_SECONDS = 30
SEARCH_CPU_SECONDS = 10
OVERLAP_TOKENS = 50
CHARACTERS_PER_TOKEN = 4


class TaskError(Exception):
    """A task couldn't be done. The message is a sentence for whoever has set it."""


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What is in a file.

    Attributes:
        chunks: where its passages begin and end.
        lines: how many it has, as agents count them.
    """

    text: str
    chunks: list[tuple[int, int]]
    lines: int


class FileReader:
    """Starts a process for each task; one at a time reads a file, another one may search."""

    def __init__(self, settings: Settings) -> None:
        self._most_characters = settings.max_file_characters
        self._cpu_seconds = settings.file_parse_seconds
        self._memory_mb = settings.file_parse_memory_mb
        self._reading = asyncio.Semaphore(1)
        self._searching = asyncio.Semaphore(1)

    async def read(self, pieces: AsyncIterator[bytes], file_type: FileType, chunk_tokens: int) -> ReadFile:
        """The text of a file that comes in pieces, and its passages of about so many tokens.

        Raises:
            TaskError: it can't be read.
        """
        size = max(chunk_tokens * CHARACTERS_PER_TOKEN, 40)
        task = {
            "do": "read",
            "kind": file_type.kind,
            "prose": file_type.is_prose,
            "most_characters": self._most_characters,
            "most_unpacked": (self._memory_mb << 20) // 2,
            "size": size,
            "overlap": min(OVERLAP_TOKENS * CHARACTERS_PER_TOKEN, size // 4),
        }
        most = self._most_characters * _BYTES_PER_CHARACTER + _MOST_OUTCOME_BYTES
        async with self._reading:
            outcome, text = await self._run(task, pieces, self._cpu_seconds, self._cpu_seconds * _WAIT, most)
        return ReadFile(text, [(start, end) for start, end in outcome["chunks"]], outcome["lines"])

    async def search(self, task: JsonObject, texts: AsyncIterator[bytes]) -> JsonObject:
        """The outcome of a search as `letta.folders.child.matches` describes it.

        Raises:
            TaskError: the expression is none, or takes too long.
        """
        async with self._searching:
            given = {"do": "search", **task}
            outcome, _ = await self._run(given, texts, SEARCH_CPU_SECONDS, SEARCH_SECONDS, _MOST_OUTCOME_BYTES)
        return outcome

    async def _run(
        self, task: JsonObject, texts: AsyncIterator[bytes], cpu_seconds: int, seconds: float, most_bytes: int
    ) -> tuple[JsonObject, str]:
        process = await self._started(cpu_seconds)
        writing = asyncio.create_task(_write(process, task, texts))
        try:
            async with asyncio.timeout(seconds):
                told = await _read(process, most_bytes)
                code = await process.wait()
            if writing.done():
                writing.result()
        except TimeoutError:
            raise _too_slow(task) from None
        finally:
            writing.cancel()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code != 0:
            raise _too_slow(task) if code == -signal.SIGXCPU else _too_much(task, self._memory_mb)
        head = told.index(b"\n")
        outcome = json.loads(told[:head])
        if "error" in outcome:
            raise TaskError(outcome["error"])
        return outcome, str(memoryview(told)[head + 1 :], "utf-8", "replace")

    async def _started(self, cpu_seconds: int) -> asyncio.subprocess.Process:
        given = [str(Path(letta.__file__).parents[1]), str(self._memory_mb << 20), str(cpu_seconds)]
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-B",
            "-c",
            f"{_START}; {_RUN}",
            *given,
            env={"LANG": "C.UTF-8", "PATH": os.defpath},
            cwd="/",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )


def _too_slow(task: JsonObject) -> TaskError:
    if task["do"] == "search":
        return TaskError("The search timed out. Use a simpler pattern, or search fewer files with 'include'.")
    return TaskError("Reading the file timed out. Upload a simpler or smaller file, or raise LETTA_FILE_PARSE_SECONDS.")


def _too_much(task: JsonObject, memory_mb: int) -> TaskError:
    if task["do"] == "search":
        return TaskError(
            f"The search needed more than {memory_mb} MB of memory. Use a simpler pattern, or search fewer files with "
            "'include'."
        )
    return TaskError(
        f"Reading the file needed more than {memory_mb} MB of memory, or crashed the library that reads it. "
        "Upload a simpler or smaller file, or raise LETTA_FILE_PARSE_MEMORY_MB."
    )


async def in_one(data: bytes) -> AsyncIterator[bytes]:
    """Data that come in a single piece."""
    yield data


async def _write(process: asyncio.subprocess.Process, task: JsonObject, texts: AsyncIterator[bytes]) -> None:
    """Send the task and what belongs to it. Whoever reads may end before it has read everything."""
    pipe = process.stdin
    if pipe is None:
        return
    try:
        with suppress(BrokenPipeError, ConnectionResetError):
            pipe.write(json.dumps(task).encode() + b"\n")
            async for data in texts:
                pipe.write(LENGTH.pack(len(data)))
                for start in range(0, len(data), _PIECE):
                    pipe.write(data[start : start + _PIECE])
                    await pipe.drain()
            await pipe.drain()
    finally:
        pipe.close()


async def _read(process: asyncio.subprocess.Process, most_bytes: int) -> bytearray:
    told = bytearray()
    while process.stdout is not None and (piece := await process.stdout.read(_PIECE)):
        told += piece
        if len(told) > most_bytes:
            raise TaskError("The text extracted from the file is too large. Upload a smaller file.")
    return told
