"""Operations on archives and their passages; those of an agent's archival memory are in `agent_endpoints`."""

from typing import Annotated

from fastapi import APIRouter, Query, status

from letta.agents import service as agents_service
from letta.agents.parameters import Includes
from letta.agents.schemas import AgentState
from letta.archives import deleted_repository, passage_repository, repository, service
from letta.archives.archive import Archive
from letta.archives.repository import ArchiveFilter
from letta.archives.schemas import (
    ArchiveResponse,
    CreateArchive,
    CreatePassage,
    CreatePassages,
    PassageResponse,
    PassageSearchResult,
    SearchPassages,
    UpdateArchive,
)
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import ArchiveId, PassageId, page_parameters

router = APIRouter(prefix="/v1/archives", tags=["archives"])
passages_router = APIRouter(prefix="/v1/passages", tags=["passages"])

ArchivesPage = Annotated[Page, page_parameters(limit=50, order="desc")]
AgentsPage = Annotated[Page, page_parameters(limit=50, order="desc")]


@router.get("", response_model=list[ArchiveResponse])
async def list_archives(
    actor: ActorDep,
    database: DatabaseDep,
    page: ArchivesPage,
    name: Annotated[str | None, Query(description="Exact name.")] = None,
    agent_id: Annotated[str | None, Query(description="Only the archive of this agent.")] = None,
) -> list[Archive]:
    """Archives of the organization, newest first."""
    return await database.read(repository.list_archives, actor, ArchiveFilter(name, agent_id), page)


@router.post("", response_model=ArchiveResponse)
async def create_archive(actor: ActorDep, server: ServerDep, body: CreateArchive) -> Archive:
    """Create an empty archive."""
    archive = await service.new_archive(await server.catalogs.whole(actor, body.embedding), actor, body)
    return await server.database.run(repository.insert_archive, actor, archive)


@router.get("/{archive_id}", response_model=ArchiveResponse)
async def retrieve_archive(actor: ActorDep, database: DatabaseDep, archive_id: ArchiveId) -> Archive:
    """One archive."""
    return await database.read(repository.get_archive, actor, archive_id)


@router.patch("/{archive_id}", response_model=ArchiveResponse)
async def modify_archive(actor: ActorDep, server: ServerDep, archive_id: ArchiveId, body: UpdateArchive) -> Archive:
    """Change an archive. If the embedding model changes, its passages are re-embedded in the background."""
    changes = await service.changes_of(await server.catalogs.whole(actor, body.embedding), body)
    archive = await server.database.run(repository.update_archive, actor, archive_id, changes)
    server.embedding.wake()
    return archive


@router.delete("/{archive_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_archive(actor: ActorDep, server: ServerDep, archive_id: ArchiveId) -> None:
    """Delete an archive with its passages. It is detached from all agents."""
    await server.database.run(repository.delete_archive, actor, archive_id)
    server.indexer.deleted()


@router.get("/{archive_id}/agents", response_model=list[AgentState])
async def list_agents_of_archive(
    actor: ActorDep, database: DatabaseDep, archive_id: ArchiveId, page: AgentsPage, include: Includes
) -> list[AgentState]:
    """The agents to which an archive is attached."""
    return await database.read(agents_service.list_agents_of_archive, actor, archive_id, page, include)


@router.post("/{archive_id}/passages", response_model=PassageResponse)
async def create_passage(
    actor: ActorDep, server: ServerDep, archive_id: ArchiveId, body: CreatePassage
) -> PassageResponse:
    """Add a passage to an archive."""
    (passage,) = await server.archival.insert(actor, archive_id, [service.new_passage(body)])
    return service.to_response(passage)


@router.post("/{archive_id}/passages/batch", response_model=list[PassageResponse])
async def create_passages(
    actor: ActorDep, server: ServerDep, archive_id: ArchiveId, body: CreatePassages
) -> list[PassageResponse]:
    """Add several passages to an archive. If one of them can't be stored, none is."""
    new = [service.new_passage(passage) for passage in body.passages]
    return [service.to_response(passage) for passage in await server.archival.insert(actor, archive_id, new)]


@router.delete("/{archive_id}/passages/{passage_id}", status_code=status.HTTP_204_NO_CONTENT)
async def delete_passage(actor: ActorDep, server: ServerDep, archive_id: ArchiveId, passage_id: PassageId) -> None:
    """Delete a passage from an archive. It can be restored for some days."""
    keep = server.settings.deleted_passages_days > 0
    await server.database.run(deleted_repository.delete_passage, actor, archive_id, passage_id, keep=keep)


@passages_router.post("/search", response_model=list[PassageSearchResult])
async def search_passages(actor: ActorDep, server: ServerDep, body: SearchPassages) -> list[PassageSearchResult]:
    """Search passages by meaning and by keywords: of an archive, of an agent, or of the whole organization."""
    search, archival = service.search_of(body), server.archival
    if body.archive_id is not None:
        archive = await server.database.read(repository.get_archive, actor, body.archive_id)
        found = await archival.find(actor, archive, search)
    elif body.agent_id is not None:
        found = await archival.find_for_agent(actor, body.agent_id, search)
    else:
        found = await archival.find_anywhere(actor, search)
    return service.to_results(await server.database.read(passage_repository.with_vectors, found))
