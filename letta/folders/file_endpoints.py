"""Operations on the files of folders, and under the former name of folders, ``/sources``."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, File, Query, UploadFile, status

from letta.database.pagination import Page
from letta.folders import file_repository as repository
from letta.folders import file_service as service
from letta.folders.file import File as StoredFile
from letta.folders.file_repository import DuplicateHandling, FilePassage
from letta.folders.file_schemas import FilePassageResponse, FileResponse
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import FileId, FolderId, page_reader

_UPLOADS_AT_ONCE = asyncio.Semaphore(2)
"""A large file is in memory while it is stored."""

IncludeContent = Annotated[bool, Query(description="Whether to include the text of the files.")]
FilesPage = Annotated[Page, Depends(page_reader(limit=1000, order="desc"))]
PassagesPage = Annotated[Page, Depends(page_reader(limit=100, order="desc"))]


async def upload_file(
    actor: ActorDep,
    server: ServerDep,
    folder_id: FolderId,
    file: Annotated[UploadFile, File(description="The file: PDF, Word (.docx), text, or source code.")],
    duplicate_handling: Annotated[
        DuplicateHandling,
        Query(
            description="What to do if the folder already has a file of this name: keep the old file (skip), refuse "
            "the upload (error), store the new file under another name (suffix), or replace the old file (replace)."
        ),
    ] = "suffix",
    name: Annotated[str | None, Query(max_length=1000, description="Name to store the file under.")] = None,
) -> StoredFile:
    """Store a file. It is read, split into passages and embedded in the background; see `processing_status`."""
    new = service.new_file(actor, folder_id, file, name)
    async with _UPLOADS_AT_ONCE:
        stored = await server.database.run(service.add_file, actor, new, file.file, duplicate_handling)
    server.files.wake()
    return stored


async def list_files(
    actor: ActorDep,
    database: DatabaseDep,
    folder_id: FolderId,
    page: FilesPage,
    include_content: IncludeContent = False,
) -> list[StoredFile]:
    """Files in a folder, newest first."""
    return await database.read(repository.list_files, actor, folder_id, page, with_content=include_content)


async def list_files_of_source(
    *,
    actor: ActorDep,
    database: DatabaseDep,
    folder_id: FolderId,
    page: FilesPage,
    include_content: IncludeContent = False,
    check_status_updates: Annotated[  # noqa: ARG001 - part of the contract; what is told is always current
        bool, Query(deprecated=True, description="No effect: the result is always current.")
    ] = True,
) -> list[StoredFile]:
    """Files in a folder, newest first."""
    return await database.read(repository.list_files, actor, folder_id, page, with_content=include_content)


async def retrieve_file(
    actor: ActorDep,
    database: DatabaseDep,
    folder_id: FolderId,
    file_id: FileId,
    include_content: IncludeContent = False,
) -> StoredFile:
    """One file in a folder."""
    return await database.read(repository.get_file, actor, folder_id, file_id, with_content=include_content)


async def delete_file(actor: ActorDep, database: DatabaseDep, folder_id: FolderId, file_id: FileId) -> None:
    """Delete a file with its passages. Agents no longer see it."""
    await database.run(repository.delete_file, actor, folder_id, file_id)


async def list_passages(
    actor: ActorDep, database: DatabaseDep, folder_id: FolderId, page: PassagesPage
) -> list[FilePassage]:
    """Passages of a folder's files, newest first."""
    return await database.read(repository.list_passages, actor, folder_id, page)


def _routes(prefix: str, *, under_former_name: bool) -> APIRouter:
    router = APIRouter(prefix=f"/v1{prefix}", tags=[prefix.strip("/")])
    list_them = list_files_of_source if under_former_name else list_files
    router.post("/{folder_id}/upload", response_model=FileResponse)(upload_file)
    router.get("/{folder_id}/files", response_model=list[FileResponse])(list_them)
    router.get("/{folder_id}/files/{file_id}", response_model=FileResponse)(retrieve_file)
    router.get("/{folder_id}/passages", response_model=list[FilePassageResponse])(list_passages)
    router.delete("/{folder_id}/{file_id}", status_code=status.HTTP_204_NO_CONTENT)(delete_file)
    return router


router = _routes("/folders", under_former_name=False)
sources_router = _routes("/sources", under_former_name=True)
