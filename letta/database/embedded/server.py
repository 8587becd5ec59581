"""The running server: found, started, waited for, stopped."""

import fcntl
import os
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

from letta.database.embedded.account import Account
from letta.database.embedded.binaries import Binaries
from letta.database.embedded.errors import DataDirectoryInUseError, EmbeddedPostgresError, ServerFailedError
from letta.database.embedded.files import open_private, try_lock
from letta.database.embedded.launch import Launch
from letta.database.embedded.layout import Layout
from letta.database.embedded.postmaster import Postmaster
from letta.database.embedded.processes import wait_until

PORT = 5432
"""Only a part of the socket's name: the server listens on no network address."""

START_SECONDS = 60.0
"""How long a start may take; the recovery after a crash is the longest."""

_STRANGER_SECONDS = 10.0
_FAST_STOP_SECONDS = 20.0
_IMMEDIATE_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.01
_LOG_LIMIT_BYTES = 4 * 1024 * 1024
_TEMPORARY = Path("/tmp")  # noqa: S108 - what TMPDIR names may be too long again
_TEMPORARY_PREFIX = "letta-pg-"


class Server:
    """The server of one cluster. To be used under the lock of `users.locked` only."""

    def __init__(self, layout: Layout, binaries: Binaries, account: Account) -> None:
        self._layout = layout
        self._binaries = binaries
        self._account = account

    def find(self) -> Postmaster | None:
        """A server that is running, or will be in a moment, whoever started it; None if nothing works on the data.

        Raises:
            ServerFailedError: it runs and doesn't get ready.
            DataDirectoryInUseError: something that we can't see works on the data.
        """
        began = time.monotonic()
        while True:
            postmaster = Postmaster.read(self._layout)
            if postmaster is not None and postmaster.is_ready:
                return postmaster
            running = postmaster is not None and postmaster.is_running
            if not running and not self._is_alive():
                return None
            self._check_patience(postmaster, running, time.monotonic() - began)
            time.sleep(_POLL_SECONDS)

    def start(self) -> Postmaster:
        """Start it, when `find` has found none.

        Raises:
            ServerFailedError: it doesn't start.
        """
        self._remove_traces()
        if self._layout.log_file.exists():
            self._layout.log_file.replace(self._layout.previous_log_file)
        result = Launch(
            command=[str(self._binaries.postgres), "-D", str(self._layout.cluster), *self._settings()],
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
        return self._wait_until_ready()

    def stop(self) -> None:
        """Stop it if it runs, and wait until it has ended. Open connections are cut.

        Raises:
            ServerFailedError: it doesn't end.
        """
        postmaster = Postmaster.read(self._layout)
        if postmaster is None or not postmaster.is_running:
            return
        self._signal(postmaster, signal.SIGINT)
        if not self._ends_within(postmaster, _FAST_STOP_SECONDS):
            # Without a last checkpoint: the next start recovers from the log.
            self._signal(postmaster, signal.SIGQUIT)
            if not self._ends_within(postmaster, _IMMEDIATE_STOP_SECONDS):
                raise ServerFailedError(f"The embedded Postgres does not stop. Kill process {postmaster.pid}.")
        _remove_temporary(postmaster.socket_directory)

    def limit_log(self) -> None:
        """Empty the log if it has grown large; the server appends, so it goes on at the new end."""
        descriptor = open_private(self._layout.log_file, os.O_WRONLY)
        try:
            if os.fstat(descriptor).st_size > _LOG_LIMIT_BYTES:
                os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def _settings(self) -> list[str]:
        quoted = str(self._make_socket_directory()).replace('"', '""')
        settings = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{quoted}"',
            "logging_collector": "off",
            "log_destination": "stderr",
            # Small containers may have no shared memory file system.
            "dynamic_shared_memory_type": "posix" if os.access("/dev/shm", os.W_OK) else "mmap",  # noqa: S108
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _wait_until_ready(self) -> Postmaster:
        deadline = time.monotonic() + START_SECONDS
        while True:
            postmaster = Postmaster.read(self._layout)
            if postmaster is not None and postmaster.is_ready:
                return postmaster
            if not self._is_alive():
                raise self._failure(self._layout.log_file.read_text(errors="replace"))
            if time.monotonic() > deadline:
                raise self._not_ready()
            time.sleep(_POLL_SECONDS)

    def _failure(self, output: str) -> ServerFailedError:
        return ServerFailedError(
            f"The embedded Postgres does not start: {output.strip()[-1500:]}\nFix the problem it reports, or restore "
            f"{self._layout.data_directory} from a backup, and start again."
        )

    def _not_ready(self) -> ServerFailedError:
        return ServerFailedError(
            f"The embedded Postgres is not ready after {START_SECONDS:.0f} seconds; it may be recovering from a crash. "
            f"See {self._layout.log_file}, wait for it, and start again."
        )

    def _is_alive(self) -> bool:
        """Whether any program of Postgres runs on this data, on this machine or in any container on it."""
        descriptor = open_private(self._layout.alive_file, os.O_RDWR)
        try:
            return not try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _check_patience(self, postmaster: Postmaster | None, running: bool, waited: float) -> None:
        """Wait long for a server that starts or stops, and for `initdb`; briefly for what looks like neither."""
        if (running or postmaster is None) and waited > START_SECONDS:
            raise self._not_ready()
        if postmaster is not None and not running and waited > _STRANGER_SECONDS:
            raise DataDirectoryInUseError(
                f"A Postgres that this process can't see is using {self._layout.data_directory}, perhaps in another "
                "container with the same volume. Stop it first, or set LETTA_PG_DATA to another directory."
            )

    def _signal(self, postmaster: Postmaster, number: signal.Signals) -> None:
        try:
            os.kill(postmaster.pid, number)
        except ProcessLookupError:
            return
        except PermissionError:
            raise EmbeddedPostgresError(
                f"This process may not stop the embedded Postgres (process {postmaster.pid}). "
                "Stop it as the user that started it."
            ) from None

    def _ends_within(self, postmaster: Postmaster, seconds: float) -> bool:
        return wait_until(lambda: not (postmaster.is_running or self._is_alive()), seconds)

    def _remove_traces(self) -> None:
        """Take away what a server left that couldn't end in order.

        Postgres would take it for another server if the process id in it has been given to anybody else meanwhile.
        """
        left = Postmaster.read(self._layout)
        if left is not None:
            _remove_temporary(left.socket_directory)
        self._layout.postmaster_file.unlink(missing_ok=True)
        if self._layout.socket_directory.exists():
            shutil.rmtree(self._layout.socket_directory)

    def _make_socket_directory(self) -> Path:
        """A directory only the server's user can enter, where a socket can be made."""
        directory = self._layout.socket_directory
        directory.mkdir(mode=0o700)
        if not _takes_socket(directory):
            directory = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=_TEMPORARY))
        self._account.own(directory)
        return directory


def _remove_temporary(socket_directory: Path) -> None:
    ours = socket_directory.parent == _TEMPORARY and socket_directory.name.startswith(_TEMPORARY_PREFIX)
    if ours and socket_directory.exists():
        shutil.rmtree(socket_directory)


def _takes_socket(directory: Path) -> bool:
    """Whether a socket can be made there and be named to libpq.

    A path may be too long for one (107 bytes), or its file system unable to hold one; and a comma ends a host's name.
    """
    if "," in str(directory):
        return False
    trial = directory / f".s.PGSQL.{PORT}"
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(trial))
        except OSError:
            return False
    trial.unlink()
    return True
