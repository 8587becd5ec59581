"""Agents that call tools of MCP servers."""

import json
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.mcp.conftest import offering
from tests.mcp.test_mcp_servers import create, tools
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]


def turn(talk: AgentTalk, model: ScriptedModel, tool: str, **arguments: Any) -> tuple[Json, Json]:
    """The return of one call, and the request that the model got with the tools."""
    model.reset()
    script = model.script(Reply(calls=[Call(tool, arguments)]), Reply("Done."))
    messages = talk.say(script.say())["messages"]
    assert messages[-1]["content"] == "Done."
    returned = next(each for each in messages if each["message_type"] == "tool_return_message")
    return returned, script.requests[0].body


def test_calls_in_turns(http: httpx2.Client, model: ScriptedModel, name: str, streamable_url: str) -> None:
    server = create(http, name, {"mcp_server_type": "streamable_http", "server_url": streamable_url})
    talk = AgentTalk(http, tool_ids=[tool["id"] for tool in tools(http, server).values()])
    returned, request = turn(talk, model, "add_numbers", a=20, b=22)
    assert (returned["status"], returned["tool_return"]) == ("success", "42")
    functions = {each["function"]["name"]: each["function"] for each in request["tools"]}
    assert set(functions["add_numbers"]["parameters"]["properties"]) == {"a", "b"}
    assert "mcp:" not in json.dumps(request["tools"])
    returned, _ = turn(talk, model, "fail_always", msg="a bad thing")
    assert returned["status"] == "error"
    assert "a bad thing" in returned["tool_return"]
    returned, _ = turn(talk, model, "slow_tool", seconds=30)
    assert returned["status"] == "error"
    assert "took more than 3 s" in returned["tool_return"]
    returned, _ = turn(talk, model, "add_numbers", a="x", b=1)
    assert "'a' must be of type integer" in returned["tool_return"]


def test_a_server_that_has_gone_does_not_stop_a_turn(http: httpx2.Client, model: ScriptedModel, name: str) -> None:
    with offering("streamable-http") as url:
        server = create(http, name, {"mcp_server_type": "streamable_http", "server_url": url})
        talk = AgentTalk(http, tool_ids=[tools(http, server)["add_numbers"]["id"]])
        assert turn(talk, model, "add_numbers", a=1, b=1)[0]["tool_return"] == "2"
    returned, _ = turn(talk, model, "add_numbers", a=1, b=1)
    assert returned["status"] == "error"
    assert f"The MCP server '{name}' failed while connecting" in returned["tool_return"]
