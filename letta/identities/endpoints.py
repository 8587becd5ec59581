"""Operations on identities: users, organizations and others that agents and blocks serve."""

from typing import Annotated

from fastapi import APIRouter, Header, Query

from letta.agents.parameters import HeaderProject, Includes
from letta.agents.schemas import AgentState
from letta.blocks.block import Block
from letta.blocks.schemas import BlockResponse
from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import IdentityId, page_parameters
from letta.identities import repository, service
from letta.identities.identity import Identity
from letta.identities.repository import IdentityFilter
from letta.identities.schemas import (
    CreateIdentity,
    IdentityResponse,
    IdentityType,
    Properties,
    UpdateIdentity,
    UpsertIdentity,
)

router = APIRouter(prefix="/v1/identities", tags=["identities"])

IdentitiesPage = Annotated[Page, page_parameters(limit=50, order="desc")]
NamedProject = Annotated[str | None, Header(alias="X-Project", description="Project, if the body names none.")]


@router.get("", response_model=list[IdentityResponse])
async def list_identities(
    *,
    actor: ActorDep,
    database: DatabaseDep,
    page: IdentitiesPage,
    project_header: HeaderProject,
    name: Annotated[str | None, Query(description="The exact name.")] = None,
    project_id: str | None = None,
    identifier_key: Annotated[str | None, Query(description="The exact key.")] = None,
    identity_type: IdentityType | None = None,
) -> list[Identity]:
    """Identities of the organization, newest first."""
    condition = IdentityFilter(name, project_id or project_header, identifier_key, identity_type)
    return await database.read(repository.list_identities, actor, condition, page)


@router.post("", response_model=IdentityResponse)
async def create_identity(
    actor: ActorDep,
    database: DatabaseDep,
    body: CreateIdentity,
    project_id: HeaderProject,
    x_project: NamedProject = None,
) -> Identity:
    """Create an identity and attach agents and blocks to it."""
    return await database.run(service.create_identity, actor, body, x_project or project_id)


@router.put("", response_model=IdentityResponse)
async def upsert_identity(
    actor: ActorDep,
    database: DatabaseDep,
    body: UpsertIdentity,
    project_id: HeaderProject,
    x_project: NamedProject = None,
) -> Identity:
    """Create an identity, or update the one that already has this key."""
    return await database.run(service.upsert_identity, actor, body, x_project or project_id)


@router.get("/count", response_model=int)
async def count_identities(actor: ActorDep, database: DatabaseDep) -> int:
    """The number of identities."""
    return await database.read(repository.count_identities, actor)


@router.get("/{identity_id}", response_model=IdentityResponse)
async def retrieve_identity(actor: ActorDep, database: DatabaseDep, identity_id: IdentityId) -> Identity:
    """One identity."""
    return await database.read(repository.get_identity, actor, identity_id)


@router.patch("/{identity_id}", response_model=IdentityResponse)
async def update_identity(
    actor: ActorDep, database: DatabaseDep, identity_id: IdentityId, body: UpdateIdentity
) -> Identity:
    """Change an identity. Omitted fields are kept; lists are replaced as a whole."""
    return await database.run(service.update_identity, actor, identity_id, body)


@router.delete("/{identity_id}", response_model=None)
async def delete_identity(actor: ActorDep, database: DatabaseDep, identity_id: IdentityId) -> None:
    """Delete an identity. Its agents and blocks are kept."""
    await database.run(repository.delete_identity, actor, identity_id)


@router.put("/{identity_id}/properties", response_model=IdentityResponse)
async def upsert_properties(
    actor: ActorDep, database: DatabaseDep, identity_id: IdentityId, body: Properties
) -> Identity:
    """Replace all properties of an identity."""
    return await database.run(service.replace_properties, actor, identity_id, body)


@router.get("/{identity_id}/agents", response_model=list[AgentState])
async def list_agents_of_identity(
    actor: ActorDep, database: DatabaseDep, identity_id: IdentityId, page: IdentitiesPage, include: Includes
) -> list[AgentState]:
    """The agents of an identity, newest first."""
    return await database.read(service.list_agents, actor, identity_id, page, include)


@router.get("/{identity_id}/blocks", response_model=list[BlockResponse])
async def list_blocks_of_identity(
    actor: ActorDep, database: DatabaseDep, identity_id: IdentityId, page: IdentitiesPage
) -> list[Block]:
    """The blocks of an identity, newest first."""
    return await database.read(service.list_blocks, actor, identity_id, page)
