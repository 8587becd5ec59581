"""What becomes of agent files, of this server's making and of others'."""

import json
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from tests.agent_files.conftest import MODEL, SOURCE, Files, Json, agent_file, message, with_messages
from tests.talking import AgentTalk, types

ENVELOPE = json.dumps({"status": "OK", "message": "4", "time": "2026-11-24 03:09:48 AM UTC+0000"}, indent=2)
CALL = {"id": "call_1", "type": "function", "function": {"name": "roll_dice", "arguments": '{"sides": 6}'}}


def tool(**fields: Any) -> Json:
    schema = {"name": "roll_dice", "description": "Roll.", "parameters": {"type": "object", "properties": {}}}
    return {"id": "tool-0", "name": "roll_dice", "source_code": SOURCE, "json_schema": schema} | fields


def file_with_tool(entry: Json) -> Json:
    return agent_file(tool_ids=[entry["id"]]) | {"tools": [entry]}


def counts(http: httpx2.Client) -> list[int]:
    return [http.get(f"/v1/{room}/count").json() for room in ("agents", "blocks", "tools")]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ({}, "Imported_copy"),
        ({"append_copy_suffix": "false"}, "Imported"),
        ({"name": "Chosen"}, "Chosen"),
        ({"override_name": "Chosen"}, "Chosen"),
        ({"name": "", "append_copy_suffix": "true"}, "Imported_copy"),
    ],
)
def test_names(files: Files, form: dict[str, str], name: str) -> None:
    assert files.agent(agent_file(), **form).agent["name"] == name


def test_a_long_name_still_gets_its_suffix(files: Files) -> None:
    name = files.agent(agent_file(name="x" * 255)).agent["name"]
    assert (len(name), name[-6:]) == (255, "x_copy")


def test_another_model_keeps_the_size_of_the_context(files: Files) -> None:
    config = {"model": "gpt-4o-mini", "handle": MODEL, "context_window": 9000, "temperature": 0.1, "max_tokens": 500}
    config |= {"model_endpoint": "http://elsewhere/v1", "model_endpoint_type": "openai"}
    agent = files.agent(agent_file(llm_config=config), model="openai-proxy/gpt-4.1").agent
    assert agent["model"] == "openai-proxy/gpt-4.1"
    kept = {name: agent["llm_config"][name] for name in ("model", "context_window", "temperature", "max_tokens")}
    assert kept == {"model": "gpt-4.1", "context_window": 9000, "temperature": 0.1, "max_tokens": 500}
    assert agent["llm_config"]["model_endpoint"] != "http://elsewhere/v1"


@pytest.mark.parametrize("form", [{"model": "nobody/gpt-9"}, {"override_model_handle": "nobody/gpt-9"}])
def test_an_unknown_model_is_refused_with_those_known(files: Files, form: dict[str, str]) -> None:
    reason = files.answered(404, agent_file(), **form)
    assert "nobody/gpt-9" in reason
    assert MODEL in reason


@pytest.mark.parametrize("form", [{"embedding": "nobody/e"}, {"override_embedding_handle": "nobody/e"}])
def test_an_unknown_embedding_model_is_refused_with_those_known(files: Files, form: dict[str, str]) -> None:
    reason = files.refused(agent_file(), **form)
    assert "nobody/e" in reason
    assert "openai/text-embedding-3-small" in reason


def test_a_model_of_the_file_that_is_not_offered_must_be_replaced(files: Files) -> None:
    config = {"model": "claude-9", "handle": "anthropic/claude-9", "context_window": 1000}
    reason = files.answered(404, agent_file(llm_config=config))
    assert "anthropic/claude-9" in reason
    assert reason.endswith("Set 'model' to the handle of the model that the agent should use.")
    assert files.agent(agent_file(llm_config=config), model=MODEL).agent["llm_config"]["context_window"] == 1000
    assert "gpt-x" in files.answered(404, agent_file(llm_config={"model": "gpt-x"}))
    assert "No model was given" in files.refused(agent_file(llm_config=None))


def test_a_model_of_the_same_name_with_another_provider_is_taken(files: Files) -> None:
    answer = files.load(agent_file(llm_config={"model": "gpt-4o-mini", "handle": "azure/gpt-4o-mini"}))
    assert answer["warnings"] == [
        f"The model azure/gpt-4o-mini is not available on this server. Used instead: {MODEL}."
    ]


def test_an_embedding_model_that_is_not_offered_is_no_obstacle(http: httpx2.Client, files: Files) -> None:
    config = {"embedding_model": "e9", "embedding_dim": 9, "embedding_endpoint_type": "x", "handle": "x/e9"}
    answer = files.load(agent_file(embedding_config=config))
    assert answer["warnings"][0].startswith(
        "The embedding model x/e9 is not available on this server. Used instead: none"
    )
    assert http.get(f"/v1/agents/{answer['agent_ids'][0]}").json()["embedding_config"] is None
    chosen = files.agent(agent_file(embedding_config=config), embedding="openai/text-embedding-3-large")
    assert chosen.agent["embedding"] == "openai/text-embedding-3-large"


def test_secrets_get_the_values_that_come_along(files: Files) -> None:
    file = agent_file(secrets={"A": "", "B": ""}, tool_exec_environment_variables={"C": ""})
    answer = files.load(file, secrets='{"A": "1", "D": "4"}', env_vars_json='{"C": "3", "A": "old"}')
    state = AgentTalk.of(files.http, answer["agent_ids"][0]).retrieve("secrets")
    assert {entry["key"]: entry["value"] for entry in state["secrets"]} == {"A": "1", "B": "", "C": "3", "D": "4"}
    assert ["The secrets B of agent" in warning for warning in answer["warnings"]] == [True]


@pytest.mark.parametrize("text", ["{", "[]", '{"A": 1}', '{"A": "\\u0000"}', "[" * 5000])
def test_secrets_that_are_no_object_of_texts_are_refused_without_repeating_them(files: Files, text: str) -> None:
    for name in ("secrets", "env_vars_json"):
        reason = files.refused(agent_file(), **{name: text})
        assert name in reason or "The form" in reason
        assert text not in reason


def test_messages_can_be_stripped(files: Files) -> None:
    file = with_messages(message(0, "system", "s"), message(1, "user", "private"), message(2, "assistant", "ok"))
    assert types(files.agent(file).history()) == ["system_message", "user_message", "assistant_message"]
    assert types(files.agent(file, strip_messages="true").history()) == ["system_message"]


def test_history_beyond_the_context_is_kept_as_well(files: Files, model: ScriptedModel) -> None:
    file = agent_file(
        messages=[message(5, "user", "long ago"), message(0, "system", "s"), message(1, "user", "lately")],
        in_context_message_ids=["message-0", "message-1"],
    )
    agent = files.agent(file)
    assert [entry["content"] for entry in agent.history() if entry["message_type"] == "user_message"] == [
        "long ago",
        "lately",
    ]
    script = model.script(Reply("ok"))
    agent.say(script.say())
    assert [entry["content"][:6] for entry in script.requests[0].body["messages"][1:-1]] == ["lately"]
    assert "1 earlier messages" in script.requests[0].body["messages"][0]["content"]


def test_built_in_tools_are_those_of_this_server(http: httpx2.Client, files: Files) -> None:
    entry = {"id": "tool-0", "name": "memory_insert", "tool_type": "letta_sleeptime_core", "json_schema": None}
    agent = files.agent(file_with_tool(entry))
    (stored,) = http.get("/v1/tools", params={"name": "memory_insert"}).json()
    assert agent.retrieve("tools")["tools"] == [stored]


def test_tools_of_servers_that_are_not_there_are_told(files: Files) -> None:
    of_mcp = {"id": "tool-0", "name": "exa_search", "tool_type": "external_mcp", "json_schema": {"name": "exa_search"}}
    answer = files.load(file_with_tool(of_mcp))
    assert answer["not_imported"] == {"tools": 1}
    assert answer["warnings"] == ["The tool 'exa_search' (external_mcp) is not available on this server."]


def test_a_custom_tool_may_overwrite_the_one_that_is_there(http: httpx2.Client, files: Files) -> None:
    http.put("/v1/tools", json={"source_code": SOURCE, "description": "old"}).raise_for_status()
    (before,) = http.get("/v1/tools", params={"name": "roll_dice"}).json()
    kept = files.load(file_with_tool(tool(description="new")), override_existing_tools="false")
    assert http.get(f"/v1/tools/{before['id']}").json() == before
    assert "the existing tool was kept" in kept["warnings"][0]
    overwritten = files.load(file_with_tool(tool(description="new")))
    assert http.get(f"/v1/tools/{before['id']}").json()["description"] == "new"
    assert "was overwritten" in overwritten["warnings"][0]
    assert files.load(file_with_tool(tool(description="new")))["warnings"] == []
    listed = [AgentTalk.of(http, answer["agent_ids"][0]).retrieve("tools")["tools"] for answer in (kept, overwritten)]
    assert [[entry["id"] for entry in tools] for tools in listed] == [[before["id"]], [before["id"]]]


def test_a_file_never_changes_a_built_in_tool(http: httpx2.Client, files: Files) -> None:
    (before,) = http.get("/v1/tools", params={"name": "memory_insert"}).json()
    schema = {"name": "memory_insert", "description": "evil"}
    answer = files.load(file_with_tool(tool(name="memory_insert", json_schema=schema)))
    assert http.get(f"/v1/tools/{before['id']}").json() == before
    assert "is the name of a built-in tool" in answer["warnings"][-1]


def test_the_schema_of_a_tool_may_be_missing(http: httpx2.Client, files: Files) -> None:
    source = SOURCE.replace("roll_dice", "derived_tool")
    files.load(file_with_tool(tool(name=None, json_schema=None, source_code=source)))
    (stored,) = http.get("/v1/tools", params={"name": "derived_tool"}).json()
    assert stored["json_schema"]["parameters"]["required"] == ["sides"]


def test_a_tool_in_typescript_is_stored_and_told(http: httpx2.Client, files: Files) -> None:
    written = {"source_type": "typescript", "source_code": "function ts_tool() {}", "json_schema": {"name": "ts_tool"}}
    answer = files.load(file_with_tool(tool(name="ts_tool", **written)))
    assert answer["warnings"] == [
        "The tool 'ts_tool' is written in TypeScript, which this server does not run. Rewrite it in Python."
    ]
    (stored,) = http.get("/v1/tools", params={"name": "ts_tool"}).json()
    same = {name: stored[name] for name in ("source_type", "source_code", "json_schema")}
    assert http.patch(f"/v1/tools/{stored['id']}", json=same | {"tags": ["t"]}).json()["tags"] == ["t"]


def test_a_tool_that_cannot_run_is_stored_and_told(files: Files) -> None:
    answer = files.load(
        file_with_tool(tool(name="odd_tool", json_schema={"name": "odd_tool"}, source_code="no python"))
    )
    assert answer["warnings"][0].startswith("The tool 'odd_tool' can't be run as it is: source_code is not valid")


def test_sections_without_a_room_are_counted(files: Files) -> None:
    file = agent_file(files_agents=[{"id": "file_agent-0"}], identity_ids=["identity-1"], source_ids=["source-0"]) | {
        "files": [{"id": "file-0"}, {"id": "file-1"}],
        "groups": [{"id": "group-0"}],
        "mcp_servers": [{"id": "mcp_server-0"}],
        "skills": [{"name": "s"}],
    }
    assert files.load(file)["not_imported"] == {
        "files": 2,
        "files_agents": 1,
        "groups": 1,
        "mcp_servers": 1,
        "skills": 1,
        "identities": 1,
        "sources": 1,
    }


def test_folders_never_take_the_place_of_others(http: httpx2.Client, files: Files) -> None:
    file = agent_file(source_ids=["source-0"]) | {
        "sources": [{"id": "source-0", "name": "Library", "instructions": "i"}]
    }
    first, second = files.agent(file), files.load(file)
    assert second["warnings"] == ["The folder 'Library' was imported as 'Library (2)', because its name was taken."]
    held = [talk.retrieve("sources")["sources"] for talk in (first, AgentTalk.of(http, second["agent_ids"][0]))]
    assert [[(folder["name"], folder["instructions"]) for folder in folders] for folders in held] == [
        [("Library", "i")],
        [("Library (2)", "i")],
    ]


def test_a_value_longer_than_its_limit_is_kept_whole(http: httpx2.Client, files: Files) -> None:
    block = {"id": "block-0", "label": "human", "value": "x" * 30, "limit": 10}
    answer = files.load(agent_file(block_ids=["block-0"]) | {"blocks": [block]})
    assert "was raised from 10 to 30" in answer["warnings"][0]
    assert AgentTalk.of(http, answer["agent_ids"][0]).block("human") == "x" * 30


def test_agents_of_one_file_share_its_blocks(http: httpx2.Client, files: Files) -> None:
    first, second = agent_file(block_ids=["block-0"])["agents"][0], agent_file(block_ids=["block-0"])["agents"][0]
    file = agent_file() | {
        "agents": [first, second | {"id": "agent-1", "name": "Other"}],
        "blocks": [{"id": "block-0", "label": "shared", "value": "v"}],
    }
    answer = files.load(file, name="Chosen")
    states = [AgentTalk.of(http, agent_id).retrieve("blocks") for agent_id in answer["agent_ids"]]
    assert [state["name"] for state in states] == ["Chosen", "Other_copy"]
    assert len({state["blocks"][0]["id"] for state in states}) == 1


def test_all_of_a_file_is_stored_or_nothing(http: httpx2.Client, files: Files) -> None:
    good = agent_file(block_ids=["block-0"], tool_ids=["tool-0"])["agents"][0]
    bad = agent_file(tools=["no_such_tool"])["agents"][0] | {"id": "agent-1"}
    name = "never_stored"
    entry = tool(name=name, json_schema={"name": name}, source_code=SOURCE.replace("roll_dice", name))
    file = agent_file() | {
        "agents": [good, bad],
        "blocks": [{"id": "block-0", "label": "l", "value": "v"}],
        "tools": [entry],
    }
    before = counts(http)
    assert "no_such_tool" in files.refused(file)
    assert counts(http) == before


def test_two_blocks_of_one_label_are_refused(files: Files) -> None:
    blocks = [{"id": f"block-{number}", "label": "same", "value": "v"} for number in range(2)]
    assert "same" in files.answered(409, agent_file(block_ids=["block-0", "block-1"]) | {"blocks": blocks})


def test_inline_blocks_named_tools_and_first_messages_are_taken_as_well(files: Files) -> None:
    """Other programs write files as they would write a request."""
    sequence = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}]
    fields = {"memory_blocks": [{"label": "human", "value": "v"}], "tools": ["memory_insert"]}
    agent = files.agent(agent_file(**fields, initial_message_sequence=sequence))
    state = agent.retrieve("blocks", "tools")
    assert [block["label"] for block in state["blocks"]] == ["human"]
    assert [entry["name"] for entry in state["tools"]] == ["memory_insert"]
    assert types(agent.history()) == ["system_message", "user_message", "assistant_message"]


def test_a_project_may_be_given(http: httpx2.Client, files: Files) -> None:
    file = json.dumps(agent_file()).encode()
    by_form = files.agent(agent_file(), project_id="p1").agent
    sent = http.post("/v1/agents/import", files={"file": ("a.af", file)}, headers={"X-Project-Id": "p2"}).json()
    by_header = AgentTalk.of(http, sent["agent_ids"][0]).agent
    assert (by_form["project_id"], by_header["project_id"]) == ("p1", "p2")


def test_returns_of_former_servers_are_read_in_all_their_forms(files: Files, model: ScriptedModel) -> None:
    """An envelope in tool_returns or only in the content; or none at all."""
    bare = {"tool_call_id": "call_3", "status": "error", "stdout": None, "stderr": ["why"], "func_response": "no JSON"}
    wrapped = {"tool_call_id": "call_1", "status": "success", "stdout": [], "stderr": [], "func_response": ENVELOPE}
    file = with_messages(
        message(0, "system", "s"),
        message(1, "user", "Roll thrice."),
        message(2, "assistant", None, tool_calls=[CALL, CALL | {"id": "call_2"}, CALL | {"id": "call_3"}]),
        message(3, "tool", None, name="roll_dice", tool_returns=[wrapped]),
        message(4, "tool", ENVELOPE, name="roll_dice", tool_call_id="call_2", tool_returns=[]),
        message(5, "function", None, name="roll_dice", tool_returns=[bare]),
    )
    agent = files.agent(file)
    shown = [entry for entry in agent.history() if entry["message_type"] == "tool_return_message"]
    assert [(entry["tool_return"], entry["status"], entry["tool_call_id"]) for entry in shown] == [
        ("4", "success", "call_1"),
        ("4", "success", "call_2"),
        ("no JSON", "error", "call_3"),
    ]
    script = model.script(Reply("ok"))
    agent.say(script.say())
    sent = script.requests[0].body["messages"]
    assert [json.loads(entry["content"])["message"] for entry in sent[3:6]] == ["4", "4", "no JSON"]


def test_decisions_of_former_servers_are_read(files: Files, model: ScriptedModel) -> None:
    """Those of old clients name the request, not the call; what needed no approval stands in a row before it."""
    returned = {"tool_call_id": "call_1", "status": "success", "func_response": ENVELOPE}
    file = with_messages(
        message(0, "system", "s"),
        message(1, "user", "Roll."),
        message(2, "assistant", "Mixed.", tool_calls=[CALL | {"id": "call_0"}]),
        message(3, "approval", None, tool_calls=[CALL], tool_call_id="call_1"),
        message(4, "approval", None, approve=False, approval_request_id="message-x", denial_reason="no"),
        message(5, "tool", None, tool_returns=[returned, returned | {"tool_call_id": "call_0"}]),
    )
    agent = files.agent(file)
    listed = agent.history()
    assert types(listed)[2:] == [
        "assistant_message",
        "tool_call_message",
        "approval_request_message",
        "approval_response_message",
        "tool_return_message",
    ]
    assert (listed[-2]["approve"], listed[-2]["reason"]) == (False, "no")
    script = model.script(Reply("ok"))
    agent.say(script.say())
    sent = script.requests[0].body["messages"]
    assert [entry["role"] for entry in sent] == ["system", "user", "assistant", "tool", "tool", "user"]
    assert [json.loads(entry["content"])["message"] for entry in sent[3:5]] == ["4", "4"]


def test_what_tools_of_the_client_returned_survives(http: httpx2.Client, files: Files) -> None:
    approvals = [{"tool_call_id": "call_1", "status": "success", "stdout": None, "stderr": None, "func_response": "9"}]
    file = with_messages(
        message(0, "system", "s"),
        message(1, "approval", None, tool_calls=[CALL]),
        message(2, "approval", None, approvals=approvals),
    )
    agent = files.agent(file)
    (shown,) = agent.history()[-1]["approvals"]
    assert (shown["type"], shown["tool_return"]) == ("tool", "9")
    assert files.export(agent.id)["agents"][0]["messages"][2]["approvals"] == approvals


def test_text_beside_calls_is_a_thought_of_agents_that_speak_through_a_tool(files: Files) -> None:
    said = {"name": "send_message", "arguments": '{"message": "Hi."}'}
    file = with_messages(
        message(0, "system", "s"),
        message(1, "assistant", "A greeting.", tool_calls=[{"id": "call_1", "function": said}]),
        agent_type="memgpt_agent",
    )
    history = files.agent(file).history()
    assert [(entry["message_type"], entry.get("reasoning") or entry.get("content")) for entry in history[1:]] == [
        ("reasoning_message", "A greeting."),
        ("assistant_message", "Hi."),
    ]


def test_times_and_otids_of_messages_are_kept(files: Files) -> None:
    kept = {"created_at": "2025-01-02T03:04:05.678901+02:00", "otid": "from-a-client"}
    (_, user) = files.agent(with_messages(message(0, "system", "s"), message(1, "user", "x", **kept))).history()
    assert (user["date"], user["otid"]) == ("2025-01-02T01:04:05+00:00", "from-a-client")


def test_a_file_without_a_system_message_gets_one(files: Files) -> None:
    history = files.agent(with_messages(message(1, "user", "x"), message(2, "assistant", "y"))).history()
    assert types(history) == ["system_message", "user_message", "assistant_message"]
    assert history[0]["content"].startswith("You are Ada.")
