"""What is done with organizations and users, each function one transaction."""

from sqlalchemy import Connection

from letta.access.repository import delete_keys_elsewhere
from letta.agents.names import random_name
from letta.constants import DEFAULT_ORGANIZATION_ID, DEFAULT_USER_ID
from letta.errors import ConflictError
from letta.organizations import repository
from letta.organizations.actor import Actor
from letta.organizations.organization import Organization, User
from letta.organizations.schemas import CreateOrganization, UpdateOrganization, UpdateUser
from letta.tools.service import ensure_builtin_tools


def create_organization(connection: Connection, body: CreateOrganization) -> Organization:
    """A new organization, with the built-in tools."""
    name = body.name or random_name()
    made = repository.insert_organization(connection, name, privileged_tools=bool(body.privileged_tools))
    ensure_builtin_tools(connection, Actor(DEFAULT_USER_ID, made.id))
    return made


def update_organization(connection: Connection, organization_id: str, body: UpdateOrganization) -> Organization:
    """Change an organization.

    Raises:
        NotFoundError: there is none with this id.
    """
    return repository.update_organization(connection, organization_id, body.model_dump(exclude_none=True))


def delete_organization(connection: Connection, organization_id: str) -> Organization:
    """Delete an organization with all that it owns.

    Raises:
        ConflictError: it is the default one.
        NotFoundError: there is none with this id.
    """
    if organization_id == DEFAULT_ORGANIZATION_ID:
        raise ConflictError(
            "The default organization can't be deleted: requests without a user_id header act in it. "
            "Delete its agents, blocks and tools instead."
        )
    return repository.delete_organization(connection, organization_id)


def update_user(connection: Connection, body: UpdateUser) -> User:
    """Change a user. One that moves to another organization leaves its keys behind, which end.

    Raises:
        ConflictError: it is the default one, and would leave the default organization.
        NotFoundError: there is no such user or organization.
    """
    moves = body.organization_id not in (None, DEFAULT_ORGANIZATION_ID)
    if body.id == DEFAULT_USER_ID and moves:
        raise ConflictError("The default user can't leave the default organization. Create another user there.")
    changed = repository.update_user(connection, body.id, body.model_dump(exclude_none=True, exclude={"id"}))
    if body.organization_id is not None:
        delete_keys_elsewhere(connection, changed.id, changed.organization_id)
    return changed


def delete_user(connection: Connection, user_id: str) -> User:
    """Delete a user. What it has made belongs to its organization, and stays.

    Raises:
        ConflictError: it is the default one.
        NotFoundError: there is none with this id.
    """
    if user_id == DEFAULT_USER_ID:
        raise ConflictError("The default user can't be deleted: requests without a user_id header act as it.")
    return repository.delete_user(connection, user_id)
