"""One bad tool of an MCP server locked the former server for good, and sound schemas were refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from letta.mcp.described import INVALID, described
from letta.settings import Settings
from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.mcp.conftest import offering
from tests.mcp.test_mcp_servers import create, tools
from tests.support.servers import server_with
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]


@pytest.fixture(scope="module")
def server(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    with server_with(
        postgres_uri, scripted_model, LETTA_ALLOW_PRIVATE_URLS="127.0.0.1", MCP_EXECUTE_TOOL_TIMEOUT="8"
    ) as running:
        yield running


@pytest.fixture
def mcp_url() -> Iterator[str]:
    with offering("streamable-http") as url:
        yield url


def returned(answer: Json) -> Json:
    (found,) = [message for message in answer["messages"] if message["message_type"] == "tool_return_message"]
    return dict(found)


def test_while_a_tool_hangs_everybody_else_is_served(http: httpx2.Client, model: ScriptedModel, mcp_url: str) -> None:
    """letta-ai/letta#2549"""
    offered = tools(http, create(http, "hanging", {"mcp_server_type": "streamable_http", "server_url": mcp_url}))
    patient, other = (AgentTalk(http, tool_ids=[offered[name]["id"]]) for name in ("slow_tool", "add_numbers"))
    hanging = model.script(Reply(calls=[Call("slow_tool", {"seconds": 60})]), Reply("It took too long."))
    adding = model.script(Reply(calls=[Call("add_numbers", {"a": 1, "b": 2})]), Reply("Three."))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(patient.say, hanging.say())
        until(lambda: hanging.requests)
        answer = other.say(adding.say())
        assert (returned(answer)["tool_return"], answer["messages"][-1]["content"]) == ("3", "Three.")
        assert http.get("/v1/health").status_code == 200
        assert len(hanging.requests) == 1, "the first one still waits for its tool"
        ended = waiting.result()
    assert returned(ended)["status"] == "error"
    assert ended["messages"][-1]["content"] == "It took too long."


def test_a_server_that_breaks_off_its_answer_leaves_no_run_behind(
    http: httpx2.Client, model: ScriptedModel, mcp_url: str
) -> None:
    """letta-ai/letta#3212: the stream ended in its midst, and the run was running for ever."""
    offered = tools(http, create(http, "dying", {"mcp_server_type": "streamable_http", "server_url": mcp_url}))
    talk = AgentTalk(http, tool_ids=[offered["die"]["id"]])
    answer = talk.say(model.script(Reply(calls=[Call("die", {})]), Reply("It has gone.")).say())
    assert returned(answer)["status"] == "error"
    assert answer["messages"][-1]["content"] == "It has gone."
    runs = http.get("/v1/runs/", params={"agent_id": talk.id}).json()
    assert [run["status"] for run in runs] == ["completed"]


ODD: dict[str, Any] = {
    "no properties": {"type": "object"},
    "nothing": {},
    "no type": {"properties": {"a": {"type": "string"}}},
    "several types": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
    "any of": {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}},
    "references": {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "$defs": {"A": {"type": "object", "properties": {"b": {"type": "string"}}}},
    },
    "open": {"type": "object", "properties": {"a": {"type": "object", "additionalProperties": True}}},
}


@pytest.mark.parametrize("schema", ODD.values(), ids=ODD)
def test_sound_schemas_are_not_refused_for_being_odd(schema: Json) -> None:
    """letta-ai/letta#3373, #3370, #2535"""
    found = described({"name": "t", "description": "d", "inputSchema": schema})
    assert found.status != INVALID
    assert found.parameters["type"] == "object"
    assert isinstance(found.parameters["properties"], dict)


def test_commands_are_not_run_unless_the_operator_says_so() -> None:
    assert Settings.model_fields["mcp_disable_stdio"].default is True
