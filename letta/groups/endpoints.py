"""Operations on groups of agents. Nothing can be sent to a group as a whole; it is its agents that are talked with."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from letta.agents.parameters import HeaderProject
from letta.database.pagination import Page
from letta.groups import repository, service
from letta.groups.group import Group
from letta.groups.repository import GroupFilter
from letta.groups.schemas import CreateGroup, GroupResponse, ManagerType, UpdateGroup
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import AgentId, BlockId, GroupId, MessageId, page_parameters
from letta.json_types import JsonObject
from letta.messages import listing
from letta.messages.editing import ModifyMessage, with_its_images
from letta.messages.repository import MessageFilter
from letta.messages.schemas import MessageType
from letta.messages.sending import types_of
from letta.messages.wire import Presentation

router = APIRouter(prefix="/v1/groups", tags=["groups"])
agents_router = APIRouter(prefix="/v1/agents", tags=["groups"])

GroupsPage = Annotated[Page, page_parameters(limit=50, order="asc")]
AgentsGroupsPage = Annotated[Page, page_parameters(limit=100, order="desc")]
MessagesPage = Annotated[Page, page_parameters(limit=10, order="desc")]


@router.get("", response_model=list[GroupResponse])
async def list_groups(
    *,
    actor: ActorDep,
    database: DatabaseDep,
    page: GroupsPage,
    project_header: HeaderProject,
    manager_type: ManagerType | None = None,
    project_id: str | None = None,
) -> list[Group]:
    """Groups of the organization, oldest first."""
    condition = GroupFilter(manager_type=manager_type, project_id=project_id or project_header)
    return await database.read(repository.list_groups, actor, condition, page)


@router.post("", response_model=GroupResponse)
async def create_group(actor: ActorDep, database: DatabaseDep, body: CreateGroup, project_id: HeaderProject) -> Group:
    """Create a group of agents."""
    return await database.run(service.create_group, actor, body, project_id)


@router.get("/count", response_model=int)
async def count_groups(actor: ActorDep, database: DatabaseDep) -> int:
    """The number of groups."""
    return await database.read(repository.count_groups, actor)


@router.get("/{group_id}", response_model=GroupResponse)
async def retrieve_group(actor: ActorDep, database: DatabaseDep, group_id: GroupId) -> Group:
    """One group."""
    return await database.read(repository.get_group, actor, group_id)


@router.patch("/{group_id}", response_model=GroupResponse)
async def modify_group(actor: ActorDep, database: DatabaseDep, group_id: GroupId, body: UpdateGroup) -> Group:
    """Change a group. Omitted fields are kept; lists are replaced as a whole."""
    return await database.run(service.update_group, actor, group_id, body)


@router.delete("/{group_id}", response_model=None)
async def delete_group(actor: ActorDep, database: DatabaseDep, group_id: GroupId) -> None:
    """Delete a group. Its agents are kept."""
    await database.run(service.delete_group, actor, group_id)


@router.get("/{group_id}/messages", response_model=list[JsonObject])
async def list_group_messages(
    *,
    actor: ActorDep,
    database: DatabaseDep,
    group_id: GroupId,
    page: MessagesPage,
    use_assistant_message: bool = True,
    assistant_message_tool_name: str = "send_message",
    assistant_message_tool_kwarg: str = "message",
    include_return_message_types: Annotated[list[MessageType] | None, Query()] = None,
) -> JSONResponse:
    """Messages sent to agents as members of the group, newest first."""
    await database.read(repository.get_group, actor, group_id)
    presentation = Presentation(
        types_of(include_return_message_types),
        use_assistant_message,
        assistant_message_tool_name,
        assistant_message_tool_kwarg,
    )
    condition = MessageFilter(group_id=group_id)
    return JSONResponse(await database.read(listing.list_messages, actor, condition, page, presentation))


@router.patch("/{group_id}/messages/{message_id}", response_model=JsonObject)
async def modify_group_message(
    actor: ActorDep, database: DatabaseDep, group_id: GroupId, message_id: MessageId, change: ModifyMessage
) -> JSONResponse:
    """Change the text of a message of the group."""
    complete = await with_its_images(change)
    return JSONResponse(await database.run(service.modify_message, actor, group_id, message_id, complete))


@router.patch("/{group_id}/reset-messages", response_model=None)
async def reset_group_messages(actor: ActorDep, database: DatabaseDep, group_id: GroupId) -> None:
    """Empty the group's list of messages. The agents that received them keep them."""
    await database.run(service.reset_messages, actor, group_id)


@router.patch("/{group_id}/blocks/attach/{block_id}", response_model=None)
async def attach_block_to_group(actor: ActorDep, database: DatabaseDep, group_id: GroupId, block_id: BlockId) -> None:
    """Attach a block to all agents of the group."""
    await database.run(service.attach_block, actor, group_id, block_id)


@router.patch("/{group_id}/blocks/detach/{block_id}", response_model=None)
async def detach_block_from_group(actor: ActorDep, database: DatabaseDep, group_id: GroupId, block_id: BlockId) -> None:
    """Detach a block from the group and its agents; the block itself is kept."""
    await database.run(service.detach_block, actor, group_id, block_id)


@agents_router.get("/{agent_id}/groups", response_model=list[GroupResponse])
async def list_groups_of_agent(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: AgentId,
    page: AgentsGroupsPage,
    manager_type: ManagerType | None = None,
) -> list[Group]:
    """The groups that an agent belongs to, newest first. The group that it manages is shown with the agent itself."""
    return await database.read(service.list_groups_of_agent, actor, agent_id, manager_type, page)
