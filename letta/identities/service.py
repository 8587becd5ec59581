"""What is done with identities, each function one transaction."""

from sqlalchemy import Connection

from letta.agents import repository as agents_repository
from letta.agents.relations import Relations
from letta.agents.schemas import AgentState
from letta.agents.state import states
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.blocks.repository import BlockFilter
from letta.database.pagination import Page
from letta.identities import repository
from letta.identities.identity import Identity
from letta.identities.schemas import CreateIdentity, Properties, UpdateIdentity, UpsertIdentity
from letta.json_types import JsonObject
from letta.organizations.actor import Actor

_MEMBERS = {"agent_ids", "block_ids"}


def create_identity(connection: Connection, actor: Actor, body: CreateIdentity, project_id: str | None) -> Identity:
    """Store a new identity.

    Args:
        project_id: the project where the request names none itself.

    Raises:
        ConflictError: another one has its key.
        NotFoundError: an agent or a block that it names isn't there.
    """
    identity_id = repository.insert_identity(connection, actor, _values(body, project_id))
    return _with_members(connection, actor, identity_id, body)


def upsert_identity(connection: Connection, actor: Actor, body: UpsertIdentity, project_id: str | None) -> Identity:
    """Store an identity, or change that which has its key.

    Raises:
        NotFoundError: an agent or a block that it names isn't there.
    """
    identity_id = repository.upsert_identity(connection, actor, _values(body, project_id))
    return _with_members(connection, actor, identity_id, body)


def update_identity(connection: Connection, actor: Actor, identity_id: str, body: UpdateIdentity) -> Identity:
    """Change an identity.

    Raises:
        NotFoundError: the identity, or an agent or a block that it is to have, isn't there.
        ConflictError: another one has the new key.
    """
    repository.update_identity(connection, actor, identity_id, _given(body))
    return _with_members(connection, actor, identity_id, body)


def replace_properties(connection: Connection, actor: Actor, identity_id: str, properties: Properties) -> Identity:
    """Give an identity exactly these properties.

    Raises:
        NotFoundError: no such identity.
    """
    return update_identity(connection, actor, identity_id, UpdateIdentity(properties=properties))


def list_agents(
    connection: Connection, actor: Actor, identity_id: str, page: Page, include: Relations
) -> list[AgentState]:
    """The agents of an identity.

    Raises:
        NotFoundError: no such identity.
    """
    repository.get_identity(connection, actor, identity_id)
    return states(connection, agents_repository.list_agents_of_identity(connection, actor, identity_id, page), include)


def list_blocks(connection: Connection, actor: Actor, identity_id: str, page: Page) -> list[Block]:
    """The blocks of an identity.

    Raises:
        NotFoundError: no such identity.
    """
    repository.get_identity(connection, actor, identity_id)
    condition = BlockFilter(identity_id=identity_id, show_hidden=True)
    return blocks_repository.list_blocks(connection, actor, condition, page)


def attach_agent(connection: Connection, actor: Actor, agent_id: str, identity_id: str) -> None:
    """Attach an agent to an identity. Doing it twice changes nothing.

    Raises:
        NotFoundError: no such agent or identity.
    """
    _require_both(connection, actor, agent_id, identity_id)
    repository.attach_agent(connection, identity_id, agent_id)


def detach_agent(connection: Connection, actor: Actor, agent_id: str, identity_id: str) -> None:
    """Detach an agent from an identity. Nothing happens where it isn't attached.

    Raises:
        NotFoundError: no such agent or identity.
    """
    _require_both(connection, actor, agent_id, identity_id)
    repository.detach_agent(connection, identity_id, agent_id)


def attach_block(connection: Connection, actor: Actor, block_id: str, identity_id: str) -> Block:
    """Attach a block to an identity. Doing it twice changes nothing.

    Raises:
        NotFoundError: no such block or identity.
    """
    block = blocks_repository.get_block(connection, actor, block_id)
    repository.require_identities(connection, actor, [identity_id])
    repository.attach_block(connection, identity_id, block_id)
    return block


def detach_block(connection: Connection, actor: Actor, block_id: str, identity_id: str) -> Block:
    """Detach a block from an identity. Nothing happens where it isn't attached.

    Raises:
        NotFoundError: no such block or identity.
    """
    block = blocks_repository.get_block(connection, actor, block_id)
    repository.require_identities(connection, actor, [identity_id])
    repository.detach_block(connection, identity_id, block_id)
    return block


def _values(body: CreateIdentity, project_id: str | None) -> JsonObject:
    return _given(body) | {"project_id": body.project_id or project_id}


def _given(body: CreateIdentity | UpdateIdentity) -> JsonObject:
    return {name: value for name, value in body.given().items() if value is not None and name not in _MEMBERS}


def _with_members(
    connection: Connection, actor: Actor, identity_id: str, body: CreateIdentity | UpdateIdentity
) -> Identity:
    if body.agent_ids is not None:
        agents_repository.require_agents(connection, actor, body.agent_ids)
        repository.replace_agents(connection, identity_id, body.agent_ids)
    if body.block_ids is not None:
        blocks_repository.get_blocks(connection, actor, list(dict.fromkeys(body.block_ids)))
        repository.replace_blocks(connection, identity_id, body.block_ids)
    return repository.get_identity(connection, actor, identity_id)


def _require_both(connection: Connection, actor: Actor, agent_id: str, identity_id: str) -> None:
    agents_repository.require_agent(connection, actor, agent_id)
    repository.require_identities(connection, actor, [identity_id])
