"""Operations on providers that are added while the server runs."""

from typing import Annotated

from fastapi import APIRouter, Query

from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import ProviderId, page_parameters
from letta.providers import repository, service
from letta.providers.repository import ProviderFilter
from letta.providers.schemas import (
    ProviderCheck,
    ProviderCreate,
    ProviderMessage,
    ProviderResponse,
    ProviderType,
    ProviderUpdate,
    to_provider,
)

router = APIRouter(prefix="/v1/providers", tags=["providers"])

ProviderPage = Annotated[Page, page_parameters(limit=50, order="desc")]


@router.post("", response_model=ProviderResponse)
async def create_provider(
    actor: ActorDep, server: ServerDep, database: DatabaseDep, body: ProviderCreate
) -> ProviderResponse:
    """Add a provider with its own key. The handles of its models are `NAME/MODEL`.

    One that can't be reached now is stored without models; refresh it, or name one of its models, to ask again.
    """
    return to_provider(await service.create_provider(database, server.catalogs, actor, body.model_dump()))


@router.get("", response_model=list[ProviderResponse])
async def list_providers(
    actor: ActorDep,
    database: DatabaseDep,
    page: ProviderPage,
    name: Annotated[str | None, Query(description="Only the provider with this name.")] = None,
    provider_type: Annotated[ProviderType | None, Query(description="Only providers of this type.")] = None,
) -> list[ProviderResponse]:
    """Providers added by API. Those configured by environment variables are not listed."""
    condition = ProviderFilter(name, provider_type)
    found = await database.read(repository.list_providers, actor, condition, page)
    return [to_provider(provider) for provider in found]


@router.post("/check", response_model=ProviderMessage)
async def check_provider(_: ActorDep, body: ProviderCheck) -> ProviderMessage:
    """Check whether a provider accepts a key. Nothing is stored."""
    await service.check(body.model_dump())
    return _valid(body.provider_type)


@router.get("/{provider_id}", response_model=ProviderResponse)
async def retrieve_provider(actor: ActorDep, database: DatabaseDep, provider_id: ProviderId) -> ProviderResponse:
    """One provider added by API."""
    return to_provider(await database.read(repository.get_provider, actor, provider_id))


@router.patch("/{provider_id}", response_model=ProviderResponse)
async def update_provider(
    actor: ActorDep, server: ServerDep, database: DatabaseDep, provider_id: ProviderId, body: ProviderUpdate
) -> ProviderResponse:
    """Change the key or the address of a provider and update its list of models."""
    changed = await service.update_provider(database, server.catalogs, actor, provider_id, body.given())
    return to_provider(changed)


@router.delete("/{provider_id}", response_model=ProviderMessage)
async def delete_provider(actor: ActorDep, database: DatabaseDep, provider_id: ProviderId) -> ProviderMessage:
    """Delete a provider. Agents that use one of its models fail until they get another model."""
    await database.run(repository.delete_provider, actor, provider_id)
    return ProviderMessage(message=f"Provider id={provider_id} successfully deleted")


@router.post("/{provider_id}/check", response_model=ProviderMessage)
async def check_existing_provider(actor: ActorDep, database: DatabaseDep, provider_id: ProviderId) -> ProviderMessage:
    """Check whether a provider accepts the stored key."""
    provider = await database.read(repository.get_provider, actor, provider_id)
    await service.check_stored(provider)
    return _valid(provider.provider_type)


@router.patch("/{provider_id}/refresh", response_model=ProviderResponse)
async def refresh_provider(
    actor: ActorDep, server: ServerDep, database: DatabaseDep, provider_id: ProviderId
) -> ProviderResponse:
    """Update the list of a provider's models."""
    provider = await database.read(repository.get_provider, actor, provider_id)
    return to_provider(await server.catalogs.sync(actor, provider))


def _valid(provider_type: str) -> ProviderMessage:
    return ProviderMessage(message=f"Valid api key for provider_type={provider_type}")
