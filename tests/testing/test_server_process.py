"""Starting, killing and restarting a server process, tried on the smallest server that has a health check."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil
import pytest

from letta.testing.server import ServerFailedError, ServerProcess

pytestmark = pytest.mark.slow

SERVER = """
import http.server, json, os, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

if os.environ.get("FAIL"):
    sys.exit("nothing works: " + os.environ["FAIL"])
if os.environ.get("STUBBORN"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    script = tmp_path / "tiny.py"
    script.write_text(SERVER)
    return [sys.executable, "-S", str(script)]


def environment_of(server: ServerProcess) -> dict[str, str]:
    found: dict[str, str] = httpx2.get(f"{server.url}/v1/health/").json()
    return found


def test_the_environment_is_the_given_one(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-developer")
    with ServerProcess({"LETTA_PG_URI": "x"}, command=command, directory=tmp_path / "own") as server:
        seen = environment_of(server)
    assert seen["LETTA_PG_URI"] == "x"
    assert seen["HOME"] == str(tmp_path / "own")
    assert seen["LETTA_DIR"] == str(tmp_path / "own" / "letta")
    assert "ANTHROPIC_API_KEY" not in seen
    assert (tmp_path / "own" / "server.log").exists()


def test_what_is_logged_after_an_answer_is_waited_for(command: list[str]) -> None:
    with ServerProcess({}, command=command) as server:
        environment_of(server)
        assert '"GET /v1/health/ ' in server.wait_logged('"GET /v1/health/ ')
        with pytest.raises(TimeoutError, match="no 'never' in the log"):
            server.wait_logged("never", timeout=0.05)


def test_killed_and_started_again_on_the_same_port(command: list[str]) -> None:
    with ServerProcess({}, command=command) as server:
        url, first = server.url, server.pid
        server.kill()
        assert not server.running
        server.start()
        assert (server.url, server.pid != first) == (url, True)
        directory = server.directory
    assert not directory.exists()


def test_terminated_with_its_exit_code_and_restarted(command: list[str]) -> None:
    with ServerProcess({}, command=command) as server:
        assert server.terminate() == 7
        assert server.wait() == 7
        server.restart(EXTRA="1")
        assert environment_of(server)["EXTRA"] == "1"
        with pytest.raises(RuntimeError, match="running already"):
            server.start()


def test_a_server_that_does_not_end_is_killed(command: list[str]) -> None:
    server = ServerProcess({"STUBBORN": "1"}, command=command).start()
    with pytest.raises(subprocess.TimeoutExpired):
        server.terminate(timeout=0.1)
    assert server.wait() == -signal.SIGKILL
    server.stop()


def test_a_server_that_ends_is_reported_with_its_log(command: list[str]) -> None:
    server = ServerProcess({"FAIL": "no such port"}, command=command)
    with pytest.raises(ServerFailedError, match=r"ended with 1:\nnothing works: no such port"), server:
        pass
    assert not server.directory.exists()


def test_a_server_that_is_never_healthy_is_reported_and_ended() -> None:
    server = ServerProcess({}, command=["sleep", "60"], ready_timeout=0.1)
    with pytest.raises(ServerFailedError, match=r"no healthy server in 0.1 s"):
        server.start()
    pid = server.pid
    server.terminate()
    server.stop()
    assert not psutil.pid_exists(pid)
    with pytest.raises(RuntimeError, match="isn't running"):
        _ = server.pid


def test_the_client_knows_url_and_password(command: list[str]) -> None:
    with ServerProcess({"LETTA_SERVER_PASSWORD": "hidden"}, command=command) as server:
        client = server.client(max_retries=5)
        assert str(client.base_url).rstrip("/") == server.url
        assert (client.api_key, client.max_retries) == ("hidden", 5)
