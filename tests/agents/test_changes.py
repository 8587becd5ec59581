"""Changing agents, in a real database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from letta.agents.schemas import AgentState, UpdateAgent
from letta.blocks.block import Block
from letta.conversations.repository import default_conversation_id
from letta.conversations.tables import conversations
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import BusyError, ConflictError, InvalidArgumentError, NotFoundError
from letta.folders.folder import Folder
from letta.folders.repository import create_folder
from letta.messages.repository import get_message
from letta.organizations.actor import Actor

NewAgent = Callable[..., AgentState]
Change = Callable[..., AgentState]
NewBlock = Callable[..., Block]
UNKNOWN = "00000000-0000-4000-8000-0000000000aa"
MINI, OTHER, REASONING = "openai-proxy/gpt-4o-mini", "openai-proxy/gpt-4o", "openai-proxy/gpt-5-mini"


def system_text(database: Database, actor: Actor, agent: AgentState) -> str:
    assert agent.message_ids
    return database.run_sync(get_message, actor, agent.message_ids[0]).text


def busy(connection: Connection, agent_id: str) -> None:
    connection.execute(
        update(conversations)
        .where(conversations.c.id == default_conversation_id(connection, agent_id))
        .values(active_run_id=new_id("run"), lease_expires_at=datetime.now(UTC) + timedelta(minutes=1))
    )


def test_what_is_sent_changes_and_the_rest_stays(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent(description="keep", metadata={"k": 1}, tags=["t"])
    changed = change(agent.id, name="renamed", timezone="Asia/Tokyo")
    assert (changed.name, changed.timezone) == ("renamed", "Asia/Tokyo")
    assert (changed.description, changed.metadata, changed.tags) == ("keep", {"k": 1}, ["t"])
    assert [tool.id for tool in changed.tools] == [tool.id for tool in agent.tools]
    assert changed.updated_at is not None
    assert agent.created_at is not None
    assert changed.updated_at > agent.created_at


def test_null_clears_what_may_be_empty_and_is_ignored_elsewhere(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent(name="Ada", description="d", metadata={"a": 1}, tags=["t"], hidden=True)
    changed = change(
        agent.id,
        name=None,
        system=None,
        timezone=None,
        tags=None,
        model=None,
        description=None,
        metadata=None,
        hidden=None,
    )
    assert (changed.name, changed.system, changed.timezone, changed.tags) == ("Ada", agent.system, "UTC", ["t"])
    assert changed.model == MINI
    assert (changed.description, changed.metadata, changed.hidden) == (None, None, None)


def test_lists_are_replaced_as_a_whole(
    database: Database, actor: Actor, new_agent: NewAgent, change: Change, stored_block: NewBlock
) -> None:
    folder = database.run_sync(create_folder, actor, Folder(new_id("source"), "docs", actor.organization_id))
    agent = new_agent(memory_blocks=[{"label": "a"}], tags=["x"], secrets={"A": "1", "B": "2"})
    block = stored_block(label="fresh")
    changed = change(
        agent.id,
        block_ids=[block.id],
        tool_ids=[agent.tools[0].id],
        tags=["y", "y"],
        secrets={"B": "3"},
        folder_ids=[folder.id],
    )
    assert [found.label for found in changed.blocks] == ["fresh"]
    assert [tool.id for tool in changed.tools] == [agent.tools[0].id]
    assert changed.tags == ["y"]
    assert {secret.key: secret.value for secret in changed.secrets} == {"B": "3"}
    assert [source.id for source in changed.sources] == [folder.id]
    emptied = change(agent.id, block_ids=[], tool_ids=[], tags=[], secrets={}, folder_ids=[])
    assert (emptied.blocks, emptied.tools, emptied.tags, emptied.secrets, emptied.sources) == ([], [], [], [], [])


def test_the_stored_system_message_follows(
    database: Database, actor: Actor, new_agent: NewAgent, change: Change, stored_block: NewBlock
) -> None:
    agent = new_agent(system="Old.", memory_blocks=[{"label": "a", "value": "GONE"}])
    changed = change(agent.id, system="New.", block_ids=[stored_block(label="b", value="HERE").id])
    assert changed.message_ids == agent.message_ids
    text = system_text(database, actor, changed)
    assert text.startswith("New.")
    assert "HERE" in text
    assert "GONE" not in text


def test_the_stored_system_message_stays_when_nothing_in_it_changes(
    database: Database, actor: Actor, new_agent: NewAgent, change: Change
) -> None:
    agent = new_agent()
    before = system_text(database, actor, agent)
    assert system_text(database, actor, change(agent.id, description="new", tags=["t"])) == before


def test_another_model_keeps_the_settings(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent(model_settings={"temperature": 0.2, "max_output_tokens": 900, "parallel_tool_calls": True})
    changed = change(agent.id, model=REASONING).llm_config
    assert changed.handle == REASONING
    assert (changed.temperature, changed.max_tokens, changed.parallel_tool_calls) == (0.2, 900, True)


def test_the_summarizer_follows_the_model_unless_it_was_chosen(new_agent: NewAgent, change: Change) -> None:
    followed = change(new_agent().id, model=OTHER).compaction_settings
    chosen = change(new_agent(compaction_settings={"model": REASONING}).id, model=OTHER).compaction_settings
    assert followed is not None
    assert chosen is not None
    assert (followed.model, chosen.model) == (OTHER, REASONING)


def test_the_window_and_the_output_limit_change_alone(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent(model_settings={"temperature": 0.2})
    changed = change(agent.id, context_window_limit=12_345, max_tokens=77).llm_config
    assert (changed.context_window, changed.max_tokens, changed.temperature) == (12_345, 77, 0.2)


def test_model_settings_change_only_what_they_name(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent(model_settings={"temperature": 0.2, "max_output_tokens": 900})
    changed = change(agent.id, model_settings={"provider_type": "openai", "parallel_tool_calls": False}).llm_config
    assert (changed.temperature, changed.max_tokens, changed.parallel_tool_calls) == (0.2, 900, False)


def test_deprecated_fields_still_count(new_agent: NewAgent, change: Change) -> None:
    changed = change(new_agent().id, response_format={"type": "json_object"}, parallel_tool_calls=True, reasoning=False)
    assert changed.response_format == changed.llm_config.response_format
    assert changed.response_format is not None
    assert (changed.llm_config.parallel_tool_calls, changed.llm_config.enable_reasoner) == (True, False)


def test_a_whole_config_may_be_sent_back(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent()
    config = agent.llm_config.model_dump() | {"temperature": 0.9, "context_window": 9_000}
    changed = change(agent.id, llm_config=config).llm_config
    assert (changed.temperature, changed.context_window, changed.handle) == (0.9, 9_000, MINI)
    assert change(agent.id, llm_config=config | {"handle": None, "model": "gpt-4o"}).model == OTHER


def test_an_embedding_model_can_be_given_later(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent()
    changed = change(agent.id, embedding="openai/text-embedding-3-small")
    assert changed.embedding == "openai/text-embedding-3-small"
    assert changed.embedding_config is not None
    again = change(agent.id, embedding_config=changed.embedding_config.model_dump() | {"embedding_chunk_size": 7})
    assert again.embedding_config is not None
    assert again.embedding_config.embedding_chunk_size == 7


def test_tools_that_want_an_approval_bring_their_rule(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent()
    rules = [{"type": "max_count_per_step", "tool_name": "memory_insert", "max_count_limit": 2}]
    changed = change(agent.id, tool_rules=rules, compaction_settings={"mode": "all"})
    assert [(rule.type, rule.tool_name) for rule in changed.tool_rules or []] == [
        ("max_count_per_step", "memory_insert")
    ]
    assert changed.compaction_settings is not None
    assert changed.compaction_settings.mode == "all"


def test_message_ids_set_the_context(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent(agent_type="memgpt_v2_agent")
    ids = agent.message_ids or []
    assert change(agent.id, message_ids=[ids[0], ids[3]]).message_ids == [ids[0], ids[3]]


@pytest.mark.parametrize(
    ("choose", "text"),
    [
        (lambda ids: [], "system message"),
        (lambda ids: ids[1:], "system message"),
        (lambda ids: [ids[0], ids[1], ids[1]], "twice"),
        (lambda ids: [ids[0], f"message-{UNKNOWN}"], UNKNOWN),
    ],
)
def test_contexts_that_cannot_be_are_refused(
    new_agent: NewAgent, change: Change, choose: Callable[[list[str]], list[str]], text: str
) -> None:
    agent = new_agent(agent_type="memgpt_v2_agent")
    with pytest.raises(InvalidArgumentError, match=text):
        change(agent.id, message_ids=choose(agent.message_ids or []))


def test_a_context_in_use_is_left_alone(database: Database, new_agent: NewAgent, change: Change) -> None:
    agent = new_agent()
    database.run_sync(busy, agent.id)
    with pytest.raises(BusyError):
        change(agent.id, message_ids=agent.message_ids)
    assert change(agent.id, name="renamed").name == "renamed"


def test_what_cannot_be_is_refused(new_agent: NewAgent, change: Change, stored_block: NewBlock) -> None:
    agent = new_agent()
    twins = [stored_block(label="same").id, stored_block(label="same").id]
    refused: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"block_ids": twins}, ConflictError),
        ({"block_ids": [f"block-{UNKNOWN}"]}, NotFoundError),
        ({"tool_ids": [f"tool-{UNKNOWN}"]}, NotFoundError),
        ({"folder_ids": [f"source-{UNKNOWN}"]}, NotFoundError),
        ({"model": "nope/none"}, NotFoundError),
        ({"identity_ids": ["identity-1"]}, NotFoundError),
        ({"max_files_open": 1001}, InvalidArgumentError),
    ]
    for fields, error in refused:
        with pytest.raises(error):
            change(agent.id, **fields)
    with pytest.raises(NotFoundError):
        change(f"agent-{UNKNOWN}", name="x")


def test_empty_changes_are_accepted(new_agent: NewAgent, change: Change) -> None:
    agent = new_agent()
    assert UpdateAgent().given() == {}
    assert change(agent.id).name == agent.name
    assert change(agent.id, identity_ids=[]).name == agent.name
