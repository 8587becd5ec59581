"""One task in a process of its own: what it is to do comes in, the outcome goes out, and it ends.

A task is a line of JSON on the standard input, and texts that follow it, each after its length. The outcome is a line
of JSON on the standard output, and a text if there is one.
"""

import contextlib
import json
import os
import re
import resource
import struct
import sys
from collections.abc import Iterator

from letta.folders.child.chunks import chunks_of
from letta.folders.child.extract import UnreadableError, text_of
from letta.folders.child.lines import lines_of
from letta.folders.child.matches import search
from letta.json_types import JsonObject
from letta.sandbox.child import kernel, landlock
from letta.sandbox.child.confine import readable_paths

LENGTH = struct.Struct("!Q")
_OPEN_FILES = 64
_SECONDS_AFTER_THE_SIGNAL = 2
"""The first limit on time is told by a signal that no other end is told by."""
_FIRST_TO_GO = "1000"


def main(memory_bytes: int, seconds: int) -> None:
    """Confine this process, do the task, and end the process."""
    _confine(memory_bytes, seconds)
    task = json.loads(sys.stdin.buffer.readline())
    try:
        outcome, text = _TASKS[task["do"]](task)
    except UnreadableError as error:
        outcome, text = {"error": str(error)}, ""
    except re.error as error:
        outcome, text = {"error": f"The pattern is not a valid regular expression: {error}."}, ""
    except (MemoryError, RecursionError):
        os._exit(1)
    sys.stdout.buffer.write(json.dumps(outcome).encode() + b"\n" + text.encode("utf-8", "replace"))
    sys.stdout.flush()
    os._exit(0)


def _confine(memory_bytes: int, seconds: int) -> None:
    """Give up all that reading what was sent doesn't take: other files, privileges, more memory and time."""
    rules = landlock.prepare(readable_paths(), ())
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + _SECONDS_AFTER_THE_SIGNAL))
    for what, limit in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, 2 * memory_bytes + (512 << 20)),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(what)
        allowed = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(what, (allowed, allowed))
    kernel.renounce_privileges()
    kernel.die_with_parent()
    os.nice(5)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write(_FIRST_TO_GO)
    if rules is not None:
        landlock.enforce(rules)


def _texts() -> Iterator[bytes]:
    """The texts that follow a task."""
    while len(head := sys.stdin.buffer.read(LENGTH.size)) == LENGTH.size:
        yield sys.stdin.buffer.read(LENGTH.unpack(head)[0])


def _read(task: JsonObject) -> tuple[JsonObject, str]:
    text = text_of(b"".join(_texts()), task["kind"], task["most_characters"], task["most_unpacked"])
    spans = chunks_of(text, task["size"], task["overlap"])
    count = sum(1 for _ in lines_of(text, prose=task["prose"]))
    return {"chunks": spans, "lines": count}, text


def _search(task: JsonObject) -> tuple[JsonObject, str]:
    files = zip(task["files"], _texts(), strict=True)
    found = search(
        ((label, text.decode(), prose) for (label, prose), text in files),
        task["pattern"],
        context=task["context"],
        wanted=range(task["first"], task["first"] + task["page"]),
        most=task["most"],
    )
    return found, ""


_TASKS = {"read": _read, "search": _search}
