"""Queries on all that belongs to a deployment."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, literal, null, select, union_all, update

from letta.agents.tables import agents
from letta.blocks.tables import blocks
from letta.groups.tables import groups
from letta.internals.schemas import DeploymentEntity
from letta.organizations.actor import Actor


def entities_of(connection: Connection, actor: Actor, deployment_id: str) -> list[DeploymentEntity]:
    """Blocks, agents and groups of a deployment."""
    queries = (
        _entity("block", blocks, blocks.c.label, blocks.c.entity_id),
        _entity("agent", agents, agents.c.name, agents.c.entity_id),
        _entity("group", groups, null(), null()),
    )
    own = [
        query.where(table.c.deployment_id == deployment_id, table.c.organization_id == actor.organization_id)
        for query, table in zip(queries, (blocks, agents, groups), strict=True)
    ]
    return [DeploymentEntity.model_validate(row) for row in connection.execute(union_all(*own))]


def delete_blocks_and_groups(connection: Connection, actor: Actor, deployment_id: str) -> None:
    """Delete the blocks and groups of a deployment. Its agents have to be deleted one by one."""
    for table in (groups, blocks):
        own = (table.c.deployment_id == deployment_id, table.c.organization_id == actor.organization_id)
        connection.execute(delete(table).where(*own))


def note_deployment(connection: Connection, agent_id: str, deployment_id: str, entity_id: str) -> None:
    """Note to which deployment a new agent belongs."""
    statement = update(agents).where(agents.c.id == agent_id)
    connection.execute(statement.values(deployment_id=deployment_id, entity_id=entity_id))


def _entity(kind: str, table: Table, name: ColumnElement[Any], entity_id: ColumnElement[Any]) -> Select[Any]:
    return select(
        table.c.id,
        literal(kind).label("type"),
        name.label("name"),
        table.c.description,
        entity_id.label("entity_id"),
        table.c.project_id,
    )
