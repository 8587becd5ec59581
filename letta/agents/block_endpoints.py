"""Operations on the core memory of an agent."""

from typing import Annotated

from fastapi import APIRouter, Path

from letta.agents import service
from letta.agents.schemas import AgentState, Memory
from letta.blocks.block import Block
from letta.blocks.schemas import BlockResponse, UpdateBlock
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import AgentId, BlockId, page_parameters

router = APIRouter(prefix="/v1/agents/{agent_id}/core-memory", tags=["agents"])

BlocksPage = Annotated[Page, page_parameters(limit=100, order="desc")]
Label = Annotated[str, Path(description="Label of one of the agent's blocks.")]


@router.get("", response_model=Memory, deprecated=True)
async def retrieve_core_memory(actor: ActorDep, database: DatabaseDep, agent_id: AgentId) -> Memory:
    """The agent's blocks, in the order in which it sees them."""
    agent_type, blocks = await database.read(service.core_memory, actor, agent_id)
    return Memory.model_validate({"agent_type": agent_type, "blocks": blocks})


@router.get("/blocks", response_model=list[BlockResponse])
async def list_blocks(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, page: BlocksPage) -> list[Block]:
    """The agent's blocks, newest first."""
    return await database.read(service.list_blocks, actor, agent_id, page)


@router.get("/blocks/{block_label}", response_model=BlockResponse)
async def retrieve_block(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, block_label: Label) -> Block:
    """The agent's block with this label."""
    return await database.read(service.get_block, actor, agent_id, block_label)


@router.patch("/blocks/{block_label}", response_model=BlockResponse)
async def update_block(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, block_label: Label, body: UpdateBlock
) -> Block:
    """Change the agent's block with this label. Other agents that share the block see the change, too."""
    return await database.run(service.update_block, actor, agent_id, block_label, body)


@router.patch("/blocks/attach/{block_id}", response_model=AgentState)
async def attach_block(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, block_id: BlockId) -> AgentState:
    """Attach a block to the agent."""
    return await database.run(service.attach_block, actor, agent_id, block_id)


@router.patch("/blocks/detach/{block_id}", response_model=AgentState)
async def detach_block(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, block_id: BlockId) -> AgentState:
    """Detach a block from the agent; the block itself is kept."""
    return await database.run(service.detach_block, actor, agent_id, block_id)
