"""The format of agent files, as the former upstream server writes it."""

import json
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.agent_files.conftest import SOURCE, Files, Json
from tests.talking import AgentTalk

SECTIONS = [
    "agents",
    "groups",
    "blocks",
    "files",
    "sources",
    "tools",
    "mcp_servers",
    "skills",
    "metadata",
    "created_at",
]
MESSAGE: Json = {
    "type": "message",
    "group_id": None,
    "name": None,
    "sender_id": None,
    "batch_item_id": None,
    "agent_id": "agent-0",
    "tool_calls": None,
    "tool_call_id": None,
    "tool_returns": [],
    "approve": None,
    "approval_request_id": None,
    "denial_reason": None,
    "approvals": [],
}


def fixed(entry: Json) -> Json:
    """A message without its otid and time, which every message has."""
    assert entry["otid"]
    assert entry["created_at"].endswith("+00:00")
    return {name: value for name, value in entry.items() if name not in {"otid", "created_at"}}


def test_ids_are_numbers_within_the_file(http: httpx2.Client, files: Files, model: ScriptedModel) -> None:
    tool = http.post("/v1/tools", json={"source_code": SOURCE}).json()
    blocks = [{"label": "zeta", "value": "z"}, {"label": "alpha", "value": "a"}]
    agent = AgentTalk(http, memory_blocks=blocks, tools=["memory_insert"], tool_ids=[tool["id"]], tags=["b", "a"])
    agent.say(model.script(Reply("Hi.")).say("Hello."))
    file = files.export(agent.id)
    (exported,) = file["agents"]
    assert list(file) == SECTIONS
    assert (exported["id"], exported["tool_ids"], exported["block_ids"]) == (
        "agent-0",
        ["tool-0", "tool-1"],
        ["block-0", "block-1"],
    )
    assert [(block["id"], block["label"]) for block in file["blocks"]] == [("block-0", "zeta"), ("block-1", "alpha")]
    assert [(tool["id"], tool["name"]) for tool in file["tools"]] == [
        ("tool-0", "memory_insert"),
        ("tool-1", "roll_dice"),
    ]
    assert file["tools"][1]["source_code"] == SOURCE
    assert file["tools"][1]["json_schema"]["parameters"]["required"] == ["sides"]
    assert exported["in_context_message_ids"] == ["message-0", "message-1", "message-2"]
    assert exported["tags"] == ["a", "b"]
    nothing = ("model", "embedding", "model_settings", "compaction_settings", "folder_ids", "identity_ids", "secrets")
    assert {name: exported[name] for name in nothing} == dict.fromkeys(nothing)
    assert exported["llm_config"]["handle"] == "openai-proxy/gpt-4o-mini"
    assert (exported["max_files_open"], exported["per_file_view_window_char_limit"]) == (10, 25000)


def test_messages_have_the_former_servers_form(http: httpx2.Client, files: Files, model: ScriptedModel) -> None:
    agent = AgentTalk(http, tools=["memory_insert"], memory_blocks=[{"label": "human", "value": "Ada"}])
    note = Call("memory_insert", {"label": "human", "new_string": "tea"}, id="call_1")
    script = model.script(Reply("Noting.", calls=[note]), Reply("Noted."))
    text = script.say("I like tea.")
    agent.say(text)
    messages = files.export(agent.id)["agents"][0]["messages"]
    part = {"type": "text", "signature": None}
    call = {
        "id": "call_1",
        "function": {"arguments": '{"label": "human", "new_string": "tea"}', "name": "memory_insert"},
        "type": "function",
    }
    assert fixed(messages[1]) == MESSAGE | {
        "id": "message-1",
        "role": "user",
        "content": [part | {"text": text}],
        "model": None,
    }
    assert fixed(messages[2]) == MESSAGE | {
        "id": "message-2",
        "role": "assistant",
        "content": [part | {"text": "Noting."}],
        "model": "gpt-4o-mini",
        "tool_calls": [call],
    }
    returned = messages[3]["tool_returns"][0]
    envelope = json.loads(returned["func_response"])
    assert (envelope["status"], envelope["message"], set(envelope)) == ("OK", "Ada\ntea", {"status", "message", "time"})
    assert messages[3]["content"] == [part | {"text": returned["func_response"]}]
    assert fixed(messages[3]) == MESSAGE | {
        "id": "message-3",
        "role": "tool",
        "name": "memory_insert",
        "content": messages[3]["content"],
        "model": "gpt-4o-mini",
        "tool_call_id": "call_1",
        "tool_returns": [returned],
    }
    assert {name: returned[name] for name in ("tool_call_id", "status")} == {
        "tool_call_id": "call_1",
        "status": "success",
    }


def test_values_of_secrets_are_never_exported(http: httpx2.Client, files: Files) -> None:
    agent = AgentTalk(http, secrets={"TOKEN": "s3cr3t-value", "OTHER": "another-value"})
    file = files.export(agent.id)
    assert "s3cr3t-value" not in json.dumps(file)
    assert "another-value" not in json.dumps(file)
    blank = {"OTHER": "", "TOKEN": ""}
    assert (file["agents"][0]["secrets"], file["agents"][0]["tool_exec_environment_variables"]) == (blank, blank)


def test_messages_can_be_left_out(http: httpx2.Client, files: Files, model: ScriptedModel) -> None:
    agent = AgentTalk(http)
    agent.say(model.script(Reply("Hi.")).say("Something private."))
    file = files.export(agent.id, scrub_messages="true")
    assert (file["agents"][0]["messages"], file["agents"][0]["in_context_message_ids"]) == ([], [])
    assert "private" not in json.dumps(file)


def test_skills_of_the_client_go_along(http: httpx2.Client) -> None:
    agent = AgentTalk(http)
    skills = [{"name": "dice", "files": {"SKILL.md": "Roll."}}, {"name": "far", "source_url": "https://example.org/s"}]
    response = http.post(f"/v1/agents/{agent.id}/export", json={"skills": skills, "scrub_messages": True})
    file = response.json()
    assert file["skills"] == [
        {"name": "dice", "files": {"SKILL.md": "Roll."}, "source_url": None},
        {"name": "far", "files": None, "source_url": "https://example.org/s"},
    ]
    assert file["agents"][0]["messages"] == []
    assert http.post(f"/v1/agents/{agent.id}/export").json()["skills"] == []


def test_another_conversation_can_be_exported(http: httpx2.Client, files: Files, model: ScriptedModel) -> None:
    agent = AgentTalk(http, memory_blocks=[{"label": "notes", "value": "shared"}])
    made = http.post("/v1/conversations", params={"agent_id": agent.id}, json={"isolated_block_labels": ["notes"]})
    conversation = made.raise_for_status().json()
    block_id = conversation["isolated_block_ids"][0]
    http.patch(f"/v1/blocks/{block_id}", json={"value": "isolated"}).raise_for_status()
    agent.say(model.script(Reply("Here.")).say("By default."))
    file = files.export(agent.id, conversation_id=conversation["id"])
    assert [block["value"] for block in file["blocks"]] == ["isolated"]
    assert [entry["role"] for entry in file["agents"][0]["messages"]] == ["system"]
    default = files.export(agent.id, conversation_id="default")
    assert [block["value"] for block in default["blocks"]] == ["shared"]
    assert [entry["role"] for entry in default["agents"][0]["messages"]] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ({"use_legacy_format": "true"}, 400, "Legacy format is not supported"),
        ({"conversation_id": "conv-00000000-0000-4000-8000-000000000000"}, 404, "has no conversation conv-"),
        ({"conversation_id": "other"}, 404, "has no conversation other"),
    ],
)
def test_what_cannot_be_exported(http: httpx2.Client, query: dict[str, str], status: int, reason: str) -> None:
    response = http.get(f"/v1/agents/{AgentTalk(http).id}/export", params=query)
    assert (response.status_code, reason in response.json()["detail"]) == (status, True)


def test_an_unknown_agent_cannot_be_exported(http: httpx2.Client) -> None:
    unknown = "/v1/agents/agent-00000000-0000-4000-8000-000000000000/export"
    answers: list[Any] = [http.get(unknown), http.post(unknown, json={}), http.get("/v1/agents/nobody/export")]
    assert [answer.status_code for answer in answers] == [404, 404, 422]
