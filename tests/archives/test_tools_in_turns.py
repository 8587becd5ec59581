"""The two tools of archival memory, and the one that looks through what was said, in turns."""

import json

import pytest

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from tests.archives.rememberer import EMBEDDING, NewRememberer, Rememberer


def test_an_agent_keeps_a_fact_and_finds_it_again(agent: Rememberer, model: ScriptedModel) -> None:
    kept = agent.call(model, "archival_memory_insert", content="Oslo is the capital of Norway.", tags=["geo", "no"])
    assert (kept["status"], kept["tool_return"]) == ("success", "None")
    agent.keep("Bananas are yellow.")
    found = agent.call(model, "archival_memory_search", query="What is the capital of Norway?", top_k=1)
    assert found["status"] == "success"
    (result,) = json.loads(found["tool_return"])
    (first, _) = agent.passages()
    assert result["id"] == first["id"]
    assert result["content"] == "Oslo is the capital of Norway."
    assert result["tags"] == ["geo", "no"]
    assert result["timestamp"].endswith("+00:00")


def test_the_search_tool_heeds_tags_and_dates(agent: Rememberer, model: ScriptedModel) -> None:
    agent.keep("The old capital.", tags=["a", "b"], created_at="2020-05-01T10:00:00Z")
    agent.keep("The new capital.", tags=["a"], created_at="2024-05-01T10:00:00Z")

    def found(**conditions: object) -> list[str]:
        returned = agent.call(model, "archival_memory_search", query="capital", **conditions)
        assert returned["status"] == "success", returned
        return sorted(result["content"] for result in json.loads(returned["tool_return"]))

    assert found() == ["The new capital.", "The old capital."]
    assert found(tags=["a", "b"]) == ["The new capital.", "The old capital."]
    assert found(tags=["a", "b"], tag_match_mode="all") == ["The old capital."]
    assert found(tags=["nobody has this"]) == []
    assert found(start_datetime="2024-05-01", end_datetime="2024-05-01") == ["The new capital."]
    assert found(end_datetime="2020-04-30") == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"content": "  "}, "The content is empty."),
        ({"content": "x" * 1_000_001}, "Split it into several entries."),
        ({"content": "x", "tags": ["a", 1]}, "Tags must be strings."),
        ({"content": "x", "tags": [str(i) for i in range(101)]}, "more than 100 tags"),
        ({"tags": ["a"]}, "needs the argument 'content'"),
        ({"content": 5}, "must be of type string"),
    ],
)
def test_what_cannot_be_kept_is_explained(
    agent: Rememberer, model: ScriptedModel, arguments: dict[str, object], told: str
) -> None:
    returned = agent.call(model, "archival_memory_insert", **arguments)
    assert returned["status"] == "error"
    assert told in returned["tool_return"]
    assert agent.passages() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"query": "x", "start_datetime": "not-a-date"}, "'not-a-date' is not a date. Write it as 2025-01-31"),
        ({"query": "x", "tag_match_mode": "some"}, "tag_match_mode must be 'any' or 'all'"),
        ({}, "needs the argument 'query'"),
    ],
)
def test_a_search_that_cannot_be_made_is_explained(
    agent: Rememberer, model: ScriptedModel, arguments: dict[str, object], told: str
) -> None:
    returned = agent.call(model, "archival_memory_search", **arguments)
    assert returned["status"] == "error"
    assert told in returned["tool_return"]


def test_a_blank_query_finds_nothing_and_an_agent_without_archive_neither(
    agent: Rememberer, model: ScriptedModel
) -> None:
    assert agent.call(model, "archival_memory_search", query="anything")["tool_return"] == "[]"
    agent.keep("Something.")
    assert agent.call(model, "archival_memory_search", query=" ")["tool_return"] == "[]"


def test_several_facts_of_one_step_are_kept_in_order_and_embedded_at_once(
    rememberer: NewRememberer, model: ScriptedModel
) -> None:
    settings = {"provider_type": "openai", "parallel_tool_calls": True}
    agent = rememberer(embedding=EMBEDDING, model_settings=settings)
    calls = [Call("archival_memory_insert", {"content": f"Fact {number}."}) for number in range(3)]
    script = model.script(Reply(calls=calls), Reply("Kept."))
    agent.say(script.say())
    assert agent.texts() == ["Fact 0.", "Fact 1.", "Fact 2."]
    (request,) = model.requests(path="/embeddings")
    assert request.body["input"] == ["Fact 0.", "Fact 1.", "Fact 2."]
    assert all(len(passage["embedding"]) == 1536 for passage in agent.passages())


def test_a_fact_is_kept_while_the_embedding_endpoint_is_down(rememberer: NewRememberer, model: ScriptedModel) -> None:
    agent = rememberer(embedding=EMBEDDING)
    model.fail("/embeddings", Failure("server"))
    kept = agent.call(model, "archival_memory_insert", content="The key is under the mat.")
    assert kept["status"] == "success"
    found = agent.call(model, "archival_memory_search", query="where is the key?")
    assert "under the mat" in found["tool_return"]
    assert agent.passages()[0]["embedding"] is None


def test_the_first_fact_makes_the_model_know_of_its_archival_memory_in_the_same_turn(
    agent: Rememberer, model: ScriptedModel
) -> None:
    script = model.script(
        Reply(calls=[Call("archival_memory_insert", {"content": "One."})]),
        Reply(calls=[Call("archival_memory_insert", {"content": "Two."})]),
        Reply("Kept."),
    )
    agent.say(script.say())
    first, second, third = (request.body["messages"][0]["content"] for request in script.requests)
    assert "archival memory" not in first
    assert "1 entries are in archival memory" in second
    assert third == second, "a second fact is no reason to lose what the provider has cached"


def test_a_held_up_fact_is_kept_once_it_is_approved(rememberer: NewRememberer, model: ScriptedModel) -> None:
    rules = [{"type": "requires_approval", "tool_name": "archival_memory_insert"}]
    agent = rememberer(embedding=EMBEDDING, tool_rules=rules)
    script = model.script(Reply(calls=[Call("archival_memory_insert", {"content": "Approved."})]), Reply("Kept."))
    (request,) = [m for m in agent.say(script.say())["messages"] if m["message_type"] == "approval_request_message"]
    assert agent.passages() == []
    agent.send({"type": "approval", "approve": True, "approval_request_id": request["id"]})
    (passage,) = agent.passages()
    assert passage["text"] == "Approved."
    assert passage["embedding"] is not None


def test_archival_memory_is_shared_through_an_archive(agent: Rememberer, model: ScriptedModel) -> None:
    other = Rememberer(agent.http, tools=["archival_memory_search"])
    agent.call(model, "archival_memory_insert", content="The door code is 4711.")
    (archive,) = agent.http.get("/v1/archives", params={"agent_id": agent.id}).json()
    agent.http.patch(f"/v1/agents/{other.id}/archives/attach/{archive['id']}").raise_for_status()
    found = other.call(model, "archival_memory_search", query="What is the code of the door?")
    assert "4711" in found["tool_return"]
