"""Queries on organizations and users."""

from sqlalchemy import Connection, select

from letta.organizations.actor import Actor
from letta.organizations.tables import users


def find_actor(connection: Connection, user_id: str) -> Actor | None:
    """The actor with this user id, or None."""
    row = connection.execute(select(users.c.id, users.c.organization_id).where(users.c.id == user_id)).first()
    return None if row is None else Actor(row.id, row.organization_id)
