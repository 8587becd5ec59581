"""Embedding texts: batches, texts that are too long, answers that are no vectors, Google."""

import math
from collections.abc import AsyncIterator, Iterator
from threading import Event
from typing import Any

import pytest
from pydantic import SecretStr

from letta.constants import DEFAULT_ORGANIZATION_ID as ORGANIZATION
from letta.errors import InvalidArgumentError, NotFoundError
from letta.llm.catalog import Catalog
from letta.llm.clients import close_clients
from letta.llm.embeddings import Embedder
from letta.llm.errors import LlmAuthenticationError, LlmError
from letta.llm.provider import Provider
from letta.testing.scripted_model import Failure, ScriptedModel
from tests.embedding_endpoint import EmbeddingEndpoint, vectors


@pytest.fixture
def endpoint() -> Iterator[EmbeddingEndpoint]:
    with EmbeddingEndpoint() as running:
        yield running


@pytest.fixture
async def embedder(endpoint: EmbeddingEndpoint) -> AsyncIterator[Embedder]:
    yield Embedder(Catalog([Provider("openai", "openai", endpoint.url, "openai")]))
    await close_clients()


def config(endpoint: EmbeddingEndpoint, **fields: Any) -> dict[str, Any]:
    return {"embedding_model": "any", "embedding_endpoint": endpoint.url} | fields


async def test_texts_are_embedded_in_batches_and_in_order(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    texts = [f"text number {number}" for number in range(7)]
    found = await embedder.embed(config(endpoint, batch_size=3), texts, ORGANIZATION)
    assert endpoint.asked == [texts[:3], texts[3:6], texts[6:]]
    one_by_one = [(await embedder.embed(config(endpoint), [text], ORGANIZATION))[0] for text in texts]
    assert found == one_by_one


async def test_a_batch_is_bounded_by_its_characters(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    await embedder.embed(config(endpoint), ["x" * 24_000] * 20, ORGANIZATION)
    assert [len(texts) for texts in endpoint.asked] == [8, 8, 4]


async def test_vectors_are_put_in_the_order_of_the_texts(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    endpoint.before = lambda texts: {
        "data": [{"index": index, "embedding": [float(index + 1)]} for index in reversed(range(len(texts)))]
    }
    assert await embedder.embed(config(endpoint), ["a", "b", "c"], ORGANIZATION) == [[1.0], [2.0], [3.0]]


async def test_dimensions_are_what_the_model_gives(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    endpoint.dimensions = 4096
    (vector,) = await embedder.embed(config(endpoint, embedding_dim=1536), ["x"], ORGANIZATION)
    assert vector is not None
    assert len(vector) == 4096


async def test_a_text_that_is_too_long_is_embedded_by_its_beginning(
    embedder: Embedder, endpoint: EmbeddingEndpoint
) -> None:
    endpoint.longest = 7_000
    found = await embedder.embed(config(endpoint), ["short", "word " * 10_000, "also short"], ORGANIZATION)
    assert all(found)
    assert [len(text) for texts in endpoint.asked for text in texts if text.startswith("word")] == [
        24_000,  # with the others, at once
        24_000,
        12_000,
        6_000,
    ]


async def test_a_text_that_is_refused_at_any_length_has_no_vector(
    embedder: Embedder, endpoint: EmbeddingEndpoint
) -> None:
    original = endpoint.answer

    def answer(texts: list[str]) -> tuple[int, dict[str, Any]]:
        return (400, {"error": {"message": "no"}}) if any("bad" in text for text in texts) else original(texts)

    endpoint.answer = answer  # type: ignore[method-assign]
    assert [
        vector is None for vector in await embedder.embed(config(endpoint), ["good", "bad", "fine"], ORGANIZATION)
    ] == [
        False,
        True,
        False,
    ]


async def test_an_endpoint_that_refuses_everything_is_at_fault_itself(
    embedder: Embedder, endpoint: EmbeddingEndpoint
) -> None:
    endpoint.longest = 0
    with pytest.raises(LlmError):
        await embedder.embed(config(endpoint), ["text"], ORGANIZATION)


async def test_a_passing_failure_is_tried_again(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    endpoint.status = 503

    def mend(texts: list[str]) -> tuple[int, dict[str, Any]]:
        answered = EmbeddingEndpoint.answer(endpoint, texts)
        endpoint.status = 200
        return answered

    endpoint.answer = mend  # type: ignore[method-assign]
    assert await embedder.embed(config(endpoint), ["x"], ORGANIZATION)
    assert len(endpoint.asked) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": []},
        {"data": "x"},
        {"data": [1]},
        {"data": [{"index": "x", "embedding": None}]},
        vectors([[1.0], [2.0]]),
        vectors([[]]),
        vectors([["x"]]),
        vectors([[0.0, 0.0]]),
        vectors([[1e-9]]),
        vectors([[1e9]]),
        vectors([[1.0] * 16_001]),
        vectors([None]),
        {"error": {"message": "broken"}},
    ],
    ids=str,
)
async def test_an_answer_that_holds_no_vector_is_an_error(
    embedder: Embedder, endpoint: EmbeddingEndpoint, answer: dict[str, Any]
) -> None:
    endpoint.before = lambda _texts: answer
    with pytest.raises(LlmError):
        await embedder.embed(config(endpoint), ["x"], ORGANIZATION)
    assert await embedder.try_to_embed(config(endpoint), ["x"], ORGANIZATION, seconds=5) is None


async def test_vectors_of_unequal_length_are_an_error(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    endpoint.before = lambda _texts: vectors([[1.0], [1.0, 2.0]])
    with pytest.raises(LlmError, match="different lengths"):
        await embedder.embed(config(endpoint), ["x", "y"], ORGANIZATION)


async def test_numbers_that_are_none_are_an_error(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    endpoint.before = lambda _texts: vectors([[1.0, math.nan]])
    with pytest.raises(LlmError):
        await embedder.embed(config(endpoint), ["x"], ORGANIZATION)


async def test_nobody_waits_longer_than_told(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    held = Event()
    endpoint.before = lambda _texts: None if held.wait(20) else {}
    assert await embedder.try_to_embed(config(endpoint), ["x"], ORGANIZATION, seconds=0.05) is None
    held.set()


async def test_without_a_model_nothing_is_asked(embedder: Embedder, endpoint: EmbeddingEndpoint) -> None:
    assert await embedder.try_to_embed(None, ["x"], ORGANIZATION, seconds=1) is None
    assert endpoint.asked == []


async def test_a_provider_that_is_gone_is_named(embedder: Embedder) -> None:
    gone = {"embedding_model": "m", "embedding_endpoint": "http://gone", "handle": "gone/m"}
    with pytest.raises(NotFoundError, match="'gone/m' is not configured"):
        await embedder.embed(gone, ["x"], ORGANIZATION)
    assert await embedder.try_to_embed(gone, ["x"], ORGANIZATION, seconds=1) is None


async def test_a_handle_leads_to_its_provider_wherever_that_is_now(
    embedder: Embedder, endpoint: EmbeddingEndpoint
) -> None:
    moved = {"embedding_model": "m", "embedding_endpoint": "http://old-address", "handle": "openai/m"}
    assert await embedder.embed(moved, ["x"], ORGANIZATION)
    assert endpoint.asked == [["x"]]


@pytest.mark.parametrize("name", ["my-embedder", "nomic-embed-text", "BAAI/bge-m3"])
async def test_models_of_any_name_at_any_address_can_be_chosen(name: str) -> None:
    with ScriptedModel(models=[name, "talker"]) as model:
        catalog = Catalog([Provider("openai", "openai", model.base_url, "openai-proxy", SecretStr("sk-1"))])
        found = await catalog.resolve_embedding(f"openai/{name}")
        assert [llm.handle for llm in catalog.llms()] == ["openai-proxy/talker"]
        vectors_ = await Embedder(catalog).embed(
            {"embedding_model": found.name, "handle": found.handle}, ["x"], ORGANIZATION
        )
        assert vectors_[0] is not None
        assert model.requests(path="/embeddings")[-1].body["model"] == name
    await close_clients()


async def test_where_there_is_no_list_every_name_is_taken_for_a_model(endpoint: EmbeddingEndpoint) -> None:
    catalog = Catalog([Provider("vllm", "vllm", endpoint.url, "my-models")])
    with pytest.raises(InvalidArgumentError, match="vllm/e5"):
        await catalog.resolve_embedding("vllm/e5-base")
    endpoint.lists = False
    catalog = Catalog([Provider("vllm", "vllm", endpoint.url, "my-models")])
    assert (await catalog.resolve_embedding("vllm/e5-base")).dimensions == 768
    found = await catalog.resolve_embedding("vllm/whatever")
    assert await Embedder(catalog).embed({"embedding_model": found.name, "handle": found.handle}, ["x"], ORGANIZATION)
    await close_clients()


class TestGoogle:
    @pytest.fixture
    async def google(self) -> AsyncIterator[tuple[Embedder, Catalog, ScriptedModel]]:
        with ScriptedModel() as model:
            catalog = Catalog([Provider("google_ai", "google_ai", model.google_url, "google_ai", SecretStr("g-1"))])
            yield Embedder(catalog), catalog, model
            await close_clients()

    async def test_it_embeds(self, google: tuple[Embedder, Catalog, ScriptedModel]) -> None:
        embedder, catalog, model = google
        listed = await catalog.resolve_embedding("google_ai/gemini-embedding-001")
        assert listed.dimensions == 3072
        chosen = {"embedding_model": listed.name, "handle": listed.handle}
        first, second = await embedder.embed(chosen, ["one", "two"], ORGANIZATION)
        assert first != second
        assert first is not None
        assert len(first) == 3072
        (request,) = model.requests(path=":batchEmbedContents")
        assert request.path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
        assert request.used_key("g-1")

    async def test_its_failures_are_told(self, google: tuple[Embedder, Catalog, ScriptedModel]) -> None:
        embedder, _, model = google
        model.fail(":batchEmbedContents", Failure("auth"))
        with pytest.raises(LlmAuthenticationError):
            await embedder.embed(
                {"embedding_model": "gemini-embedding-001", "handle": "google_ai/x"}, ["one"], ORGANIZATION
            )
