"""Making agents, in a real database."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select

from letta.agents.creation import create_agent
from letta.agents.repository import AgentFilter, count_agents
from letta.agents.schemas import AgentState, CreateAgent
from letta.blocks.block import Block
from letta.blocks.tables import block_history
from letta.conversations.repository import default_conversation_id
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import ConflictError, InvalidArgumentError, LettaError, NotFoundError, NotOfferedError
from letta.folders.folder import Folder
from letta.folders.repository import create_folder
from letta.llm.catalog import Catalog
from letta.messages.message import Message
from letta.messages.repository import context_of
from letta.messages.tables import messages
from letta.organizations.actor import Actor
from letta.settings import settings
from letta.tools.repository import insert_tool
from letta.tools.tool import Tool

NewAgent = Callable[..., AgentState]
NewBlock = Callable[..., Block]
UNKNOWN = "00000000-0000-4000-8000-0000000000aa"


def context(database: Database, agent: AgentState) -> list[Message]:
    conversation_id = database.run_sync(default_conversation_id, agent.id)
    return database.run_sync(context_of, conversation_id)


def labels(agent: AgentState) -> list[str | None]:
    return [block.label for block in agent.blocks]


def test_everything_has_a_default(new_agent: NewAgent, actor: Actor) -> None:
    agent = new_agent()
    assert agent.agent_type == "letta_v1_agent"
    assert agent.name
    assert agent.timezone == "UTC"
    assert agent.embedding_config is None
    assert agent.tool_rules == []
    assert agent.compaction_settings is not None
    assert agent.compaction_settings.prompt
    assert agent.compaction_settings.model == "openai-proxy/gpt-4o-mini"
    assert (agent.created_by_id, agent.last_updated_by_id) == (actor.user_id, actor.user_id)
    assert agent.created_at is not None
    assert (agent.max_files_open, agent.per_file_view_window_char_limit) == (10, 25_000)
    assert (agent.hidden, agent.enable_sleeptime, agent.message_buffer_autoclear) == (None, None, False)
    assert {tool.name for tool in agent.tools} == {"conversation_search", "memory_insert", "memory_replace"}


def test_the_context_begins_with_the_compiled_system_message(database: Database, new_agent: NewAgent) -> None:
    agent = new_agent(system="Be kind.", memory_blocks=[{"label": "human", "value": "Name: Ada"}])
    (system,) = context(database, agent)
    assert [system.id] == agent.message_ids
    assert system.role == "system"
    assert system.text.startswith("Be kind.")
    assert "Name: Ada" in system.text
    assert agent.id in system.text


def test_types_that_speak_through_a_tool_begin_with_a_login(database: Database, new_agent: NewAgent) -> None:
    agent = new_agent(agent_type="memgpt_v2_agent", timezone="Europe/Paris")
    found = context(database, agent)
    assert [message.role for message in found] == ["system", "assistant", "tool", "user"]
    assert [message.id for message in found] == agent.message_ids
    assert found[1].tool_calls is not None
    assert found[2].tool_returns is not None
    assert found[1].tool_calls[0]["id"] == found[2].tool_returns[0]["tool_call_id"]
    login = json.loads(found[3].text)
    assert (login["type"], login["last_login"]) == ("login", "Never (first login)")
    assert "CE" in login["time"]


def test_a_given_sequence_takes_the_place_of_the_usual_one(database: Database, new_agent: NewAgent) -> None:
    sequence = [{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"type": "text", "text": "a"}]}]
    found = context(database, new_agent(agent_type="memgpt_v2_agent", initial_message_sequence=sequence))
    assert [(message.role, message.text) for message in found[1:]] == [("user", "q"), ("assistant", "a")]
    assert len(context(database, new_agent(agent_type="memgpt_v2_agent", initial_message_sequence=[]))) == 1


def test_own_and_shared_blocks(database: Database, new_agent: NewAgent, stored_block: NewBlock) -> None:
    shared = stored_block(label="shared", tags=["t"])
    agent = new_agent(block_ids=[shared.id, shared.id], memory_blocks=[{"label": "own", "value": "v"}])
    assert labels(agent) == ["own", "shared"]
    assert agent.blocks[1].id == shared.id
    assert agent.blocks[1].tags == ["t"]
    assert agent.memory.blocks == agent.blocks
    versions = select(block_history.c.version).where(block_history.c.block_id == agent.blocks[0].id)
    assert database.run_sync(lambda connection: connection.scalars(versions).all()) == [1]


def test_human_and_persona_are_described_unless_they_are_already(new_agent: NewAgent) -> None:
    blocks = [{"label": "human"}, {"label": "persona", "description": "mine"}, {"label": "other"}]
    descriptions = [block.description for block in new_agent(memory_blocks=blocks).blocks]
    assert descriptions[0]
    assert descriptions[1:] == ["mine", None]


def test_nul_characters_are_taken_out_of_values(new_agent: NewAgent) -> None:
    assert new_agent(memory_blocks=[{"label": "a", "value": "x\0y"}]).blocks[0].value == "xy"


def test_tools_by_name_and_id_are_merged(database: Database, actor: Actor, new_agent: NewAgent) -> None:
    schema = {"name": "dice", "description": "", "parameters": {"type": "object", "properties": {}}}
    dice = Tool(new_id("tool"), "dice", "custom", schema, default_requires_approval=True)
    database.run_sync(insert_tool, actor, dice)
    agent = new_agent(include_base_tools=False, tools=["memory_rethink", "dice"], tool_ids=[dice.id])
    assert sorted(tool.name or "" for tool in agent.tools) == ["dice", "memory_rethink"]
    assert [(rule.type, rule.tool_name) for rule in agent.tool_rules or []] == [("requires_approval", "dice")]


def test_folders_tags_and_secrets(database: Database, actor: Actor, new_agent: NewAgent) -> None:
    folder = database.run_sync(create_folder, actor, Folder(new_id("source"), "docs", actor.organization_id))
    agent = new_agent(
        folder_ids=[folder.id], tags=["b", "a", "b"], secrets={"A": "1"}, tool_exec_environment_variables={"B": "2"}
    )
    assert [found.id for found in agent.sources] == [folder.id]
    assert agent.tags == ["a", "b"]
    assert {secret.key: secret.value for secret in agent.secrets} == {"A": "1", "B": "2"}
    assert all(secret.value_enc is None for secret in agent.secrets)


def test_base_rules_by_type(new_agent: NewAgent) -> None:
    rules = new_agent(agent_type="memgpt_v2_agent").tool_rules or []
    assert ("exit_loop", "send_message") in [(rule.type, rule.tool_name) for rule in rules]
    assert new_agent(agent_type="memgpt_v2_agent", include_base_tool_rules=False).tool_rules == []


def test_given_rules_bring_the_base_rules_along(new_agent: NewAgent) -> None:
    agent = new_agent(tool_rules=[{"type": "exit_loop", "tool_name": "memory_insert"}])
    rules = [(rule.type, rule.tool_name) for rule in agent.tool_rules or []]
    assert rules[0] == ("exit_loop", "memory_insert")
    assert ("continue_loop", "memory_replace") in rules
    assert ("continue_loop", "memory_insert") not in rules


def test_a_tag_hides_subagents(new_agent: NewAgent) -> None:
    assert new_agent(tags=["role:subagent"]).hidden is True


def test_workflow_agents_begin_each_turn_anew(new_agent: NewAgent) -> None:
    assert new_agent(agent_type="workflow_agent").message_buffer_autoclear is True


def test_the_project_is_that_of_the_body_or_else_of_the_header(
    database: Database, actor: Actor, catalog: Catalog, new_agent: NewAgent
) -> None:
    body = CreateAgent(model="openai-proxy/gpt-4o-mini", include_base_tools=False)
    assert database.run_sync(create_agent, actor, catalog, body, "project-1").project_id == "project-1"
    body.project_id = "project-2"
    assert database.run_sync(create_agent, actor, catalog, body, "project-1").project_id == "project-2"


def test_deprecated_model_fields_still_count(new_agent: NewAgent) -> None:
    agent = new_agent(max_tokens=99, parallel_tool_calls=True, response_format={"type": "json_object"})
    assert (agent.llm_config.max_tokens, agent.llm_config.parallel_tool_calls) == (99, True)
    assert agent.response_format == agent.llm_config.response_format
    assert agent.response_format is not None


def test_a_config_alone_names_the_model(new_agent: NewAgent) -> None:
    config = {"model": "gpt-4o", "model_endpoint_type": "openai", "context_window": 7_000}
    agent = new_agent(model=None, llm_config=config)
    assert agent.model == "openai-proxy/gpt-4o"
    assert agent.llm_config.context_window == 7_000
    assert agent.llm_config.model_endpoint is not None


def test_a_reasoning_model_shows_its_effort(new_agent: NewAgent) -> None:
    sent = {"provider_type": "openai", "reasoning": {"reasoning_effort": "low"}}
    agent = new_agent(model="openai-proxy/gpt-5-mini", model_settings=sent)
    assert agent.llm_config.reasoning_effort == "low"
    shown = agent.model_settings
    assert shown is not None
    assert shown.model_dump()["reasoning"] == {"reasoning_effort": "low"}


def test_an_embedding_config_alone_names_the_model(new_agent: NewAgent) -> None:
    config = {"embedding_endpoint_type": "openai", "embedding_model": "text-embedding-3-small", "embedding_dim": 3}
    agent = new_agent(embedding_config=config | {"embedding_chunk_size": 7})
    assert agent.embedding_config is not None
    assert agent.embedding == "openai/text-embedding-3-small"
    assert (agent.embedding_config.embedding_dim, agent.embedding_config.embedding_chunk_size) == (1536, 7)


def test_an_embedding_model_is_optional(new_agent: NewAgent) -> None:
    agent = new_agent(embedding="openai/text-embedding-3-small", embedding_chunk_size=50)
    assert agent.embedding == "openai/text-embedding-3-small"
    assert agent.embedding_config is not None
    assert (agent.embedding_config.embedding_dim, agent.embedding_config.embedding_chunk_size) == (1536, 50)


def test_default_handles_of_the_server(new_agent: NewAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "default_llm_handle", "openai-proxy/gpt-4o")
    monkeypatch.setattr(settings, "default_embedding_handle", "openai/text-embedding-3-small")
    agent = new_agent(model=None)
    assert (agent.model, agent.embedding) == ("openai-proxy/gpt-4o", "openai/text-embedding-3-small")


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"model": None}, InvalidArgumentError, "LETTA_DEFAULT_LLM_HANDLE"),
        ({"model": "no-slash"}, InvalidArgumentError, "<provider>/<model>"),
        ({"model": "nope/none"}, NotFoundError, "openai-proxy/gpt-4o"),
        ({"embedding": "openai/nope"}, InvalidArgumentError, "text-embedding-3-small"),
        ({"tools": ["nope"]}, InvalidArgumentError, "nope"),
        ({"tool_ids": [f"tool-{UNKNOWN}"]}, InvalidArgumentError, UNKNOWN),
        ({"block_ids": [f"block-{UNKNOWN}"]}, NotFoundError, UNKNOWN),
        ({"folder_ids": [f"source-{UNKNOWN}"]}, NotFoundError, UNKNOWN),
        ({"memory_blocks": [{"label": "a"}, {"label": "a"}]}, ConflictError, "'a'"),
        ({"memory_blocks": [{"label": "a", "value": "xxxx", "limit": 3}]}, InvalidArgumentError, "limit is 3"),
        ({"max_files_open": 5000}, InvalidArgumentError, "1000"),
        ({"identity_ids": ["identity-1"]}, NotFoundError, "identity-1"),
        ({"from_template": "t"}, NotOfferedError, "from_template"),
        ({"template": True}, NotOfferedError, "template"),
        ({"include_default_source": True}, NotOfferedError, "folder_ids"),
        ({"agent_type": "voice_sleeptime_agent"}, NotOfferedError, "store_memories"),
        (
            {"llm_config": {"model": "x", "model_endpoint_type": "openai", "context_window": 1}, "model": None},
            InvalidArgumentError,
            "'x'",
        ),
        (
            {"embedding_config": {"embedding_endpoint_type": "openai", "embedding_model": "x", "embedding_dim": 1}},
            InvalidArgumentError,
            "'x'",
        ),
        (
            {
                "model": "openai-proxy/gpt-4.1",
                "tool_rules": [{"type": "run_first", "tool_name": name} for name in ("a", "b")],
            },
            InvalidArgumentError,
            "run_first",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_left_behind(
    database: Database, actor: Actor, new_agent: NewAgent, fields: dict[str, Any], error: type[LettaError], text: str
) -> None:
    with pytest.raises(error, match=text):
        new_agent(**fields)
    assert database.run_sync(count_agents, actor, AgentFilter(show_hidden=True)) == 0


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": "a/b"}, "agent name"),
        ({"name": ""}, "agent name"),
        ({"timezone": "Mars/Olympus"}, "time zone"),
        ({"timezone": "../../etc/passwd"}, "time zone"),
        ({"agent_type": "voice_convo_agent"}, "enable_sleeptime"),
        ({"agent_type": "bogus"}, "agent_type"),
        ({"block_ids": ["zzz"]}, "block_ids"),
        ({"tags": [""]}, "tags"),
        ({"context_window_limit": 0}, "context_window_limit"),
        ({"context_window_limit": 2**40}, "context_window_limit"),
        ({"tool_rules": [{"type": "bogus", "tool_name": "x"}]}, "tool_rules"),
        ({"model_settings": {"temperature": 9}}, "temperature"),
    ],
)
def test_malformed_fields_are_named(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        CreateAgent.model_validate(fields)


def test_creating_takes_few_statements(new_agent: NewAgent, statements: list[str]) -> None:
    statements.clear()
    new_agent(
        memory_blocks=[{"label": label, "value": "v"} for label in ("human", "persona", "plan")],
        tags=["a", "b"],
        secrets={"A": "1"},
    )
    assert statements.pop() == "COMMIT"
    assert len(statements) <= 12, "\n".join(statements)


def test_nothing_of_another_organization_can_be_used(
    new_agent: NewAgent, database: Database, new_actor: Callable[[], Actor], catalog: Catalog, stored_block: NewBlock
) -> None:
    block = stored_block()
    stranger = CreateAgent(model="openai-proxy/gpt-4o-mini", include_base_tools=False, block_ids=[block.id])
    with pytest.raises(NotFoundError, match=block.id):
        database.run_sync(create_agent, new_actor(), catalog, stranger)
    own = new_agent(block_ids=[block.id])
    stored = select(messages.c.organization_id).where(messages.c.agent_id == own.id).distinct()
    assert len(database.run_sync(lambda connection: connection.scalars(stored).all())) == 1
