"""A server with a password, asked by the official client of the Model Context Protocol."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import server_with
from tests.talking import AgentTalk

T = TypeVar("T")
PASSWORD = "correct-horse-battery-staple"


@pytest.fixture(scope="package")
def guarded(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    with server_with(
        postgres_uri, scripted_model, LETTA_SERVER_PASSWORD=PASSWORD, LETTA_KEEPALIVE_INTERVAL="0.2"
    ) as running:
        yield running


@pytest.fixture
def owner(guarded: ServerProcess) -> Iterator[httpx2.Client]:
    """Who has the password."""
    headers = {"authorization": f"Bearer {PASSWORD}"}
    with httpx2.Client(base_url=guarded.url, headers=headers, timeout=30, trust_env=False) as opened:
        yield opened


@pytest.fixture
def talk(owner: httpx2.Client) -> AgentTalk:
    return AgentTalk(owner, memory_blocks=[{"label": "human", "value": "Name: Ada."}])


class Asking:
    """Asks the endpoint with some key."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key

    def __call__(self, ask: Callable[[Client], Awaitable[T]], *, mode: str = "auto") -> T:
        """What a question comes to."""
        return asyncio.run(self._ask(ask, mode))

    async def _ask(self, ask: Callable[[Client], Awaitable[T]], mode: str) -> T:
        headers = {"authorization": f"Bearer {self._key}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=30) as http:
            transport = streamable_http_client(f"{self._url}/mcp", http_client=http)
            async with Client(transport, mode=mode, cache=None) as client:
                return await ask(client)

    def call(self, tool: str, **arguments: Any) -> str:
        """What a tool returns."""
        text, is_error = self.result(tool, **arguments)
        assert not is_error, text
        return text

    def refused(self, tool: str, **arguments: Any) -> str:
        """What a tool that fails tells."""
        text, is_error = self.result(tool, **arguments)
        assert is_error, text
        return text

    def result(self, tool: str, **arguments: Any) -> tuple[str, bool]:
        """What a tool tells, and whether it failed."""
        result = self(lambda client: client.call_tool(tool, arguments))
        (part,) = result.content
        assert part.type == "text"
        return part.text, bool(result.is_error)


@pytest.fixture
def asking(guarded: ServerProcess) -> Asking:
    """Asks with the password."""
    return Asking(guarded.url, PASSWORD)


@pytest.fixture
def asking_with(guarded: ServerProcess, owner: httpx2.Client) -> Callable[..., Asking]:
    """Asks with a key of some scope."""

    def make(scope: str, *agent_ids: str) -> Asking:
        body = {"name": "a key", "scopes": [scope]} | ({"agent_ids": list(agent_ids)} if agent_ids else {})
        made = owner.post("/v1/api-keys", json=body).raise_for_status().json()
        return Asking(guarded.url, made["key"])

    return make
