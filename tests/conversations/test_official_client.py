"""Conversations as the official client sees them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from letta_client import ConflictError, Letta, NotFoundError

from letta.testing.scripted_model import Reply, ScriptedModel
from tests.conversations.conftest import insert
from tests.support.waiting import until
from tests.talking import AgentTalk

MANY = 4


def _say(client: Letta, conversation_id: str, text: str, **options: Any) -> list[Any]:
    return list(client.conversations.messages.create(conversation_id, input=text, **options))


def _kinds(messages: list[Any]) -> list[str]:
    return [message.message_type for message in messages if message.message_type != "ping"]


def test_a_conversation_from_its_beginning_to_its_end(client: Letta, talk: AgentTalk) -> None:
    conversation = client.conversations.create(agent_id=talk.id, summary="Of the client")
    assert _kinds(_say(client, conversation.id, "Hello.")) == ["assistant_message", "stop_reason", "usage_statistics"]
    found = client.conversations.retrieve(conversation.id)
    assert (found.summary, len(found.in_context_message_ids or ())) == ("Of the client", 3)
    assert client.conversations.update(conversation.id, summary="Changed").summary == "Changed"
    assert [c.id for c in client.conversations.list(agent_id=talk.id)] == [conversation.id]
    fork = client.conversations.fork(conversation.id)
    assert next(m.message_type for m in client.conversations.messages.list(fork.id, order="asc")) == "system_message"
    assert "Name: Ada." in client.conversations.recompile(conversation.id, dry_run=True)
    client.conversations.delete(conversation.id)
    with pytest.raises(NotFoundError):
        client.conversations.retrieve(conversation.id)
    assert [c.id for c in client.conversations.list(agent_id=talk.id)] == [fork.id]


def test_conversations_that_go_on_at_once_share_what_the_agent_learns(
    client: Letta, talk: AgentTalk, model: ScriptedModel
) -> None:
    """They all edit one block between the same two moments, and nobody's line is lost."""
    conversations = [client.conversations.create(agent_id=talk.id) for _ in range(MANY)]
    scripts = [
        model.script(Reply(calls=[insert("human", f"Fact {n}.")], hold=True), Reply(f"Noted {n}.")) for n in range(MANY)
    ]
    with ThreadPoolExecutor(MANY) as pool:
        turns = [
            pool.submit(_say, client, conversation.id, script.say(), streaming=True)
            for conversation, script in zip(conversations, scripts, strict=True)
        ]
        for script in scripts:
            script.wait_asked()
        for script in scripts:
            script.release()
        answers = [turn.result(20) for turn in turns]
    assert [m.content for answer in answers for m in answer if m.message_type == "assistant_message"] == [
        f"Noted {n}." for n in range(MANY)
    ]
    value = talk.block("human")
    assert [value.count(f"Fact {n}.") for n in range(MANY)] == [1] * MANY
    later = model.script(Reply("I know."))
    _say(client, conversations[0].id, later.say())
    system = later.requests[0].body["messages"][0]["content"]
    assert all(f"Fact {n}." in system for n in range(MANY))


def test_isolated_blocks_of_conversations_that_go_on_at_once_stay_apart(
    client: Letta, talk: AgentTalk, model: ScriptedModel
) -> None:
    isolated = {"isolated_block_labels": ["notes"]}
    conversations = [client.conversations.create(agent_id=talk.id, extra_body=isolated) for _ in range(2)]
    scripts = [model.script(Reply(calls=[insert("notes", f"Mine: {n}.")]), Reply("Done.")) for n in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_say, [client] * 2, [c.id for c in conversations], [script.say() for script in scripts]))
    blocks: list[Any] = [c.to_dict()["isolated_block_ids"] for c in conversations]
    values = [client.blocks.retrieve(ids[0]).value for ids in blocks]
    assert values == ["Nothing yet.\nMine: 0.", "Nothing yet.\nMine: 1."]
    assert talk.block("notes") == "Nothing yet."


def test_a_conversation_is_cancelled(client: Letta, talk: AgentTalk, model: ScriptedModel) -> None:
    conversation = client.conversations.create(agent_id=talk.id)
    script = model.script(Reply("Never.", hold=True))
    with ThreadPoolExecutor(1) as pool:
        turn = pool.submit(_say, client, conversation.id, script.say())
        script.wait_asked()
        cancelled = client.conversations.cancel(conversation.id)
        messages = turn.result(20)
    assert list(cancelled.values()) == ["cancelled"]
    assert [m.stop_reason for m in messages if m.message_type == "stop_reason"] == ["cancelled"]
    with pytest.raises(ConflictError):
        client.conversations.cancel(conversation.id)
    assert "assistant_message" in _kinds(_say(client, conversation.id, "And now?"))


def test_a_stream_is_taken_up_again(client: Letta, talk: AgentTalk, model: ScriptedModel) -> None:
    conversation = client.conversations.create(agent_id=talk.id)
    script = model.script(Reply("one two three", calls=[insert("human", "Tea.")]), Reply("Done."))
    told = _say(client, conversation.id, script.say(), background=True, stream_tokens=True)
    run_id = told[0].run_id
    assert until(lambda: client.runs.retrieve(run_id).status == "completed")
    middle = told[len(told) // 2].seq_id
    rest = list(client.conversations.messages.stream(conversation.id, run_id=run_id, starting_after=middle))
    assert _kinds(rest) == _kinds(told[len(told) // 2 + 1 :])


def test_a_decision_is_made_in_the_conversation_that_waits_for_it(
    client: Letta, talk: AgentTalk, model: ScriptedModel
) -> None:
    client.agents.tools.update_approval("memory_insert", agent_id=talk.id, body_requires_approval=True)
    waiting, free = (client.conversations.create(agent_id=talk.id) for _ in range(2))
    script = model.script(Reply(calls=[replace(insert("human", "Tea."), id="c1")]), Reply("Ok."))
    assert "approval_request_message" in _kinds(_say(client, waiting.id, script.say()))
    assert "assistant_message" in _kinds(_say(client, free.id, "Nothing to decide here."))
    with pytest.raises(ConflictError):
        _say(client, waiting.id, "Well?")
    decision: Any = {"type": "approval", "approvals": [{"type": "approval", "tool_call_id": "c1", "approve": True}]}
    answer = list(client.conversations.messages.create(waiting.id, messages=[decision]))
    assert _kinds(answer)[:2] == ["tool_return_message", "assistant_message"]
    assert "Tea." in talk.block("human")


@pytest.mark.parametrize("name", ["default", "agent"])
def test_the_agents_own_conversation(client: Letta, talk: AgentTalk, name: str) -> None:
    named = talk.id if name == "agent" else name
    answer = list(client.conversations.messages.create(named, agent_id=talk.id, input="Hello.", streaming=False))
    assert answer is not None
    listed = list(client.conversations.messages.list(named, agent_id=talk.id, order="asc"))
    assert _kinds(listed) == ["system_message", "user_message", "assistant_message"]
    assert _kinds(list(client.agents.messages.list(talk.id, order="asc"))) == _kinds(listed)
    assert client.conversations.messages.compact(named, agent_id=talk.id).num_messages_before == 3
