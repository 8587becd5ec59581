"""From requests on archives and passages to what is stored, and back."""

from collections.abc import Sequence

from letta.agents.model_config import embedding_config_from
from letta.archives.archive import Archive, Passage
from letta.archives.passage_repository import NewPassage
from letta.archives.schemas import (
    CreateArchivalMemory,
    CreateArchive,
    CreatePassage,
    PassageResponse,
    PassageSearchResult,
    SearchPassages,
    UpdateArchive,
)
from letta.database.ids import new_id
from letta.database.text import check_storable
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.organizations.actor import Actor
from letta.search.request import PassageSearch
from letta.settings import settings


async def new_archive(catalog: Catalog, actor: Actor, body: CreateArchive) -> Archive:
    """The archive that a request to create one describes, not stored yet.

    Raises:
        InvalidArgumentError: no provider offers the embedding model.
    """
    return Archive(
        id=new_id("archive"),
        organization_id=actor.organization_id,
        name=body.name,
        description=body.description,
        embedding_config=await _embedding_config(catalog, body),
    )


async def changes_of(catalog: Catalog, body: UpdateArchive) -> JsonObject:
    """The columns that a request changes, with their new values."""
    changes = body.given()
    handle = changes.pop("embedding", None)
    if changes.get("name", "") is None:
        del changes["name"]
    if handle is not None:
        changes["embedding_config"] = embedding_config_from(await catalog.resolve_embedding(handle))
    return changes


async def _embedding_config(catalog: Catalog, body: CreateArchive) -> JsonObject | None:
    if body.embedding_config is not None and body.embedding is None:
        return body.embedding_config.model_dump()
    handle = body.embedding or settings.default_embedding_handle
    return None if handle is None else embedding_config_from(await catalog.resolve_embedding(handle))


def new_passage(body: CreatePassage | CreateArchivalMemory) -> NewPassage:
    """The passage that a request describes, not stored yet."""
    check_storable(body.text, "text")  # in which requests may have NUL
    metadata = body.metadata if isinstance(body, CreatePassage) else None
    return NewPassage(body.text, body.tags or (), metadata, body.created_at)


def search_of(body: SearchPassages) -> PassageSearch:
    """The search that a request describes; where it is to search is left to the caller."""
    return PassageSearch(
        text=body.query or "",
        limit=body.limit,
        tags=body.tags or (),
        all_tags=body.tag_match_mode == "all",
        start=body.start_date,
        end=body.end_date,
    )


def to_response(passage: Passage) -> PassageResponse:
    """A passage on the wire: where it has no tags, upstream says null."""
    response = PassageResponse.model_validate(passage)
    response.tags = response.tags or None
    return response


def to_results(found: Sequence[tuple[Passage, float]]) -> list[PassageSearchResult]:
    """Passages that were found, on the wire."""
    return [PassageSearchResult(passage=to_response(passage), score=score) for passage, score in found]
