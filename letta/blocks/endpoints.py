"""Operations on blocks as such; those of an agent's blocks are in the agents' room."""

from typing import Annotated

from fastapi import APIRouter

from letta.agents import service as agents_service
from letta.agents.parameters import Includes
from letta.agents.schemas import AgentState
from letta.blocks import repository
from letta.blocks.block import Block
from letta.blocks.parameters import Filtered, Searched
from letta.blocks.schemas import BlockResponse, CreateBlock, UpdateBlock
from letta.blocks.service import to_new_block
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import BlockId, page_parameters

router = APIRouter(prefix="/v1/blocks", tags=["blocks"])

BlocksPage = Annotated[Page, page_parameters(limit=50, order="asc")]
AgentsPage = Annotated[Page, page_parameters(limit=50, order="desc")]


@router.get("", response_model=list[BlockResponse])
async def list_blocks(actor: ActorDep, database: DatabaseDep, page: BlocksPage, condition: Searched) -> list[Block]:
    """Blocks of the organization, oldest first."""
    return await database.read(repository.list_blocks, actor, condition, page)


@router.post("", response_model=BlockResponse)
async def create_block(actor: ActorDep, database: DatabaseDep, body: CreateBlock) -> Block:
    """Create a block that is not attached to an agent yet."""
    return await database.run(repository.create_block, actor, to_new_block(body))


@router.get("/count", response_model=int)
async def count_blocks(actor: ActorDep, database: DatabaseDep, condition: Filtered) -> int:
    """The number of blocks."""
    return await database.read(repository.count_blocks, actor, condition)


@router.get("/{block_id}", response_model=BlockResponse)
async def retrieve_block(actor: ActorDep, database: DatabaseDep, block_id: BlockId) -> Block:
    """One block."""
    return await database.read(repository.get_block, actor, block_id)


@router.patch("/{block_id}", response_model=BlockResponse)
async def update_block(actor: ActorDep, database: DatabaseDep, block_id: BlockId, body: UpdateBlock) -> Block:
    """Change a block. Agents to which it is attached see the change in their next step."""
    return await database.run(repository.update_block, actor, block_id, body.given())


@router.delete("/{block_id}")
async def delete_block(actor: ActorDep, database: DatabaseDep, block_id: BlockId) -> None:
    """Delete a block. It is detached from all agents."""
    await database.run(repository.delete_block, actor, block_id)


@router.get("/{block_id}/agents", response_model=list[AgentState])
async def list_agents_of_block(
    actor: ActorDep, database: DatabaseDep, block_id: BlockId, page: AgentsPage, include: Includes
) -> list[AgentState]:
    """The agents to which a block is attached."""
    return await database.read(agents_service.list_agents_of_block, actor, block_id, page, include)
