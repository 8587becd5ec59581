"""MCP servers in processes of their own, and a server that may speak with them."""

import socket
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from letta.testing.protected_mcp import running
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess, free_port
from tests.support.servers import server_with

OFFERING = Path(__file__).with_name("offering.py")


@contextmanager
def offering(transport: str) -> Iterator[str]:
    """The address of an MCP server that runs in the meantime."""
    with running([sys.executable, str(OFFERING), transport, str(port := free_port())], port):
        yield f"http://127.0.0.1:{port}/{'sse' if transport == 'sse' else 'mcp'}"


@pytest.fixture(scope="module")
def streamable_url() -> Iterator[str]:
    with offering("streamable-http") as url:
        yield url


@pytest.fixture(scope="module")
def sse_url() -> Iterator[str]:
    with offering("sse") as url:
        yield url


@pytest.fixture(scope="module")
def server(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    """A server that may ask this machine, run commands, and has little patience."""
    with server_with(
        postgres_uri,
        scripted_model,
        LETTA_ALLOW_PRIVATE_URLS="127.0.0.1",
        MCP_DISABLE_STDIO="false",
        MCP_CONNECT_TO_SERVER_TIMEOUT="8",
        MCP_LIST_TOOLS_TIMEOUT="8",
        MCP_EXECUTE_TOOL_TIMEOUT="3",
        A_SECRET_OF_THE_SERVER="not for tools",
    ) as running:
        yield running


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    """What the official client doesn't do; every MCP server of the test goes with it."""
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as opened:
        yield opened
        for each in opened.get("/v1/mcp-servers").json():
            opened.delete(f"/v1/mcp-servers/{each['id']}")


@pytest.fixture
def name() -> str:
    return f"s-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def stdio_config(tmp_path: Path) -> dict[str, object]:
    return {
        "mcp_server_type": "stdio",
        "command": sys.executable,
        "args": [str(OFFERING), "stdio"],
        "env": {"GIVEN": "value-of-given", "MORE_TOOLS": str(tmp_path / "more")},
    }


@pytest.fixture
def dead_url() -> Iterator[Callable[[], str]]:
    """Makes addresses that take connections and never answer."""
    listeners: list[socket.socket] = []

    def make() -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"

    yield make
    for listener in listeners:
        listener.close()
