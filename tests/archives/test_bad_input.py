"""What can't be kept or asked is refused with a word on what to do, and harms nothing that is there."""

import json
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Failure, ScriptedModel
from tests.archives.rememberer import EMBEDDING, NewRememberer, Rememberer
from tests.embedding_endpoint import EmbeddingEndpoint

Json = dict[str, Any]


@pytest.fixture
def archive(http: httpx2.Client) -> str:
    return str(http.post("/v1/archives", json={"name": "A"}).json()["id"])


NOT_STORABLE = -1
"""400 or 422, depending on whether a schema or the room itself sees it first."""


def refused(response: httpx2.Response, status: int, told: str) -> None:
    assert response.status_code in ({400, 422} if status == NOT_STORABLE else {status}), response.text[:500]
    detail = response.json()["detail"]
    assert told in detail
    assert len(detail) < 1000


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"text": ""}, 422, "the text is empty; provide some text"),
        ({"text": " \n\t"}, 422, "the text is empty; provide some text"),
        ({"text": None}, 422, "text"),
        ({}, 422, "text"),
        ({"text": 5}, 422, "text"),
        ({"text": "a\0b"}, NOT_STORABLE, "NUL"),
        ({"text": "\ud800"}, NOT_STORABLE, "surrogate"),
        ({"text": "x" * 10_000_000}, 422, "text"),
        ({"text": "x", "tags": ["a"] * 101}, 422, "tags"),
        ({"text": "x", "tags": [""]}, 422, "tags"),
        ({"text": "x", "tags": ["t" * 201]}, 422, "tags"),
        ({"text": "x", "tags": ["a\0b"]}, NOT_STORABLE, "NUL"),
        ({"text": "x", "tags": "a"}, 422, "tags"),
        ({"text": "x", "created_at": "yesterday"}, 422, "created_at"),
        ({"text": "x", "created_at": "0001-01-01T00:00:00+14:00"}, 422, "the year must lie between"),
        ({"text": "x", "created_at": "9999-12-31T23:59:59-14:00"}, 422, "the year must lie between"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("where", ["agent", "archive", "batch"])
def test_a_passage_that_cannot_be_kept(
    http: httpx2.Client, archive: str, rememberer: NewRememberer, where: str, fields: Json, status: int, told: str
) -> None:
    agent = rememberer()
    agent.http.patch(f"/v1/agents/{agent.id}/archives/attach/{archive}").raise_for_status()
    path, body = {
        "agent": (f"/v1/agents/{agent.id}/archival-memory", fields),
        "archive": (f"/v1/archives/{archive}/passages", fields),
        "batch": (f"/v1/archives/{archive}/passages/batch", {"passages": [{"text": "fine"}, fields]}),
    }[where]
    response = http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
    refused(response, status, told)
    assert agent.passages() == [], "a batch is kept as a whole or not at all"


def test_a_text_of_ten_megabytes_is_refused_before_it_costs_anything(
    rememberer: NewRememberer, model: ScriptedModel
) -> None:
    agent = rememberer(embedding=EMBEDDING)
    response = agent.http.post(f"/v1/agents/{agent.id}/archival-memory", json={"text": "word " * 2_000_000})
    refused(response, 422, "text")
    assert model.requests(path="/embeddings") == []


def test_a_long_text_is_kept_and_found_by_its_beginning(rememberer: NewRememberer, archive: str) -> None:
    agent = rememberer()
    agent.http.patch(f"/v1/agents/{agent.id}/archives/attach/{archive}").raise_for_status()
    text = "The marmot sleeps. " + "filler " * 140_000
    response = agent.http.post(f"/v1/archives/{archive}/passages", json={"text": text[:1_000_000]})
    assert response.status_code == 200, response.text[:300]
    assert agent.find("sleeping marmots") == [text[:1_000_000]]


def test_an_agents_text_has_the_limit_that_upstream_had(agent: Rememberer) -> None:
    response = agent.http.post(f"/v1/agents/{agent.id}/archival-memory", json={"text": "word " * 10_000})
    refused(response, 400, "archival memory accepts at most 8192 at once. Split it")


def test_a_text_without_a_single_word_is_kept(agent: Rememberer) -> None:
    """Nothing but marks, or words so common that no index holds them."""
    agent.keep("!?…", "the of and", "🦫")
    assert agent.texts() == ["!?…", "the of and", "🦫"]
    assert len(agent.find("!?")) in {0, 3}
    assert len(agent.find("the and of")) in {0, 3}


@pytest.mark.parametrize(
    "query",
    ["'", "\\", "a & b | !c", "foo:*", "<->", "%_", "' OR 1=1 --", "@archive", "x" * 100_000, "\U0001f9ab" * 500],
    ids=lambda query: query[:12],
)
def test_any_query_is_just_words(agent: Rememberer, query: str) -> None:
    agent.keep("it's a \\ backslash", "foo:* bar")
    response = agent.http.post("/v1/passages/search", json={"query": query, "agent_id": agent.id})
    assert response.status_code == 200, response.text
    assert agent.passages(search=query[:1000]) is not None


def test_a_query_cannot_name_another_archive(http: httpx2.Client, archive: str) -> None:
    """Texts are indexed under their archive's id as well; a question's words are never taken for one."""
    other = http.post("/v1/archives", json={"name": "B"}).json()["id"]
    http.post(f"/v1/archives/{other}/passages", json={"text": "secret"}).raise_for_status()
    for query in (f"@{other[-12:]}", other, "secret"):
        assert http.post("/v1/passages/search", json={"query": query, "archive_id": archive}).json() == []


@pytest.mark.parametrize(
    ("params", "status", "told"),
    [
        ({}, 422, "query"),
        ({"query": "x", "top_k": 0}, 422, "top_k"),
        ({"query": "x", "top_k": 101}, 422, "top_k"),
        ({"query": "x", "tag_match_mode": "some"}, 422, "tag_match_mode"),
        ({"query": "x", "start_datetime": "soon"}, 422, "'soon' is not a date"),
        ({"query": "x", "tags": ["t"] * 101}, 422, "more than 100 tags"),
    ],
)
def test_an_agents_search_that_cannot_be_made(rememberer: NewRememberer, params: Json, status: int, told: str) -> None:
    agent = rememberer()
    refused(agent.http.get(f"/v1/agents/{agent.id}/archival-memory/search", params=params), status, told)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"query": "x", "limit": 0}, "limit"),
        ({"query": "x", "limit": 101}, "limit"),
        ({"query": "x", "tag_match_mode": "none"}, "tag_match_mode"),
        ({"query": "x", "start_date": "soon"}, "start_date"),
    ],
)
def test_a_search_that_cannot_be_made(http: httpx2.Client, body: Json, told: str) -> None:
    refused(http.post("/v1/passages/search", json=body), 422, told)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 422, "name"),
        ({"name": ""}, 422, "name"),
        ({"name": "n" * 256}, 422, "name"),
        ({"name": "x", "embedding": "openai/no-such-model"}, 400, "openai/no-such-model"),
        ({"name": "x", "embedding": "no-handle"}, 400, "no-handle"),
        ({"name": "x", "description": "a\0b"}, NOT_STORABLE, "NUL"),
    ],
)
def test_an_archive_that_cannot_be_made(http: httpx2.Client, body: Json, status: int, told: str) -> None:
    refused(http.post("/v1/archives", json=body), status, told)


def test_duplicate_tags_are_kept_once(agent: Rememberer) -> None:
    (passage,) = agent.keep("x", tags=["b", "a", "b"])
    assert passage["tags"] == ["a", "b"]
    assert agent.find("x", tags=["b", "b"], tag_match_mode="all") == ["x"]


def test_vectors_of_other_dimensions_do_no_harm(http: httpx2.Client, rememberer: NewRememberer) -> None:
    """The model has changed under its name, or lies about its dimensions: words count then."""
    with EmbeddingEndpoint(dimensions=8) as endpoint:
        config = {
            "embedding_endpoint_type": "openai",
            "embedding_endpoint": "http://set-below",
            "embedding_model": "any",
            "embedding_dim": 1536,
        }
        response = http.post("/v1/archives", json={"name": "D", "embedding_config": config})
        archive = response.json()["id"]
        kept = http.post(f"/v1/archives/{archive}/passages", json={"text": "the first passage"})
        assert kept.status_code == 200, kept.text
        found = http.post("/v1/passages/search", json={"query": "first passage", "archive_id": archive}).json()
        assert [result["passage"]["text"] for result in found] == ["the first passage"]
        assert endpoint.asked == []


def test_while_the_embedding_endpoint_is_down_everything_is_kept_and_found(
    rememberer: NewRememberer, model: ScriptedModel
) -> None:
    agent = rememberer(embedding=EMBEDDING)
    agent.keep("The cat is on the roof.")
    model.fail("/embeddings", Failure("server"))
    (passage,) = agent.keep("The key is under the mat.")
    assert passage["embedding"] is None
    assert agent.find("Where is the key?")[0] == "The key is under the mat."
    assert agent.find("roof cat")[0] == "The cat is on the roof."
