"""What is exported and imported again is the same agent, which goes on where the first one stood."""

import copy
import json
from typing import Any

import httpx2
from letta_client import Letta

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.agent_files.conftest import SOURCE, Files, Json
from tests.talking import AgentTalk, types

COMPACTION = {"mode": "all", "prompt": "Be brief.", "clip_chars": 900}


def make(http: httpx2.Client, **settings: Any) -> AgentTalk:
    """An agent in which nothing is as it is by default."""
    tool = http.post("/v1/tools", json={"source_code": SOURCE, "tags": ["dice"], "return_char_limit": 777}).json()
    folder = http.post("/v1/folders", json={"name": f"docs {tool['id']}", "instructions": "Read them."})
    if folder.status_code != 200:
        folder = http.get("/v1/folders", params={"name": f"docs {tool['id']}"})
    found = folder.json()
    folder_id = found[0]["id"] if isinstance(found, list) else found["id"]
    given = {
        "name": "Round Trip",
        "description": "Travels.",
        "metadata": {"a": [1, {"b": None}]},
        "tags": ["x", "y"],
        "system": "You are Ada.",
        "memory_blocks": [
            {"label": "zeta", "value": "Zürich\n日本", "limit": 900, "tags": ["t"], "metadata": {"k": 1}},
            {"label": "human", "value": "Name: Bob.", "read_only": True, "description": "d", "hidden": True},
        ],
        "tools": ["memory_insert", "conversation_search"],
        "tool_ids": [tool["id"]],
        "tool_rules": [
            {"type": "max_count_per_step", "tool_name": "memory_insert", "max_count_limit": 3},
            {"type": "constrain_child_tools", "tool_name": "roll_dice", "children": ["memory_insert"]},
        ],
        "include_base_tool_rules": False,
        "folder_ids": [folder_id],
        "secrets": {"KEY": "hidden-value-1"},
        "timezone": "Europe/Zurich",
        "context_window_limit": 30000,
        "max_files_open": 7,
        "model_settings": {"provider_type": "openai", "temperature": 0.25, "parallel_tool_calls": True},
        "compaction_settings": COMPACTION,
        "message_buffer_autoclear": False,
    }
    return AgentTalk(http, **(given | settings))


def comparable(file: Json) -> Json:
    """A file without what differs with every import: times, the compiled prompt, names of folders."""
    same = copy.deepcopy(file)
    del same["created_at"]
    for agent in same["agents"]:
        for entry in agent["messages"]:
            if entry["role"] == "system":
                entry["content"] = []
    for folder in same["sources"]:
        folder["name"] = folder["name"].partition(" (")[0]
    return same


def test_an_imported_agent_is_exported_as_the_first_one_was(
    http: httpx2.Client, files: Files, model: ScriptedModel
) -> None:
    agent = make(http)
    note = Call("memory_insert", {"label": "zeta", "new_string": "tea"})
    broken = Call("memory_insert", {"label": "nothing", "new_string": "tea"})
    agent.say(model.script(Reply("Noting.", calls=[note, broken]), Reply("Done.")).say())
    first = files.export(agent.id)
    copied = files.agent(first, append_copy_suffix="false")
    assert comparable(files.export(copied.id)) == comparable(first)
    assert first["agents"][0]["compaction_settings"]["prompt"] == "Be brief."
    assert [len(first[name]) for name in ("blocks", "tools", "sources")] == [2, 6, 1]
    assert types(copied.history()) == types(agent.history())


def test_an_imported_agent_goes_on_talking_with_its_history(
    http: httpx2.Client, files: Files, model: ScriptedModel
) -> None:
    agent = make(http)
    note = Call("memory_insert", {"label": "zeta", "new_string": "Likes tea."})
    agent.say(model.script(Reply("Noting.", calls=[note]), Reply("Noted.")).say("I like tea."))
    copied = files.agent(files.export(agent.id))
    script = model.script(Reply("You like tea."))
    copied.say(script.say("What do I like?"))
    sent = script.requests[0].body["messages"]
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert "Likes tea." in sent[0]["content"]
    assert copied.id in sent[0]["content"]
    assert agent.id not in json.dumps(sent)
    assert json.loads(sent[3]["content"])["message"].endswith("Likes tea.")


def test_an_imported_agent_shares_nothing_with_the_first(
    http: httpx2.Client, files: Files, model: ScriptedModel
) -> None:
    agent = make(http)
    copied = files.agent(files.export(agent.id))
    note = Call("memory_insert", {"label": "zeta", "new_string": "only here"})
    copied.say(model.script(Reply(calls=[note]), Reply("ok")).say())
    assert copied.block("zeta") == "Zürich\n日本\nonly here"
    assert agent.block("zeta") == "Zürich\n日本"
    ids = {entry["id"] for entry in agent.history()} & {entry["id"] for entry in copied.history()}
    assert not ids


def test_the_official_client_exports_and_imports(client: Letta, http: httpx2.Client, model: ScriptedModel) -> None:
    agent = make(http)
    agent.say(model.script(Reply("Hello!")).say())
    text = client.agents.export_file(agent.id)
    assert text.startswith('{\n  "agents": [\n    {\n      "name": "Round Trip"')
    imported = client.agents.import_file(file=text.encode(), name="From a file", secrets='{"KEY": "new"}')
    state = client.agents.retrieve(imported.agent_ids[0], include=["agent.blocks", "agent.tools", "agent.secrets"])
    assert state.name == "From a file"
    assert [block.label for block in state.blocks] == ["zeta", "human"]
    assert {secret.key: secret.value for secret in state.secrets or ()} == {"KEY": "new"}
    assert state.timezone == "Europe/Zurich"
    assert state.llm_config.context_window == 30000


def test_an_export_written_as_a_text_once_more_is_taken_as_well(http: httpx2.Client, files: Files) -> None:
    exported = http.get(f"/v1/agents/{make(http).id}/export").text
    assert files.agent(exported).agent["name"] == "Round Trip_copy"


def test_thoughts_of_agents_that_speak_through_a_tool_stay_thoughts(
    http: httpx2.Client, files: Files, model: ScriptedModel
) -> None:
    agent = AgentTalk(http, agent_type="memgpt_v2_agent", include_base_tools=True)
    speak = Call("send_message", {"message": "Hi.", "thinking": "A greeting.", "request_heartbeat": False})
    agent.say(model.script(Reply(calls=[speak])).say())
    first = files.export(agent.id)
    copied = files.agent(first, append_copy_suffix="false")
    assert comparable(files.export(copied.id)) == comparable(first)
    expected = [(m["message_type"], m.get("reasoning") or m.get("content")) for m in agent.history()]
    assert [(m["message_type"], m.get("reasoning") or m.get("content")) for m in copied.history()][1:] == expected[1:]
    assert ("reasoning_message", "A greeting.") in expected


def test_an_agent_that_waits_for_approval_still_waits_for_it(
    http: httpx2.Client, files: Files, model: ScriptedModel
) -> None:
    gated = {"type": "requires_approval", "tool_name": "memory_insert"}
    agent = make(http, tool_rules=[gated])
    note = Call("memory_insert", {"label": "zeta", "new_string": "approved"}, id="call_1")
    search = Call("conversation_search", {"query": "nothing"}, id="call_2")
    script = model.script(Reply("May I?", calls=[note, search]), Reply("Done."))
    assert agent.say(script.say())["stop_reason"]["stop_reason"] == "requires_approval"
    copied = files.agent(files.export(agent.id))
    assert copied.retrieve("pending_approval")["pending_approval"]["tool_calls"][0]["tool_call_id"] == "call_1"
    decided = {"type": "approval", "approvals": [{"type": "approval", "tool_call_id": "call_1", "approve": True}]}
    answer = copied.send(decided)
    assert answer["stop_reason"]["stop_reason"] == "end_turn"
    assert copied.block("zeta").endswith("approved")
    assert agent.block("zeta") == "Zürich\n日本"
    sent = script.requests[-1].body["messages"]
    assert [m["role"] for m in sent] == ["system", "user", "assistant", "tool", "tool"]
    assert {m["tool_call_id"] for m in sent[3:]} == {"call_1", "call_2"}


def test_images_travel_along(http: httpx2.Client, files: Files, model: ScriptedModel) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    source = {"type": "base64", "media_type": "image/png", "data": pixel}
    agent = make(http)
    script = model.script(Reply("A dot."))
    said = {"type": "text", "text": script.say("Look.")}
    agent.send({"role": "user", "content": [said, {"type": "image", "source": source}]})
    copied = files.agent(files.export(agent.id))
    again = model.script(Reply("Still a dot."))
    copied.say(again.say("And now?"))
    shown = again.requests[0].body["messages"][1]["content"][1]
    assert shown["image_url"]["url"] == f"data:image/png;base64,{pixel}"
