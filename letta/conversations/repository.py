"""Queries on conversations."""

from sqlalchemy import Connection, insert, select

from letta.conversations.tables import conversations
from letta.database.ids import new_id
from letta.errors import NotFoundError
from letta.organizations.actor import Actor


def create_conversation(
    connection: Connection,
    actor: Actor,
    agent_id: str,
    *,
    is_default: bool = False,
    system_digest: str | None = None,
) -> str:
    """Make a conversation with an empty context and return its id.

    ``system_digest`` is that of the system message which the caller puts into the context.
    """
    conversation_id = new_id("conv")
    values = {
        "id": conversation_id,
        "organization_id": actor.organization_id,
        "agent_id": agent_id,
        "is_default": is_default,
        "system_digest": system_digest,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
    }
    connection.execute(insert(conversations).values(values))
    return conversation_id


def default_conversation_id(connection: Connection, agent_id: str) -> str:
    """The id of the conversation that an agent has by itself.

    Raises:
        NotFoundError: there is no such agent.
    """
    query = select(conversations.c.id).where(conversations.c.agent_id == agent_id, conversations.c.is_default)
    found: str | None = connection.scalar(query)
    if found is None:
        raise NotFoundError(f"There is no agent {agent_id}.")
    return found
