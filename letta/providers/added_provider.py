"""A provider that an organization has added while the server runs, with its own key."""

from dataclasses import dataclass, field
from datetime import datetime

from letta.json_types import JsonObject
from letta.llm.configured import byok_provider
from letta.llm.listed import ListedModel
from letta.llm.offers import Offer
from letta.llm.provider import Provider


@dataclass(frozen=True, slots=True)
class AddedProvider:
    """A stored provider.

    Attributes:
        models: what it listed last, as `ListedModel` fields.
        has_list: False where it has no list of models; then every name is taken for one of its models.
        last_synced: when it last told its models.
        asked_at: when it was last asked for them.
    """

    id: str
    name: str
    provider_type: str
    base_url: str | None = None
    api_key: str | None = None
    access_key: str | None = None
    region: str | None = None
    api_version: str | None = None
    models: list[JsonObject] = field(default_factory=list)
    has_list: bool = True
    last_synced: datetime | None = None
    asked_at: datetime | None = None
    organization_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def provider(self) -> Provider:
        """Where it is and how to be let in.

        Raises:
            InvalidArgumentError: it is of a type that isn't offered, or lacks an address.
        """
        return byok_provider(self.name, self.provider_type, self.base_url, self.api_key, self.api_version)

    def offer(self) -> Offer:
        """Its models, as far as they are known."""
        return Offer.known(self.provider(), [ListedModel(**model) for model in self.models], has_list=self.has_list)
