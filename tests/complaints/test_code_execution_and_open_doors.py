"""The former server ran strangers' code, fetched whatever address it was told, and showed everybody to everybody."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import server_with
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-password-for-complaints"
RUN = {"source_code": "def f():\n    return 'ran'\n", "args": {}, "name": "f"}


@pytest.fixture(scope="module")
def guarded(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:

    with server_with(postgres_uri, scripted_model, LETTA_SERVER_PASSWORD=PASSWORD) as running:
        yield running


@pytest.fixture
def stranger(guarded: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=guarded.url, timeout=30, trust_env=False) as opened:
        yield opened


@pytest.fixture
def friend(guarded: ServerProcess) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {PASSWORD}"}
    with httpx2.Client(base_url=guarded.url, timeout=60, trust_env=False, headers=headers) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/v1/tools/run", "/v1/tools/run/", "/latest/tools/run", "//v1/tools/run"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"X-BARE-PASSWORD": "password wrong"}])
def test_cve_2025_51482_strangers_run_no_tools(stranger: httpx2.Client, path: str, headers: Json) -> None:
    """Anybody could send a source to `/v1/tools/run`, and it ran in the server's own process."""
    answer = stranger.post(path, json=RUN, headers=headers)
    assert answer.status_code == 401
    assert "ran" not in answer.text


def test_cve_2025_51482_no_server_is_open_to_the_network_without_a_password(
    server_environment: dict[str, str],
) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "letta.cli", "server", "--host", "0.0.0.0", "--port", "0"],
        env=server_environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert started.returncode == 1
    assert "LETTA_SERVER_PASSWORD" in started.stdout + started.stderr


def test_cve_2025_51482_what_a_tool_does_is_not_done_in_the_server(friend: httpx2.Client) -> None:
    source = "import os, sys\ndef f():\n    sys.modules['letta'] = None\n    return [os.getpid(), dict(os.environ)]\n"
    told = json.loads(friend.post("/v1/tools/run", json=RUN | {"source_code": source}).json()["tool_return"])
    assert not {name for name in told[1] if "PASSWORD" in name or "PG_URI" in name or "ENCRYPTION" in name}
    assert PASSWORD not in json.dumps(told)
    assert friend.get("/v1/agents/").status_code == 200


EVALUATED = {
    "annotation": "def f(x: {code}):\n",
    "within a list": "def f(x: list[{code}]):\n",
    "as text": "def f(x: '{text}'):\n",
    "default": "def f(x: int = {code}):\n",
    "return type": "def f(x: int) -> {code}:\n",
    "literal": "from typing import Literal\ndef f(x: Literal[{code}]):\n",
    "decorator": "@{code}\ndef f(x: int):\n",
    "model": "from pydantic import BaseModel\nclass A(BaseModel):\n    y: {code}\ndef f(x: A):\n",
    "at the top": "{code}\ndef f(x: int):\n",
}


@pytest.mark.parametrize("where", EVALUATED)
@pytest.mark.parametrize("path", ["/v1/tools", "/v1/tools/generate-schema"])
def test_cve_2025_6101_and_2026_4965_nothing_in_a_source_is_evaluated(
    friend: httpx2.Client, tmp_path: Path, path: str, where: str
) -> None:
    """Annotations went through `eval`, and after a first correction still through the resolution of types."""
    mark = tmp_path / "mark"
    code = f'__import__("os").system("touch {mark}")'
    head = EVALUATED[where].format(code=code, text=code)
    source = f'{head}    """Do it.\n\n    Args:\n        x: a thing\n    """\n    return 1\n'
    answer = friend.post(path, json={"source_code": source, "code": source})
    assert answer.status_code in {200, 400}, answer.text
    assert not mark.exists()


INJECTED = [
    "'); import os; os.abort(); ('",
    '"""\nraise SystemExit(7)\n"""',
    "__import__('os').getpid()",
    "\\",
    "{x}",
    "'",
]


@pytest.mark.parametrize("value", INJECTED)
@pytest.mark.parametrize("kind", ["str", "list", "dict"])
def test_arguments_never_become_code(friend: httpx2.Client, kind: str, value: str) -> None:
    """letta-ai/letta#3193: arguments were written into generated source, those of another type without quotes."""
    source = f'def f(x: {kind}):\n    """Do it.\n\n    Args:\n        x: a thing\n    """\n    return x\n'
    answer = friend.post("/v1/tools/run", json=RUN | {"source_code": source, "args": {"x": value}}).json()
    if kind == "str":
        assert (answer["status"], answer["tool_return"]) == ("success", value)
    else:
        assert answer["status"] == "error"
        assert "'x' must be of type" in answer["tool_return"]


def test_nothing_is_pickled_between_a_tool_and_the_server() -> None:
    """letta-ai/letta#3343: what a tool returned was unpickled in the server's process."""
    guilty = []
    for path in (ROOT / "letta").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if {name.partition(".")[0] for name in names} & {"pickle", "cloudpickle", "dill", "marshal", "shelve"}:
                guilty.append(path.relative_to(ROOT).as_posix())
    assert guilty == []


ADDRESSES = [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:{port}/v1/agents/",
    "http://localhost:{port}/v1/agents/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://10.0.0.1/",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_cve_2026_4964_an_image_is_fetched_from_no_private_address(
    friend: httpx2.Client, guarded: ServerProcess, address: str
) -> None:
    """Whatever address a message gave for an image was asked by the server, and shown to the model."""
    source = {"type": "url", "url": address.format(port=guarded.port)}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    answer = AgentTalk(friend).post({"messages": [{"role": "user", "content": content}]})
    assert answer.status_code in {400, 422}, answer.text


@pytest.mark.parametrize("address", ADDRESSES)
def test_callbacks_go_to_no_private_address(friend: httpx2.Client, guarded: ServerProcess, address: str) -> None:
    """letta-ai/letta#3192: `callback_url` was a text that nobody looked at."""
    url = address.format(port=guarded.port)
    answer = friend.post(f"{AgentTalk(friend).path}/async", json={"input": "x", "callback_url": url})
    assert answer.status_code in {400, 422}, answer.text


@pytest.mark.parametrize(
    "path", ["/users", "/v1/users", "/v1/users/", "/v1/admin/users", "/v1/admin/users/", "/v1/orgs"]
)
def test_cve_2024_39025_nobody_is_shown_who_the_users_are(
    stranger: httpx2.Client, friend: httpx2.Client, path: str
) -> None:
    """Its list of users, with their keys, was open to everybody."""
    assert stranger.get(path).status_code in {401, 404}
    assert "user-" not in stranger.get(path).text
    shown = friend.get(path)
    assert shown.status_code == (200 if "/admin/" in path else 404)  # to whoever runs the server; without any key
    assert not {"key", "password", "token"} & {name for user in shown.json() if shown.is_success for name in user}


def test_a_report_of_a_hole_has_somewhere_to_go() -> None:
    """letta-ai/letta#1781: there was no address for it."""
    assert "Report a vulnerability privately" in (ROOT / "SECURITY.md").read_text()


def test_a_tool_that_fails_or_hangs_leaves_the_agent_usable(
    server_environment: dict[str, str], model: ScriptedModel
) -> None:
    """letta-ai/letta#2549: one bad tool locked the server."""
    with (
        ServerProcess(server_environment | {"TOOL_SANDBOX_TIMEOUT": "1"}) as server,
        httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http,
    ):
        source = 'def hang():\n    """Wait."""\n    while True:\n        pass\n'
        tool = http.post("/v1/tools", json={"source_code": source}).json()
        talk = AgentTalk(http, tool_ids=[tool["id"]])
        said = talk.say(model.script(Reply(calls=[Call("hang", {})]), Reply("It hung.")).say())["messages"]
        (returned,) = [message for message in said if message["message_type"] == "tool_return_message"]
        assert (returned["status"], "TimeoutError" in returned["tool_return"]) == ("error", True)
        assert said[-1]["content"] == "It hung."
        assert http.get("/v1/health").status_code == 200
        assert talk.say(model.script(Reply("Still here.")).say())["messages"][-1]["content"] == "Still here."
