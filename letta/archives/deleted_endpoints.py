"""Operations on deleted passages, which can be restored for a while."""

from typing import Annotated

from fastapi import APIRouter, status

from letta.archives import deleted_repository as repository
from letta.archives import service
from letta.archives.archive import DeletedPassage
from letta.archives.schemas import DeletedPassageResponse, PassageResponse
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import ArchiveId, PassageId, page_parameters

router = APIRouter(prefix="/v1/archives/{archive_id}/deleted-passages", tags=["archives"])

DeletedPage = Annotated[Page, page_parameters(limit=50, order="desc")]


@router.get("", response_model=list[DeletedPassageResponse])
async def list_deleted_passages(
    actor: ActorDep, database: DatabaseDep, archive_id: ArchiveId, page: DeletedPage
) -> list[DeletedPassage]:
    """Deleted passages that can be restored, most recently deleted first."""
    return await database.read(repository.list_deleted_passages, actor, archive_id, page)


@router.post("/{passage_id}/restore", response_model=PassageResponse)
async def restore_passage(
    actor: ActorDep, server: ServerDep, archive_id: ArchiveId, passage_id: PassageId
) -> PassageResponse:
    """Restore a deleted passage with its id and creation time. It is embedded again in the background."""
    passage = await server.database.run(repository.restore_passage, actor, archive_id, passage_id)
    server.archival.look_for_due()
    return service.to_response(passage)


@router.delete("/{passage_id}", status_code=status.HTTP_204_NO_CONTENT)
async def forget_passage(actor: ActorDep, database: DatabaseDep, archive_id: ArchiveId, passage_id: PassageId) -> None:
    """Remove a deleted passage for good before its time is up."""
    await database.run(repository.forget_passage, actor, archive_id, passage_id)
