"""Embeddings, from Google or from OpenAI and all that is compatible with it, by the official SDK's raw requests.

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from letta.errors import InvalidArgumentError, LettaError, NotFoundError
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog, Catalogs
from letta.llm.errors import ContextOverflowError, LlmBadRequestError, LlmEmptyResponseError, LlmError
from letta.llm.provider import Provider
from letta.telemetry import metrics, tracing

Vector = list[float]

logger = logging.getLogger(__name__)

_PATH = "/embeddings"
MOST_CHARACTERS = 24_000
"""Characters of a text that are embedded: about what the usual limit of 8,191 tokens holds."""
_SHORTEST = 500
"""Characters below which a refusal isn't taken for one of length."""
_PROBE = "text"
_CHARACTERS_AT_ONCE = 200_000
_MOST_DIMENSIONS = 16_000
"""What pgvector stores."""
_LEAST, _HALF_PRECISION = 1e-4, 65_504.0
"""What the largest number of a vector of half precision may be. Below that little of it would be left."""
_TOO_MUCH = (LlmBadRequestError, ContextOverflowError)


class Embedder:
    """Embeds texts with the model that an ``embedding_config`` names."""

    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs

    async def embed(self, config: JsonObject, texts: Sequence[str], organization_id: str) -> list[Vector | None]:
        """The vectors of these texts, with as many dimensions as the model gives them.

        A text that is too long for the model is embedded by its beginning. None stands for one that the model doesn't
        take however short it is made.

        Raises:
            NotFoundError: the model's provider isn't configured.
            LlmError: the provider can't serve the request now.
        """
        catalog = await self._catalogs.of(organization_id, config.get("handle"))
        provider, model = await _provider(catalog, config), str(config["embedding_model"])
        vectors: list[Vector | None] = []
        for batch in _batches([text[:MOST_CHARACTERS] for text in texts], int(config.get("batch_size") or 32)):
            try:
                vectors += await _request(provider, model, batch)
            except _TOO_MUCH:
                vectors += [await _shortened(provider, model, text) for text in batch]
        return vectors

    async def try_to_embed(
        self, config: JsonObject | None, texts: Sequence[str], organization_id: str, *, seconds: float
    ) -> list[Vector | None] | None:
        """As `embed`, but None where there is no model, it can't be reached, or it takes longer than this."""
        if config is None:
            return None
        try:
            async with asyncio.timeout(seconds):
                return await self.embed(config, texts, organization_id)
        except TimeoutError:
            logger.warning("embedding with %s took longer than %g s", config["embedding_model"], seconds)
        except LettaError as error:
            logger.warning("embedding with %s failed: %s", config["embedding_model"], error.detail)
        return None


async def _provider(catalog: Catalog, config: JsonObject) -> Provider:
    handle = config.get("handle")
    if handle:
        try:
            return catalog.provider((await catalog.resolve_embedding(handle)).provider_name)
        except (InvalidArgumentError, NotFoundError):
            logger.debug("%s is not listed by its provider, which may know it nevertheless", handle)
    for provider in catalog.providers():
        if provider.base_url == config.get("embedding_endpoint") or (handle or "").startswith(f"{provider.name}/"):
            return provider
    raise NotFoundError(
        f"The provider of the embedding model '{handle or config['embedding_model']}' is not configured. "
        "Configure it, or give the agent or archive another embedding model."
    )


def _batches(texts: Sequence[str], size: int) -> Iterator[list[str]]:
    batch: list[str] = []
    characters = 0
    for text in texts:
        if batch and (len(batch) == size or characters + len(text) > _CHARACTERS_AT_ONCE):
            yield batch
            batch, characters = [], 0
        batch.append(text)
        characters += len(text)
    if batch:
        yield batch


async def _shortened(provider: Provider, model: str, text: str) -> Vector | None:
    """The vector of as much of a text as the model takes, None where it takes other texts but nothing of this one."""
    while True:
        try:
            return (await _request(provider, model, [text]))[0]
        except _TOO_MUCH as error:
            if len(text) <= _SHORTEST:
                await _request(provider, model, [_PROBE])  # raises where it isn't the text that is at fault
                logger.warning("%s refused to embed a text: %s", model, error.detail)
                return None
            text = text[: len(text) // 2]


async def _request(provider: Provider, model: str, texts: list[str]) -> list[Vector]:
    answered = await _timed(provider, model, _ASK.get(provider.type, _ask_openai)(provider, model, texts))
    if len(answered) != len(texts):
        raise LlmEmptyResponseError(
            f"The embedding endpoint did not return {len(texts)} vectors as requested. Check its base URL."
        )
    vectors = [_checked(vector) for vector in answered]
    if len({len(vector) for vector in vectors}) > 1:
        raise LlmEmptyResponseError("The embedding endpoint returned vectors of different lengths. Check its model.")
    return vectors


async def _timed(provider: Provider, model: str, asking: Awaitable[list[Any]]) -> list[Any]:
    """The answer, once it is counted how the call ended and how long it took."""
    outcome, began = "broken_off", time.perf_counter()
    with tracing.span("embeddings", lambda: {"gen_ai.request.model": model, "gen_ai.provider.name": provider.name}):
        try:
            answered = await asking
            outcome = "ok"
        except LlmError as error:
            outcome = error.type
            raise
        finally:
            metrics.embedding_calls.add(provider.figure_name, model, outcome)
            metrics.embedding_call_seconds.observe(time.perf_counter() - began, provider.figure_name, model)
    return answered


async def _ask_google(provider: Provider, model: str, texts: list[str]) -> list[Any]:
    from letta.llm.google_embeddings import embed

    return await embed(provider, model, texts)


async def _ask_openai(provider: Provider, model: str, texts: list[str]) -> list[Any]:
    from letta.llm.openai_client import FAILURES, as_object, client_of, request_options, to_llm_error

    body, options = {"model": model, "input": texts}, request_options(streamed=False)
    try:
        answer = await client_of(provider).post(_PATH, body=body, cast_to=object, options=options)
    except FAILURES as error:
        raise to_llm_error(error, streamed=False) from error
    data = as_object(answer).get("data")
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        return []
    return [item.get("embedding") for item in sorted(data, key=_index)]


def _index(item: JsonObject) -> int:
    index = item.get("index")
    return index if isinstance(index, int) else 0


_ASK: dict[str, Callable[[Provider, str, list[str]], Awaitable[list[Any]]]] = {"google_ai": _ask_google}
"""Providers that don't speak OpenAI's form."""


def _checked(vector: object) -> Vector:
    if not isinstance(vector, list) or not 0 < len(vector) <= _MOST_DIMENSIONS:
        raise LlmEmptyResponseError(
            f"The embedding endpoint returned something other than a vector of 1 to {_MOST_DIMENSIONS} numbers. Choose "
            "another embedding model."
        )
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in vector):
        raise LlmEmptyResponseError(
            "The embedding endpoint returned a vector that contains something other than numbers. Choose another "
            "embedding model."
        )
    if not _LEAST <= max(map(abs, vector)) <= _HALF_PRECISION:
        raise LlmEmptyResponseError(
            "The embedding endpoint returned a vector that is zero, or too small or too large to store. Choose "
            "another embedding model."
        )
    return vector
