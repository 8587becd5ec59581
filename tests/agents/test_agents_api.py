"""Agents over HTTP, with the official client where it can do it."""

from collections.abc import Callable
from typing import Any

import httpx2
import letta_client
import pytest
from letta_client import Letta

from letta.database.ids import new_id
from letta.testing.scripted_model import ScriptedModel

MODEL = "openai-proxy/gpt-4o-mini"
UNKNOWN = "00000000-0000-4000-8000-0000000000aa"
SDK = {"user-agent": "Letta/Python 1.12.1", "x-stainless-package-version": "1.12.1"}
OTHER = {"user-agent": "curl/8.0"}

Create = Callable[..., Any]

FIELDS = {
    "created_by_id", "last_updated_by_id", "created_at", "updated_at", "id", "name", "tool_rules", "message_ids",
    "system", "agent_type", "llm_config", "embedding_config", "model", "embedding", "model_settings",
    "compaction_settings", "response_format", "description", "metadata", "memory", "blocks", "tools", "sources", "tags",
    "tool_exec_environment_variables", "secrets", "project_id", "template_id", "base_template_id", "deployment_id",
    "entity_id", "identity_ids", "identities", "pending_approval", "message_buffer_autoclear", "enable_sleeptime",
    "multi_agent_group", "managed_group", "last_run_completion", "last_run_duration_ms", "last_stop_reason", "timezone",
    "max_files_open", "per_file_view_window_char_limit", "hidden",
}  # fmt: skip
BLOCK_FIELDS = {
    "value", "limit", "project_id", "template_name", "is_template", "template_id", "base_template_id", "deployment_id",
    "entity_id", "preserve_on_migration", "label", "read_only", "description", "metadata", "hidden", "id",
    "created_by_id", "last_updated_by_id", "tags",
}  # fmt: skip
TOOL_FIELDS = {
    "id", "tool_type", "description", "source_type", "name", "tags", "source_code", "json_schema", "args_json_schema",
    "return_char_limit", "pip_requirements", "npm_requirements", "default_requires_approval",
    "enable_parallel_execution", "created_by_id", "last_updated_by_id", "metadata_", "project_id",
}  # fmt: skip
SECRET_FIELDS = {
    "created_by_id", "last_updated_by_id", "created_at", "updated_at", "id", "key", "value", "description",
    "organization_id", "value_enc", "agent_id",
}  # fmt: skip
OVERVIEW_FIELDS = {
    "context_window_size_max", "context_window_size_current", "num_messages", "num_archival_memory",
    "num_recall_memory", "num_tokens_external_memory_summary", "external_memory_summary", "num_tokens_system",
    "system_prompt", "num_tokens_core_memory", "core_memory", "num_tokens_memory_filesystem", "memory_filesystem",
    "num_tokens_tool_usage_rules", "tool_usage_rules", "num_tokens_directories", "directories",
    "num_tokens_summary_memory", "summary_memory", "num_tokens_functions_definitions", "functions_definitions",
    "num_tokens_messages", "messages",
}  # fmt: skip


@pytest.fixture
def tag() -> str:
    return new_id("tag")


@pytest.fixture
def create(client: Letta) -> Create:
    def make(**fields: Any) -> Any:
        return client.agents.create(**({"model": MODEL} | fields))

    return make


def test_the_shape_is_that_of_the_contract(http: httpx2.Client) -> None:
    body = {"model": MODEL, "memory_blocks": [{"label": "human"}], "secrets": {"A": "b"}, "tags": ["t"]}
    made = http.post("/v1/agents/", json=body).json()
    assert set(made) == FIELDS
    assert set(made["memory"]) == {"agent_type", "git_enabled", "blocks", "file_blocks", "prompt_template"}
    assert set(made["blocks"][0]) == BLOCK_FIELDS
    assert set(made["tools"][0]) == TOOL_FIELDS
    assert set(made["secrets"][0]) == SECRET_FIELDS
    assert made["tool_exec_environment_variables"] == made["secrets"]
    assert made["created_at"].endswith("Z")
    assert len(made["created_at"]) == len("2026-11-24T03:03:59.057122Z")
    overview = http.get(f"/v1/agents/{made['id']}/context").json()
    assert set(overview) == OVERVIEW_FIELDS


def test_relations_depend_on_the_client(http: httpx2.Client) -> None:
    agent_id = http.post("/v1/agents/", json={"model": MODEL, "tags": ["t"]}).json()["id"]
    path = f"/v1/agents/{agent_id}"
    assert http.get(path, headers=SDK).json()["tags"] == []
    assert http.get(path, headers=OTHER).json()["tags"] == ["t"]
    included = http.get(path, headers=SDK, params={"include": ["agent.tags"]}).json()
    assert (included["tags"], included["tools"]) == (["t"], [])
    narrowed = http.get(path, headers=OTHER, params={"include_relationships": ["tags"]}).json()
    assert (narrowed["tags"], narrowed["tools"]) == (["t"], [])
    assert http.get(path, params={"include": "agent.everything"}).status_code == 422


def test_both_spellings_of_a_collection_answer(http: httpx2.Client) -> None:
    assert http.get("/v1/agents").status_code == 200
    assert http.get("/v1/agents/").status_code == 200


def test_lists(client: Letta, http: httpx2.Client, create: Create, tag: str) -> None:
    made = [create(tags=[tag]).id for _ in range(3)]
    assert [agent.id for agent in client.agents.list(tags=[tag], limit=2)] == made[::-1]
    assert [agent.id for agent in client.agents.list(tags=[tag], order="asc")] == made
    ascending = http.get("/v1/agents/", params={"tags": tag, "ascending": True, "sort_by": "updated_at"}).json()
    assert [agent["id"] for agent in ascending] == made
    assert http.get("/v1/agents/count", params={"tags": tag}).json() == 3
    assert http.get("/v1/tags/", params={"name": tag}).json() == [tag]
    for parameters in ({"order": "sideways"}, {"limit": "abc"}, {"limit": -1}, {"order_by": "name"}):
        assert http.get("/v1/agents/", params=parameters).status_code == 422


@pytest.mark.parametrize("path", ["?query_text=%00", "?tags=a%00b", f"agent-{UNKNOWN}/core-memory/blocks/a%00b"])
def test_no_address_may_contain_a_nul_character(http: httpx2.Client, path: str) -> None:
    answer = http.get(f"/v1/agents/{path}")
    assert answer.status_code == 400
    assert "NUL" in answer.json()["detail"]


def test_the_project_header_limits_lists_and_marks_new_agents(http: httpx2.Client, tag: str) -> None:
    project = {"x-project-id": tag}
    made = http.post("/v1/agents/", json={"model": MODEL}, headers=project).json()
    assert made["project_id"] == tag
    assert [agent["id"] for agent in http.get("/v1/agents/", headers=project).json()] == [made["id"]]


def test_model_settings_are_what_is_in_force(create: Create) -> None:
    agent = create(model_settings={"provider_type": "openai", "temperature": 0.3, "parallel_tool_calls": False})
    assert agent.llm_config.parallel_tool_calls is False
    shown = agent.model_settings if isinstance(agent.model_settings, dict) else agent.model_settings.model_dump()
    assert (shown["parallel_tool_calls"], shown["temperature"]) == (False, 0.3)


def test_update_and_delete(client: Letta, http: httpx2.Client, create: Create) -> None:
    agent = create(tags=["t"])
    changed = client.agents.update(agent.id, name="renamed", description="new")
    assert (changed.name, changed.description, changed.tags) == ("renamed", "new", ["t"])
    assert changed.tools
    gone = http.delete(f"/v1/agents/{agent.id}")
    assert gone.json() == {"message": f"Agent id={agent.id} successfully deleted"}
    with pytest.raises(letta_client.NotFoundError):
        client.agents.retrieve(agent.id)


def test_blocks_of_an_agent(client: Letta, http: httpx2.Client, create: Create) -> None:
    agent = create(memory_blocks=[{"label": "my notes", "value": "a"}])
    assert [block.label for block in client.agents.blocks.list(agent.id)] == ["my notes"]
    assert client.agents.blocks.update("my notes", agent_id=agent.id, value="b").value == "b"
    assert client.agents.blocks.retrieve("my notes", agent_id=agent.id).value == "b"
    extra = client.blocks.create(label="extra", value="EXTRA-7")
    attached = client.agents.blocks.attach(extra.id, agent_id=agent.id)
    assert [block.label for block in attached.blocks] == ["my notes", "extra"]
    assert "EXTRA-7" in client.agents.recompile(agent.id)
    assert [found.id for found in client.blocks.agents.list(extra.id)] == [agent.id]
    memory = http.get(f"/v1/agents/{agent.id}/core-memory").json()
    assert [block["value"] for block in memory["blocks"]] == ["b", "EXTRA-7"]
    assert client.agents.blocks.detach(extra.id, agent_id=agent.id).blocks == attached.blocks[:1]
    again = http.patch(f"/v1/agents/{agent.id}/core-memory/blocks/detach/{extra.id}")
    assert again.status_code == 404


@pytest.mark.parametrize("kind", ["tools", "folders"])
def test_current_clients_get_no_body_when_they_attach(
    client: Letta, http: httpx2.Client, create: Create, kind: str
) -> None:
    agent = create(include_base_tools=False)
    if kind == "tools":
        thing = next(iter(client.tools.list(name="memory_rethink"))).id
    else:
        thing = client.folders.create(name=new_id("folder")).id
    for verb in ("attach", "detach"):
        path = f"/v1/agents/{agent.id}/{kind}/{verb}/{thing}"
        assert http.patch(path, headers=SDK).json() is None
        shown = http.patch(path, headers=OTHER).json()
        related = shown["tools" if kind == "tools" else "sources"]
        assert [item["id"] for item in related] == ([thing] if verb == "attach" else [])


def test_the_former_name_of_folders(client: Letta, http: httpx2.Client, create: Create) -> None:
    agent, folder = create(), client.folders.create(name=new_id("folder"))
    path = f"/v1/agents/{agent.id}/sources"
    assert http.patch(f"{path}/attach/{folder.id}", headers=SDK).json()["id"] == agent.id
    assert [found["id"] for found in http.get(path).json()] == [folder.id]
    assert http.patch(f"{path}/detach/{folder.id}").json()["sources"] == []


def test_approval_of_a_tool(client: Letta, http: httpx2.Client, create: Create) -> None:
    agent = create()
    path = f"/v1/agents/{agent.id}/tools/approval/memory_insert"
    client.agents.tools.update_approval("memory_insert", agent_id=agent.id, body_requires_approval=True)
    rules = [(rule.type, rule.tool_name) for rule in client.agents.retrieve(agent.id).tool_rules or []]
    assert rules == [("requires_approval", "memory_insert")]
    assert http.patch(path, params={"requires_approval": False}, headers=OTHER).json()["tool_rules"] == []
    assert http.patch(path).status_code == 422


def test_reset(client: Letta, create: Create, model: ScriptedModel) -> None:
    agent = create()
    client.agents.messages.create(agent.id, input="hello")
    assert len(model.requests()) == 1
    reset = client.agents.messages.reset(agent.id, add_default_initial_messages=False)
    assert reset is not None
    assert reset.message_ids == agent.message_ids
    assert len(client.agents.messages.list(agent.id).items) == 3


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({}, 400, "LETTA_DEFAULT_LLM_HANDLE"),
        ({"model": "nope/none"}, 404, "openai-proxy/gpt-4o-mini"),
        ({"model": "no-slash"}, 400, "<provider>/<model>"),
        ({"model": MODEL, "name": "a/b"}, 422, "body.name"),
        ({"model": MODEL, "timezone": "Mars/Olympus"}, 422, "body.timezone"),
        ({"model": MODEL, "tools": ["no_such_tool"]}, 400, "no_such_tool"),
        ({"model": MODEL, "block_ids": [f"block-{UNKNOWN}"]}, 404, UNKNOWN),
        ({"model": MODEL, "memory_blocks": [{"label": "a"}, {"label": "a"}]}, 409, "'a'"),
        ({"model": MODEL, "memory_blocks": [{"label": "a", "value": "abc", "limit": 2}]}, 400, "limit is 2"),
        ({"model": MODEL, "identity_ids": ["identity-1"]}, 404, "identity-1"),
        ({"model": MODEL, "agent_type": "voice_convo_agent"}, 422, "enable_sleeptime"),
    ],
)
def test_refusals_say_what_is_wrong(http: httpx2.Client, body: dict[str, Any], status: int, text: str) -> None:
    answer = http.post("/v1/agents/", json=body)
    assert answer.status_code == status
    assert text in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/context"),
        ("GET", "/core-memory"),
        ("GET", "/core-memory/blocks"),
        ("GET", "/core-memory/blocks/human"),
        ("PATCH", "/core-memory/blocks/human"),
        ("GET", "/tools"),
        ("GET", "/folders"),
        ("POST", "/recompile"),
        ("POST", "/system-prompt/recompile"),
        ("PATCH", "/reset-messages"),
    ],
)
def test_unknown_and_malformed_agents(http: httpx2.Client, method: str, path: str) -> None:
    body: dict[str, Any] | None = {} if method == "PATCH" else None
    unknown = http.request(method, f"/v1/agents/agent-{UNKNOWN}{path}", json=body)
    assert unknown.status_code == 404
    assert UNKNOWN in unknown.json()["detail"]
    malformed = http.request(method, f"/v1/agents/not-an-id{path}", json=body)
    assert malformed.status_code == 422
    assert malformed.json()["examples"][0].startswith("agent-")
