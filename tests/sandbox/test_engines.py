"""Which engine there is, and those that run nothing here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from letta.sandbox.child import landlock, seccomp
from letta.sandbox.engines.e2b import E2bEngine
from letta.sandbox.execution import Execution
from letta.sandbox.hiding import is_secret
from letta.sandbox.needs import needs_of
from letta.sandbox.policy import engine_name
from letta.sandbox.sandbox import Sandbox, tool_directory
from letta.settings import Settings


def settings(**values: Any) -> Settings:
    return Settings.model_construct(**{"host": None, "render": False, **values})


CHOSEN: dict[str, tuple[dict[str, Any], str]] = {
    "loopback": ({}, "process"),
    "named loopback": ({"host": "localhost"}, "process"),
    "public": ({"host": "0.0.0.0"}, "monty"),
    "render": ({"render": True}, "monty"),
    "render on loopback": ({"render": True, "host": "127.0.0.1"}, "monty"),
    "asked for": ({"render": True, "tool_sandbox": "process"}, "process"),
    "off": ({"tool_sandbox": "off"}, "off"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is never process")
@pytest.mark.parametrize(("values", "name"), CHOSEN.values(), ids=CHOSEN)
def test_choice(values: dict[str, Any], name: str) -> None:
    assert engine_name(settings(**values)) == name


def test_names_of_engines_are_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETTA_TOOL_SANDBOX", " Monty ")
    assert Settings().tool_sandbox == "monty"


EXECUTION = Execution(source="def f():\n    return 1\n", function="f", arguments={}, environment={}, seconds=1)


async def test_off_tells_so() -> None:
    sandbox = Sandbox(settings(tool_sandbox="off"))
    outcome = await sandbox.run(EXECUTION)
    assert "switched off" in (outcome.error or "")
    await sandbox.close()


async def test_e2b_tells_what_is_missing() -> None:
    outcome = await E2bEngine(settings(e2b_api_key=None, e2b_template=None)).run(EXECUTION)
    assert "pip install e2b" in (outcome.error or "") or "E2B_API_KEY is not set" in (outcome.error or "")


def test_where_clients_find_the_server() -> None:
    assert Sandbox(settings(host="0.0.0.0", port=10000)).base_url == "http://127.0.0.1:10000"
    assert Sandbox(settings(host="::", port=8283)).base_url == "http://[::1]:8283"
    assert Sandbox(settings(host="127.0.0.1", port=8283)).base_url == "http://127.0.0.1:8283"


def test_where_tools_are_put(tmp_path: Path) -> None:
    assert tool_directory(settings(letta_dir=tmp_path, tool_exec_dir=None)) == tmp_path / "tools"
    assert tool_directory(settings(letta_dir=tmp_path, tool_exec_dir=tmp_path / "x")) == tmp_path / "x"


def test_needs() -> None:
    assert not needs_of("def f(x):\n    return x\n").client
    assert needs_of("def f(agent_state):\n    return client.agents\n").client
    assert needs_of("def f(agent_state, x): pass\n").agent_state
    assert needs_of("def f(*, agent_state=None): pass\n").agent_state
    for own in ("client = 1", "import x as client", "def client(): pass", "def g(client): pass"):
        assert not needs_of(f"{own}\ndef f():\n    return client\n").client
    assert needs_of("def g(): pass\ndef f(): pass\n", "g").function == "g"
    assert needs_of("def g(): pass\ndef f(): pass\n", "h").function == "f"


@pytest.mark.parametrize(
    "name",
    ["LETTA_PG_URI", "DATABASE_URL", "LETTA_SERVER_PASSWORD", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "X_TOKEN"],
)
def test_secrets_are_known_by_name(name: str) -> None:
    assert is_secret(name)


def test_what_is_needed_is_no_secret() -> None:
    assert not [name for name in ("PATH", "HOME", "LETTA_DIR", "HTTPS_PROXY", "PYTHONPATH", "TZ") if is_secret(name)]


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part is Linux's")
def test_hidden_secrets_are_in_no_environment() -> None:
    program = (
        "import os; from pathlib import Path; from letta.sandbox.hiding import hide_from_tools; hide_from_tools();"
        "shown = Path('/proc/self/environ').read_bytes() if os.geteuid() == 0 else b'PLAIN=kept';"
        "print(b'hidden-value' in shown, b'PLAIN=kept' in shown, os.environ.get('X_API_KEY'))"
    )
    environment = {"X_API_KEY": "hidden-value", "PLAIN": "kept", "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True", "None"]


def test_the_filter_of_system_calls_has_whole_instructions() -> None:
    for index, audit in ((0, 0xC000003E), (1, 0xC00000B7)):
        for signals in (True, False):
            program = seccomp._program(index, audit, keep_signals_in=signals)
            assert len(program) % 8 == 0
            assert len(program) // 8 < 4096
    assert not seccomp.is_known("sparc")
    assert landlock.version() >= 0
