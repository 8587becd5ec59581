"""The running server: found, started, waited for, stopped."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from letta.database.embedded.account import Account
from letta.database.embedded.binaries import Binaries
from letta.database.embedded.errors import DataDirectoryInUseError, EmbeddedPostgresError, ServerFailedError
from letta.database.embedded.files import open_private, try_lock
from letta.database.embedded.launch import Launch
from letta.database.embedded.layout import Layout

PORT = 5432
"""Only a part of the socket's name: the server listens on no network address."""

START_SECONDS = 60.0
"""How long a start may take; a recovery after a crash is the longest."""

_STRANGER_SECONDS = 10.0
_FAST_STOP_SECONDS = 20.0
_IMMEDIATE_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.01
_LOG_LIMIT_BYTES = 4 * 1024 * 1024
_READY = "ready"


@dataclass(frozen=True)
class Postmaster:
    """What a server says about itself in ``postmaster.pid`` (src/include/utils/pidfile.h)."""

    pid: int
    socket_directory: Path | None
    status: str

    @classmethod
    def read(cls, layout: Layout) -> "Postmaster | None":
        """None if there is no such file, or if it is being written just now."""
        try:
            lines = layout.postmaster_file.read_text().splitlines()
        except FileNotFoundError:
            return None
        if not lines:
            return None
        lines += [""] * (8 - len(lines))
        return cls(int(lines[0]), Path(lines[4]) if lines[4] else None, lines[7].strip())


class Server:
    """The server of one cluster. To be called under the lock of `users.locked` only."""

    def __init__(self, layout: Layout, binaries: Binaries, account: Account) -> None:
        self._layout = layout
        self._binaries = binaries
        self._account = account

    def find(self) -> Path | None:
        """The socket directory of a server that is running or about to, whoever started it; None if there is none.

        Raises:
            DataDirectoryInUseError: something that we can't see works on the data.
        """
        began = time.monotonic()
        while True:
            postmaster = Postmaster.read(self._layout)
            ours = postmaster is not None and _is_postmaster(postmaster.pid, self._layout)
            if postmaster and ours and postmaster.status == _READY and postmaster.socket_directory:
                return postmaster.socket_directory
            if not ours and not self._is_alive():
                return None
            known = ours or postmaster is None
            self._check_patience(time.monotonic() - began, START_SECONDS if known else _STRANGER_SECONDS)
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop it if it runs, and wait until it has ended.

        Raises:
            ServerFailedError: it doesn't end.
        """
        postmaster = Postmaster.read(self._layout)
        if postmaster is None or not _is_postmaster(postmaster.pid, self._layout):
            return
        self._signal(postmaster.pid, signal.SIGINT)
        if not self._ends_within(postmaster.pid, _FAST_STOP_SECONDS):
            # Without a last checkpoint: the next start recovers from the log.
            self._signal(postmaster.pid, signal.SIGQUIT)
            if not self._ends_within(postmaster.pid, _IMMEDIATE_STOP_SECONDS):
                raise ServerFailedError(f"The embedded Postgres doesn't stop. End process {postmaster.pid}.")
        self._remove_socket_directory(postmaster.socket_directory)

    def limit_log(self) -> None:
        """Empty the log if it has grown large; the server appends, so it goes on at the new end."""
        if self._layout.log_file.exists() and self._layout.log_file.stat().st_size > _LOG_LIMIT_BYTES:
            os.truncate(self._layout.log_file, 0)

    def start(self) -> Path:
        """Start it, when `find` has found none. Returns the directory of its socket.

        Raises:
            ServerFailedError: it doesn't start.
        """
        self._remove_traces()
        directory = self._make_socket_directory()
        if self._layout.log_file.exists():
            self._layout.log_file.replace(self._layout.log_file.with_suffix(".log.1"))
        result = Launch(
            command=[str(self._binaries.postgres), *self._arguments(directory)],
            environ={"TZ": "UTC", "LC_ALL": "C", "PATH": os.defpath},
            lock=self._layout.alive_file,
            uid=self._account.uid,
            gid=self._account.gid,
            method=self._account.method,
            capability=self._account.capability_needed(self._binaries, self._layout),
            log=self._layout.log_file,
        ).run()
        if result.returncode != 0:
            raise self._failure(result.stderr)
        self._wait_until_ready()
        return directory

    def _arguments(self, socket_directory: Path) -> list[str]:
        quoted = str(socket_directory).replace('"', '""')
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{quoted}"',
            "logging_collector": "off",
            "log_destination": "stderr",
            # Small containers may have no shared memory file system.
            "dynamic_shared_memory_type": "posix" if os.access("/dev/shm", os.W_OK) else "mmap",  # noqa: S108
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ["-D", str(self._layout.cluster), *options]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            postmaster = Postmaster.read(self._layout)
            if postmaster is not None and postmaster.status == _READY:
                return
            if not self._is_alive():
                raise self._failure(self._layout.log_file.read_text(errors="replace"))
            if time.monotonic() > deadline:
                raise ServerFailedError(
                    f"The embedded Postgres isn't ready after {START_SECONDS:.0f} seconds; it may be recovering from "
                    f"a crash. See {self._layout.log_file}, wait for it, and start again."
                )
            time.sleep(_POLL_SECONDS)

    def _failure(self, output: str) -> ServerFailedError:
        return ServerFailedError(
            f"The embedded Postgres doesn't start: {output.strip()[-1500:]}\n"
            f"Mend what it says, or restore {self._layout.data_directory} from a backup, and start again."
        )

    def _is_alive(self) -> bool:
        """Whether any program of Postgres runs on this data, on this machine or in any container on it."""
        descriptor = open_private(self._layout.alive_file, os.O_RDWR)
        try:
            return not try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _check_patience(self, waited: float, limit: float) -> None:
        if waited > limit:
            raise DataDirectoryInUseError(
                f"A Postgres that this process can't see works in {self._layout.data_directory}, perhaps in another "
                "container with the same volume. Stop that one first, or set LETTA_PG_DATA to another directory."
            )

    def _signal(self, pid: int, number: signal.Signals) -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            raise EmbeddedPostgresError(
                f"This process may not stop the embedded Postgres (process {pid}). Stop it as the user that started it."
            ) from None

    def _ends_within(self, pid: int, seconds: float) -> bool:
        return _wait_until(lambda: not (_is_postmaster(pid, self._layout) or self._is_alive()), seconds)

    def _remove_traces(self) -> None:
        """Take away what a server left that couldn't end in order.

        Postgres would take it for another server if the process id in it has been given to anybody else meanwhile.
        """
        left = Postmaster.read(self._layout)
        if left is not None:
            self._remove_socket_directory(left.socket_directory)
        self._layout.postmaster_file.unlink(missing_ok=True)
        shutil.rmtree(self._layout.socket_directory, ignore_errors=True)

    def _remove_socket_directory(self, directory: Path | None) -> None:
        if directory is not None and directory.name.startswith(_TEMPORARY_PREFIX):
            shutil.rmtree(directory, ignore_errors=True)

    def _make_socket_directory(self) -> Path:
        """A directory only the server's user can enter, where a socket can be made."""
        directory = self._layout.socket_directory
        directory.mkdir(mode=0o700)
        if not _takes_socket(directory):
            directory = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir="/tmp"))
        self._account.own(directory)
        return directory


_TEMPORARY_PREFIX = "letta-pg-"


def _takes_socket(directory: Path) -> bool:
    """Whether the path is short enough for a socket (107 bytes), and the file system can hold one."""
    trial = directory / f".s.PGSQL.{PORT}"
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(trial))
        except OSError:
            return False
    trial.unlink()
    return True


def _is_postmaster(pid: int, layout: Layout) -> bool:
    """Whether that process is the server of this cluster, and not one that got its id later."""
    arguments = _command_line(pid)
    return bool(arguments) and Path(arguments[0]).name == "postgres" and str(layout.cluster) in arguments


def _command_line(pid: int) -> list[str]:
    proc = Path("/proc/self").exists()
    if not proc:
        command = ["ps", "-o", "command=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()  # noqa: S603
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
