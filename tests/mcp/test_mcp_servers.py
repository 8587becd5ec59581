"""MCP servers as the official client handles them, against real ones."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from letta_client import APIStatusError, Letta

from tests.mcp.conftest import OFFERING, offering

pytestmark = pytest.mark.slow

Json = dict[str, Any]
TOOLS = {"add_numbers", "fail_always", "slow_tool", "deliver", "header", "variable", "die"}


def create(http: httpx2.Client, name: str, config: Json) -> str:
    made = http.post("/v1/mcp-servers", json={"server_name": name, "config": config})
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


def tools(http: httpx2.Client, server_id: str) -> dict[str, Json]:
    return {tool["name"]: tool for tool in http.get(f"/v1/mcp-servers/{server_id}/tools").json()}


def run(http: httpx2.Client, server_id: str, tool: str, **args: Any) -> Json:
    tool_id = tools(http, server_id)[tool]["id"]
    answer = http.post(f"/v1/mcp-servers/{server_id}/tools/{tool_id}/run", json={"args": args})
    assert answer.status_code == 200, answer.text
    ran: Json = answer.json()
    return ran


def config_of(kind: str, request: pytest.FixtureRequest) -> Json:
    if kind == "stdio":
        return dict(request.getfixturevalue("stdio_config"))
    url = request.getfixturevalue("sse_url" if kind == "sse" else "streamable_url")
    return {"mcp_server_type": kind, "server_url": url}


@pytest.mark.parametrize("kind", ["streamable_http", "sse", "stdio"])
def test_all_a_client_does_with_a_server(
    client: Letta, http: httpx2.Client, name: str, kind: str, request: pytest.FixtureRequest
) -> None:
    made = client.mcp_servers.create(server_name=name, config=config_of(kind, request))  # type: ignore[arg-type]
    assert (made.server_name, made.mcp_server_type) == (name, kind)
    assert made.id is not None
    assert client.mcp_servers.retrieve(made.id).server_name == name
    assert made.id in [each.id for each in client.mcp_servers.list()]

    found = {tool.name: tool for tool in client.mcp_servers.tools.list(made.id)}
    assert set(found) == TOOLS, "the name of a built-in tool is not taken"
    tool = found["add_numbers"]
    assert (tool.tool_type, tool.tags, tool.description) == ("external_mcp", [f"mcp:{name}"], "Add two integers.")
    stored = tools(http, made.id)["add_numbers"]
    assert stored["metadata_"]["mcp"] == {"server_name": name, "server_id": made.id}
    assert stored["json_schema"]["parameters"]["required"] == ["a", "b"]
    assert stored["json_schema"]["mcp:SCHEMA_STATUS"] == "STRICT_COMPLIANT"
    assert client.mcp_servers.tools.retrieve(tool.id, mcp_server_id=made.id).name == "add_numbers"

    ran = client.mcp_servers.tools.run(tool.id, mcp_server_id=made.id, args={"a": 2, "b": "3"})
    assert (ran.status, ran.func_return) == ("success", "5")
    failed = client.mcp_servers.tools.run(found["fail_always"].id, mcp_server_id=made.id, args={"msg": "nope"})
    assert failed.status == "error"
    assert "nope" in str(failed.func_return)

    assert client.mcp_servers.refresh(made.id) == {
        "deleted": [],
        "updated": [],
        "added": [],
        "skipped": {"send_message": "a tool of this name that does not belong to an MCP server already exists"},
    }
    client.mcp_servers.delete(made.id)
    with pytest.raises(APIStatusError) as gone:
        client.mcp_servers.retrieve(made.id)
    assert gone.value.status_code == 404
    assert http.get(f"/v1/tools/{tool.id}").status_code == 404


def test_arguments_are_told_where_they_do_not_fit(http: httpx2.Client, name: str, streamable_url: str) -> None:
    server = create(http, name, {"mcp_server_type": "streamable_http", "server_url": streamable_url})
    assert run(http, server, "deliver", to={"street": "Main"})["func_return"] == "letter to Main"
    ran = run(http, server, "add_numbers", a=1)
    assert ran["status"] == "error"
    assert "'b' is missing" in ran["func_return"]


def test_a_slow_tool_is_given_up(http: httpx2.Client, name: str, streamable_url: str) -> None:
    server = create(http, name, {"mcp_server_type": "streamable_http", "server_url": streamable_url})
    ran = run(http, server, "slow_tool", seconds=30)
    assert ran["status"] == "error"
    assert "the call of slow.tool took more than 3 s" in ran["func_return"]
    assert run(http, server, "slow_tool", seconds=0.1)["func_return"] == "at last"


@pytest.mark.parametrize("kind", ["streamable_http", "sse"])
def test_a_server_that_is_not_there_is_stored_without_tools(
    http: httpx2.Client, name: str, kind: str, dead_url: Callable[[], str]
) -> None:
    silent = create(http, f"{name}-1", {"mcp_server_type": kind, "server_url": dead_url()})
    nobody = create(http, f"{name}-2", {"mcp_server_type": kind, "server_url": "http://127.0.0.1:9/mcp"})
    assert tools(http, silent) == tools(http, nobody) == {}
    refreshed = http.patch(f"/v1/mcp-servers/{silent}/refresh")
    assert refreshed.status_code == 408
    assert "took more than 8 s" in refreshed.json()["detail"]
    refreshed = http.patch(f"/v1/mcp-servers/{nobody}/refresh")
    assert refreshed.status_code == 502
    assert "can't be reached" in refreshed.json()["detail"]


def test_a_command_that_is_not_there(http: httpx2.Client, name: str) -> None:
    server = create(http, name, {"mcp_server_type": "stdio", "command": "/no/such/command", "args": []})
    refreshed = http.patch(f"/v1/mcp-servers/{server}/refresh")
    assert refreshed.status_code == 502
    assert "/no/such/command" in refreshed.json()["detail"]


def test_a_command_sees_what_it_is_given_and_nothing_of_the_servers(
    http: httpx2.Client, name: str, stdio_config: Json
) -> None:
    server = create(http, name, stdio_config)
    assert run(http, server, "variable", name="GIVEN")["func_return"] == "value-of-given"
    for hidden in ("A_SECRET_OF_THE_SERVER", "LETTA_PG_URI", "OPENAI_API_KEY", "LETTA_ENCRYPTION_KEY"):
        assert run(http, server, "variable", name=hidden)["func_return"] == "none"
    assert run(http, server, "die")["status"] == "error"
    assert run(http, server, "add_numbers", a=1, b=1)["func_return"] == "2"


def test_secrets_are_sent_and_never_shown(http: httpx2.Client, name: str, streamable_url: str) -> None:
    config = {
        "mcp_server_type": "streamable_http",
        "server_url": streamable_url,
        "auth_token": "Bearer tok-secret-1",
        "custom_headers": {"X-Key": "key-secret-2", "X-City": "{{ CITY | Rome }}"},
    }
    made = http.post("/v1/mcp-servers", json={"server_name": name, "config": config})
    server = made.json()["id"]
    shown = [made.text, http.get("/v1/mcp-servers").text, http.get("/v1/tools/mcp/servers").text]
    assert not [text for text in shown if "secret-" in text]
    assert made.json()["custom_headers"] == {"X-Key": "[secret]", "X-City": "[secret]"}
    assert run(http, server, "header", name="authorization")["func_return"] == "Bearer tok-secret-1"
    assert run(http, server, "header", name="x-key")["func_return"] == "key-secret-2"
    assert run(http, server, "header", name="x-city")["func_return"] == "Rome"

    returned = {key: value for key, value in made.json().items() if key not in {"id", "server_name"}}
    changed = http.patch(f"/v1/mcp-servers/{server}", json={"server_name": f"{name}-new", "config": returned})
    assert changed.json()["server_name"] == f"{name}-new"
    assert run(http, server, "header", name="authorization")["func_return"] == "Bearer tok-secret-1"
    assert tools(http, server)["header"]["tags"] == [f"mcp:{name}-new"]

    moved = returned | {"server_url": "https://elsewhere.example/mcp"}
    refused = http.patch(f"/v1/mcp-servers/{server}", json={"config": moved})
    assert refused.status_code == 400, "a stored secret is not sent to another place"
    http.patch(f"/v1/mcp-servers/{server}", json={"config": returned | {"auth_token": None}})
    assert run(http, server, "header", name="authorization")["func_return"] == "none"


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"auth_token": "tea\npot"}, "auth_token"),
        ({"auth_token": "kännchen"}, "auth_token"),
        ({"auth_header": "X\nY", "auth_token": "z"}, "auth_header"),
        ({"custom_headers": {"X-Key": "tea\r\nHost: pot"}}, "custom_headers.X-Key"),
        ({"custom_headers": {"X Key": "z"}}, "custom_headers"),
        ({"custom_headers": {"": "z"}}, "custom_headers"),
    ],
)
def test_what_no_header_can_carry_is_refused(http: httpx2.Client, name: str, config: Json, field: str) -> None:
    place = {"mcp_server_type": "streamable_http", "server_url": "http://127.0.0.1:9/mcp"}
    refused = http.post("/v1/mcp-servers", json={"server_name": name, "config": place | config})
    assert (refused.status_code, refused.json()["detail"].startswith(f"INVALID_ARGUMENT: {field}:")) == (400, True)
    assert "pot" not in refused.text
    assert http.get("/v1/mcp-servers").json() == []


def test_templates_stand_for_secrets_of_the_agent(http: httpx2.Client, name: str, streamable_url: str) -> None:
    headers = {"X-City": "in {{ CITY }}"}
    server = create(
        http,
        name,
        {"mcp_server_type": "streamable_http", "server_url": streamable_url, "custom_headers": headers},
    )
    asked = run(http, server, "header", name="x-city")
    assert (asked["status"], "needs the variable CITY" in asked["func_return"]) == ("error", True)
    agent = http.post(
        "/v1/agents",
        json={
            "model": "openai-proxy/gpt-4o-mini",
            "include_base_tools": False,
            "tool_ids": [tools(http, server)["header"]["id"]],
            "secrets": {"CITY": "Bern"},
        },
    ).json()["id"]
    ran = http.post(f"/v1/agents/{agent}/tools/header/run", json={"args": {"name": "x-city"}})
    assert ran.json()["func_return"] == "in Bern"
    assert http.patch(f"/v1/mcp-servers/{server}/refresh", params={"agent_id": agent}).status_code == 200


def test_refresh_follows_the_server(http: httpx2.Client, name: str, stdio_config: Json, tmp_path: Path) -> None:
    server = create(http, name, stdio_config)
    (tmp_path / "more").touch()
    assert http.patch(f"/v1/mcp-servers/{server}/refresh").json()["added"] == ["came_later"]
    http.patch(f"/v1/tools/{tools(http, server)['came_later']['id']}", json={"return_char_limit": 77})
    (tmp_path / "more").unlink()
    assert http.patch(f"/v1/mcp-servers/{server}/refresh").json()["deleted"] == ["came_later"]
    assert set(tools(http, server)) == TOOLS


def test_names_are_unique(http: httpx2.Client, name: str) -> None:
    config = {"mcp_server_type": "streamable_http", "server_url": "http://127.0.0.1:9/mcp"}
    create(http, name, config)
    assert http.post("/v1/mcp-servers", json={"server_name": name, "config": config}).status_code == 409


def test_a_custom_tool_is_not_replaced(http: httpx2.Client, name: str, streamable_url: str) -> None:
    source = 'def deliver() -> str:\n    """Mine."""\n    return "mine"\n'
    mine = http.post("/v1/tools", json={"source_code": source}).json()
    server = create(http, name, {"mcp_server_type": "streamable_http", "server_url": streamable_url})
    try:
        assert "deliver" not in tools(http, server)
        assert http.get(f"/v1/tools/{mine['id']}").json()["tool_type"] == "custom"
        assert http.post(f"/v1/tools/mcp/servers/{name}/deliver").status_code == 409
    finally:
        http.delete(f"/v1/tools/{mine['id']}")


def test_connecting_is_told_step_by_step(http: httpx2.Client, name: str, streamable_url: str) -> None:
    config = {"mcp_server_type": "streamable_http", "server_url": streamable_url}
    server = create(http, name, config)
    told = http.get(f"/v1/mcp-servers/connect/{server}")
    assert told.headers["content-type"].startswith("text/event-stream")
    assert '"connection_attempt"' in told.text
    assert '"success"' in told.text
    assert "add_numbers" in told.text


class TestOlderOperations:
    def test_all_of_them(self, http: httpx2.Client, name: str) -> None:
        with offering("streamable-http") as url:
            config = {"server_name": name, "type": "streamable_http", "server_url": url}
            tried = http.post("/v1/tools/mcp/servers/test", json=config)
            assert len(tried.json()["tools"]) == len(TOOLS) + 1
            added = http.put("/v1/tools/mcp/servers", json=config | {"custom_headers": {"X-A": "bbbbbbb"}})
            assert added.status_code == 200, added.text
            assert [each["server_name"] for each in added.json()] == [name]
            listed = http.get("/v1/tools/mcp/servers").json()
            assert listed[name]["type"] == "streamable_http"
            assert listed[name]["custom_headers"] == {"X-A": "[secret]"}
            path = f"/v1/tools/mcp/servers/{name}"
            offered = {tool["name"]: tool for tool in http.get(f"{path}/tools").json()}
            assert offered["add_numbers"]["health"] == {"status": "STRICT_COMPLIANT", "reasons": []}
            assert offered["add_numbers"]["inputSchema"]["additionalProperties"] is False
            assert "slow.tool" in offered
            tool = http.post(f"{path}/add_numbers").json()
            assert (tool["tool_type"], tool["tags"]) == ("external_mcp", [f"mcp:{name}"])
            assert http.post(f"{path}/no_such_tool").status_code == 404
            ran = http.post(f"{path}/tools/add_numbers/execute", json={"args": {"a": 1, "b": 2}})
            assert ran.json() == {"result": "3", "success": True}
            ran = http.post(f"{path}/tools/send_message/execute", json={"args": {"message": "theirs"}})
            assert ran.json() == {"result": "theirs", "success": True}
            assert http.post(f"{path}/resync").json()["added"] == []
            changed = http.patch(path, json={"custom_headers": {"X-A": "[secret]"}, "token": "abcdefgh"})
            assert changed.json()["auth_token"] == "[secret]"
            ran = http.post(f"{path}/tools/header/execute", json={"args": {"name": "x-a"}})
            assert ran.json()["result"] == "bbbbbbb"
            assert http.delete(path).json() == []
            assert http.get(f"{path}/tools").status_code == 404

    @pytest.mark.parametrize(
        "secret",
        [{"auth_token": "tok-secret-1"}, {"custom_headers": {"X-Key": "key-secret-2"}}],
        ids=["token", "header"],
    )
    def test_a_secret_is_not_sent_to_another_place(
        self, http: httpx2.Client, name: str, streamable_url: str, secret: Json
    ) -> None:
        """Those who may change a server are shown masks, and shall not have it told to an address of theirs."""
        config = {"server_name": name, "type": "streamable_http", "server_url": streamable_url} | secret
        http.put("/v1/tools/mcp/servers", json=config).raise_for_status()
        path, moved = f"/v1/tools/mcp/servers/{name}", {"server_url": "https://elsewhere.example/mcp"}
        refused = http.patch(path, json=moved)
        assert (refused.status_code, "isn't sent to another" in refused.text) == (400, True), refused.text
        assert http.get("/v1/tools/mcp/servers").json()[name]["server_url"] == streamable_url
        assert http.patch(path, json=moved | dict.fromkeys(secret)).status_code == 200


def test_where_neither_commands_nor_private_addresses_are_allowed(
    server_environment: dict[str, str], streamable_url: str
) -> None:
    from letta.testing.server import ServerProcess

    with ServerProcess(server_environment) as plain, httpx2.Client(base_url=plain.url, trust_env=False) as http:
        command = {"mcp_server_type": "stdio", "command": sys.executable, "args": [str(OFFERING), "stdio"]}
        refused = http.post("/v1/mcp-servers", json={"server_name": "a", "config": command})
        assert (refused.status_code, "MCP_DISABLE_STDIO=false" in refused.json()["detail"]) == (400, True)
        older = {"server_name": "a", "type": "stdio", "command": "/bin/sh", "args": []}
        for send, path in ((http.put, "servers"), (http.post, "servers/test")):
            assert send(f"/v1/tools/mcp/{path}", json=older).status_code == 400
        for url in (streamable_url, "http://169.254.169.254/mcp", "ftp://example.com", "nonsense"):
            config = {"mcp_server_type": "streamable_http", "server_url": url}
            refused = http.post("/v1/mcp-servers", json={"server_name": "b", "config": config})
            assert (refused.status_code, "server_url" in refused.json()["detail"]) == (422, True)
        assert http.get("/v1/mcp-servers").json() == []
