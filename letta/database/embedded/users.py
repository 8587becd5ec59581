"""Which processes use the server: the lock that they share, and the list of those still alive."""

import fcntl
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from letta.database.embedded.errors import DataDirectoryInUseError
from letta.database.embedded.files import open_private, try_lock, write_private

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class User:
    """One use of the server by a process. The start time tells a process from a later one with the same id."""

    token: str
    pid: int
    started: str

    @classmethod
    def this_process(cls, token: str) -> "User":
        """A use by this process; ``token`` tells several of them apart."""
        pid = os.getpid()
        return cls(token, pid, start_time(pid) or "")

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        return start_time(self.pid) == self.started


class UserList:
    """The users of one server, in a file. To be called under the lock only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, user: User) -> None:
        """Record a user; nothing changes if it is there already."""
        self._write([*self._others(user.token), user])

    def remove(self, token: str) -> list[User]:
        """Take a user out. Returns those who are left and alive."""
        others = self._others(token)
        self._write(others)
        return others

    def _others(self, token: str) -> list[User]:
        return [user for user in self._read() if user.token != token and user.is_alive]

    def _read(self) -> list[User]:
        try:
            return [User(**entry) for entry in json.loads(self._path.read_text())]
        except FileNotFoundError:
            return []

    def _write(self, users: list[User]) -> None:
        write_private(self._path, json.dumps([asdict(user) for user in users]))


@contextmanager
def locked(path: Path, timeout_seconds: float) -> Iterator[None]:
    """Keep all other processes out while one starts or stops the server.

    Raises:
        DataDirectoryInUseError: somebody else holds the lock for too long.
    """
    descriptor = open_private(path, os.O_RDWR)
    try:
        _wait_for_lock(descriptor, path, timeout_seconds)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int, path: Path, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not try_lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise DataDirectoryInUseError(
                f"Another process has been starting or stopping the embedded Postgres for {timeout_seconds:.0f} "
                f"seconds (it locks {path}). Wait for it, or end it, and try again."
            )
        time.sleep(_POLL_SECONDS)


def start_time(pid: int) -> str | None:
    """When a process was started, in a form good for comparison only; None if it doesn't run."""
    if _BOOT_ID.exists():
        return _start_time_from_proc(pid)
    return _start_time_from_ps(pid)


def _start_time_from_proc(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is a name that may contain blanks and brackets; it ends with the last bracket.
    fields = stat.rpartition(")")[2].split()
    state, ticks_since_boot = fields[0], fields[19]
    return None if state in "ZX" else f"{_BOOT_ID.read_text().strip()}/{ticks_since_boot}"


def _start_time_from_ps(pid: int) -> str | None:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    state, _, started = answer.partition(" ")
    return started.strip() or None if not state.startswith("Z") else None
