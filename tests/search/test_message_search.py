"""Searches among messages: the two operations of the API, and the tool in a turn."""

import json
from typing import Any

import httpx2
import pytest
from letta_client import Letta

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.talking import AgentTalk

Json = dict[str, Any]
UNKNOWN_AGENT = "agent-00000000-0000-4000-8000-0000000000aa"
UNKNOWN_CONVERSATION = "conv-00000000-0000-4000-8000-0000000000aa"


def search(client: Letta, query: str, **conditions: Any) -> list[Any]:
    return list(client.messages.search(query=query, **conditions))


@pytest.fixture
def talk(http: httpx2.Client, model: ScriptedModel) -> AgentTalk:
    """An agent that has been told three things, and answered."""
    talk = AgentTalk(http, tools=["conversation_search"])
    for told, answered in (
        ("My sister Zoë plays the cello.", "How lovely."),
        ("What did I eat on Sunday?", "Pancakes with blueberries."),
        ("The car is at the garage.", "I'll keep that in mind."),
    ):
        talk.say(model.script(Reply(answered)).say(told))
    return talk


def test_a_message_is_found_by_other_forms_of_its_words_and_without_its_accents(talk: AgentTalk, client: Letta) -> None:
    best = search(client, query="who is playing a cello? zoe?", agent_id=talk.id)[0]
    assert best.message_type == "user_message"
    assert str(best.content).startswith("My sister Zoë plays the cello.")
    assert best.agent_id == talk.id
    assert best.conversation_id is None
    stored = talk.http.get(f"/v1/messages/{best.message_id}").json()
    assert stored[0]["content"] == best.content


def test_the_answer_beside_the_question_is_found(talk: AgentTalk, client: Letta) -> None:
    """Talk spreads over turns: the question has the words, the next message the fact."""
    found = search(client, query="What did I eat on Sunday?", agent_id=talk.id, limit=2)
    assert [one.message_type for one in found] == ["user_message", "assistant_message"]
    assert str(found[1].content) == "Pancakes with blueberries."


def test_a_question_of_which_no_text_has_all_words_finds_those_that_have_some(talk: AgentTalk, client: Letta) -> None:
    found = search(client, query="Please tell me which instrument, maybe a cello, she plays", agent_id=talk.id)
    assert "cello" in str(found[0].content)


def test_part_of_a_word_is_found_where_no_word_fits(talk: AgentTalk, client: Letta) -> None:
    (found,) = search(client, query="lueberr", agent_id=talk.id)
    assert found.content == "Pancakes with blueberries."
    assert search(client, query="xyzzy", agent_id=talk.id) == []
    assert search(client, query="100%_", agent_id=talk.id) == []


@pytest.mark.parametrize("mode", ["vector", "fts", "hybrid"])
def test_every_mode_is_served(talk: AgentTalk, client: Letta, mode: Any) -> None:
    assert search(client, query="garage", agent_id=talk.id, search_mode=mode)


def test_a_blank_query_lists_the_newest(talk: AgentTalk, client: Letta) -> None:
    newest, *_ = search(client, query="", agent_id=talk.id, limit=3)
    assert newest.content == "I'll keep that in mind."


def test_results_are_limited_by_number_and_time(talk: AgentTalk, client: Letta) -> None:
    everything = search(client, query="", agent_id=talk.id)
    assert len(everything) == 6
    assert len(search(client, query="", agent_id=talk.id, limit=2)) == 2
    middle = everything[3].created_at
    later = search(client, query="", agent_id=talk.id, start_date=middle)
    earlier = search(client, query="", agent_id=talk.id, end_date=middle)
    assert len(later) == 4
    assert len(earlier) == 3
    assert search(client, query="cello", agent_id=talk.id, start_date=middle) == []
    assert search(client, query="cello", agent_id=talk.id, end_date="2020-01-01T00:00:00") == []


def test_a_search_may_be_held_to_a_conversation(talk: AgentTalk, client: Letta, model: ScriptedModel) -> None:
    other = talk.http.post("/v1/conversations", params={"agent_id": talk.id}, json={}).json()
    message = {"input": model.script(Reply("Noted.")).say("The cello was sold."), "streaming": False}
    talk.http.post(f"/v1/conversations/{other['id']}/messages", json=message).raise_for_status()
    (found, _) = search(client, query="cello", conversation_id=other["id"])
    assert str(found.content).startswith("The cello was sold.")
    assert found.conversation_id == other["id"]
    own = search(client, query="cello", agent_id=talk.id, conversation_id="default")
    assert "sister" in str(own[0].content)
    assert all("sold" not in str(one.content) for one in own)
    assert len([one for one in search(client, query="cello", agent_id=talk.id) if "cello" in str(one)]) >= 2


def test_agents_are_searched_together_or_alone(talk: AgentTalk, client: Letta, model: ScriptedModel) -> None:
    other = AgentTalk(talk.http)
    other.say(model.script(Reply("Yes.")).say("Is the xylophone in the attic?"))
    assert search(client, query="xylophone", agent_id=talk.id) == []
    (found, *_) = search(client, query="xylophone attic")
    assert found.agent_id == other.id


@pytest.mark.parametrize("path", ["/v1/messages/search", "/v1/agents/messages/search"])
@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"query": "x", "agent_id": UNKNOWN_AGENT}, 404, UNKNOWN_AGENT),
        ({"query": "x", "conversation_id": UNKNOWN_CONVERSATION}, 404, UNKNOWN_CONVERSATION),
        ({"query": "x", "limit": 0}, 422, "limit"),
        ({"query": "x", "limit": 101}, 422, "limit"),
        ({"query": "x", "search_mode": "guess"}, 422, "search_mode"),
        ({"query": "x", "start_date": "yesterday"}, 422, "start_date"),
        ({"query": "\ud800"}, 422, "query"),
    ],
)
def test_what_cannot_be_searched_is_explained(
    http: httpx2.Client, path: str, body: Json, status: int, told: str
) -> None:
    response = http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    assert response.status_code == status, response.text
    assert told in response.json()["detail"]


def test_a_query_is_needed(http: httpx2.Client) -> None:
    assert http.post("/v1/messages/search", json={}).status_code == 422


def test_messages_as_they_are_stored_are_found_by_role(talk: AgentTalk, http: httpx2.Client) -> None:
    def stored(**body: Any) -> list[Json]:
        response = http.post("/v1/agents/messages/search", json={"agent_id": talk.id} | body)
        assert response.status_code == 200, response.text
        return list(response.json())

    best, *others = stored(query="What did I eat on Sunday?")
    assert best["message"]["role"] == "user"
    assert best["embedded_text"].startswith("What did I eat on Sunday?")
    assert (best["fts_rank"], best["vector_rank"], best["rrf_score"]) == (1, None, 1.0)
    assert [one["fts_rank"] for one in others] == list(range(2, len(others) + 2))
    assert all(0 < one["rrf_score"] <= 1 for one in others)
    answers = stored(query="What did I eat on Sunday?", roles=["assistant"])
    assert {one["message"]["role"] for one in answers} == {"assistant"}
    assert stored(query="cello", roles=["tool", "function", "summary"]) == []
    newest = stored()
    assert newest[0]["message"]["content"] == [
        {"type": "text", "text": "I'll keep that in mind.", "signature": None},
    ]
    assert (newest[0]["fts_rank"], newest[0]["rrf_score"]) == (None, 0.0)


def test_what_a_messaging_agent_sends_is_found(http: httpx2.Client, client: Letta, model: ScriptedModel) -> None:
    talk = AgentTalk(http, agent_type="memgpt_agent", tools=["send_message"])
    talk.say(model.script(Reply(calls=[Call("send_message", {"message": "The marmot sleeps."})])).say("Hello?"))
    found = [one for one in search(client, query="marmots", agent_id=talk.id) if "marmot" in str(one.content)]
    assert [(one.message_type, one.content) for one in found] == [("assistant_message", "The marmot sleeps.")]


class TestTheTool:
    def search(self, talk: AgentTalk, model: ScriptedModel, **arguments: object) -> Json:
        script = model.script(Reply(calls=[Call("conversation_search", arguments)]), Reply("Done."))
        messages = talk.say(script.say("Please look it up."))["messages"]
        (returned,) = [message for message in messages if message["message_type"] == "tool_return_message"]
        assert returned["status"] == "success", returned
        answer: Json = json.loads(returned["tool_return"])
        return answer

    def test_it_finds_what_was_said(self, talk: AgentTalk, model: ScriptedModel) -> None:
        answer = self.search(talk, model, query="which instrument does Zoe play, the cello?", limit=1)
        assert answer["message"] == "Showing 1 results:"
        (result,) = answer["results"]
        assert result["content"].startswith("My sister Zoë plays the cello.")
        assert result["role"] == "user"
        assert result["time_ago"] == "just now"
        assert result["timestamp"].endswith("+00:00")

    def test_what_is_being_said_just_now_comes_last(self, talk: AgentTalk, model: ScriptedModel) -> None:
        script = model.script(
            Reply(calls=[Call("conversation_search", {"query": "cello", "roles": ["user"]})]), Reply("Done.")
        )
        messages = talk.say(script.say("Tell me of the cello, the cello!"))["messages"]
        results = json.loads(next(m["tool_return"] for m in messages if "tool_return" in m))["results"]
        assert results[0]["content"].startswith("My sister")
        assert results[-1]["content"].startswith("Tell me of the cello")

    def test_it_heeds_roles_and_dates(self, talk: AgentTalk, model: ScriptedModel) -> None:
        only = self.search(talk, model, query="Sunday eat", roles=["assistant"], limit=1)
        assert only["results"][0]["content"] == "Pancakes with blueberries."
        assert self.search(talk, model, query="cello", start_date="2020-01-01", end_date="2020-02-01") == {
            "message": "No results found.",
            "results": [],
        }
        assert self.search(talk, model, query="cello", start_date="2020-01-01")["results"]

    def test_without_a_query_it_lists_the_newest(self, talk: AgentTalk, model: ScriptedModel) -> None:
        answer = self.search(talk, model, limit=2)
        assert answer["results"][0]["content"] == "I'll keep that in mind."

    def test_its_own_results_are_not_found_again(self, talk: AgentTalk, model: ScriptedModel) -> None:
        self.search(talk, model, query="cello")
        answer = self.search(talk, model, query="cello", limit=100)
        assert len([result for result in answer["results"] if "cello" in result["content"]]) == 1

    def test_parts_of_words_are_found_as_upstream_found_them(self, talk: AgentTalk, model: ScriptedModel) -> None:
        answer = self.search(talk, model, query="ueberrie")
        assert answer["results"][0]["content"] == "Pancakes with blueberries."
