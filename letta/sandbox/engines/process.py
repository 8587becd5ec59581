"""Tools in processes of their own, which have nothing of the server's and are confined by the kernel."""

import asyncio
import json
import math
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import letta
from letta.errors import ConfigurationError
from letta.sandbox.engines.tool_users import AT_ONCE, ToolUsers
from letta.sandbox.execution import Execution, Outcome, failed

DISK_BYTES = 128 * 1024 * 1024
OUTPUT_BYTES = 32 * 1024
_ANSWER_BYTES = 64 * 1024 * 1024
_GRACE_SECONDS = 30
_START = "import sys; sys.path.insert(0, sys.argv[1]); from letta.sandbox.child.zygote import main; sys.path.pop(0)"
_SERVE = "main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])"


class ProcessEngine:
    """Forks the process of each call from one that is started with the first, and has everything loaded."""

    name = "process"

    def __init__(self, directory: Path, *, memory_bytes: int) -> None:
        self._directory = directory
        self._memory_bytes = memory_bytes
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()
        self._left_over: set[int] = set(range(AT_ONCE))
        self._slots: asyncio.Queue[int] = asyncio.Queue()
        for slot in range(AT_ONCE):
            self._slots.put_nowait(slot)

    async def run(self, execution: Execution) -> Outcome:
        """Run a tool in a process of its own, which is gone when this returns."""
        if sys.platform != "linux":
            return failed("RuntimeError: LETTA_TOOL_SANDBOX=process requires Linux. Choose monty or e2b.")
        if problem := missing_requirements(execution.pip_requirements):
            return failed(problem)
        slot = await self._slots.get()
        try:
            return await self._run(execution, slot)
        finally:
            self._slots.put_nowait(slot)

    async def close(self) -> None:
        """End the process that tools are forked from. The runs that are left end by themselves, as nobody listens."""
        zygote, self._zygote = self._zygote, None
        if self._control is not None:
            self._control.close()
            self._control = None
        if zygote is not None:
            with suppress(ProcessLookupError):
                zygote.send_signal(signal.SIGKILL)
            await asyncio.to_thread(zygote.wait)

    async def _run(self, execution: Execution, slot: int) -> Outcome:
        request = self._request(execution, slot)
        self._left_over.add(slot)
        try:
            async with asyncio.timeout(execution.seconds + _GRACE_SECONDS):
                answer = await self._ask(request, "letta_client" if execution.client else "-")
        except TimeoutError:
            return failed("RuntimeError: the process that ran the function does not respond. Try again.")
        except OSError as error:
            return failed(f"RuntimeError: no process could be started for the function ({error}). Try again.")
        if answer:  # whoever answers has ended all that there was
            self._left_over.discard(slot)
        return outcome_of(answer, execution, self._memory_bytes)

    def _request(self, execution: Execution, slot: int) -> bytes:
        request = {
            "source": execution.source,
            "function": execution.function,
            "arguments": execution.arguments,
            "environment": execution.environment,
            "agent_state": execution.agent_state,
            "client": execution.client and {"base_url": execution.client.base_url, "api_key": execution.client.api_key},
            "client_problem": execution.client_problem,
            "seconds": execution.seconds,
            "directory": str(self._directory),
            "memory_bytes": self._memory_bytes,
            "disk_bytes": DISK_BYTES,
            "output_bytes": OUTPUT_BYTES,
            "slot": slot,
            "left_over": slot in self._left_over,
        }
        body = json.dumps(request).encode()
        return len(body).to_bytes(8, "big") + body

    async def _ask(self, request: bytes, loaded: str) -> bytes:
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            with theirs:
                await self._hand_over(theirs, loaded.encode())
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(ours, request)
            answer = bytearray()
            while (piece := await loop.sock_recv(ours, 1 << 18)) and len(answer) < _ANSWER_BYTES:
                answer += piece
            return bytes(answer)

    async def _hand_over(self, connection: socket.socket, message: bytes) -> None:
        """Give the connection to the process that forks; a new one, if that has ended."""
        async with self._starting:
            if self._control is None or self._zygote is None or self._zygote.poll() is not None:
                await self.close()
                await asyncio.to_thread(self._start)
            control = self._control
            if control is None:  # closed meanwhile
                raise ConnectionError("the server is shutting down")
            socket.send_fds(control, [message], [connection.fileno()])

    def _start(self) -> None:
        make_directory(self._directory)
        users = ToolUsers.claim()
        self._left_over = set(range(AT_ONCE))
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, users.mark:
            given = [str(Path(letta.__file__).parents[1]), str(theirs.fileno()), str(users.first), str(self._directory)]
            self._zygote = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-I", "-B", "-c", f"{_START}; {_SERVE}", *given],
                env={"LANG": "C.UTF-8", "PATH": os.defpath},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), users.mark.fileno()],
                start_new_session=True,
            )
        ours.setblocking(False)
        self._control = ours


def make_directory(directory: Path) -> None:
    """Make the directory that tools' own directories are made in. Others may pass through it, but not look.

    Raises:
        ConfigurationError: it can't be made, or belongs to somebody else.
    """
    try:
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        status = directory.lstat()
        if status.st_uid == os.geteuid():
            directory.chmod(0o711)
    except OSError as error:
        raise ConfigurationError(
            f"The directory for tools, {directory}, can't be used: {error.strerror}. Set TOOL_EXEC_DIR to another "
            "directory."
        ) from error
    if status.st_uid != os.geteuid():
        raise ConfigurationError(
            f"The directory for tools, {directory}, belongs to user id {status.st_uid}. Set TOOL_EXEC_DIR to another "
            "directory."
        )


def missing_requirements(requirements: list[dict[str, Any]]) -> str | None:
    """Why a tool's packages can't be had: they aren't installed where the server is. None if they are."""
    from importlib.metadata import PackageNotFoundError, version

    missing: list[str] = []
    for requirement in requirements:
        wanted = requirement.get("version")
        try:
            found = version(requirement["name"])
        except PackageNotFoundError:
            missing.append(f"{requirement['name']}=={wanted}" if wanted else requirement["name"])
            continue
        if wanted and found != wanted:
            missing.append(f"{requirement['name']}=={wanted} (installed: {found})")
    if not missing:
        return None
    return (
        f"ModuleNotFoundError: the tool needs {', '.join(missing)}. The server installs no packages: install them in "
        "the server's own environment, or set LETTA_TOOL_SANDBOX=e2b, where they are installed for each run."
    )


def outcome_of(answer: bytes, execution: Execution, memory_bytes: int) -> Outcome:
    """What an answer means. Nothing in it is trusted: the tool has written parts of it."""
    try:
        told: Mapping[str, Any] = json.loads(answer)
    except ValueError:
        return failed("RuntimeError: the process that ran the function ended without a result. Try again.")
    stdout = _output(told, "stdout")
    stderr = _output(told, "stderr")
    if told["ended"] == "broken":
        return failed(f"RuntimeError: the function could not be started ({told['result']}).")
    result = _result(told["result"]) if told["ended"] == "exited" else None
    if result is None:
        return Outcome(error=_reason(told, execution.seconds, memory_bytes), stdout=stdout, stderr=stderr)
    if result["text"] is not None:
        return Outcome(text=result["text"], value=_value(result), stdout=stdout, stderr=stderr)
    error = result["error"]
    if error.startswith("MemoryError"):
        error = (
            f"MemoryError: the function needed more than the {memory_bytes >> 20} MB of memory it may use. Use less."
        )
    return Outcome(error=error, stdout=stdout, stderr=stderr + result["traceback"])


def _output(told: Mapping[str, Any], name: str) -> str:
    lost = told.get(f"{name}_lost", 0)
    text = cast(str, told.get(name, ""))
    return text + (f"… [cut: {lost} more bytes]\n" if lost else "")


def _result(text: str) -> dict[str, Any] | None:
    """What the harness wrote, if it is that."""
    try:
        result = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(result, dict):
        return None
    if "broken" in result:
        return {"text": None, "value": None, "error": f"RuntimeError: {result['broken']}", "traceback": ""}
    known = {name: result.get(name) for name in ("text", "value", "error", "traceback")}
    if not all(value is None or isinstance(value, str) for value in known.values()):
        return None
    if known["text"] is None and known["error"] is None:
        return None
    return known | {"traceback": known["traceback"] or ""}


def _value(result: Mapping[str, Any]) -> Any:
    if result["value"] is None:
        return result["text"]
    try:
        return json.loads(result["value"])
    except (ValueError, RecursionError):
        return result["text"]


def _reason(told: Mapping[str, Any], seconds: float, memory_bytes: int) -> str:
    megabytes = memory_bytes >> 20
    match told["ended"], told["code"]:
        case "timeout", _:
            return timeout_error(seconds)
        case "memory", _:
            return (
                f"MemoryError: the function used more than the {megabytes} MB it may use, and was stopped. Use less "
                "memory."
            )
        case "disk", _:
            return (
                f"OSError: the function wrote more than {DISK_BYTES >> 20} MB, or more than 10,000 files, and was "
                "stopped. Write less."
            )
        case _, int(code) if code == -signal.SIGXCPU:
            return timeout_error(seconds)
        case _, int(code) if code < 0:
            return (
                f"RuntimeError: the function's process was killed by {_signal_name(-code)}: it ran out of memory "
                f"({megabytes} MB), recursed too deeply, or crashed in a library. Do less in one call."
            )
        case _, code:
            return (
                f"RuntimeError: the function ended its process (exit code {code}) instead of returning. Return a value "
                "instead."
            )


def timeout_error(seconds: float) -> str:
    """What a call that took too long came to."""
    return (
        f"TimeoutError: the function had not returned after {math.floor(seconds * 10) / 10:g} seconds and was stopped. "
        "What it had done by then is not undone. Do less in one call; TOOL_SANDBOX_TIMEOUT is the server's limit."
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
