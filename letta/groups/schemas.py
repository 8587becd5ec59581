"""Groups on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from letta.database.ids import id_field
from letta.schema import Schema

MOST_MEMBERS = 1_000
MOST_TURNS = 2**31 - 1

ManagerType = Literal["round_robin", "supervisor", "dynamic", "sleeptime", "voice_sleeptime", "swarm"]


AgentIdentifier = Annotated[str, id_field("agent")]
BlockIdentifier = Annotated[str, id_field("block")]
Members = Annotated[list[AgentIdentifier], Field(max_length=MOST_MEMBERS, description="In the order of their turns.")]
SharedBlocks = Annotated[
    list[BlockIdentifier], Field(max_length=MOST_MEMBERS, description="Blocks that all agents of the group share.")
]
Turns = Annotated[int | None, Field(ge=1, le=MOST_TURNS)]
Frequency = Annotated[
    int | None,
    Field(
        ge=1,
        le=MOST_TURNS,
        description="After how many turns of the manager the group's agents run; null for every turn.",
    ),
]


class RoundRobinManager(Schema):
    """Each agent in its turn."""

    manager_type: Literal["round_robin"] = "round_robin"
    max_turns: Turns = None


class SupervisorManager(Schema):
    """An agent that gives work to the others."""

    manager_type: Literal["supervisor"] = "supervisor"
    manager_agent_id: AgentIdentifier


class DynamicManager(Schema):
    """An agent that chooses whose turn it is."""

    manager_type: Literal["dynamic"] = "dynamic"
    manager_agent_id: AgentIdentifier
    termination_token: str | None = Field("DONE!", description="What the manager says when the task is done.")
    max_turns: Turns = None


class SleeptimeManager(Schema):
    """An agent whose memory the others look after, in the background of its turns."""

    manager_type: Literal["sleeptime"] = "sleeptime"
    manager_agent_id: AgentIdentifier
    sleeptime_agent_frequency: Frequency = None


class VoiceSleeptimeManager(Schema):
    """As `sleeptime`, for agents that are spoken with. Not offered."""

    manager_type: Literal["voice_sleeptime"] = "voice_sleeptime"
    manager_agent_id: AgentIdentifier
    max_message_buffer_length: int | None = None
    min_message_buffer_length: int | None = None


ManagerConfig = Annotated[
    RoundRobinManager | SupervisorManager | DynamicManager | SleeptimeManager | VoiceSleeptimeManager,
    Field(discriminator="manager_type"),
]


class RoundRobinManagerUpdate(RoundRobinManager):
    """Changes to how a round goes."""


class SupervisorManagerUpdate(Schema):
    """Changes to a supervisor."""

    manager_type: Literal["supervisor"] = "supervisor"
    manager_agent_id: AgentIdentifier | None = None


class DynamicManagerUpdate(Schema):
    """Changes to a dynamic manager."""

    manager_type: Literal["dynamic"] = "dynamic"
    manager_agent_id: AgentIdentifier | None = None
    termination_token: str | None = None
    max_turns: Turns = None


class SleeptimeManagerUpdate(Schema):
    """Changes to how memory is looked after."""

    manager_type: Literal["sleeptime"] = "sleeptime"
    manager_agent_id: AgentIdentifier | None = None
    sleeptime_agent_frequency: Frequency = None


class VoiceSleeptimeManagerUpdate(Schema):
    """Not offered."""

    manager_type: Literal["voice_sleeptime"] = "voice_sleeptime"
    manager_agent_id: AgentIdentifier | None = None
    max_message_buffer_length: int | None = None
    min_message_buffer_length: int | None = None


ManagerConfigUpdate = Annotated[
    RoundRobinManagerUpdate
    | SupervisorManagerUpdate
    | DynamicManagerUpdate
    | SleeptimeManagerUpdate
    | VoiceSleeptimeManagerUpdate,
    Field(discriminator="manager_type"),
]


class CreateGroup(Schema):
    """A new group."""

    agent_ids: Members
    description: str
    manager_config: ManagerConfig = Field(default_factory=RoundRobinManager)
    project_id: str | None = None
    shared_block_ids: SharedBlocks = Field(default_factory=list)
    hidden: bool | None = None


class UpdateGroup(Schema):
    """Changes to a group. Fields that are left out stay as they are; lists are replaced as a whole."""

    agent_ids: Members | None = None
    description: str | None = None
    manager_config: ManagerConfigUpdate | None = None
    project_id: str | None = None
    shared_block_ids: SharedBlocks | None = None


class GroupResponse(Schema):
    """A stored group."""

    id: str
    manager_type: ManagerType
    agent_ids: list[str]
    description: str
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    shared_block_ids: list[str] = Field(default_factory=list, json_schema_extra={"deprecated": True})
    manager_agent_id: str | None = None
    termination_token: str | None = None
    max_turns: int | None = None
    sleeptime_agent_frequency: int | None = None
    turns_counter: int | None = None
    last_processed_message_id: str | None = None
    max_message_buffer_length: int | None = None
    min_message_buffer_length: int | None = None
    hidden: bool | None = None
