"""Queries on the environment variables that an agent's tools are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, delete, select

from letta.agents.tables import agent_secrets
from letta.database.ids import new_id
from letta.database.rows import insert_all
from letta.organizations.actor import Actor


@dataclass(frozen=True, slots=True)
class Secret:
    """An environment variable of an agent's tools, in clear."""

    id: str
    agent_id: str
    organization_id: str
    key: str
    value: str
    description: str | None = None


def replace_secrets(connection: Connection, actor: Actor, agent_id: str, secrets: Mapping[str, str]) -> list[Secret]:
    """Give an agent exactly these environment variables."""
    connection.execute(delete(agent_secrets).where(agent_secrets.c.agent_id == agent_id))
    return insert_secrets(connection, actor, agent_id, secrets)


def insert_secrets(connection: Connection, actor: Actor, agent_id: str, secrets: Mapping[str, str]) -> list[Secret]:
    """Give an agent that has no environment variables these ones."""
    new = [
        Secret(new_id("agent-env"), agent_id, actor.organization_id, key, value)
        for key, value in sorted(secrets.items())
    ]
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    insert_all(connection, agent_secrets, [_secret_values(secret) | author for secret in new])
    return new


def secrets_of_agents(connection: Connection, agent_ids: Sequence[str]) -> dict[str, list[Secret]]:
    """The environment variables of several agents, by agent id, in clear."""
    columns = [agent_secrets.c[field.name] for field in fields(Secret)]
    query = select(*columns).where(agent_secrets.c.agent_id.in_(agent_ids)).order_by(agent_secrets.c.key)
    found: dict[str, list[Secret]] = {}
    for row in connection.execute(query):
        found.setdefault(row.agent_id, []).append(Secret(**row._mapping))
    return found


def secret_values(connection: Connection, agent_id: str) -> dict[str, str]:
    """The environment variables of one agent, by name, in clear."""
    return {secret.key: secret.value for secret in secrets_of_agents(connection, [agent_id]).get(agent_id, ())}


def _secret_values(secret: Secret) -> dict[str, Any]:
    return {field.name: getattr(secret, field.name) for field in fields(secret)}
