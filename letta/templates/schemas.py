"""Templates on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from letta.agents.schemas import SecretName
from letta.database.ids import id_pattern
from letta.json_types import JsonObject
from letta.messages.schemas import MessageCreate
from letta.schema import Schema, Timestamp

TemplateName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")]
MAX_VARIABLES = 1000
PROJECT = "default"
"""Id and slug of the project of templates that belong to none: clients expect both to be there."""
_TOOLS = (
    "Whether custom tools in the file replace stored tools of the same name at once. Otherwise the stored tools are "
    "kept."
)


class FromAgent(Schema):
    """A template after an agent."""

    type: Literal["agent"]
    agent_id: str = Field(pattern=id_pattern("agent"))
    name: TemplateName | None = Field(None, description="By default, the agent's name.")


class FromAgentFile(Schema):
    """A template of an agent file."""

    type: Literal["agent_file"]
    agent_file: JsonObject = Field(description="An exported agent file. Its messages are ignored.")
    name: TemplateName | None = Field(None, description="By default, the name of the first agent.")
    update_existing_tools: bool = Field(False, description=_TOOLS)


CreateTemplate = Annotated[FromAgent | FromAgentFile, Field(discriminator="type")]


class TemplateResponse(Schema):
    """A template."""

    id: str
    name: str
    description: str | None
    latest_version: str
    project_id: str
    project_slug: str
    template_deployment_slug: str = Field(description="Name and latest version, as used to create agents.")
    updated_at: Timestamp


class VersionResponse(Schema):
    """A saved version."""

    id: str
    version: str
    message: str | None
    created_at: Timestamp


class UpdateTemplate(Schema):
    """Another working copy."""

    agent_file_json: JsonObject
    save_existing_changes: bool = Field(False, description="Save the working copy as a version first.")
    update_existing_tools: bool = Field(False, description=_TOOLS)


class SaveTemplate(Schema):
    """How to save the working copy, and what becomes of agents."""

    message: str | None = Field(None, max_length=10_000, description="What has changed.")
    migrate_agents: bool = Field(False, description="Update agents created from the template to the new version.")
    block_reconciliation_strategy: Literal["reconcile-all", "preserve-deleted"] = Field(
        "preserve-deleted", description="Whether agents lose blocks that the new version no longer has."
    )
    preserve_core_memories_on_migration: bool = Field(False, description="Keep the agents' own block values.")
    preserve_environment_variables_on_migration: bool = Field(False, description="Keep the agents' own secrets.")
    preserve_sources_on_migration: bool = Field(False, description="Keep the agents' own folders.")


class RollBack(Schema):
    """Which version the working copy is to be again."""

    version: str = Field(min_length=1, max_length=50, description="Its number, or `latest`.")


class CreateAgents(Schema):
    """What is particular to the agents that are made."""

    agent_name: str | None = Field(None, description="Name of the (first) agent, instead of the one in the template.")
    identity_ids: list[str] | None = Field(None, max_length=100)
    initial_message_sequence: list[MessageCreate] | None = Field(None, max_length=100)
    memory_variables: dict[str, str] = Field(
        default_factory=dict,
        max_length=MAX_VARIABLES,
        description="Replace `{{ name }}` in blocks and the system prompt.",
    )
    tool_variables: dict[SecretName, str] = Field(
        default_factory=dict, max_length=MAX_VARIABLES, description="Secrets of the agents."
    )
    tags: list[str] | None = Field(None, max_length=100, description="In addition to those of the template.")


class CreatedAgents(Schema):
    """The agents that were made."""

    agent_ids: list[str]
    deployment_id: str
    group_id: str | None = None


class Done(Schema):
    """It is done."""

    success: bool = True
    message: str | None = None
