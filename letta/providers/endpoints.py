"""Operations on the models that providers offer."""

from typing import Annotated

from fastapi import APIRouter, Query

from letta.http.dependencies import ActorDep, ServerDep
from letta.providers.schemas import (
    EmbeddingModelResponse,
    ModelResponse,
    ProviderCategory,
    ProviderType,
    to_embedding_model,
    to_model,
)

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", response_model=list[ModelResponse])
async def list_models(
    actor: ActorDep,
    server: ServerDep,
    provider_category: Annotated[list[ProviderCategory] | None, Query()] = None,
    provider_name: str | None = None,
    provider_type: ProviderType | None = None,
) -> list[ModelResponse]:
    """The language models of all providers, configured or added by API."""
    await server.catalog.refresh_unreachable()
    catalog = await server.catalogs.whole(actor)
    return [
        to_model(model)
        for model in catalog.llms()
        if (not provider_category or model.provider_category in provider_category)
        and provider_name in {None, model.provider_name}
        and provider_type in {None, model.provider_type}
    ]


@router.get("/embedding", response_model=list[EmbeddingModelResponse])
async def list_embedding_models(actor: ActorDep, server: ServerDep) -> list[EmbeddingModelResponse]:
    """The embedding models of all providers, configured or added by API."""
    await server.catalog.refresh_unreachable()
    return [to_embedding_model(model) for model in (await server.catalogs.whole(actor)).embeddings()]
