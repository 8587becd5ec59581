"""Tools that mean harm, on a server that runs them in processes: as an unprivileged user and as root, with Landlock and
without. Each fails cleanly, and the server is as healthy afterwards as it was before."""

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx2
import psutil
import pytest

from letta.testing.server import ServerProcess, free_port
from tests.sandbox import hostile_sources as sources
from tests.sandbox.unprivileged import USER

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="processes for tools need Linux"),
]

LAUNCHER = Path(__file__).with_name("unprivileged.py")
SECRETS = {"LETTA_ENCRYPTION_KEY": "hidden-encryption-key-0123456789", "OPENAI_API_KEY": "sk-hidden-model-key"}
SECONDS = 3
MEGABYTE = 1024 * 1024

Json = dict[str, Any]


@dataclass
class Host:
    """A server, and how it was started."""

    server: ServerProcess
    http: httpx2.Client
    user: int | None
    landlock: bool

    def run(self, source: str, function: str = "f", **further: Any) -> Json:
        body = {"source_code": source, "args": {}, "name": function, **further}
        answer = self.http.post("/v1/tools/run", json=body)
        assert answer.status_code == 200, answer.text
        ran: Json = answer.json()
        return ran

    def result_about_processes(self, source: str) -> Any:
        """The same for a source that is told which processes are the server's."""
        pids = [self.server.pid, *(process.pid for process in psutil.Process(self.server.pid).children(recursive=True))]
        return self.result(f"SERVER = {pids}\n{source}")

    def failure(self, source: str, **further: Any) -> str:
        ran = self.run(source, **further)
        assert ran["status"] == "error", ran["tool_return"][:200]
        return str(ran["tool_return"])

    def result(self, source: str) -> Any:
        ran = self.run(source)
        assert ran["status"] == "success", ran["tool_return"]
        try:
            return json.loads(ran["tool_return"])
        except ValueError:
            return ran["tool_return"]

    @property
    def processes(self) -> list[psutil.Process]:
        """All that the server has started, except its database."""
        found = psutil.Process(self.server.pid).children(recursive=True)
        return [process for process in found if "postgres" not in _name(process)]

    @property
    def limits(self) -> tuple[str, int, list[int]]:
        """What other processes could change about the server."""
        process = psutil.Process(self.server.pid)
        return Path(f"/proc/{process.pid}/limits").read_text(), process.nice(), process.cpu_affinity()

    @property
    def memory(self) -> int:
        return int(psutil.Process(self.server.pid).memory_info().rss)


VARIANTS = [
    pytest.param((USER, True), id="unprivileged"),
    pytest.param((USER, False), id="unprivileged-without-landlock"),
    pytest.param((None, True), id="root"),
    pytest.param((None, False), id="root-without-landlock"),
]


with_landlock = pytest.mark.parametrize("host", [VARIANTS[0], VARIANTS[2]], indirect=True, scope="module")
"""For what nothing but Landlock prevents."""
with_hidden_files = pytest.mark.parametrize("host", [VARIANTS[0], *VARIANTS[2:]], indirect=True, scope="module")
"""For what an unprivileged server can't prevent without Landlock, as the doctor says."""


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:  # it has ended since it was listed
        return ""


@pytest.fixture(scope="module", params=VARIANTS)
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    user, landlock = request.param
    if os.geteuid() != 0:
        if user is None:
            pytest.skip("needs root")
        user = None
    directory = Path(tempfile.mkdtemp(prefix="letta-hostile-"))
    directory.chmod(0o755)
    if user is not None:
        os.chown(directory, user, user)
    port = free_port()
    command = [sys.executable, str(LAUNCHER), "--scratch", str(directory)]
    command += ["--user", str(user)] if user is not None else []
    command += [] if landlock else ["--without-landlock"]
    command += [sys.executable, "-m", "letta.cli", "server", "--host", "127.0.0.1", "--port", str(port)]
    environment = SECRETS | {"TOOL_SANDBOX_TIMEOUT": str(SECONDS), "LETTA_TOOL_MEMORY_MB": "400"}
    server = ServerProcess(environment, directory=directory, command=command, port=port)
    try:
        with server, httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http:
            if user is not None:
                assert psutil.Process(server.pid).uids().effective == user
            yield Host(server, http, user, landlock)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(autouse=True)
def healthy(host: Host) -> Iterator[None]:
    """After each test the server answers, runs tools, has not grown, and nothing is left of what a tool began."""
    before = host.memory
    limits = host.limits
    yield
    assert host.http.get("/v1/health/").status_code == 200
    assert host.result('def f():\n    """Add."""\n    return 1 + 1\n') == 2
    assert host.memory < before + 120 * MEGABYTE
    assert host.limits == limits
    deadline = time.monotonic() + 10
    while len(host.processes) > 1 and time.monotonic() < deadline:  # a run's last process may be on its way out
        time.sleep(0.05)
    assert len(host.processes) <= 1, [_name(process) for process in host.processes]
    assert list((host.server.directory / "letta" / "tools").iterdir()) == []


def test_environments_can_not_be_read(host: Host) -> None:
    found = json.dumps(host.result_about_processes(sources.ENVIRONMENTS))
    for secret in SECRETS.values():
        assert secret not in found


def test_the_own_environment_holds_nothing_of_the_server(host: Host) -> None:
    names = host.result('import os\ndef f():\n    """Names."""\n    return sorted(os.environ)\n')
    assert set(names) <= {"HOME", "LANG", "LC_CTYPE", "PATH", "TMPDIR"}


def test_memory_and_open_files_of_other_processes_can_not_be_read(host: Host) -> None:
    reached = host.result_about_processes(sources.MEMORY)
    if host.user is not None and not host.landlock:  # the database is the same user's, as its files are
        database = {process.pid for process in psutil.process_iter() if "postgres" in _name(process)}
        reached = {name: [pid for pid in pids if pid not in database] for name, pids in reached.items()}
    assert {name: pids for name, pids in reached.items() if pids} == {}


def test_other_processes_can_not_be_signalled_limited_or_slowed(host: Host) -> None:
    reached = host.result_about_processes(sources.SIGNALS)
    assert {name: pids for name, pids in reached.items() if pids} == {}
    host.result_about_processes(sources.OWNERSHIP)  # `healthy` tells that nothing came of it


def test_the_kernel_gives_nothing(host: Host) -> None:
    assert host.result(sources.KERNEL) == []


@with_hidden_files
def test_files_of_the_server_can_not_be_read(host: Host) -> None:
    hidden = host.server.directory / "letta" / "hidden.txt"
    hidden.write_text("a secret in a file")
    hidden.chmod(0o600)
    if host.user is not None:
        os.chown(hidden, host.user, host.user)
    for path in (hidden, host.server.directory / "pg" / "password", Path("/etc/shadow")):
        assert "Error" in host.failure(f'def f():\n    """Read."""\n    return open({str(path)!r}).read()\n')


@with_landlock
def test_only_the_own_directory_can_be_written_to(host: Host) -> None:
    for path in (host.server.directory / "letta" / "x", Path("/tmp/letta-x"), Path("/dev/shm/letta-x")):
        assert "Permission" in host.failure(f'def f():\n    """Write."""\n    open({str(path)!r}, "w")\n')
    source = 'def f():\n    """Write."""\n    print("y", end="", file=open("x", "w"))\n    return open("x").read()\n'
    assert host.result(source) == "y"


@with_landlock
def test_no_port_can_be_listened_on(host: Host) -> None:
    source = 'import socket\ndef f():\n    """Listen."""\n    socket.create_server(("127.0.0.1", 0))\n'
    assert "Permission" in host.failure(source)


def test_the_database_can_not_be_opened(host: Host) -> None:
    file = next((host.server.directory / "pg").rglob("postmaster.pid"))
    lines = file.read_text().splitlines()
    source = f'''
import psycopg2

def f():
    """Open the database."""
    opened = []
    for host in ("127.0.0.1", {lines[4]!r}):
        for user in ("letta", "postgres"):
            try:
                psycopg2.connect(host=host, port={int(lines[3])}, user=user, dbname="letta", connect_timeout=2)
            except psycopg2.OperationalError:
                continue
            opened.append((host, user))
    return opened
'''
    assert host.result(source) == []


def test_fork_bomb(host: Host) -> None:
    assert "TimeoutError" in host.failure(sources.FORK_BOMB)


def test_nothing_stays_behind(host: Host) -> None:
    assert host.result(sources.DAEMON) == "left"


@pytest.mark.parametrize(
    "body", ["while True: pass", "import time; time.sleep(60)", "input(); import sys; sys.stdin.read()"]
)
def test_time_ends(host: Host, body: str) -> None:
    message = host.failure(f'def f():\n    """Wait."""\n    {body}\n')
    assert "TimeoutError" in message or "EOFError" in message


def test_time_ends_for_who_ignores_signals(host: Host) -> None:
    assert f"had not returned after {SECONDS} seconds" in host.failure(sources.STUBBORN)


def test_memory_ends(host: Host) -> None:
    source = 'def f():\n    """Grow."""\n    kept = []\n    while True: kept.append(bytearray(10_000_000))\n'
    assert "MemoryError: the function needed more than the 400 MB" in host.failure(source)
    assert "MemoryError" in host.failure(sources.MUCH_MEMORY_TOGETHER)


def test_disk_ends(host: Host) -> None:
    one = 'def f():\n    """Fill."""\n    file = open("x", "wb")\n    while True: file.write(bytes(1_000_000))\n'
    assert "File too large" in host.failure(one)
    assert "OSError: the function wrote more than" in host.failure(sources.MANY_FILES)
    message = host.failure(sources.TINY_FILES)
    assert "OSError: the function wrote more than" in message or "TimeoutError" in message


def test_files_that_are_hard_to_remove_are_removed(host: Host) -> None:
    host.run(sources.CLOSED_FILES)  # that they are is seen by `healthy`


def test_much_output_is_cut(host: Host) -> None:
    ran = host.run('def f():\n    """Print."""\n    for _ in range(1000): print("x" * 1_000_000)\n    return "done"\n')
    assert sum(len(text) for text in ran["stdout"]) < 40_000
    if ran["status"] == "success":
        assert "cut: " in ran["stdout"][0]
    else:
        assert "TimeoutError" in ran["tool_return"]


@pytest.mark.parametrize("expression", sources.ODD_RESULTS.values(), ids=sources.ODD_RESULTS)
def test_odd_results_become_text(host: Host, expression: str) -> None:
    ran = host.run(f'def f():\n    """Return."""\n    return {expression}\n')
    assert ran["status"] == "success"
    assert isinstance(ran["tool_return"], str)


@pytest.mark.parametrize("expression", sources.FAILING_RESULTS.values(), ids=sources.FAILING_RESULTS)
def test_impossible_results_are_errors(host: Host, expression: str) -> None:
    message = host.failure(f'def f():\n    """Return."""\n    return {expression}\n')
    assert message.startswith("Error executing function f: ")
    assert len(message) <= 1000


@pytest.mark.parametrize("content", sources.FAKE_RESULTS.values(), ids=sources.FAKE_RESULTS)
def test_a_result_written_by_hand_is_not_believed(host: Host, content: str) -> None:
    assert "RuntimeError" in host.failure(sources.fake_result(content))


RECURSIONS = {
    "python": "return f()",
    "c": "import ctypes; ctypes.string_at(0)",
    "parser": 'return eval("(" * 100_000)',
    "repr": "x = []\n    for _ in range(1_000_000): x = [x]\n    return repr(x)",
}


@pytest.mark.parametrize("body", RECURSIONS.values(), ids=RECURSIONS)
def test_recursion_ends(host: Host, body: str) -> None:
    assert "Error" in host.failure(f'def f():\n    """Recur."""\n    {body}\n')


ENDS = {
    "exit": "import sys; sys.exit(3)",
    "hard exit": "import os; os._exit(0)",
    "abort": "import os; os.abort()",
    "kill itself": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "interrupt": "raise KeyboardInterrupt",
    "own exception": "raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})()",
    "no streams": "import sys, os; sys.stdout = sys.stderr = None; os.close(1); os.close(2); raise ValueError('x')",
    "broken json": "import json; json.dumps = None; raise ValueError('x')",
    "no descriptors": "import os; os.closerange(0, 1000); raise ValueError('x')",
    "exit later": "import atexit, os; atexit.register(lambda: os.system('sleep 60')); raise ValueError('x')",
}


@pytest.mark.parametrize("body", ENDS.values(), ids=ENDS)
def test_every_end_is_an_error(host: Host, body: str) -> None:
    assert host.failure(f'def f():\n    """End."""\n    {body}\n').startswith("Error executing function f: ")


VARIABLES: dict[str, Json] = {
    "preloaded": {"LD_PRELOAD": "/tmp/x.so", "PYTHONSTARTUP": "/tmp/x.py", "PATH": "/tmp"},
    "with NUL": {"A\0B": "x"},
    "with an equals sign": {"A=B": "x"},
    "nameless": {"": "x"},
    "half a character": {"A": "\\ud800"},
}


@pytest.mark.parametrize("variables", VARIABLES.values(), ids=VARIABLES)
def test_odd_variables_break_nothing(host: Host, variables: Json) -> None:
    body = {"source_code": 'def f():\n    """One."""\n    return 1\n', "args": {}, "env_vars": variables}
    answer = host.http.post("/v1/tools/run", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code in {200, 400, 422}


Where = Literal["annotation", "default", "decorator", "base", "returns"]
EVIL = "__import__('pathlib').Path({marker!r}).write_text('x')"
PLACES: dict[Where, str] = {
    "annotation": "def {name}(x: {evil}):\n    '''Do.\n\n    Args:\n        x: it\n    '''\n",
    "default": "def {name}(x: str = {evil}):\n    '''Do.\n\n    Args:\n        x: it\n    '''\n",
    "decorator": "@{evil}\ndef {name}(x: str):\n    '''Do.\n\n    Args:\n        x: it\n    '''\n",
    "base": "class A({evil}):\n    x: int\ndef {name}(a: A):\n    '''Do.\n\n    Args:\n        a: it\n    '''\n",
    "returns": "def {name}(x: str) -> {evil}:\n    '''Do.\n\n    Args:\n        x: it\n    '''\n",
}


@pytest.mark.parametrize("place", PLACES)
def test_describing_a_source_runs_nothing_of_it(host: Host, place: Where) -> None:
    marker = host.server.directory / "letta" / f"{place}.txt"
    source = PLACES[place].format(name=f"evil_{place}", evil=EVIL.format(marker=str(marker)))
    for path, body in (
        ("/v1/tools", {"source_code": source}),
        ("/v1/tools/generate-schema", {"code": source}),
        ("/v1/tools", {"source_code": source, "args_json_schema": {"type": "object", "properties": {}}}),
    ):
        assert host.http.post(path, json=body).status_code in {200, 400}
    assert not marker.exists()
    if host.landlock:
        assert host.http.post("/v1/tools/run", json={"source_code": source, "args": {"x": "y"}}).status_code == 200
        assert not marker.exists()
