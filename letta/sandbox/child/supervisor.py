"""One run: forks the process that runs the tool, watches it, ends all of it and answers."""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

from letta.sandbox.child import harness, kernel, landlock, processes
from letta.sandbox.child.confine import Confines, confine

LENGTH = struct.Struct("!Q")
"""How long the request is that follows; the answer ends with the connection."""

_SAMPLE_SECONDS = 0.1
_DISK_SAMPLES = 3
"""Memory is looked at with each sample, the disk with each of so many."""
_MOST_FILES = 10_000
_PIECE = 1 << 16
_RESULT_BYTES = 8 * harness.MAX_RESULT_CHARACTERS
_ROUNDS_AFTER_THE_END = 100


@dataclass
class _Pipe:
    """Something that the tool writes. What exceeds the limit is read and thrown away."""

    limit: int
    reader: int = -1
    writer: int = -1
    kept: bytearray = field(default_factory=bytearray)
    lost: int = 0

    def open(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)

    def read(self) -> bool:
        """Read what is there. Returns whether there was anything."""
        try:
            piece = os.read(self.reader, _PIECE)
        except BlockingIOError:
            return False
        taken = piece[: max(0, self.limit - len(self.kept))]
        self.kept += taken
        self.lost += len(piece) - len(taken)
        return bool(piece)

    def text(self) -> str:
        return self.kept.decode("utf-8", "replace")


@dataclass(frozen=True)
class Surroundings:
    """What the process that runs are forked from has found out for all of them.

    Args:
        user: the first of the user ids that tools run as; None where they run as the server's.
        reads_everywhere: whether such a user needs to go where only root may.
        tasks_running: how many threads count against the limit on a tool's processes already.
    """

    user: int | None
    reads_everywhere: bool
    tasks_running: int = 0


class Supervisor:
    """Carries out the request that comes over a connection, and answers."""

    def __init__(self, connection: socket.socket, surroundings: Surroundings) -> None:
        self._connection = connection
        self._user = surroundings.user
        self._reads_everywhere = surroundings.reads_everywhere
        self._tasks = surroundings.tasks_running
        self._request: dict[str, Any] = {}
        self._out = _Pipe(0)
        self._err = _Pipe(0)
        self._result = _Pipe(_RESULT_BYTES)

    def serve(self) -> None:
        """Take the request, run it, answer. Whatever it started has ended then, and its files are gone."""
        request = self._receive()
        if request is None:
            return
        self._request = request
        if self._reads_everywhere and not landlock.version():
            raise PermissionError(
                "Python, or the directory for tools, is only accessible to root, and this kernel has no Landlock to "
                "confine tools that run there. Run the server as an ordinary user"
            )
        self._out.limit = self._err.limit = request["output_bytes"]
        directory = tempfile.mkdtemp(prefix="run-", dir=request["directory"])
        user = None if self._user is None else self._user + request["slot"]
        if user is not None:
            if request["left_over"]:
                processes.kill_all_of_user(user)
            os.chown(directory, user, user)
        try:
            ended, code = self._run(directory, user)
        finally:
            self._end_all(user)
            _remove(directory)
        self._answer(ended, code)

    def _receive(self) -> dict[str, Any] | None:
        with self._connection.makefile("rb") as incoming:
            head = incoming.read(LENGTH.size)
            body = incoming.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""
        request: dict[str, Any] | None = json.loads(body) if body else None
        return request

    def _run(self, directory: str, user: int | None) -> tuple[str, int]:
        confines = Confines(
            directory=directory,
            seconds=2 * int(self._request["seconds"]) + 2,
            memory_bytes=self._request["memory_bytes"],
            file_bytes=self._request["disk_bytes"],
            user=user,
            reads_everywhere=self._reads_everywhere,
        )
        pipes = (self._out, self._err, self._result)
        for pipe in pipes:
            pipe.open()
        pid = os.fork()
        if pid == 0:
            self._be_the_tool(confines)
        for pipe in pipes:
            os.close(pipe.writer)
        return self._watch(pid, directory)

    def _be_the_tool(self, confines: Confines) -> None:
        """Never returns."""
        code = 70
        try:
            os.setsid()
            _take_places(self._out.writer, self._err.writer, self._result.writer)
            _set_environment(self._request["environment"], confines.directory)
            confine(confines, self._tasks)
            _open_streams()
            own = os.getpid()
            answer = json.dumps(harness.run(self._request)).encode()
            while answer and os.getpid() == own:  # not also what the tool has forked
                answer = answer[os.write(3, answer) :]
            code = 0
        except BaseException as error:  # is all that is left to be told
            with contextlib.suppress(BaseException):
                os.write(3, json.dumps({"broken": f"{type(error).__name__}: {error}"}).encode())
        finally:
            os._exit(code)

    def _watch(self, pid: int, directory: str) -> tuple[str, int]:
        """Wait for the tool to end, or for a reason to end it."""
        ended = os.pidfd_open(pid)
        poll = select.poll()
        for descriptor in (ended, self._out.reader, self._err.reader, self._result.reader):
            poll.register(descriptor, select.POLLIN)
        poll.register(self._connection, select.POLLIN | select.POLLHUP | select.POLLRDHUP)
        pipes = {pipe.reader: pipe for pipe in (self._out, self._err, self._result)}
        deadline = time.monotonic() + self._request["seconds"]
        sampled, samples, baseline = time.monotonic(), 0, processes.resident_bytes(pid)
        while True:
            now = time.monotonic()
            if now >= deadline:
                return "timeout", 0
            if now - sampled >= _SAMPLE_SECONDS:
                sampled, samples = now, samples + 1
                if problem := self._excess(pid, directory, baseline, disk=samples % _DISK_SAMPLES == 0):
                    return problem, 0
            for descriptor, event in poll.poll(1000 * min(_SAMPLE_SECONDS, deadline - now) + 1):
                if descriptor == ended:
                    return "exited", self._ended(pid)
                if descriptor == self._connection.fileno():
                    return "abandoned", 0
                if not pipes[descriptor].read() and event & select.POLLHUP:
                    poll.unregister(descriptor)

    def _excess(self, pid: int, directory: str, baseline: int, *, disk: bool) -> str | None:
        """What there is too much of."""
        others = processes.descendants(pid)
        used = processes.resident_bytes(pid)
        used += sum(max(0, processes.resident_bytes(other) - baseline) for other in others)
        if used > self._request["memory_bytes"]:
            return "memory"
        if disk and _disk_used(directory) > self._request["disk_bytes"]:
            return "disk"
        return None

    def _ended(self, pid: int) -> int:
        _, status = os.waitpid(pid, 0)
        for pipe in (self._out, self._err, self._result):
            for _ in range(_ROUNDS_AFTER_THE_END * (_RESULT_BYTES // _PIECE if pipe is self._result else 1)):
                if not pipe.read():
                    break
        return os.waitstatus_to_exitcode(status)

    def _end_all(self, user: int | None) -> None:
        if user is None:
            processes.kill_descendants()
            return
        deadline = time.monotonic() + 10
        while not processes.reaped_all() and time.monotonic() < deadline:
            processes.kill_all_of_user(user)
            time.sleep(0.001)

    def _answer(self, ended: str, code: int) -> None:
        answer = {
            "ended": ended,
            "code": code,
            "result": self._result.text(),
            "stdout": self._out.text(),
            "stdout_lost": self._out.lost,
            "stderr": self._err.text(),
            "stderr_lost": self._err.lost,
        }
        with contextlib.suppress(OSError):
            self._connection.sendall(json.dumps(answer).encode())


def serve_in_fork(connection: socket.socket, surroundings: Surroundings) -> None:
    """What the process forked for a run does. Never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        kernel.adopt_orphans()
        Supervisor(connection, surroundings).serve()
    except BaseException as error:
        with contextlib.suppress(BaseException):
            message = {"ended": "broken", "code": 0, "result": f"{type(error).__name__}: {error}"}
            connection.sendall(json.dumps(message).encode())
    finally:
        os._exit(0)


def _take_places(out: int, err: int, result: int) -> None:
    """Make these the descriptors 1, 2 and 3, with nothing to read at 0, and close all others."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 4) for descriptor in (nothing, out, err, result)]
    for place, descriptor in enumerate(aside):
        os.dup2(descriptor, place, inheritable=place < 3)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))


def _open_streams() -> None:
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - as long as the process
    sys.stdout, sys.stderr = (open(at, "w", encoding="utf-8", errors="replace", closefd=False) for at in (1, 2))  # noqa: SIM115


def _set_environment(environment: dict[str, str], directory: str) -> None:
    os.environ.clear()
    os.environ.update({"PATH": os.defpath, "HOME": directory, "TMPDIR": directory, "LANG": "C.UTF-8"})
    os.environ.update(environment)
    tempfile.tempdir = None


def _disk_used(directory: str) -> int:
    """Bytes below a directory. Very many files count as too much as well."""
    used = count = 0
    waiting = [directory]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                count += 1
                if count > _MOST_FILES:
                    return sys.maxsize
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    used += entry.stat(follow_symlinks=False).st_blocks * 512
    return used


def _remove(directory: str) -> None:
    """Remove a directory and all in it, also what the tool has closed to its owner, or nested very deeply."""
    try:
        shutil.rmtree(directory)
    except (OSError, RecursionError):
        for command in (["chmod", "-R", "u+rwx", directory], ["rm", "-rf", "--", directory]):
            subprocess.run(command, env={"PATH": os.defpath}, stderr=subprocess.DEVNULL, check=False)  # noqa: S603
