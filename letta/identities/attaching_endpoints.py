"""Operations that attach agents and blocks to identities, and detach them."""

from fastapi import APIRouter

from letta.blocks.block import Block
from letta.blocks.schemas import BlockResponse
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import AgentId, BlockId, IdentityId
from letta.identities import service

router = APIRouter(prefix="/v1", tags=["identities"])


@router.patch("/agents/{agent_id}/identities/attach/{identity_id}", response_model=None)
async def attach_identity_to_agent(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, identity_id: IdentityId
) -> None:
    """Attach an agent to an identity."""
    await database.run(service.attach_agent, actor, agent_id, identity_id)


@router.patch("/agents/{agent_id}/identities/detach/{identity_id}", response_model=None)
async def detach_identity_from_agent(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, identity_id: IdentityId
) -> None:
    """Detach an agent from an identity."""
    await database.run(service.detach_agent, actor, agent_id, identity_id)


@router.patch("/blocks/{block_id}/identities/attach/{identity_id}", response_model=BlockResponse)
async def attach_identity_to_block(
    actor: ActorDep, database: DatabaseDep, block_id: BlockId, identity_id: IdentityId
) -> Block:
    """Attach a block to an identity."""
    return await database.run(service.attach_block, actor, block_id, identity_id)


@router.patch("/blocks/{block_id}/identities/detach/{identity_id}", response_model=BlockResponse)
async def detach_identity_from_block(
    actor: ActorDep, database: DatabaseDep, block_id: BlockId, identity_id: IdentityId
) -> Block:
    """Detach a block from an identity."""
    return await database.run(service.detach_block, actor, block_id, identity_id)
