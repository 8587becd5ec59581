"""Queries on agents, as other programs are told of them."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from letta.agents import relation_repository
from letta.agents import service as agents_service
from letta.agents.tables import agents
from letta.blocks.block import Block
from letta.blocks.schemas import UpdateBlock
from letta.errors import InvalidArgumentError
from letta.json_types import JsonObject
from letta.organizations.actor import Actor


def list_agents(
    connection: Connection, actor: Actor, only: Collection[str] | None, search: str | None, limit: int
) -> list[JsonObject]:
    """The organization's newest agents, but for hidden ones; only those with these ids, if any are given."""
    query = select(agents.c.id, agents.c.name, agents.c.description).where(
        agents.c.organization_id == actor.organization_id, agents.c.hidden.is_not(True)
    )
    if only is not None:
        query = query.where(agents.c.id.in_(only))
    if search:
        query = query.where(agents.c.name.icontains(search, autoescape=True))
    query = query.order_by(agents.c.created_at.desc(), agents.c.id.desc()).limit(limit)
    return [dict(row._mapping) for row in connection.execute(query)]


def agents_called(connection: Connection, actor: Actor, only: Collection[str] | None, name: str) -> list[str]:
    """The id of the agent with this id, or ids of the agents of this name: two at most, as more don't matter."""
    query = select(agents.c.id).where(agents.c.organization_id == actor.organization_id)
    if only is not None:
        query = query.where(agents.c.id.in_(only))
    found = connection.scalars(query.where(agents.c.id == name)).all()
    return list(found or connection.scalars(query.where(agents.c.name == name).limit(2)).all())


def replace_in_block(
    connection: Connection, actor: Actor, agent_id: str, label: str, old_text: str, new_text: str
) -> Block:
    """Change a text that stands in an agent's block exactly once.

    Raises:
        NotFoundError: the agent has no such block.
        InvalidArgumentError: the text doesn't stand there, or more than once, or the new value is too long.
    """
    value = relation_repository.block_of_agent(connection, agent_id, label, lock=True).value
    times = value.count(old_text)
    if times != 1:
        raise InvalidArgumentError(
            f"old_text occurs {times} times in the block '{label}'. Give a text that occurs exactly once."
        )
    body = UpdateBlock(value=value.replace(old_text, new_text))
    return agents_service.update_block(connection, actor, agent_id, label, body)
