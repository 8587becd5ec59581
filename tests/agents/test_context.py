"""The context of an agent: recompiled, emptied, looked over."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select, update

from letta.agents.context import recompile, refresh_system_message, reset_messages
from letta.agents.overview import context_overview
from letta.agents.relations import Relation
from letta.agents.repository import get_agent
from letta.agents.schemas import AgentState
from letta.agents.service import get_agent as get_state
from letta.blocks.repository import update_block
from letta.conversations.repository import create_conversation, default_conversation_id
from letta.conversations.tables import conversations
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import BusyError, NotFoundError
from letta.messages.message import Message, text_content
from letta.messages.repository import append_to_context, count_of_agent, get_message, insert_messages, replace_context
from letta.organizations.actor import Actor

NewAgent = Callable[..., AgentState]


@pytest.fixture
def agent(new_agent: NewAgent) -> AgentState:
    return new_agent(system="Be kind.", memory_blocks=[{"label": "human", "value": "Ada"}])


def say(connection: Connection, actor: Actor, agent_id: str, message: Message) -> None:
    insert_messages(connection, actor, [message])
    append_to_context(connection, default_conversation_id(connection, agent_id), [message.id])


def user_message(database: Database, actor: Actor, agent: AgentState, text: str = "hello") -> Message:
    conversation_id = database.run_sync(default_conversation_id, agent.id)
    message = Message("user", agent.id, conversation_id, content=text_content(text))
    database.run_sync(say, actor, agent.id, message)
    return message


def stored_text(database: Database, actor: Actor, agent: AgentState) -> str:
    assert agent.message_ids
    return database.run_sync(get_message, actor, agent.message_ids[0]).text


def busy(connection: Connection, agent_id: str) -> None:
    connection.execute(
        update(conversations)
        .where(conversations.c.id == default_conversation_id(connection, agent_id))
        .values(active_run_id=new_id("run"), lease_expires_at=datetime.now(UTC) + timedelta(minutes=1))
    )


def test_a_dry_run_shows_what_a_recompile_would_store(database: Database, actor: Actor, agent: AgentState) -> None:
    database.run_sync(update_block, actor, agent.blocks[0].id, {"value": "Grace"})
    shown = database.run_sync(recompile, actor, agent.id, dry_run=True, update_timestamp=False)
    assert "Grace" in shown
    assert "Grace" not in stored_text(database, actor, agent)
    text = database.run_sync(recompile, actor, agent.id, dry_run=False, update_timestamp=False)
    assert "Grace" in text
    assert stored_text(database, actor, agent) == text


def test_counts_and_times_alone_are_no_reason_to_recompile(database: Database, actor: Actor, agent: AgentState) -> None:
    before = stored_text(database, actor, agent)
    for _ in range(3):
        user_message(database, actor, agent)
    database.run_sync(reset_messages, actor, agent.id, add_default_initial_messages=False)
    reset = stored_text(database, actor, agent)
    assert reset != before
    assert "3 earlier messages" in reset
    assert database.run_sync(recompile, actor, agent.id, dry_run=False, update_timestamp=False) == reset
    user_message(database, actor, agent)
    assert "3 earlier messages" in database.run_sync(recompile, actor, agent.id, dry_run=False, update_timestamp=True)


def test_a_reset_empties_the_context_and_keeps_the_history(database: Database, actor: Actor, agent: AgentState) -> None:
    message = user_message(database, actor, agent)
    found = database.run_sync(reset_messages, actor, agent.id, add_default_initial_messages=False)
    assert found.message_ids == agent.message_ids
    assert found.blocks
    assert database.run_sync(get_message, actor, message.id).text == "hello"


def test_a_reset_can_begin_as_a_new_agent_does(database: Database, actor: Actor, new_agent: NewAgent) -> None:
    talker = new_agent(agent_type="memgpt_v2_agent")
    found = database.run_sync(reset_messages, actor, talker.id, add_default_initial_messages=True)
    before, after = talker.message_ids or [], found.message_ids or []
    assert len(after) == 4
    assert after[0] == before[0]
    assert not set(after[1:]) & set(before[1:])
    assert database.run_sync(count_of_agent, talker.id) == 7


def test_a_reset_waits_for_no_run(database: Database, actor: Actor, agent: AgentState) -> None:
    database.run_sync(busy, agent.id)
    with pytest.raises(BusyError):
        database.run_sync(reset_messages, actor, agent.id, add_default_initial_messages=False)
    with pytest.raises(NotFoundError):
        database.run_sync(reset_messages, actor, new_id("agent"), add_default_initial_messages=False)


@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_system_message_is_put_back(database: Database, actor: Actor, agent: AgentState, empty: bool) -> None:
    message = user_message(database, actor, agent)
    conversation_id = database.run_sync(default_conversation_id, agent.id)
    database.run_sync(replace_context, conversation_id, [] if empty else [message.id])
    text = database.run_sync(recompile, actor, agent.id, dry_run=False, update_timestamp=True)
    ids = database.run_sync(get_state, actor, agent.id, frozenset()).message_ids or []
    assert ids[1:] == ([] if empty else [message.id])
    assert database.run_sync(get_message, actor, ids[0]).text == text
    assert database.run_sync(get_message, actor, message.id).text == "hello"


def test_a_refresh_leaves_a_conversation_alone_that_is_being_written(
    database: Database, actor: Actor, agent: AgentState
) -> None:
    database.run_sync(update_block, actor, agent.blocks[0].id, {"value": "Grace"})
    before = stored_text(database, actor, agent)
    with database.transaction() as writing:
        writing.execute(select(conversations).where(conversations.c.agent_id == agent.id).with_for_update())
        with database.transaction() as other:
            refresh_system_message(other, actor, get_agent(other, actor, agent.id))
    assert stored_text(database, actor, agent) == before


def test_the_overview_measures_each_part(database: Database, actor: Actor, new_agent: NewAgent) -> None:
    talker = new_agent(
        agent_type="memgpt_v2_agent", system="Be kind.", memory_blocks=[{"label": "human", "value": "Ada"}]
    )
    found = database.run_sync(context_overview, actor, talker.id, None)
    assert found.context_window_size_max == talker.llm_config.context_window
    assert (found.num_messages, found.num_recall_memory) == (4, 4)
    assert found.system_prompt == "Be kind."
    assert found.core_memory.startswith("<memory_blocks>")
    assert "Ada" in found.core_memory
    assert (found.tool_usage_rules or "").startswith("<tool_usage_rules>")
    assert found.external_memory_summary.startswith("<memory_metadata>")
    assert found.external_memory_summary.endswith("</memory_metadata>")
    parts = [value for name, value in found.model_dump().items() if name.startswith("num_tokens_")]
    assert found.context_window_size_current == sum(parts)
    assert [message.role for message in found.messages] == ["system", "assistant", "tool", "user"]
    calls = found.messages[1].tool_calls or []
    assert calls[0]["function"]["name"] == "send_message"
    assert found.messages[2].tool_call_id == calls[0]["id"]
    names = {function["function"]["name"] for function in found.functions_definitions or []}
    assert names == {tool.name for tool in talker.tools}


def test_the_overview_of_another_conversation(database: Database, actor: Actor, agent: AgentState) -> None:
    conversation_id = database.run_sync(create_conversation, actor, agent.id)
    found = database.run_sync(context_overview, actor, agent.id, conversation_id)
    assert found.num_messages == 0
    assert conversation_id in found.external_memory_summary
    same = database.run_sync(context_overview, actor, agent.id, "default")
    assert (same.num_messages, same.summary_memory, same.tool_usage_rules) == (1, None, None)
    with pytest.raises(NotFoundError):
        database.run_sync(context_overview, actor, agent.id, new_id("conv"))
    with pytest.raises(NotFoundError):
        database.run_sync(context_overview, actor, new_id("agent"), None)


def test_a_pending_approval_is_shown_when_asked_for(database: Database, actor: Actor, agent: AgentState) -> None:
    wanted = frozenset({Relation.PENDING_APPROVAL})
    conversation_id = database.run_sync(default_conversation_id, agent.id)
    call = {"id": "call_1", "name": "dice", "arguments": "{}"}
    request = Message("approval", agent.id, conversation_id, tool_calls=[call])
    database.run_sync(say, actor, agent.id, request)
    pending = database.run_sync(get_state, actor, agent.id, wanted).pending_approval
    assert pending is not None
    assert pending["message_type"] == "approval_request_message"
    assert (pending["id"], pending["tool_call"]["name"]) == (request.id, "dice")
    assert database.run_sync(get_state, actor, agent.id, frozenset()).pending_approval is None
    user_message(database, actor, agent)
    assert database.run_sync(get_state, actor, agent.id, wanted).pending_approval is None
