"""What one provider offers, as far as it is known, and how it is asked."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from letta.llm.configured import SETTINGS
from letta.llm.errors import LlmError
from letta.llm.facts import dimensions_of, facts_of
from letta.llm.handles import EmbeddingModel, LlmModel
from letta.llm.listed import ListedModel, NoModelListError
from letta.llm.listing import list_models
from letta.llm.provider import Provider

if TYPE_CHECKING:
    from httpx2 import AsyncClient

logger = logging.getLogger(__name__)

_TOTAL_SECONDS = 8.0
_OPENAI_EMBEDDINGS = ("text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002")
_SHOWN_DIMENSIONS = 1536
"""Told of an embedding model of which nobody knows how many it has. What is stored is what it gives."""
_ENDPOINT_TYPES = {"lmstudio_openai": "lmstudio"}


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """What came of asking a provider for its models. ``str()`` of it is a line for people, without secrets."""

    provider: str
    reachable: bool
    models: int
    text: str

    def __str__(self) -> str:
        return f"{self.provider}: {self.text}"


@dataclass(slots=True)
class Offer:
    """A provider and its models by handle.

    Attributes:
        answered: whether the provider has ever answered.
        has_list: False where it has no list of models; then every name is taken for one of its models.
    """

    provider: Provider
    llms: dict[str, LlmModel] = field(default_factory=dict)
    embeddings: dict[str, EmbeddingModel] = field(default_factory=dict)
    answered: bool = False
    has_list: bool = True
    _asked_at: float | None = None
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        if self.provider.type == "openai":
            # Upstream's fixed list: few OpenAI-compatible services list their embedding models.
            self._add([ListedModel(name, "embedding", dimensions=dimensions_of(name)) for name in _OPENAI_EMBEDDINGS])

    @classmethod
    def known(cls, provider: Provider, listed: Sequence[ListedModel], *, has_list: bool) -> "Offer":
        """What is known of a provider already, so that it isn't asked now."""
        offer = cls(provider, answered=True, has_list=has_list)
        offer._add(listed)
        offer._asked_at = time.monotonic()
        return offer

    def find_llm(self, handle: str) -> LlmModel | None:
        """The language model of this handle."""
        found = self.llms.get(handle)
        prefix, _, name = handle.partition("/")
        if found is None and not self.has_list and name and prefix == self.provider.handle_prefix:
            return _llm(self.provider, ListedModel(name))
        return found

    def find_embedding(self, handle: str) -> EmbeddingModel | None:
        """The embedding model of this handle."""
        found = self.embeddings.get(handle)
        prefix, _, name = handle.partition("/")
        if found is None and not self.has_list and name and prefix == self.provider.name:
            return _embedding(self.provider, ListedModel(name, "embedding", dimensions=dimensions_of(name)))
        return found

    def may_have(self, handle: str) -> bool:
        """Whether the handle is written as one of this provider's."""
        return handle.startswith((f"{self.provider.handle_prefix}/", f"{self.provider.name}/"))

    def was_asked(self, *, within: float) -> bool:
        """Whether the provider was asked within so many seconds, and nobody is asking it now."""
        if self._asked_at is None or self._asking.locked():
            return False
        return time.monotonic() - self._asked_at < within

    async def ask(self, client: "AsyncClient", *, unless_within: float) -> ProviderReport | None:
        """Ask the provider for its models, unless that was done within so many seconds (then None)."""
        async with self._asking:
            if self._asked_at is not None and time.monotonic() - self._asked_at < unless_within:
                return None
            report = await self._ask(client)
            self._asked_at = time.monotonic()
        logger.log(logging.DEBUG if report.reachable else logging.WARNING, "models of %s", report)
        return report

    async def _ask(self, client: "AsyncClient") -> ProviderReport:
        from httpx2 import HTTPError, HTTPStatusError, InvalidURL

        where = _shown(self.provider.base_url)
        try:
            async with asyncio.timeout(_TOTAL_SECONDS):
                listed = await list_models(client, self.provider)
        except NoModelListError:
            self.answered, self.has_list = True, False
            return self._report(f"{where} lists no models; every name is accepted", reachable=True)
        except HTTPStatusError as error:
            return self._report(f"{where} returned status {error.response.status_code}")
        except (HTTPError, InvalidURL, TimeoutError) as error:
            return self._report(f"{where} can't be reached ({type(error).__name__})")
        except (ValueError, KeyError, TypeError, AttributeError, LlmError):
            return self._report(f"{where} returned something that is not a list of models")
        self.answered, self.has_list = True, True
        self._replace(listed)
        return self._report(f"{len(self.llms)} models at {where}", reachable=True)

    def _report(self, text: str, *, reachable: bool = False) -> ProviderReport:
        name = self.provider.name
        remedy = (
            "" if reachable else f". Check {SETTINGS.get(name, 'its settings')}; the server asks again when needed."
        )
        return ProviderReport(name, reachable, len(self.llms), text + remedy)

    def _replace(self, listed: list[ListedModel]) -> None:
        self.llms = {}
        if self.provider.type != "openai":
            self.embeddings = {}
        self._add(sorted(listed, key=lambda model: model.name))

    def _add(self, listed: Sequence[ListedModel]) -> None:
        for model in listed:
            if model.kind == "llm":
                llm = _llm(self.provider, model)
                self.llms[llm.handle] = llm
            else:
                embedding = _embedding(self.provider, model)
                self.embeddings[embedding.handle] = embedding


def _llm(provider: Provider, listed: ListedModel) -> LlmModel:
    facts = facts_of(listed.name)
    return LlmModel(
        handle=f"{provider.handle_prefix}/{listed.name}",
        name=listed.name,
        provider_name=provider.name,
        provider_type=provider.type,
        endpoint_type=_ENDPOINT_TYPES.get(provider.type, provider.type),
        endpoint=provider.base_url,
        context_window=listed.context_window or facts.context,
        max_output_tokens=listed.max_output_tokens or facts.output,
        provider_category=provider.category,
        reasoning=facts.reasoning if listed.reasoning is None else listed.reasoning,
    )


def _embedding(provider: Provider, listed: ListedModel) -> EmbeddingModel:
    return EmbeddingModel(
        # Language models behind another address get a prefix of their own, embedding models don't.
        handle=f"{provider.name}/{listed.name}",
        name=listed.name,
        provider_name=provider.name,
        provider_type=provider.type,
        endpoint_type=_ENDPOINT_TYPES.get(provider.type, provider.type),
        endpoint=provider.base_url,
        dimensions=listed.dimensions or _SHOWN_DIMENSIONS,
        provider_category=provider.category,
    )


def _shown(url: str) -> str:
    """The address without user name and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
