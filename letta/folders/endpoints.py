"""Operations on folders; those of an agent's folders are in the agents' room.

``/sources`` is the deprecated twin of ``/folders``: the same things under their former name, listed whole.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from letta.database.pagination import Page
from letta.folders import file_service, repository, service
from letta.folders.file_schemas import OrganizationSourcesStats
from letta.folders.folder import Folder
from letta.folders.schemas import CreateFolder, FolderResponse, SourceResponse, UpdateFolder
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import MAX_PAGE, FolderId, page_reader

Name = Annotated[str | None, Query(description="Exact name.")]


async def count_folders(actor: ActorDep, database: DatabaseDep) -> int:
    """The number of folders."""
    return await database.read(repository.count_folders, actor)


async def measure_folders(
    actor: ActorDep,
    database: DatabaseDep,
    include_detailed_per_source_metadata: Annotated[
        bool, Query(description="Whether to tell it of each folder and file.")
    ] = False,
) -> OrganizationSourcesStats:
    """The number of folders and files, and their size."""
    return await database.read(file_service.measure, actor, detailed=include_detailed_per_source_metadata)


async def create_folder(actor: ActorDep, server: ServerDep, body: CreateFolder) -> Folder:
    """Create an empty folder."""
    folder = await service.new_folder(await server.catalogs.whole(actor, body.embedding), actor, body)
    return await server.database.run(repository.create_folder, actor, folder)


async def get_folder_by_name(actor: ActorDep, database: DatabaseDep, folder_name: str) -> str:
    """The id of the folder with this name."""
    return await database.read(repository.folder_id_by_name, actor, folder_name)


async def retrieve_folder(actor: ActorDep, database: DatabaseDep, folder_id: FolderId) -> Folder:
    """One folder."""
    return await database.read(repository.get_folder, actor, folder_id)


async def modify_folder(actor: ActorDep, server: ServerDep, folder_id: FolderId, body: UpdateFolder) -> Folder:
    """Change a folder. If the embedding model changes, its files are re-embedded in the background."""
    folder = await server.database.run(service.update_folder, actor, folder_id, service.changes_of(body))
    if body.embedding_config is not None:
        server.embedding.wake()
    return folder


async def delete_folder(actor: ActorDep, server: ServerDep, folder_id: FolderId) -> None:
    """Delete a folder with everything in it."""
    await server.database.run(service.delete_folder, actor, folder_id)
    server.indexer.deleted()


def _routes(prefix: str, response: type[FolderResponse], *, page_size: int) -> APIRouter:
    router = APIRouter(prefix=f"/v1{prefix}", tags=[prefix.strip("/")])
    folders_page = page_reader(limit=page_size, order="asc")
    agents_page = page_reader(limit=page_size, order="desc")

    async def list_folders(
        actor: ActorDep, database: DatabaseDep, page: Annotated[Page, Depends(folders_page)], name: Name = None
    ) -> list[Folder]:
        """Folders of the organization, oldest first."""
        return await database.read(repository.list_folders, actor, page, name)

    async def list_agents_of_folder(
        actor: ActorDep, database: DatabaseDep, folder_id: FolderId, page: Annotated[Page, Depends(agents_page)]
    ) -> list[str]:
        """The ids of the agents to which a folder is attached."""
        return await database.read(repository.agent_ids_of_folder, actor, folder_id, page)

    router.get("", response_model=list[response])(list_folders)  # type: ignore[valid-type]
    router.post("", response_model=response)(create_folder)
    router.get("/count", response_model=int)(count_folders)
    router.get("/metadata", response_model=OrganizationSourcesStats)(measure_folders)
    router.get("/name/{folder_name}", response_model=str)(get_folder_by_name)
    router.get("/{folder_id}", response_model=response)(retrieve_folder)
    router.patch("/{folder_id}", response_model=response)(modify_folder)
    router.delete("/{folder_id}")(delete_folder)
    router.get("/{folder_id}/agents", response_model=list[str])(list_agents_of_folder)
    return router


router = _routes("/folders", FolderResponse, page_size=50)
sources_router = _routes("/sources", SourceResponse, page_size=MAX_PAGE)
