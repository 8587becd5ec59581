"""Agents with tools of MCP servers, exported and imported: nothing secret goes along, and what lacks is told."""

import json
from typing import Any

import httpx2
import pytest

from tests.agent_files.conftest import Files, agent_file
from tests.mcp.test_mcp_servers import create, run, tools
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]


@pytest.fixture
def files(http: httpx2.Client) -> Files:
    return Files(http)


def exported(http: httpx2.Client, files: Files, server_id: str) -> Json:
    """The file of an agent that has one of the server's tools."""
    return files.export(AgentTalk(http, tool_ids=[tools(http, server_id)["header"]["id"]]).id)


def test_a_server_goes_along_without_what_is_secret(
    http: httpx2.Client, files: Files, name: str, streamable_url: str
) -> None:
    config = {
        "mcp_server_type": "streamable_http",
        "server_url": f"{streamable_url}?key=secret-0",
        "auth_token": "secret-1",
        "custom_headers": {"X-Key": "secret-2"},
    }
    server_id = create(http, name, config)
    file = exported(http, files, server_id)
    assert "secret-" not in json.dumps(file)
    assert server_id not in json.dumps(file)
    needs = {"auth_token": "Authorization", "custom_headers": ["X-Key"], "query": ["key"]}
    assert file["mcp_servers"] == [
        {
            "id": "mcp_server-0",
            "server_type": "streamable_http",
            "server_name": name,
            "server_url": streamable_url,
            "stdio_config": None,
            "metadata_": {"needs": needs},
        }
    ]
    (tool,) = (each for each in file["tools"] if each["tool_type"] == "external_mcp")
    assert tool["metadata_"]["mcp"] == {"server_name": name, "server_id": "mcp_server-0"}

    again = files.load(file)
    assert again["warnings"] == [], "it is here, with its secrets"
    assert [each["id"] for each in http.get("/v1/mcp-servers").json()] == [server_id]

    http.delete(f"/v1/mcp-servers/{server_id}")
    answer = files.load(file)
    (made,) = http.get("/v1/mcp-servers").json()
    assert answer["warnings"] == [
        f"The MCP server '{name}' lacks auth_token, the header X-Key, the parameter key, because agent files never "
        f"contain them. Set them with PATCH /v1/mcp-servers/{made['id']}."
    ]
    assert answer["not_imported"] == {}
    (held,) = AgentTalk.of(http, answer["agent_ids"][0]).retrieve("tools")["tools"]
    assert (held["name"], held["tags"]) == ("header", [f"mcp:{name}"])
    assert held["metadata_"]["mcp"] == {"server_name": name, "server_id": made["id"]}
    assert run(http, made["id"], "header", name="x-key")["func_return"] == "none"
    changed = {"mcp_server_type": "streamable_http", "server_url": streamable_url, "custom_headers": {"X-Key": "new"}}
    http.patch(f"/v1/mcp-servers/{made['id']}", json={"config": changed}).raise_for_status()
    assert run(http, made["id"], "header", name="x-key")["func_return"] == "new"


def test_a_command_is_not_taken_over_from_a_file(
    http: httpx2.Client, files: Files, name: str, stdio_config: Json
) -> None:
    server_id = create(http, name, stdio_config)
    file = exported(http, files, server_id)
    assert "value-of-given" not in json.dumps(file)
    assert file["mcp_servers"][0]["metadata_"]["needs"] == {"env": ["GIVEN", "MORE_TOOLS"]}
    assert files.load(file)["warnings"] == []
    http.delete(f"/v1/mcp-servers/{server_id}")
    answer = files.load(file)
    assert answer["not_imported"] == {"mcp_servers": 1, "tools": 1}
    assert "runs a command and is never imported from a file" in answer["warnings"][0]
    assert http.get("/v1/mcp-servers").json() == []


def test_a_server_of_the_same_name_elsewhere_is_another(
    http: httpx2.Client, files: Files, name: str, streamable_url: str
) -> None:
    server_id = create(http, name, {"mcp_server_type": "streamable_http", "server_url": streamable_url})
    file = exported(http, files, server_id)
    file["mcp_servers"][0]["server_url"] = "http://unknown.invalid/mcp"
    answer = files.load(file)
    assert [each["server_name"] for each in http.get("/v1/mcp-servers").json()] == [name, f"{name} (2)"]
    assert f"was imported as '{name} (2)', because" in answer["warnings"][0]
    assert f"'header' is the name of another tool of the MCP server '{name}'" in answer["warnings"][1]


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"server_type": "streamable_http", "server_name": "a"},
        {"server_type": "streamable_http", "server_name": "a", "server_url": "http://10.0.0.1/mcp"},
        {"server_type": "sse", "server_name": "a", "server_url": "nonsense"},
        {"server_type": "stdio", "server_name": "a", "stdio_config": {"command": 3}},
        {"server_type": "stdio", "server_name": "a", "stdio_config": {"command": "/bin/sh", "args": ["-c", "id"]}},
        {"server_type": "other", "server_name": "a", "metadata_": {"needs": [1]}},
    ],
)
def test_what_is_no_server_is_left_out(http: httpx2.Client, files: Files, entry: Json) -> None:
    answer = files.load(agent_file() | {"mcp_servers": [{"id": "mcp_server-0"} | entry]})
    assert answer["not_imported"] == {"mcp_servers": 1}
    assert http.get("/v1/mcp-servers").json() == []


def test_a_tool_gets_no_further_than_its_own_server(http: httpx2.Client, files: Files) -> None:
    """Whatever a file says of where a tool comes from, it is one of the file's servers, or none."""
    origin = {"server_id": "mcp_server-0", "server_name": 3, "tool_name": ["x"], "arguments": {"a": 1}}
    tool = {"id": "tool-0", "name": "from_file", "tool_type": "external_mcp", "metadata_": {"mcp": origin}}
    server = {"server_type": "sse", "server_name": "a", "server_url": "http://unknown.invalid/mcp"}
    file = agent_file(tool_ids=["tool-0"]) | {"tools": [tool], "mcp_servers": [{"id": "mcp_server-0"} | server]}
    answer = files.load(file)
    assert answer["warnings"] == []
    (made,) = http.get("/v1/mcp-servers").json()
    held = tools(http, made["id"])["from_file"]
    assert held["metadata_"]["mcp"] == {"server_name": "a", "server_id": made["id"], "arguments": {"a": "1"}}
    many = [{"id": f"mcp_server-{number}"} for number in range(101)]
    assert "at most 100" in files.refused(agent_file() | {"mcp_servers": many})
