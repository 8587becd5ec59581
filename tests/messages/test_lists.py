"""What lists of messages show: of those that runs were started with, of forks, and page by page."""

from collections.abc import Iterable
from typing import Any

import httpx2
import pytest
from letta_client import Letta
from letta_client.types import MessageCreateParam

from letta.testing.scripted_model import DEFAULT_TEXT, Call, Reply, ScriptedModel
from tests.talking import AgentTalk


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return AgentTalk(http, tools=["memory_insert"], memory_blocks=[{"label": "human", "value": "Ada"}])


def test_what_came_in_belongs_to_the_first_step(talk: AgentTalk, model: ScriptedModel) -> None:
    call = Call("memory_insert", {"label": "human", "new_string": "likes tea"})
    script = model.script(Reply(calls=[call]), Reply("done"))
    talk.say(script.say("note it"))
    listed = talk.history()
    asked = next(m for m in listed if m["message_type"] == "user_message")
    first, last = (next(m for m in listed if m["message_type"] == kind) for kind in _KINDS)
    assert asked["step_id"] == first["step_id"] != last["step_id"]
    assert talk.http.get(f"/v1/messages/{asked['id']}").json() == [asked]
    assert [m["message_type"] for m in _of_step(talk, first["step_id"])] == [
        "user_message",
        "tool_call_message",
        "tool_return_message",
    ]
    assert [m["id"] for m in _of_step(talk, last["step_id"])] == [last["id"]]


_KINDS = ("tool_call_message", "assistant_message")


def _of_step(talk: AgentTalk, step_id: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = talk.http.get(f"/v1/steps/{step_id}/messages").raise_for_status().json()
    return found


def test_several_texts_of_a_message_stay_several(talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Two."))
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": script.say("two")}]
    talk.send({"role": "user", "name": "ada", "content": parts})
    shown = next(m for m in talk.history() if m["message_type"] == "user_message")
    assert (shown["name"], shown["content"]) == ("ada", [part | {"signature": None} for part in parts])
    assert script.requests[0].body["messages"][-1] == {"role": "user", "name": "ada", "content": parts}
    talk.send({"role": "user", "name": "Ada L.", "content": [{"type": "text", "text": script.say("three")}]})
    assert script.requests[-1].body["messages"][-1] == {"role": "user", "content": script.say("three")}


def test_a_fork_begins_with_its_system_message(client: Letta, talk: AgentTalk) -> None:
    source = client.conversations.create(agent_id=talk.id)
    for text in ("one", "two"):
        client.conversations.messages.create(source.id, input=text, streaming=False)
    fork = talk.http.post(f"/v1/conversations/{source.id}/fork").json()["id"]
    client.conversations.messages.create(fork, input="three", streaming=False)
    expected = ["system_message", *["user_message", "assistant_message"] * 3]
    pages = client.conversations.messages.list(fork, order="asc", limit=2)
    assert [message.message_type for message in pages] == expected
    newest_first = client.conversations.messages.list(fork, order="desc", limit=50).items
    assert [message.message_type for message in newest_first] == expected[::-1]
    older = client.conversations.messages.list(fork, order="desc", before=newest_first[-2].id, limit=50).items
    assert [message.id for message in older] == [newest_first[-1].id]
    shown = client.conversations.messages.list(source.id, order="asc", limit=50).items
    assert [message.message_type for message in shown] == expected[:-2]


@pytest.mark.parametrize("agent_type", ["letta_v1_agent", "memgpt_v2_agent"])
def test_every_list_shows_a_message_alike(http: httpx2.Client, model: ScriptedModel, agent_type: str) -> None:
    """An agent that isn't meant to speak through send_message calls it as any other tool."""
    talk = AgentTalk(http, tools=["send_message"], agent_type=agent_type)
    speak = Call("send_message", {"message": "Hello!", "thinking": "Polite."})
    script = model.script(Reply(calls=[speak]), Reply("Said."))
    answer = talk.say(script.say("Speak."))["messages"]
    run_id, step_id = answer[0]["run_id"], answer[0]["step_id"]
    listed = [m for m in talk.history() if m["run_id"] == run_id]
    assert [m["message_type"] for m in listed[1:]] == [m["message_type"] for m in answer]
    assert http.get(f"/v1/runs/{run_id}/messages").json() == listed
    assert _of_step(talk, step_id) == [m for m in listed if m["step_id"] == step_id]
    everybodys = [m for m in http.get("/v1/messages").json() if m["run_id"] == run_id]
    assert sorted(everybodys, key=str) == sorted(listed, key=str)
    ids = dict.fromkeys(m["id"] for m in listed)
    assert [m for one in ids for m in http.get(f"/v1/messages/{one}").json()] == listed


MANY: list[MessageCreateParam] = [{"role": "user", "content": f"remark number {number}"} for number in range(118)]
ALL = ["system", *(f"remark number {number}" for number in range(118)), DEFAULT_TEXT]
"""What all 120 messages say, oldest first."""


def _said(messages: Iterable[Any]) -> list[str]:
    """What messages say; of that of the system only that it is there."""
    return ["system" if m.message_type == "system_message" else m.content for m in messages]


def test_a_clients_paging_reads_a_conversation_once(client: Letta, talk: AgentTalk) -> None:
    conversation = client.conversations.create(agent_id=talk.id).id
    client.conversations.messages.create(conversation, messages=MANY, streaming=False)
    pages = client.conversations.messages
    assert _said(pages.list(conversation, limit=10, order="asc")) == ALL
    assert _said(pages.list(conversation, limit=10, order="desc")) == ALL[::-1]
    assert _said(pages.list(conversation, limit=10)) == ALL[::-1]
    assert _said(pages.list(conversation, limit=120)) == ALL[::-1], "a full last page"
    newest = pages.list(conversation, limit=10).items
    assert _said(pages.list(conversation, limit=10, before=newest[-1].id).items) == ALL[::-1][10:20]
    oldest = pages.list(conversation, limit=10, order="asc").items
    between = pages.list(conversation, after=oldest[-1].id, before=newest[-1].id)
    assert _said(between.items) == ALL[10:110][::-1]


def test_a_clients_paging_reads_an_agents_messages_once(client: Letta, talk: AgentTalk) -> None:
    answer = client.agents.messages.create(talk.id, messages=MANY)
    pages = client.agents.messages
    assert _said(pages.list(talk.id, limit=10, order="asc")) == ALL
    newest = list(pages.list(talk.id, limit=10))
    assert _said(newest) == ALL[110:], "the newest, oldest first; there is nothing after them"
    older = _said(pages.list(talk.id, limit=10, before=newest[0].id))
    assert [older[start : start + 10] for start in range(0, 110, 10)] == [
        ALL[start : start + 10] for start in range(100, -1, -10)
    ]
    default = client.conversations.messages
    assert _said(default.list("default", agent_id=talk.id, limit=10, order="asc")) == ALL
    assert _said(default.list("default", agent_id=talk.id, limit=10)) == ALL[110:]
    made = answer.messages[0]
    assert made.run_id
    assert made.step_id
    assert _said(client.runs.messages.list(made.run_id, limit=10)) == ALL[1:]
    assert _said(client.runs.messages.list(made.run_id, limit=10, order="desc")) == ALL[:0:-1]
    assert _said(client.steps.messages.list(made.step_id, limit=10)) == ALL[1:]
    assert _said(client.steps.messages.list(made.step_id, limit=10, order="desc")) == ALL[:0:-1]


def test_a_clients_paging_reads_everybodys_messages_once(client: Letta, talk: AgentTalk, http: httpx2.Client) -> None:
    for number in range(4):
        talk.say(f"word {number}")
    listed = [m["id"] for m in http.get("/v1/messages", params={"limit": 9}).json()]
    first = http.get("/v1/messages", params={"limit": 4}).json()
    after = http.get("/v1/messages", params={"limit": 5, "after": first[-1]["id"]}).json()
    assert [m["id"] for m in [*first, *after]] == listed
    client.conversations.messages.create(client.conversations.create(agent_id=talk.id).id, input="x", streaming=False)
    direct = http.get("/v1/messages", params={"limit": 9, "conversation_id": "default"}).json()
    assert [m["id"] for m in direct] == listed
