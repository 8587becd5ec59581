"""The models that the configured providers offer, kept in memory."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from letta.errors import InvalidArgumentError, NotFoundError
from letta.llm.configured import SETTINGS, configured_providers
from letta.llm.handles import EmbeddingModel, LlmModel
from letta.llm.offers import Offer, ProviderReport
from letta.llm.provider import Provider
from letta.settings import Settings

__all__ = ["Catalog", "ProviderReport"]

_CONNECT_SECONDS = 2.0
_READ_SECONDS = 8.0
_REQUERY_SECONDS = 30.0
_REQUERY_UNREACHABLE_SECONDS = 5.0
_SHOWN_HANDLES = 15


class Catalog:
    """The models of all configured providers.

    Little is known before `refresh`. A provider that can't be reached then is asked again when one of its models is
    wanted, and so is, less often, one that doesn't list a wanted model: models may appear while the server runs.
    """

    def __init__(self, providers: Sequence[Provider], *, requery_seconds: float = _REQUERY_SECONDS) -> None:
        self._offers = {provider.name: Offer(provider) for provider in providers}
        self._requery_seconds = requery_seconds

    @classmethod
    def from_settings(cls, settings: Settings) -> "Catalog":
        """The catalog of the providers that the environment configures."""
        return cls(configured_providers(settings))

    def with_offers(self, offers: Iterable[Offer]) -> "Catalog":
        """This catalog with the models of further providers, where none of its own has their name."""
        larger = Catalog((), requery_seconds=self._requery_seconds)
        further = {offer.provider.name: offer for offer in offers if offer.provider.name not in self._offers}
        larger._offers = self._offers | further
        return larger

    async def of(self, organization_id: str, *handles: str | None) -> "Catalog":  # noqa: ARG002
        """This catalog, which is the same for all organizations: see `Catalogs`."""
        return self

    def is_own(self, handle: str) -> bool:
        """Whether the handle is written as that of a model of these providers."""
        return any(offer.may_have(handle) for offer in self._offers.values())

    async def refresh(self) -> list[ProviderReport]:
        """Ask all providers for their models at once. Never fails: a report says what came of each."""
        return await self._ask(self._offers.values(), unless_within=0)

    async def refresh_unreachable(self) -> None:
        """Ask those providers again that have not answered yet, if they weren't asked just now."""
        waiting = [offer for offer in self._offers.values() if not offer.answered]
        await self._ask(waiting, unless_within=self._requery_seconds)

    def llms(self) -> list[LlmModel]:
        """The language models known, by provider, then by name."""
        return [model for offer in self._offers.values() for model in offer.llms.values()]

    def embeddings(self) -> list[EmbeddingModel]:
        """The embedding models known, by provider."""
        return [model for offer in self._offers.values() for model in offer.embeddings.values()]

    def providers(self) -> list[Provider]:
        """The configured providers."""
        return [offer.provider for offer in self._offers.values()]

    def provider(self, name: str) -> Provider:
        """The provider of this name.

        Raises:
            NotFoundError: none is configured.
        """
        offer = self._offers.get(name)
        if offer is None:
            raise NotFoundError(
                f"The model provider '{name}' is not configured. "
                f"{f'Set {SETTINGS[name]}' if name in SETTINGS else 'Add it with POST /v1/providers'}, "
                "or choose another model."
            )
        return offer.provider

    def llm(self, handle: str) -> LlmModel:
        """The language model of this handle, among those known.

        Raises:
            InvalidArgumentError: the handle has no slash.
            NotFoundError: no such model is known.
        """
        _check_handle(handle)
        for offer in self._offers.values():
            found = offer.find_llm(handle)
            if found is not None:
                return found
        raise NotFoundError(self._unknown("model", handle, [model.handle for model in self.llms()]))

    def embedding(self, handle: str) -> EmbeddingModel:
        """The embedding model of this handle, among those known.

        Raises:
            InvalidArgumentError: the handle has no slash, or no such model is known.
        """
        _check_handle(handle)
        for offer in self._offers.values():
            found = offer.find_embedding(handle)
            if found is not None:
                return found
        known = [model.handle for model in self.embeddings()]
        raise InvalidArgumentError(self._unknown("embedding model", handle, known))

    async def resolve_llm(self, handle: str) -> LlmModel:
        """As `llm`; asks the handle's provider again before giving up, at most every 30 seconds."""
        try:
            return self.llm(handle)
        except NotFoundError:
            await self._ask_about(handle)
        return self.llm(handle)

    async def resolve_embedding(self, handle: str) -> EmbeddingModel:
        """As `embedding`; asks the handle's provider again before giving up, at most every 30 seconds."""
        _check_handle(handle)
        try:
            return self.embedding(handle)
        except InvalidArgumentError:
            await self._ask_about(handle)
        return self.embedding(handle)

    async def _ask_about(self, handle: str) -> None:
        suspects = [offer for offer in self._offers.values() if offer.may_have(handle)]
        await self._ask(suspects, unless_within=self._requery_seconds)

    async def _ask(self, offers: Iterable[Offer], *, unless_within: float) -> list[ProviderReport]:
        pauses = {offer.provider.name: _pause(offer, unless_within) for offer in offers}
        due = [self._offers[name] for name, pause in pauses.items() if not self._offers[name].was_asked(within=pause)]
        if not due:
            return []
        from httpx2 import AsyncClient, Timeout

        from letta.llm.bounded import event_hooks

        timeout = Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
        async with AsyncClient(timeout=timeout, event_hooks=event_hooks()) as client:
            asking = [offer.ask(client, unless_within=pauses[offer.provider.name]) for offer in due]
            reports = await asyncio.gather(*asking)
        return [report for report in reports if report is not None]

    def _unknown(self, kind: str, handle: str, known: Sequence[str]) -> str:
        if not self._offers:
            return (
                f"There is no {kind} '{handle}', because no model provider is configured. "
                "Set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY, OLLAMA_BASE_URL or another provider's variable."
            )
        prefix = handle.partition("/")[0] + "/"
        nearest = sorted(known, key=lambda other: not other.startswith(prefix))
        shown = ", ".join(nearest[:_SHOWN_HANDLES]) or "none"
        more = f" and {len(nearest) - _SHOWN_HANDLES} more" if len(nearest) > _SHOWN_HANDLES else ""
        return f"There is no {kind} '{handle}'. Choose one of those known: {shown}{more}.{self._unreachable()}"

    def _unreachable(self) -> str:
        names = ", ".join(name for name, offer in self._offers.items() if not offer.answered)
        return f" Not reached so far, so its models are unknown: {names}." if names else ""


class Catalogs(Protocol):
    """The catalogs of organizations: the configured providers, and those that an organization has added."""

    async def of(self, organization_id: str, *handles: str | None) -> Catalog:
        """A catalog that knows the providers of these models. Nothing is looked up where all are configured ones."""


def _pause(offer: Offer, seconds: float) -> float:
    """How long after it was asked a provider is not asked again."""
    return seconds if offer.answered else min(seconds, _REQUERY_UNREACHABLE_SECONDS)


def _check_handle(handle: str) -> None:
    prefix, slash, name = handle.partition("/")
    if not (prefix and slash and name):
        raise InvalidArgumentError(
            f"'{handle}' is not a model handle. Use <provider>/<model>; GET /v1/models lists the available ones."
        )
