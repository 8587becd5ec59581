"""What the private operations of consoles and of the hosted product take and tell."""

from typing import Literal

from pydantic import ConfigDict, Field

from letta.agents.schemas import CreateAgent
from letta.blocks.schemas import CreateBlock
from letta.groups.schemas import CreateGroup
from letta.schema import Schema

EntityType = Literal["block", "agent", "group"]


class CreateTemplateAgent(CreateAgent):
    """A new agent of a deployment."""

    template_id: str
    base_template_id: str
    deployment_id: str
    entity_id: str


class CreateTemplateBlock(CreateBlock):
    """A new block of a deployment."""

    template_id: str
    base_template_id: str
    deployment_id: str
    entity_id: str


class CreateTemplateGroup(CreateGroup):
    """A new group of a deployment."""

    template_id: str
    base_template_id: str
    deployment_id: str


class DeploymentEntity(Schema):
    """Something that belongs to a deployment."""

    id: str
    type: str
    name: str | None = None
    description: str | None = None
    entity_id: str | None = None
    project_id: str | None = None


class DeploymentEntities(Schema):
    """All that belongs to a deployment."""

    entities: list[DeploymentEntity] = Field(default_factory=list)
    total_count: int
    deployment_id: str
    message: str


class DeletedDeployment(Schema):
    """What was deleted with a deployment."""

    deleted_blocks: list[str] = Field(default_factory=list)
    deleted_agents: list[str] = Field(default_factory=list)
    deleted_groups: list[str] = Field(default_factory=list)
    message: str


class _NoScope(Schema):
    """Nothing: messages of the whole organization are meant."""

    model_config = ConfigDict(extra="forbid")


class WarmCache(Schema):
    """What is about to be searched."""

    model_config = ConfigDict(extra="forbid")

    collection: Literal["messages"]
    scope: _NoScope


class WarmedCache(Schema):
    """That there is nothing to be done."""

    collection: Literal["messages"]
    status: str
    warmed: bool


class Credentials(Schema):
    """A password to be checked."""

    password: str | None = Field(None, max_length=1_000)


class Authenticated(Schema):
    """Who asks."""

    uuid: str = Field(json_schema_extra={"format": "uuid"})
    is_admin: bool | None = Field(None, description="Whether the server's password was given.")
