"""Compacting one of an agent's conversations on request."""

from typing import Any

import httpx2
import pytest
from letta_client import Letta

from letta.testing.scripted_model import Failure, Reply, ScriptedModel
from tests.conversations.conftest import Begin, Conversation, contents
from tests.talking import AgentTalk, summaries_in

Json = dict[str, Any]
PROMPT = "Sum up this conversation, please."
SETTINGS = {"compaction_settings": {"mode": "all", "prompt": PROMPT}}


def _talk(conversation: Conversation, turns: int = 4) -> None:
    for number in range(turns):
        conversation.say(f"remark number {number}")


def test_the_summary_takes_the_place_of_what_was_said(begin: Begin, model: ScriptedModel) -> None:
    one, other = begin(), begin()
    _talk(one)
    _talk(other)
    before = one.retrieve()["in_context_message_ids"]
    answer = one.post("compact", SETTINGS)
    assert set(answer) == {"summary", "num_messages_before", "num_messages_after"}
    assert (answer["num_messages_before"], answer["num_messages_after"]) == (len(before), 2)
    after = one.retrieve()["in_context_message_ids"]
    assert after[0] == before[0]
    assert len(after) == 2
    assert len(other.retrieve()["in_context_message_ids"]) == len(before)
    listed = one.history()
    (summary,) = summaries_in(listed)
    assert (listed[-1]["id"], summary["message"]) == (after[1], answer["summary"])
    assert contents(listed)[:-1] == [f"remark number {n}" for n in range(4)], "nothing is lost"
    asked = model.requests(containing=PROMPT)[-1].body["messages"]
    assert "remark number 3" in asked[1]["content"]
    script = model.script(Reply("I know."))
    one.say(script.say())
    assert answer["summary"] in str(script.requests[0].body["messages"])
    assert "remark number 0" not in str(script.requests[0].body["messages"])


def test_an_agents_own_conversation_is_compacted_as_the_default_one(talk: AgentTalk) -> None:
    for number in range(3):
        talk.say(f"remark number {number}")
    named: list[tuple[str, Json, Json]] = [
        (talk.id, {}, {}),
        ("default", {"agent_id": talk.id}, {}),
        ("default", {}, {"agent_id": talk.id}),
    ]
    for name, body, query in named:
        response = talk.http.post(f"/v1/conversations/{name}/compact", json=body | SETTINGS, params=query)
        assert response.status_code == 200, response.text
        assert response.json()["num_messages_after"] == 2
        talk.say("One more.")
    unnamed = talk.http.post("/v1/conversations/default/compact")
    assert unnamed.status_code == 400
    assert "agent_id" in unnamed.json()["detail"]


def test_a_new_conversation_has_nothing_to_compact(begin: Begin) -> None:
    conversation = begin()
    response = conversation.http.post(f"{conversation.path}/compact")
    assert response.status_code == 409
    assert "nothing to compact" in response.json()["detail"]
    assert conversation.say("Hello.")["stop_reason"]["stop_reason"] == "end_turn"


@pytest.mark.parametrize("summary", [Reply("", error=Failure("server")), Reply(""), Reply(" \n")])
def test_without_a_summary_the_context_stays_as_it_is(begin: Begin, model: ScriptedModel, summary: Reply) -> None:
    conversation = begin()
    script = model.script(Reply("Noted."), without_tools=summary)
    conversation.say(script.say())
    before = conversation.retrieve()["in_context_message_ids"]
    response = conversation.http.post(f"{conversation.path}/compact", json=SETTINGS)
    assert response.status_code == 500
    assert response.json()["error"]["type"] == "llm_error"
    assert conversation.retrieve()["in_context_message_ids"] == before
    assert conversation.say("Go on.")["stop_reason"]["stop_reason"] == "end_turn"


def test_a_fork_keeps_what_its_source_compacted(begin: Begin) -> None:
    source = begin()
    _talk(source)
    fork = source.fork()
    source.post("compact", SETTINGS)
    assert len(fork.retrieve()["in_context_message_ids"]) == 9
    assert fork.post("compact", SETTINGS)["num_messages_before"] == 9


def test_a_client_that_sends_the_request_again_gets_the_same_summary(begin: Begin, model: ScriptedModel) -> None:
    conversation = begin()
    _talk(conversation)
    first = conversation.post("compact", SETTINGS)
    again = conversation.http.post(
        f"{conversation.path}/compact", json=SETTINGS, headers={"x-stainless-retry-count": "1"}
    )
    assert again.json() == first


def test_the_official_client_compacts(client: Letta, begin: Begin) -> None:
    conversation = begin()
    _talk(conversation)
    answer = client.conversations.messages.compact(conversation.id, compaction_settings={"mode": "all"})
    assert answer.num_messages_before == 9
    assert answer.num_messages_after == 2
    assert client.conversations.retrieve(conversation.id).in_context_message_ids is not None


@pytest.mark.parametrize("body", [{"compaction_settings": {"mode": "nonsense"}}, {"compaction_settings": []}])
def test_nonsense_is_refused(http: httpx2.Client, begin: Begin, body: Json) -> None:
    assert http.post(f"{begin().path}/compact", json=body).status_code == 422
