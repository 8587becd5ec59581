"""The models that an organization can use: those of the configured providers, and of those that it has added.

What was added is in the database alone, so that every process knows it at once. It is read where a model isn't one of a
configured provider's, or where all models are asked for.
"""

import logging
from contextlib import suppress

from letta.database.engine import Database
from letta.errors import InvalidArgumentError
from letta.llm.catalog import Catalog
from letta.llm.errors import LlmError
from letta.llm.offers import Offer
from letta.organizations.actor import Actor
from letta.providers import asking, repository
from letta.providers.added_provider import AddedProvider

logger = logging.getLogger(__name__)

_REQUERY_SECONDS = 30.0


class OrganizationCatalogs:
    """The catalogs of all organizations."""

    def __init__(self, database: Database, configured: Catalog) -> None:
        self._database = database
        self._configured = configured

    def is_configured(self, name: str) -> bool:
        """Whether a name is that of a configured provider, or the beginning of its models' handles."""
        return self._configured.is_own(f"{name}/")

    async def of(self, organization_id: str, *handles: str | None) -> Catalog:
        """A catalog that knows the providers of these models. Nothing is read where all are configured ones."""
        if all(handle is None or self._configured.is_own(handle) for handle in handles):
            return self._configured
        return self._with(await self._database.read(repository.providers_of, organization_id))

    async def whole(self, actor: Actor, *wanted: str | None) -> Catalog:
        """The catalog of the actor's organization.

        Args:
            wanted: models that are about to be looked up. An added provider that doesn't list one of them is asked
                again, at most every 30 seconds by all processes together.
        """
        added = await self._database.read(repository.providers_of, actor.organization_id)
        asked = [await self._ask_again(actor, each) for each in added if _may_list_more(each, wanted)]
        if any(asked):
            added = await self._database.read(repository.providers_of, actor.organization_id)
        return self._with(added)

    async def sync(self, actor: Actor, added: AddedProvider) -> AddedProvider:
        """Ask a provider for its models, and store them.

        Raises:
            LlmError: it can't be reached, refuses the key, or answers with something else.
            InvalidArgumentError: it is of a type that isn't offered.
            NotFoundError: it isn't there any more.
        """
        models = await asking.listed(added.provider())
        has_list = models is not None
        return await self._database.run(repository.write_models, actor, added.id, models or (), has_list=has_list)

    async def _ask_again(self, actor: Actor, added: AddedProvider) -> bool:
        if not await self._database.run(repository.claim_asking, actor, added.id, _REQUERY_SECONDS):
            return False
        try:
            await self.sync(actor, added)
        except (LlmError, InvalidArgumentError) as error:
            logger.warning("the models of provider %s are unknown: %s", added.id, error.detail)
            return False
        return True

    def _with(self, added: list[AddedProvider]) -> Catalog:
        offers = [offer for each in added if (offer := _offer(each)) is not None]
        return self._configured.with_offers(offers) if offers else self._configured


def _offer(added: AddedProvider) -> Offer | None:
    with suppress(InvalidArgumentError):  # of a type that another version offers
        return added.offer()
    return None


def _may_list_more(added: AddedProvider, wanted: tuple[str | None, ...]) -> bool:
    offer = _offer(added)
    if offer is None:
        return False
    return any(
        handle is not None and offer.may_have(handle) and not (offer.find_llm(handle) or offer.find_embedding(handle))
        for handle in wanted
    )
