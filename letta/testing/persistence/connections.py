"""Connections to others, whose keys and tokens are stored: providers that were added, and sign-ins to MCP servers."""

import json
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2

from letta.json_types import JsonObject
from letta.testing.persistence.world import Thing, World, as_json

_KEY = "sk-of-a-guest-0123456789"
_NAME = "guest"


def _write_provider(world: World) -> None:
    body = {"name": _NAME, "provider_type": "openai", "api_key": _KEY, "base_url": world.model.base_url}
    made = world.client.post("/v1/providers", body=body, cast_to=dict[str, Any])
    world.ids["provider"] = made["id"]


def _read_providers(world: World) -> list[JsonObject]:
    return world.client.get("/v1/providers", cast_to=list[dict[str, Any]])


def _read_models(world: World) -> list[str | bool]:
    """The models that the provider has told, and whether it is still asked with its key."""
    handles = [model.handle for model in world.client.models.list(provider_name=_NAME)]
    before = len(world.model.requests())
    world.client.post(f"/v1/providers/{world.ids['provider']}/check", cast_to=object)
    # One of them: a turn that is taken up again asks the model at the same time, with another key.
    used = any(request.used_key(_KEY) for request in world.model.requests()[before:])
    return [*cast("list[str]", handles), used] if handles else []


def _write_sign_in(world: World) -> None:
    """As somebody does in a browser."""
    place = {"mcp_server_type": "streamable_http", "server_url": world.sign_in_url}
    made = world.client.mcp_servers.create(server_name="cellar", config=place)  # type: ignore[arg-type]
    world.ids["cellar"] = str(made.id)
    headers = {"Authorization": f"Bearer {world.client.api_key}"}
    with httpx2.Client(base_url=str(world.client.base_url), headers=headers, timeout=60, trust_env=False) as http:
        with http.stream("GET", f"/v1/mcp-servers/connect/{made.id}") as connecting:
            page = _authorization_url(connecting)
        back = urlsplit(httpx2.get(page, trust_env=False).headers["location"])
        http.get(f"{back.path}?{back.query}").raise_for_status()


def _authorization_url(connecting: httpx2.Response) -> str:
    for line in connecting.iter_lines():
        told = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
        if told.get("event") == "authorization_url":
            return str(told["url"])
    raise RuntimeError("The MCP server didn't ask for a sign-in.")


def _read_signed_in(world: World) -> list[JsonObject]:
    """What a tool of the server says, which is for those who are signed in."""
    server = world.ids["cellar"]
    tools = world.client.mcp_servers.tools
    return as_json(tools.run(str(tool.id), mcp_server_id=server) for tool in tools.list(server))


CONNECTIONS = (
    Thing("providers", _read_providers, _write_provider),
    Thing("models of a provider", _read_models),
    Thing("tools behind a sign-in", _read_signed_in, _write_sign_in),
)
