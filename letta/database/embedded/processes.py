"""What the system tells about processes: from ``/proc``, or where there is none from ``ps``."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_POLL_SECONDS = 0.01
_PROC = Path("/proc")
_BOOT_ID = _PROC / "sys/kernel/random/boot_id"


def start_time(pid: int) -> str | None:
    """When a process was started, in a form good for comparison only; None if it doesn't run."""
    return _start_time_from_proc(pid) if _BOOT_ID.exists() else _start_time_from_ps(pid)


def command_line(pid: int) -> str:
    """The command that a process was started with, its parts each followed by a blank; empty if it doesn't run."""
    return _command_line_from_proc(pid) if _BOOT_ID.exists() else _command_line_from_ps(pid)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether something comes true within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _start_time_from_proc(pid: int) -> str | None:
    # The second field is a name that may contain blanks and brackets; it ends with the last bracket.
    fields = _read(f"{pid}/stat").rpartition(")")[2].split()
    if not fields or fields[0] in "ZX":
        return None
    ticks_since_boot = fields[19]
    return f"{_BOOT_ID.read_text().strip()}/{ticks_since_boot}"


def _start_time_from_ps(pid: int) -> str | None:
    state, _, started = _ps("stat=,lstart=", pid).partition(" ")
    return None if state.startswith("Z") else started.strip() or None


def _command_line_from_proc(pid: int) -> str:
    return _read(f"{pid}/cmdline").replace("\0", " ")


def _command_line_from_ps(pid: int) -> str:
    line = _ps("command=", pid)
    return f"{line} " if line else ""


def _read(path: str) -> str:
    try:
        return (_PROC / path).read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _ps(columns: str, pid: int) -> str:
    command = ["ps", "-ww", "-o", columns, "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
