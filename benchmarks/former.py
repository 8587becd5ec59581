"""The former server (letta 0.16.8), to be measured beside ours: installed into a folder of its own, and run there.

It is run only. Nobody opens that folder, and nothing of it comes into this project.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx2
import psycopg2

from benchmarks.stage import progress
from benchmarks.target import Target
from letta.testing.remote_model import RemoteScriptedModel
from letta.testing.server import free_port

VERSION = "0.16.8"
_PACKAGES = (f"letta[postgres,server,redis]=={VERSION}", "uvloop")
_RETIRED = "2026-08-15"
"""No dependency is newer than the last day on which anybody looked after it."""
_PATIENCE_SECONDS = 300


class FormerServer:
    """An installation in a folder, made when it isn't there yet."""

    def __init__(self, folder: Path, python: str) -> None:
        self._folder = folder.resolve()
        self._python = python

    def install(self) -> None:
        """Install it with its migrations, which come in the source release alone."""
        if (self._folder / "installed").exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        progress(f"installing the former server into {self._folder}")
        uv = [str(Path(sys.executable).with_name("uv"))]
        self._do(*uv, "venv", "--quiet", "--clear", "--python", self._python, "venv")
        install = [*uv, "pip", "install", "--quiet", "--python", "venv/bin/python", "--system-certs"]
        self._do(*install, "--exclude-newer", _RETIRED, *_PACKAGES)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "letta"]
        self._do(*pip, "--dest", "release", f"letta=={VERSION}")
        with tarfile.open(self._folder / "release" / f"letta-{VERSION}.tar.gz") as release:
            release.extractall(self._folder, filter="data")
        (self._folder / "installed").touch()

    @contextmanager
    def running(self, uri: str, model: RemoteScriptedModel) -> Iterator[Target]:
        """The server on the database, whose tables it makes, and on a Redis of its own; from start to healthy."""
        with ExitStack() as stack:
            environment = self._environment(uri, model, stack.enter_context(self._redis()))
            progress("migrating the former server's tables")
            with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
                cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
            alembic = str(self._folder / "venv" / "bin" / "alembic")
            self._do(alembic, "upgrade", "head", below=f"letta-{VERSION}", environment=environment)
            yield stack.enter_context(self._serving(environment))

    @contextmanager
    def _serving(self, environment: dict[str, str]) -> Iterator[Target]:
        port = free_port()
        command = [str(self._folder / "venv" / "bin" / "letta"), "server", "--host", "127.0.0.1", "--port", str(port)]
        with (self._folder / "server.log").open("w") as log:
            process = subprocess.Popen(command, env=environment, cwd=self._folder, stdout=log, stderr=log)
            try:
                url = f"http://127.0.0.1:{port}"
                _wait_until_healthy(process, url)
                with closing(Target(url, [process.pid])) as target:
                    yield target
            finally:
                process.terminate()
                process.wait()

    @contextmanager
    def _redis(self) -> Iterator[int]:
        program = shutil.which("redis-server")
        if program is None:
            raise SystemExit("The former server needs Redis. Install redis-server, and run this again.")
        port = free_port()
        command = [program, "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        try:
            yield port
        finally:
            process.terminate()
            process.wait()

    def _environment(self, uri: str, model: RemoteScriptedModel, redis_port: int) -> dict[str, str]:
        home = self._folder / "home"
        home.mkdir(exist_ok=True)
        return {
            "PATH": f"{self._folder / 'venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": str(home),
            "LETTA_PG_URI": uri.partition("?")[0],  # its driver knows no sslmode
            "LETTA_USE_UVLOOP": "true",  # without, some of its connections wait for a minute, whatever for
            "LETTA_REDIS_HOST": "127.0.0.1",
            "LETTA_REDIS_PORT": str(redis_port),
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": model.base_url,
            "OPENAI_API_BASE": model.base_url,
        }

    def _do(self, *command: str, below: str = "", environment: dict[str, str] | None = None) -> None:
        ended = subprocess.run(
            command, cwd=self._folder / below, env=environment, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{ended.stderr[-2000:]}")


def _wait_until_healthy(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with httpx2.Client(trust_env=False, timeout=5) as http:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if http.get(f"{url}/v1/health/").is_success:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
    raise SystemExit("The former server didn't become healthy; see server.log in its folder.")
