"""Operations on blocks as such; those of an agent's blocks are in the agents' room."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from letta.agents import service as agents_service
from letta.agents.parameters import Includes
from letta.agents.schemas import AgentState
from letta.blocks import repository
from letta.blocks.block import Block
from letta.blocks.repository import BlockFilter
from letta.blocks.schemas import BlockResponse, CreateBlock, UpdateBlock
from letta.blocks.service import to_new_block
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import BlockId, page_parameters

router = APIRouter(prefix="/v1/blocks", tags=["blocks"])

BlocksPage = Annotated[Page, page_parameters(limit=50, order="asc")]
AgentsPage = Annotated[Page, page_parameters(limit=50, order="desc")]
Text = Annotated[str | None, Query(max_length=200)]


async def _filter(
    *,
    label: Text = None,
    name: Annotated[str | None, Query(max_length=100, description="Name of the template.")] = None,
    templates_only: bool = False,
    project_id: str | None = None,
    tags: Annotated[list[str] | None, Query()] = None,
    match_all_tags: bool = False,
) -> BlockFilter:
    return BlockFilter(
        label=label,
        template_name=name,
        templates_only=templates_only,
        project_id=project_id,
        tags=tags,
        match_all_tags=match_all_tags,
    )


async def _search(
    *,
    condition: Annotated[BlockFilter, Depends(_filter)],
    label_search: Text = None,
    description_search: Text = None,
    value_search: Text = None,
    connected_to_agents_count_gt: int | None = None,
    connected_to_agents_count_lt: int | None = None,
    connected_to_agents_count_eq: Annotated[list[int] | None, Query()] = None,
    identity_id: Annotated[str | None, Query(description="Only blocks of this identity.")] = None,
    identifier_keys: Annotated[
        list[str] | None, Query(description="Only blocks of identities with such a key.")
    ] = None,
    show_hidden_blocks: bool = False,
) -> BlockFilter:
    return BlockFilter(
        label=condition.label,
        template_name=condition.template_name,
        templates_only=condition.templates_only,
        project_id=condition.project_id,
        tags=condition.tags,
        match_all_tags=condition.match_all_tags,
        label_search=label_search,
        description_search=description_search,
        value_search=value_search,
        connected_more_than=connected_to_agents_count_gt,
        connected_fewer_than=connected_to_agents_count_lt,
        connected_exactly=connected_to_agents_count_eq,
        show_hidden=show_hidden_blocks,
        identity_id=identity_id,
        identifier_keys=identifier_keys,
    )


@router.get("", response_model=list[BlockResponse])
async def list_blocks(
    actor: ActorDep, database: DatabaseDep, page: BlocksPage, condition: Annotated[BlockFilter, Depends(_search)]
) -> list[Block]:
    """Blocks of the organization, oldest first."""
    return await database.read(repository.list_blocks, actor, condition, page)


@router.post("", response_model=BlockResponse)
async def create_block(actor: ActorDep, database: DatabaseDep, body: CreateBlock) -> Block:
    """Create a block that belongs to no agent yet."""
    return await database.run(repository.create_block, actor, to_new_block(body))


@router.get("/count", response_model=int)
async def count_blocks(
    actor: ActorDep, database: DatabaseDep, condition: Annotated[BlockFilter, Depends(_filter)]
) -> int:
    """How many blocks there are."""
    return await database.read(repository.count_blocks, actor, condition)


@router.get("/{block_id}", response_model=BlockResponse)
async def retrieve_block(actor: ActorDep, database: DatabaseDep, block_id: BlockId) -> Block:
    """One block."""
    return await database.read(repository.get_block, actor, block_id)


@router.patch("/{block_id}", response_model=BlockResponse)
async def update_block(actor: ActorDep, database: DatabaseDep, block_id: BlockId, body: UpdateBlock) -> Block:
    """Change a block. Agents that hold it see the change in their next step."""
    return await database.run(repository.update_block, actor, block_id, body.given())


@router.delete("/{block_id}")
async def delete_block(actor: ActorDep, database: DatabaseDep, block_id: BlockId) -> None:
    """Delete a block; agents that hold it lose it."""
    await database.run(repository.delete_block, actor, block_id)


@router.get("/{block_id}/agents", response_model=list[AgentState])
async def list_agents_of_block(
    actor: ActorDep, database: DatabaseDep, block_id: BlockId, page: AgentsPage, include: Includes
) -> list[AgentState]:
    """The agents that hold a block."""
    return await database.read(agents_service.list_agents_of_block, actor, block_id, page, include)
