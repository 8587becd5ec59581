"""Which processes use the server: the lock that they share, and the list of those still alive."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from letta.database.embedded.errors import DataDirectoryInUseError
from letta.database.embedded.files import open_private, try_lock, write_private
from letta.database.embedded.processes import start_time, wait_until


@dataclass(frozen=True)
class User:
    """One use of the server by a process. The start time tells a process from a later one with the same id."""

    token: str
    pid: int
    started: str | None

    @classmethod
    def this_process(cls, token: str) -> "User":
        """A use by this process; ``token`` tells several of them apart."""
        return cls(token, os.getpid(), start_time(os.getpid()))

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        return self.started is not None and start_time(self.pid) == self.started


class UserList:
    """The users of one server, in a file. To be used under the lock only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, user: User) -> None:
        """Record a user, instead of one with the same token, and forget the dead."""
        self._write([*self.living_but(user.token), user])

    def remove(self, token: str) -> None:
        """Take a user out, and forget the dead."""
        self._write(self.living_but(token))

    def living_but(self, token: str) -> list[User]:
        """The other users whose processes still run."""
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
    if not wait_until(lambda: try_lock(descriptor, fcntl.LOCK_EX), timeout_seconds):
        raise DataDirectoryInUseError(
            f"Another process has been starting or stopping the embedded Postgres for {timeout_seconds:.0f} seconds "
            f"(it locks {path}). Wait for it or kill it, and try again."
        )
