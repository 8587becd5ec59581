"""A scripted model in another process, used like the one of `letta.testing.scripted_model`."""

import subprocess
import sys
from dataclasses import asdict
from typing import IO, cast

import httpx2

from letta.testing.endpoint import Endpoint
from letta.testing.model.control import decode_request
from letta.testing.model.recorder import RecordedRequest
from letta.testing.model.script import Failure, Reply, Scenario


class RemoteScriptedModel(Endpoint):
    """A scripted model that runs in another process, at the given URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx2.Client(trust_env=False, timeout=30)

    def register(self, key: str, scenario: Scenario) -> None:
        self._post("/_script", {"key": key, "scenario": asdict(scenario)})

    def set_default(self, reply: Reply) -> None:
        self._post("/_default", asdict(reply))

    def fail(self, path: str, failure: Failure | None) -> None:
        self._post("/_fail", {"path": path, "failure": failure and asdict(failure)})

    def release(self, key: str) -> None:
        self._post("/_release", {"key": key})

    def requests(self, containing: str = "", path: str = "") -> list[RecordedRequest]:
        found = self._http.get(f"{self.url}/_requests", params={"containing": containing, "path": path})
        return [decode_request(value) for value in found.raise_for_status().json()]

    def reset(self) -> None:
        self._post("/_reset", {})

    def _post(self, path: str, value: object) -> None:
        answer = self._http.post(self.url + path, json=value)
        if answer.is_error:
            raise ValueError(f"the scripted model refused {path}: {answer.text}")


class ScriptedModelProcess(RemoteScriptedModel):
    """A scripted model in a process of its own, started here. A context manager, or `start` and `stop`."""

    def __init__(self, *, port: int = 0, keep: int = 2000) -> None:
        """`port` 0 chooses a free one; `keep` is how many requests are remembered."""
        super().__init__("")
        options = ["--port", str(port), "--keep", str(keep)]
        self._command = [sys.executable, "-m", "letta.testing.scripted_model", *options]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the scripted model isn't running; call start() first")
        return self._process.pid

    def start(self) -> "ScriptedModelProcess":
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)  # noqa: S603
        self.url = cast(IO[bytes], self._process.stdout).readline().decode().strip()
        if not self.url:
            raise RuntimeError(f"the scripted model ended with exit code {self._process.wait()} instead of serving")
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()
            self._process = None
        self._http.close()

    def __enter__(self) -> "ScriptedModelProcess":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
