"""Operations on the files that an agent may look into."""

from typing import Annotated

from fastapi import APIRouter, Query

from letta.agents import service
from letta.database.pagination import Page
from letta.folders.file_schemas import PaginatedAgentFiles
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import AgentId, FileId, page_parameters

router = APIRouter(prefix="/v1/agents/{agent_id}/files", tags=["agents"])

FilesPage = Annotated[Page, page_parameters(limit=100, order="desc")]


@router.get("", response_model=PaginatedAgentFiles)
async def list_files(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: AgentId,
    page: FilesPage,
    is_open: Annotated[bool | None, Query(description="Only open files (true), or only closed ones (false).")] = None,
    cursor: Annotated[str | None, Query(deprecated=True, description="Use after.")] = None,
) -> PaginatedAgentFiles:
    """Files in the agent's folders, newest first, and the parts of them that the agent sees."""
    page = Page(page.limit, page.before, page.after or cursor, page.order)
    return await database.read(service.list_files, actor, agent_id, page, is_open)


@router.patch("/close-all", response_model=list[str])
async def close_all_files(actor: ActorDep, database: DatabaseDep, agent_id: AgentId) -> list[str]:
    """Close all of the agent's files. Returns the names of those that were open."""
    return await database.run(service.close_all_files, actor, agent_id)


@router.patch("/{file_id}/open", response_model=list[str])
async def open_file(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, file_id: FileId) -> list[str]:
    """Open a file at its start, so that the agent sees it. Returns the names of files that were closed in exchange."""
    return await database.run(service.open_file, actor, agent_id, file_id)


@router.patch("/{file_id}/close")
async def close_file(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, file_id: FileId) -> dict[str, str]:
    """Close a file, so that the agent no longer sees it."""
    await database.run(service.close_file, actor, agent_id, file_id)
    return {"message": f"File id={file_id} successfully closed"}
