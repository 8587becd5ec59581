"""Operations on organizations and users: for whoever runs the server, above all organizations."""

from typing import Annotated

from fastapi import APIRouter, Query

from letta.database.ids import id_pattern
from letta.database.pagination import Page
from letta.http.dependencies import DatabaseDep, ServerDep
from letta.http.parameters import After, Limit
from letta.organizations import repository, service
from letta.organizations.organization import Organization, User
from letta.organizations.schemas import (
    CreateOrganization,
    CreateUser,
    OrganizationResponse,
    UpdateOrganization,
    UpdateUser,
    UserResponse,
)

router = APIRouter(prefix="/v1/admin", tags=["admin"])

UserQuery = Annotated[str, Query(pattern=id_pattern("user"), description="Id of the user.")]
OrganizationQuery = Annotated[str, Query(description="Id of the organization.")]


@router.get("/orgs", response_model=list[OrganizationResponse])
async def list_organizations(database: DatabaseDep, after: After = None, limit: Limit = 50) -> list[Organization]:
    """All organizations, oldest first."""
    return await database.read(repository.list_organizations, Page(limit, after=after, order="asc"))


@router.post("/orgs", response_model=OrganizationResponse)
async def create_organization(database: DatabaseDep, body: CreateOrganization) -> Organization:
    """Create an organization that contains only the built-in tools. Then create users in it."""
    return await database.run(service.create_organization, body)


@router.patch("/orgs", response_model=OrganizationResponse)
async def update_organization(
    database: DatabaseDep, org_id: OrganizationQuery, body: UpdateOrganization
) -> Organization:
    """Change an organization."""
    return await database.run(service.update_organization, org_id, body)


@router.delete("/orgs", response_model=OrganizationResponse)
async def delete_organization(server: ServerDep, org_id: OrganizationQuery) -> Organization:
    """Delete an organization for good, with its users and everything they have created."""
    deleted = await server.database.run(service.delete_organization, org_id)
    server.key_cache.forget_owner(org_id)
    server.indexer.deleted()
    return deleted


@router.get("/users", response_model=list[UserResponse])
async def list_users(database: DatabaseDep, after: After = None, limit: Limit = 50) -> list[User]:
    """The users of all organizations, oldest first."""
    return await database.read(repository.list_users, Page(limit, after=after, order="asc"))


@router.post("/users", response_model=UserResponse)
async def create_user(database: DatabaseDep, body: CreateUser) -> User:
    """Create a user. Requests with its id in the header `user_id` act in its organization."""
    return await database.run(repository.insert_user, body.name, body.organization_id)


@router.put("/users", response_model=UserResponse)
async def update_user(server: ServerDep, body: UpdateUser) -> User:
    """Change a user. Moving it to another organization revokes the keys that it has created."""
    changed = await server.database.run(service.update_user, body)
    server.key_cache.forget_owner(changed.id)
    return changed


@router.delete("/users", response_model=UserResponse)
async def delete_user(server: ServerDep, user_id: UserQuery) -> User:
    """Delete a user and its keys. Everything else that it has created belongs to the organization and is kept."""
    deleted = await server.database.run(service.delete_user, user_id)
    server.key_cache.forget_owner(deleted.id)
    return deleted
