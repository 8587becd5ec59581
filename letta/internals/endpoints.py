"""Operations that consoles and the hosted product call, and which no client of version 1 offers.

Most do what others do under another address. What belongs to the hosted product alone is refused, saying why.
"""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, status

from letta.access.grants import Access
from letta.agents import models
from letta.agents import repository as agents_repository
from letta.agents import service as agents_service
from letta.agents.parameters import Includes
from letta.agents.repository import AgentFilter
from letta.agents.schemas import AgentState
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.blocks.parameters import Searched
from letta.blocks.schemas import BlockResponse, CreateBlock, UpdateBlock
from letta.blocks.service import to_new_block
from letta.database.pagination import Page
from letta.errors import AuthenticationError, GoneError, NotOfferedError
from letta.groups.group import Group
from letta.groups.schemas import GroupResponse
from letta.http.dependencies import ActorDep, DatabaseDep, PrincipalDep, ServerDep
from letta.http.parameters import AgentId, BlockId, page_parameters
from letta.internals import service
from letta.internals.schemas import (
    Authenticated,
    CreateTemplateAgent,
    CreateTemplateBlock,
    CreateTemplateGroup,
    Credentials,
    DeletedDeployment,
    DeploymentEntities,
    EntityType,
    WarmCache,
    WarmedCache,
)

router = APIRouter(prefix="/v1", tags=["internals"])

BlocksPage = Annotated[Page, page_parameters(limit=50, order="asc")]
AgentsPage = Annotated[Page, page_parameters(limit=50, order="desc")]
DeploymentName = Annotated[str, Path(description="Id of the deployment in another system.")]

_NO_ENVIRONMENTS = (
    "Environments, which are machines connected to the hosted product, are not supported. To let agents work on a "
    "machine of yours, use the tools of an MCP server, or tools that the client of a request runs ('client_tools')."
)


@router.get("/_internal_agents/count", response_model=int)
async def count_agents(
    principal: PrincipalDep,
    database: DatabaseDep,
    exclude_hidden: Annotated[bool, Query(description="Whether to leave out hidden agents.")] = True,
) -> int:
    """The number of agents, without those that the key can't access."""
    condition = AgentFilter(show_hidden=not exclude_hidden, ids=principal.limited_to(Access.READ_AGENT))
    return await database.read(agents_repository.count_agents, principal.actor, condition)


@router.patch("/_internal_agents/{agent_id}/core-memory/blocks/{block_label}", response_model=BlockResponse)
async def update_block_of_agent(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, block_label: str, body: UpdateBlock
) -> Block:
    """Change an agent's block, as with `/v1/agents`."""
    return await database.run(agents_service.update_block, actor, agent_id, block_label, body)


@router.get("/_internal_blocks", response_model=list[BlockResponse])
async def list_blocks(actor: ActorDep, database: DatabaseDep, page: BlocksPage, condition: Searched) -> list[Block]:
    """Blocks of the organization, oldest first."""
    return await database.read(blocks_repository.list_blocks, actor, condition, page)


@router.post("/_internal_blocks", response_model=BlockResponse)
async def create_block(actor: ActorDep, database: DatabaseDep, body: CreateBlock) -> Block:
    """Create a block, as with `/v1/blocks`."""
    return await database.run(blocks_repository.create_block, actor, to_new_block(body))


@router.delete("/_internal_blocks/{block_id}")
async def delete_block(actor: ActorDep, database: DatabaseDep, block_id: BlockId) -> dict[str, Any]:
    """Delete a block, as with `/v1/blocks`."""
    await database.run(blocks_repository.delete_block, actor, block_id)
    return {"message": f"Block id={block_id} successfully deleted"}


@router.get("/_internal_blocks/{block_id}/agents", response_model=list[AgentState])
async def list_agents_of_block(
    actor: ActorDep, database: DatabaseDep, block_id: BlockId, page: AgentsPage, include: Includes
) -> list[AgentState]:
    """The agents to which a block is attached, as with `/v1/blocks`."""
    return await database.read(agents_service.list_agents_of_block, actor, block_id, page, include)


@router.post("/_internal_search/cache-warm", response_model=WarmedCache, status_code=status.HTTP_202_ACCEPTED)
async def warm_search_cache(_actor: ActorDep, body: WarmCache) -> WarmedCache:
    """No effect: messages are searched where they are stored."""
    return WarmedCache(collection=body.collection, status="not_needed", warmed=True)


@router.post("/_internal_templates/groups", response_model=GroupResponse)
async def create_template_group(actor: ActorDep, database: DatabaseDep, body: CreateTemplateGroup) -> Group:
    """Create a group that belongs to a deployment."""
    return await database.run(service.create_template_group, actor, body)


@router.post("/_internal_templates/agents", response_model=AgentState)
async def create_template_agent(actor: ActorDep, server: ServerDep, body: CreateTemplateAgent) -> AgentState:
    """Create an agent that belongs to a deployment."""
    await models.look_up(server.catalog, body)
    return await server.database.run(service.create_template_agent, actor, server.catalog, body)


@router.post("/_internal_templates/blocks", response_model=BlockResponse)
async def create_template_block(actor: ActorDep, database: DatabaseDep, body: CreateTemplateBlock) -> Block:
    """Create a block that belongs to a deployment."""
    (block,) = await database.run(service.create_template_blocks, actor, [body])
    return block


@router.post("/_internal_templates/blocks/batch", response_model=list[BlockResponse])
async def create_template_blocks(
    actor: ActorDep, database: DatabaseDep, body: list[CreateTemplateBlock]
) -> list[Block]:
    """Create several blocks that belong to a deployment. If one of them can't be stored, none is."""
    return await database.run(service.create_template_blocks, actor, body)


@router.get("/_internal_templates/deployment/{deployment}", response_model=DeploymentEntities)
async def list_deployment_entities(
    actor: ActorDep,
    database: DatabaseDep,
    deployment: DeploymentName,
    entity_types: Annotated[list[EntityType] | None, Query(description="Only things of these types.")] = None,
) -> DeploymentEntities:
    """Everything that belongs to a deployment."""
    return await database.read(service.list_entities, actor, deployment, entity_types)


@router.delete("/_internal_templates/deployment/{deployment}", response_model=DeletedDeployment)
async def delete_deployment(actor: ActorDep, server: ServerDep, deployment: DeploymentName) -> DeletedDeployment:
    """Delete everything that belongs to a deployment."""
    deleted = await server.database.run(service.delete_deployment, actor, deployment)
    server.indexer.deleted()
    return deleted


@router.post("/auth", response_model=Authenticated)
async def authenticate(actor: ActorDep, server: ServerDep, body: Credentials) -> Authenticated:
    """Check a password and return the user. The request itself must be authenticated like any other."""
    password = server.settings.server_password
    if password is not None:
        given = (body.password or "").encode()
        if not hmac.compare_digest(given, password.get_secret_value().encode()):
            raise AuthenticationError
    return Authenticated(uuid=actor.user_id.removeprefix("user-"), is_admin=True)


@router.post("/voice-beta/{agent_id}/chat/completions", include_in_schema=False)
async def refuse_voice(_actor: ActorDep) -> None:
    """Gone, as it was with the former server."""
    raise GoneError("Voice agents are not supported. Send text to /v1/agents/{agent_id}/messages.")


@router.get("/environments", include_in_schema=False)
@router.get("/environments/{device_id}", include_in_schema=False)
@router.post("/environments/{connection_id}/messages", include_in_schema=False)
async def refuse_environments(_actor: ActorDep) -> None:
    """Not offered."""
    raise NotOfferedError(_NO_ENVIRONMENTS)
