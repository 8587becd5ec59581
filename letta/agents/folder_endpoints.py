"""Operations on the folders that an agent may look into, also under their former name ``sources``.

Current official clients get no body when they attach or detach; others get the agent.
"""

from typing import Annotated

from fastapi import APIRouter

from letta.agents import service
from letta.agents.parameters import CurrentSdk
from letta.agents.schemas import AgentState
from letta.database.pagination import Page
from letta.folders.folder import Folder
from letta.folders.schemas import SourceResponse
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import AgentId, FolderId, page_parameters

router = APIRouter(prefix="/v1/agents/{agent_id}", tags=["agents"])

FoldersPage = Annotated[Page, page_parameters(limit=100, order="desc")]


@router.get("/folders", response_model=list[SourceResponse])
@router.get("/sources", response_model=list[SourceResponse], deprecated=True)
async def list_folders(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, page: FoldersPage) -> list[Folder]:
    """The agent's folders, newest first."""
    return await database.read(service.list_folders, actor, agent_id, page)


@router.patch("/folders/attach/{folder_id}", response_model=AgentState | None)
async def attach_folder(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, folder_id: FolderId, current_sdk: CurrentSdk
) -> AgentState | None:
    """Attach a folder to the agent, which can then read its files."""
    return await database.run(service.attach_folder, actor, agent_id, folder_id, answer=not current_sdk)


@router.patch("/folders/detach/{folder_id}", response_model=AgentState | None)
async def detach_folder(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, folder_id: FolderId, current_sdk: CurrentSdk
) -> AgentState | None:
    """Detach a folder from the agent."""
    return await database.run(service.detach_folder, actor, agent_id, folder_id, answer=not current_sdk)


@router.patch("/sources/attach/{source_id}", response_model=AgentState, deprecated=True)
async def attach_source(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, source_id: FolderId
) -> AgentState | None:
    """Attach a folder to the agent, which can then read its files."""
    return await database.run(service.attach_folder, actor, agent_id, source_id, answer=True)


@router.patch("/sources/detach/{source_id}", response_model=AgentState, deprecated=True)
async def detach_source(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, source_id: FolderId
) -> AgentState | None:
    """Detach a folder from the agent."""
    return await database.run(service.detach_folder, actor, agent_id, source_id, answer=True)
