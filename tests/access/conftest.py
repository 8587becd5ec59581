"""A server with a password, and keys for it."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import server_with

Json = dict[str, Any]
PASSWORD = "correct-horse-battery-staple"
AGENT = {"model": "openai-proxy/gpt-4o-mini", "include_base_tools": False}

Open = Callable[..., httpx2.Client]


@pytest.fixture(scope="package")
def guarded(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    with server_with(postgres_uri, scripted_model, LETTA_SERVER_PASSWORD=PASSWORD) as running:
        yield running


@pytest.fixture
def opened(guarded: ServerProcess) -> Iterator[Open]:
    """Clients with some credential and further headers."""
    clients: list[httpx2.Client] = []

    def open_(credential: str, **headers: str) -> httpx2.Client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named |= {"authorization": f"Bearer {credential}"}
        clients.append(httpx2.Client(base_url=guarded.url, headers=named, timeout=60, trust_env=False))
        return clients[-1]

    yield open_
    for client in clients:
        client.close()


@pytest.fixture
def owner(opened: Open) -> httpx2.Client:
    """Who has the password."""
    return opened(PASSWORD)


@pytest.fixture
def key(owner: httpx2.Client) -> Callable[..., str]:
    """Makes API keys."""

    def make(*scopes: str, **options: Any) -> str:
        body = {"name": "a key", "scopes": list(scopes)} | options
        made = owner.post("/v1/api-keys", json=body)
        assert made.status_code == 200, made.text
        return str(made.json()["key"])

    return make


@pytest.fixture
def token(owner: httpx2.Client) -> Callable[..., str]:
    """Makes tokens of browsers for an agent."""

    def make(agent_id: str, *access: str, hostname: str = "app.example.com", **options: Any) -> str:
        policy = [{"type": "agent", "id": agent_id, "access": list(access)}]
        body = {"hostname": hostname, "policy": policy} | options
        made = owner.post("/v1/client-side-access-tokens", json=body)
        assert made.status_code == 200, made.text
        return str(made.json()["token"])

    return make


@pytest.fixture
def new_agent(owner: httpx2.Client) -> Callable[..., str]:
    def make(**options: Any) -> str:
        made = owner.post("/v1/agents", json=AGENT | options)
        assert made.status_code == 200, made.text
        return str(made.json()["id"])

    return make
