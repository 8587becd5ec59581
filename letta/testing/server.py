"""The real server as a subprocess of a test, with nothing in its environment that wasn't asked for.

environment = {"LETTA_PG_URI": uri, "OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "test"}
with ServerProcess(environment) as server:
    agent = server.client().agents.create(name="Ada")
    server.kill()
    server.start()
    server.client().agents.retrieve(agent.id)
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from letta_client import Letta

# Needed to run a Python process at all, or (coverage) to measure it; none can carry a provider's key.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
_INHERITED_PREFIX = "COVERAGE_"

# The server is the one that this module belongs to, whatever the working directory.
_SOURCE = str(Path(__file__).resolve().parents[2])


class ServerFailedError(RuntimeError):
    """The server ended, or didn't become healthy in time. The message ends with its log."""


def free_port() -> int:
    """A TCP port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """One server on a port of its own. A context manager, or `start` and `stop`.

    `environment` is all that the server sees, beside what a Python process needs to run; `LETTA_DIR`, `HOME` and
    `LETTA_PG_DATA` (used when there is no `LETTA_PG_URI`) are below `directory` unless given. `directory` also
    holds the log; by default it is a temporary one which goes with the server. `working_directory` is where it
    starts, by default where the test runs. `command` replaces `letta server`: then `PORT` and `HOST` tell where to
    listen.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        directory: Path | None = None,
        working_directory: Path | None = None,
        command: Sequence[str] | None = None,
        port: int | None = None,
        ready_timeout: float = 60.0,
    ) -> None:
        self._temporary = None if directory else tempfile.TemporaryDirectory(prefix="letta-server-")
        self.directory = directory or Path(self._temporary.name if self._temporary else "")
        self.environment = dict(environment)
        self.port = port or free_port()
        self.ready_timeout = ready_timeout
        self._working_directory = working_directory
        self._command = command
        self._http = httpx2.Client(trust_env=False, timeout=5)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_file(self) -> Path:
        """What the server wrote to stdout and stderr, over all its starts."""
        return self.directory / "server.log"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def client(self, **options: Any) -> "Letta":
        """The official client for this server; `options` are those of `letta_client.Letta`."""
        from letta_client import Letta

        options.setdefault("api_key", self.environment.get("LETTA_SERVER_PASSWORD"))
        return Letta(base_url=self.url, **options)

    def start(self, *, wait: bool = True) -> "ServerProcess":
        """Start it and wait until it is healthy; raises `ServerFailedError` if it isn't in `ready_timeout` s."""
        if self.running:
            raise RuntimeError("the server is running already; stop it first, or use restart()")
        self.directory.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self._arguments(),
                env=self._full_environment(),
                cwd=self._working_directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if wait:
            self.wait_healthy()
        return self

    def wait_healthy(self) -> None:
        deadline = time.monotonic() + self.ready_timeout
        while not self._healthy():
            if not self.running:
                raise ServerFailedError(f"the server ended with {self._running().returncode}:\n{self._log_end()}")
            if time.monotonic() > deadline:
                raise ServerFailedError(f"no healthy server in {self.ready_timeout} s:\n{self._log_end()}")
            time.sleep(0.02)

    def wait_logged(self, text: str, timeout: float = 30.0) -> str:
        """Wait until the log has this text, which may follow what it tells of; the log. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while text not in (log := self.log):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {text!r} in the log after {timeout} s:\n{self._log_end()}")
            time.sleep(0.02)
        return log

    def wait(self, timeout: float = 60.0) -> int:
        """Wait for the server to end by itself; its exit code."""
        return self._running().wait(timeout)

    def kill(self) -> None:
        """End it at once (SIGKILL), as a crash would."""
        self._running().kill()
        self._running().wait()

    def terminate(self, timeout: float = 60.0) -> int:
        """Ask it to end (SIGTERM); its exit code. Kills it and raises TimeoutExpired when it doesn't."""
        process = self._running()
        process.terminate()
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def restart(self, **environment: str) -> None:
        """End it politely if it runs, and start it again on the same port, with these variables changed."""
        if self.running:
            self.terminate()
        self.environment.update(environment)
        self.start()

    def stop(self) -> None:
        """End it, with whatever it started, and remove the temporary directory."""
        try:
            if self.running:
                self.terminate()
        finally:
            self._clean_up()

    def __enter__(self) -> "ServerProcess":
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the server isn't running; call start() first")
        return self._process

    def _arguments(self) -> Sequence[str]:
        if self._command is not None:
            return self._command
        return [sys.executable, "-m", "letta.cli", "server", "--host", "127.0.0.1", "--port", str(self.port)]

    def _full_environment(self) -> dict[str, str]:
        inherited = {n: v for n, v in os.environ.items() if n in _INHERITED or n.startswith(_INHERITED_PREFIX)}
        own = {
            "HOME": str(self.directory),
            "LETTA_DIR": str(self.directory / "letta"),
            "LETTA_PG_DATA": str(self.directory / "pg"),
            "PYTHONPATH": os.pathsep.join([_SOURCE, *filter(None, [inherited.get("PYTHONPATH")])]),
        }
        if self._command is not None:
            own |= {"HOST": "127.0.0.1", "PORT": str(self.port)}
        return {**inherited, **own, **self.environment}

    def _healthy(self) -> bool:
        try:
            return self._http.get(f"{self.url}/v1/health/").is_success
        except httpx2.TransportError:
            return False

    def _log_end(self) -> str:
        return self.log[-4000:]

    def _clean_up(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None
        self._http.close()
        if self._temporary is not None:
            self._temporary.cleanup()
