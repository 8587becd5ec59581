"""What is done with deployments: agents, blocks and groups that were made together of a template elsewhere."""

from collections.abc import Collection, Sequence
from contextlib import suppress

from sqlalchemy import Connection

from letta.agents import service as agents_service
from letta.agents.creation import create_agent
from letta.agents.schemas import AgentState, CreateAgent
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.blocks.service import to_new_block
from letta.errors import NotFoundError
from letta.groups import repository as groups_repository
from letta.groups import service as groups_service
from letta.groups.group import Group
from letta.internals import repository
from letta.internals.schemas import (
    CreateTemplateAgent,
    CreateTemplateBlock,
    CreateTemplateGroup,
    DeletedDeployment,
    DeploymentEntities,
    DeploymentEntity,
    EntityType,
)
from letta.llm.catalog import Catalog
from letta.organizations.actor import Actor

_ALL: tuple[EntityType, ...] = ("block", "agent", "group")


def create_template_agent(
    connection: Connection, actor: Actor, catalog: Catalog, body: CreateTemplateAgent
) -> AgentState:
    """Store a new agent of a deployment.

    Raises:
        InvalidArgumentError, NotFoundError, ConflictError, NotOfferedError: as for any agent.
    """
    made = create_agent(connection, actor, catalog, CreateAgent.model_validate(body.model_dump(exclude_unset=True)))
    repository.note_deployment(connection, made.id, body.deployment_id, body.entity_id)
    return made.model_copy(update={"deployment_id": body.deployment_id, "entity_id": body.entity_id})


def create_template_blocks(connection: Connection, actor: Actor, bodies: Sequence[CreateTemplateBlock]) -> list[Block]:
    """Store new blocks of a deployment.

    Raises:
        InvalidArgumentError: a value is longer than its limit.
    """
    return blocks_repository.create_blocks(connection, actor, [to_new_block(body) for body in bodies])


def create_template_group(connection: Connection, actor: Actor, body: CreateTemplateGroup) -> Group:
    """Store a new group of a deployment.

    Raises:
        NotFoundError, ConflictError, NotOfferedError: as for any group.
    """
    made = groups_service.create_group(connection, actor, body, None)
    origin = {name: getattr(body, name) for name in ("template_id", "base_template_id", "deployment_id")}
    groups_repository.update_group(connection, actor, made.id, origin)
    return groups_repository.get_group(connection, actor, made.id)


def list_entities(
    connection: Connection, actor: Actor, deployment_id: str, types: Collection[EntityType] | None
) -> DeploymentEntities:
    """All that belongs to a deployment, or what of it is of some types.

    Raises:
        NotFoundError: nothing belongs to it.
    """
    found = [each for each in _entities(connection, actor, deployment_id) if each.type in (types or _ALL)]
    message = f"{len(found)} things belong to the deployment."
    return DeploymentEntities(entities=found, total_count=len(found), deployment_id=deployment_id, message=message)


def delete_deployment(connection: Connection, actor: Actor, deployment_id: str) -> DeletedDeployment:
    """Delete all that belongs to a deployment.

    Raises:
        NotFoundError: nothing belongs to it.
    """
    found = _entities(connection, actor, deployment_id)
    ids = {kind: [entity.id for entity in found if entity.type == kind] for kind in _ALL}
    for agent_id in ids["agent"]:
        with suppress(NotFoundError):  # one that looked after the memory of another one is gone with it
            agents_service.delete_agent(connection, actor, agent_id)
    repository.delete_blocks_and_groups(connection, actor, deployment_id)
    return DeletedDeployment(
        deleted_blocks=ids["block"],
        deleted_agents=ids["agent"],
        deleted_groups=ids["group"],
        message=f"{len(found)} things were deleted with the deployment.",
    )


def _entities(connection: Connection, actor: Actor, deployment_id: str) -> list[DeploymentEntity]:
    found = repository.entities_of(connection, actor, deployment_id)
    if not found:
        raise NotFoundError(f"Nothing belongs to a deployment '{deployment_id[:100]}'.")
    return found
