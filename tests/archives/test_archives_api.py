"""Archives and passages through the official client: made, attached, shared, searched, deleted."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx2
import letta_client
import pytest
from letta_client import Letta

from letta.testing.scripted_model import ScriptedModel
from tests.archives.rememberer import EMBEDDING, NewRememberer, Rememberer

Json = dict[str, Any]
UNKNOWN_ARCHIVE = "archive-00000000-0000-4000-8000-0000000000aa"
UNKNOWN_PASSAGE = "passage-00000000-0000-4000-8000-0000000000aa"
UNKNOWN_AGENT = "agent-00000000-0000-4000-8000-0000000000aa"


def texts(found: list[Any]) -> list[str]:
    return [result.passage.text for result in found]


class TestArchives:
    def test_an_archive_on_the_wire(self, http: httpx2.Client) -> None:
        body = {"name": "Facts", "description": "What is so.", "embedding": EMBEDDING}
        made = http.post("/v1/archives", json=body).json()
        assert made.pop("id").startswith("archive-")
        assert made.pop("created_at") == made.pop("updated_at")
        assert made.pop("embedding_config")["handle"] == EMBEDDING
        user = "user-00000000-0000-4000-8000-000000000000"
        assert made == {
            "name": "Facts",
            "description": "What is so.",
            "organization_id": "org-00000000-0000-4000-8000-000000000000",
            "vector_db_provider": "native",
            "metadata": None,
            "created_by_id": user,
            "last_updated_by_id": user,
        }

    def test_without_an_embedding_model_it_has_none(self, client: Letta) -> None:
        assert client.archives.create(name="Words").embedding_config is None

    def test_a_config_may_be_given_instead_of_a_handle(self, http: httpx2.Client, model: ScriptedModel) -> None:
        config = {
            "embedding_endpoint_type": "openai",
            "embedding_endpoint": model.base_url,
            "embedding_model": "mine",
            "embedding_dim": 1536,
        }
        made = http.post("/v1/archives", json={"name": "Own", "embedding_config": config}).json()
        passage = http.post(f"/v1/archives/{made['id']}/passages", json={"text": "one"}).json()
        assert len(passage["embedding"]) == 1536
        assert model.requests(path="/embeddings")[-1].body["model"] == "mine"

    def test_it_is_changed(self, client: Letta) -> None:
        archive = client.archives.create(name="Before", description="d")
        changed = client.archives.update(archive.id, name="After")
        assert (changed.name, changed.description) == ("After", "d")
        assert changed.updated_at is not None
        assert changed.updated_at > archive.created_at
        assert client.archives.update(archive.id, description=None).description is None
        assert client.archives.retrieve(archive.id).name == "After"

    def test_lists_are_filtered_and_paged(self, client: Letta, rememberer: NewRememberer) -> None:
        agent = rememberer()
        made = [client.archives.create(name=f"Paged {agent.id}").id for _ in range(3)]
        newest_first = [archive.id for archive in client.archives.list(name=f"Paged {agent.id}")]
        assert newest_first == made[::-1]
        assert [a.id for a in client.archives.list(name=f"Paged {agent.id}", order="asc", limit=2)] == made
        assert [a.id for a in client.archives.list(name=f"Paged {agent.id}", after=made[1])] == made[:1]
        assert [a.id for a in client.archives.list(name=f"Paged {agent.id}", before=made[1])] == made[2:]
        assert list(client.archives.list(agent_id=agent.id)) == []
        client.agents.archives.attach(made[0], agent_id=agent.id)
        assert [a.id for a in client.archives.list(agent_id=agent.id)] == made[:1]

    def test_deleting_it_deletes_its_passages_and_leaves_its_agents(
        self, client: Letta, rememberer: NewRememberer
    ) -> None:
        agent = rememberer()
        agent.keep("gone soon")
        (archive,) = client.archives.list(agent_id=agent.id)
        client.archives.delete(archive.id)
        assert agent.passages() == []
        assert agent.find("gone soon") == []
        agent.keep("a new beginning")
        assert agent.texts() == ["a new beginning"]

    def test_agents_of_an_archive_are_listed(self, client: Letta, rememberer: NewRememberer) -> None:
        archive = client.archives.create(name="Shared")
        agents = [rememberer() for _ in range(2)]
        for agent in agents:
            client.agents.archives.attach(archive.id, agent_id=agent.id)
            client.agents.archives.attach(archive.id, agent_id=agent.id)  # twice changes nothing
        listed = agents[0].http.get(f"/v1/archives/{archive.id}/agents").json()
        assert {one["id"] for one in listed} == {agent.id for agent in agents}
        client.agents.archives.detach(archive.id, agent_id=agents[0].id)
        client.agents.archives.detach(archive.id, agent_id=agents[0].id)
        listed = agents[0].http.get(f"/v1/archives/{archive.id}/agents").json()
        assert [one["id"] for one in listed] == [agents[1].id]

    def test_an_agent_has_one_archive(self, client: Letta, rememberer: NewRememberer) -> None:
        agent = rememberer()
        first, second = client.archives.create(name="First"), client.archives.create(name="Second")
        client.agents.archives.attach(first.id, agent_id=agent.id)
        with pytest.raises(letta_client.ConflictError, match=first.id):
            client.agents.archives.attach(second.id, agent_id=agent.id)

    def test_an_agents_own_archive_is_named_after_it_and_goes_with_it(
        self, client: Letta, rememberer: NewRememberer
    ) -> None:
        agent = rememberer(name="Ada")
        agent.keep("mine")
        (archive,) = client.archives.list(agent_id=agent.id)
        assert archive.name == "Ada's Archive"
        client.agents.delete(agent.id)
        with pytest.raises(letta_client.NotFoundError):
            client.archives.retrieve(archive.id)

    def test_a_shared_archive_outlives_the_agent_that_it_was_made_for(
        self, client: Letta, rememberer: NewRememberer
    ) -> None:
        agent, other = rememberer(), rememberer()
        agent.keep("ours")
        (archive,) = client.archives.list(agent_id=agent.id)
        client.agents.archives.attach(archive.id, agent_id=other.id)
        client.agents.delete(agent.id)
        assert other.texts() == ["ours"]

    def test_first_passages_at_once_make_one_archive(self, client: Letta, rememberer: NewRememberer) -> None:
        agent = rememberer()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(agent.keep, (f"passage {number}" for number in range(16))))
        assert len(list(client.archives.list(agent_id=agent.id))) == 1
        assert len(agent.passages()) == 16


class TestPassages:
    def test_a_passage_on_the_wire(self, http: httpx2.Client) -> None:
        archive = http.post("/v1/archives", json={"name": "A"}).json()
        body = {"text": "One.", "metadata": {"k": [1]}, "tags": ["b", "a", "b"]}
        made = http.post(f"/v1/archives/{archive['id']}/passages", json=body).json()
        assert made.pop("id").startswith("passage-")
        assert made.pop("created_at") == made.pop("updated_at")
        user = "user-00000000-0000-4000-8000-000000000000"
        assert made == {
            "text": "One.",
            "metadata": {"k": [1]},
            "tags": ["a", "b"],
            "archive_id": archive["id"],
            "organization_id": "org-00000000-0000-4000-8000-000000000000",
            "embedding": None,
            "embedding_config": None,
            "is_deleted": False,
            "source_id": None,
            "file_id": None,
            "file_name": None,
            "created_by_id": user,
            "last_updated_by_id": user,
        }

    def test_a_batch_is_stored_as_a_whole_and_in_order(self, client: Letta) -> None:
        archive = client.archives.create(name="A", embedding=EMBEDDING)
        many = [{"text": f"number {number}", "tags": [str(number)]} for number in range(100)]
        stored = client.archives.passages.create_many(archive.id, passages=many)  # type: ignore[arg-type]
        assert [passage.text for passage in stored] == [one["text"] for one in many]
        assert all(passage.embedding for passage in stored)
        with pytest.raises(letta_client.UnprocessableEntityError):
            client.archives.passages.create_many(archive.id, passages=[{"text": "fine"}, {"text": ""}])
        assert len(client.passages.search(archive_id=archive.id, limit=100)) == 100

    def test_an_empty_batch_is_nothing(self, client: Letta) -> None:
        archive = client.archives.create(name="A")
        assert client.archives.passages.create_many(archive.id, passages=[]) == []

    def test_it_is_deleted_by_its_archive_or_its_agent(self, client: Letta, agent: Rememberer) -> None:
        first, second = agent.keep("one", "two")
        (archive,) = client.archives.list(agent_id=agent.id)
        other = client.archives.create(name="Other")
        with pytest.raises(letta_client.NotFoundError):
            client.archives.passages.delete(first["id"], archive_id=other.id)
        client.archives.passages.delete(first["id"], archive_id=archive.id)
        assert agent.texts() == ["two"]
        answer = agent.http.delete(f"/v1/agents/{agent.id}/archival-memory/{second['id']}")
        assert answer.json() == {"message": f"Memory id={second['id']} successfully deleted"}
        assert agent.texts() == []
        with pytest.raises(letta_client.NotFoundError):
            client.agents.passages.delete(second["id"], agent_id=agent.id)

    def test_times_may_be_given_without_a_zone(self, agent: Rememberer) -> None:
        (passage,) = agent.keep("old", created_at="2020-01-02T03:04:05")
        assert passage["created_at"] == "2020-01-02T03:04:05.000000Z"

    def test_the_list_of_an_agent_contains_what_is_asked_for(self, agent: Rememberer) -> None:
        agent.keep("Zebra 100% striped", "lion_mane")
        assert [p["text"] for p in agent.passages(search="zebra")] == ["Zebra 100% striped"]
        assert [p["text"] for p in agent.passages(search="0%")] == ["Zebra 100% striped"]
        assert agent.passages(search="lionXmane") == []
        assert [p["text"] for p in agent.passages(ascending=False)] == ["lion_mane", "Zebra 100% striped"]
        assert len(agent.passages(limit=1)) == 1

    def test_what_is_kept_counts_in_the_context(self, client: Letta, agent: Rememberer) -> None:
        agent.keep("one", "two")
        overview = agent.http.get(f"/v1/agents/{agent.id}/context").json()
        assert overview["num_archival_memory"] == 2
        assert "2 entries are in archival memory" in overview["external_memory_summary"]


class TestSearch:
    def test_an_agents_search_tells_times_in_its_zone(self, rememberer: NewRememberer) -> None:
        agent = rememberer(timezone="Europe/Berlin")
        agent.keep("The capital of Italy is Rome.", tags=["geo"], created_at="2024-05-01T10:00:00Z")
        params = {"query": "capital of Italy", "start_datetime": "2024-05-01", "end_datetime": "2024-05-01"}
        (result,) = agent.http.get(f"/v1/agents/{agent.id}/archival-memory/search", params=params).json()["results"]
        assert result.pop("id").startswith("passage-")
        assert result == {
            "timestamp": "2024-05-01T12:00:00+02:00",
            "content": "The capital of Italy is Rome.",
            "tags": ["geo"],
        }

    def test_a_day_is_meant_in_the_agents_zone(self, rememberer: NewRememberer) -> None:
        agent = rememberer(timezone="Pacific/Auckland")
        agent.keep("late in the evening", created_at="2024-05-01T11:30:00Z")  # 23:30 there
        assert agent.find("evening", start_datetime="2024-05-01", end_datetime="2024-05-01")
        assert not agent.find("evening", start_datetime="2024-05-02")
        assert not agent.find("evening", end_datetime="2024-05-01T11:00:00")
        assert agent.find("evening", end_datetime="2024-05-01T11:30:00Z")

    def test_top_k_bounds_the_results(self, agent: Rememberer) -> None:
        agent.keep(*(f"fact number {number}" for number in range(8)))
        assert len(agent.find("fact")) == 5
        assert len(agent.find("fact", top_k=2)) == 2
        assert len(agent.find("fact", top_k=100)) == 8

    def test_passages_are_found_in_an_archive_of_an_agent_or_anywhere(self, client: Letta, agent: Rememberer) -> None:
        agent.keep(f"the marmot of {agent.id}")
        archive = client.archives.create(name="Other")
        client.archives.passages.create(archive.id, text=f"another marmot, not of {agent.id}")
        word = f"marmot {agent.id}"
        (own,) = client.passages.search(query=word, agent_id=agent.id)
        assert own.score == 1.0
        assert own.metadata == {}
        assert (own.passage.embedding is None) == (agent.agent["embedding_config"] is None)
        (others,) = client.passages.search(query=word, archive_id=archive.id)
        assert others.passage.archive_id == archive.id
        everywhere = client.passages.search(query=word)
        assert {own.passage.id, others.passage.id} <= {result.passage.id for result in everywhere}
        assert all(0 <= result.score <= 1 for result in everywhere)

    def test_without_a_query_the_newest_come_first(self, client: Letta, agent: Rememberer) -> None:
        agent.keep("older", tags=["a"])
        agent.keep("newer", tags=["a", "b"])
        agent.keep("ancient", created_at="2001-01-01T00:00:00Z")
        for query in (None, " "):
            found = client.passages.search(query=query, agent_id=agent.id)
            assert texts(found) == ["newer", "older", "ancient"]
            assert [result.score for result in found] == [0, 0, 0]
        assert texts(client.passages.search(agent_id=agent.id, limit=1)) == ["newer"]
        assert texts(client.passages.search(agent_id=agent.id, tags=["a", "b"], tag_match_mode="all")) == ["newer"]
        before = datetime(2010, 1, 1, tzinfo=UTC)
        assert texts(client.passages.search(agent_id=agent.id, end_date=before)) == ["ancient"]
        assert texts(client.passages.search(agent_id=agent.id, start_date=before, tags=["b"])) == ["newer"]

    def test_conditions_go_with_a_query(self, client: Letta, agent: Rememberer) -> None:
        agent.keep("red apple", tags=["x"], created_at="2020-01-01T00:00:00Z")
        agent.keep("green apple", tags=["x", "y"], created_at="2022-01-01T00:00:00Z")
        found = client.passages.search(query="apples", agent_id=agent.id, tags=["x", "y"], tag_match_mode="all")
        assert texts(found) == ["green apple"]
        found = client.passages.search(query="apples", agent_id=agent.id, end_date="2021-01-01T00:00:00Z")
        assert texts(found) == ["red apple"]
        assert client.passages.search(query="apples", agent_id=agent.id, tags=["z"]) == []

    def test_an_agent_without_archive_has_nothing(self, client: Letta, agent: Rememberer) -> None:
        assert client.passages.search(query="x", agent_id=agent.id) == []
        assert agent.passages() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/v1/archives/{UNKNOWN_ARCHIVE}", None),
        ("PATCH", f"/v1/archives/{UNKNOWN_ARCHIVE}", {"name": "x"}),
        ("DELETE", f"/v1/archives/{UNKNOWN_ARCHIVE}", None),
        ("GET", f"/v1/archives/{UNKNOWN_ARCHIVE}/agents", None),
        ("POST", f"/v1/archives/{UNKNOWN_ARCHIVE}/passages", {"text": "x"}),
        ("POST", f"/v1/archives/{UNKNOWN_ARCHIVE}/passages/batch", {"passages": [{"text": "x"}]}),
        ("DELETE", f"/v1/archives/{UNKNOWN_ARCHIVE}/passages/{UNKNOWN_PASSAGE}", None),
        ("POST", "/v1/passages/search", {"query": "x", "archive_id": UNKNOWN_ARCHIVE}),
        ("POST", "/v1/passages/search", {"query": "x", "agent_id": UNKNOWN_AGENT}),
        ("GET", f"/v1/agents/{UNKNOWN_AGENT}/archival-memory", None),
        ("POST", f"/v1/agents/{UNKNOWN_AGENT}/archival-memory", {"text": "x"}),
        ("GET", f"/v1/agents/{UNKNOWN_AGENT}/archival-memory/search?query=x", None),
        ("DELETE", f"/v1/agents/{UNKNOWN_AGENT}/archival-memory/{UNKNOWN_PASSAGE}", None),
        ("PATCH", f"/v1/agents/{UNKNOWN_AGENT}/archives/attach/{UNKNOWN_ARCHIVE}", None),
        ("PATCH", f"/v1/agents/{UNKNOWN_AGENT}/archives/detach/{UNKNOWN_ARCHIVE}", None),
    ],
)
def test_what_is_not_there_is_named(http: httpx2.Client, method: str, path: str, body: Json | None) -> None:
    response = http.request(method, path, json=body)
    assert response.status_code == 404, response.text
    assert "00000000-0000-4000-8000-0000000000aa" in response.json()["detail"]
