"""Queries on organizations and users.

They take no actor: who manages organizations stands above all of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import NotFoundError, no_such
from letta.organizations.actor import Actor
from letta.organizations.organization import Organization, User
from letta.organizations.tables import organizations, users

AnyRow = Row[*tuple[Any, ...]]

_ORGANIZATION = [organizations.c[name] for name in ("id", "name", "created_at", "privileged_tools")]
_USER = [users.c[name] for name in ("id", "organization_id", "name", "created_at", "updated_at")]


def find_actor(connection: Connection, user_id: str) -> Actor | None:
    """The actor with this user id, or None."""
    row = connection.execute(select(users.c.id, users.c.organization_id).where(users.c.id == user_id)).first()
    return None if row is None else Actor(row.id, row.organization_id)


def insert_organization(connection: Connection, name: str, *, privileged_tools: bool) -> Organization:
    """Store a new organization."""
    values = {"id": new_id("org"), "name": name, "privileged_tools": privileged_tools}
    return Organization(*connection.execute(insert(organizations).values(values).returning(*_ORGANIZATION)).one())


def list_organizations(connection: Connection, page: Page) -> list[Organization]:
    """A page of all organizations."""
    query = paginate(select(*_ORGANIZATION), organizations, page)
    return [Organization(*row) for row in connection.execute(query)]


def update_organization(connection: Connection, organization_id: str, changes: Mapping[str, Any]) -> Organization:
    """Change an organization.

    Raises:
        NotFoundError: there is none with this id.
    """
    if changes:
        query = update(organizations).where(organizations.c.id == organization_id).values(changes)
        row = connection.execute(query.returning(*_ORGANIZATION)).first()
    else:
        row = connection.execute(select(*_ORGANIZATION).where(organizations.c.id == organization_id)).first()
    return _organization(row, organization_id)


def delete_organization(connection: Connection, organization_id: str) -> Organization:
    """Delete an organization with all that it owns.

    Raises:
        NotFoundError: there is none with this id.
    """
    query = delete(organizations).where(organizations.c.id == organization_id).returning(*_ORGANIZATION)
    return _organization(connection.execute(query).first(), organization_id)


def insert_user(connection: Connection, name: str, organization_id: str) -> User:
    """Store a new user.

    Raises:
        NotFoundError: there is no such organization.
    """
    values = {"id": new_id("user"), "name": name, "organization_id": organization_id}
    try:
        return User(*connection.execute(insert(users).values(values).returning(*_USER)).one())
    except IntegrityError as error:
        raise _no_organization(organization_id) from error


def list_users(connection: Connection, page: Page) -> list[User]:
    """A page of the users of all organizations."""
    return [User(*row) for row in connection.execute(paginate(select(*_USER), users, page))]


def update_user(connection: Connection, user_id: str, changes: Mapping[str, Any]) -> User:
    """Change a user.

    Raises:
        NotFoundError: there is none with this id, or no organization as the one it is to belong to.
    """
    query = update(users).where(users.c.id == user_id).values({**changes, "updated_at": func.now()})
    try:
        row = connection.execute(query.returning(*_USER)).first()
    except IntegrityError as error:
        raise _no_organization(changes["organization_id"]) from error
    return _user(row, user_id)


def delete_user(connection: Connection, user_id: str) -> User:
    """Delete a user. What it has made belongs to its organization, and stays.

    Raises:
        NotFoundError: there is none with this id.
    """
    row = connection.execute(delete(users).where(users.c.id == user_id).returning(*_USER)).first()
    return replace(_user(row, user_id), is_deleted=True)


def _organization(row: AnyRow | None, organization_id: str) -> Organization:
    if row is None:
        raise _no_organization(organization_id)
    return Organization(*row)


def _user(row: AnyRow | None, user_id: str) -> User:
    if row is None:
        raise no_such("user", user_id, "/v1/admin/users")
    return User(*row)


def _no_organization(organization_id: str) -> NotFoundError:
    return no_such("organization", organization_id, "/v1/admin/orgs")
