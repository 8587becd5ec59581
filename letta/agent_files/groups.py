"""Groups in agent files: with an agent go those who look after its memory."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from pydantic import Field, ValidationError
from sqlalchemy import Connection

from letta.agent_files.schemas import AgentFile
from letta.database.ids import new_id
from letta.groups import repository, service
from letta.groups.group import SLEEPTIME, Group
from letta.groups.schemas import CreateGroup
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.schema import Schema

Ids = Mapping[str, str]

_ID = "group-0"
_NOT_OFFERED = "voice_sleeptime"


class GroupInFile(Schema):
    """A group of agents of the file, as a request to create one names them, by ids of the file."""

    agent_ids: list[str]
    description: str = ""
    manager_config: JsonObject = Field(default_factory=lambda: {"manager_type": "round_robin"})
    shared_block_ids: list[str] | None = None
    hidden: bool | None = None

    def request(self, agent_ids: Ids, block_ids: Ids) -> CreateGroup:
        """The request that creates the group, with the ids that were given to its agents and blocks.

        Raises:
            ValidationError, KeyError: it can't be created, or names what isn't in the file.
        """
        config = dict(self.manager_config)
        if config.get("manager_agent_id") is not None:
            config["manager_agent_id"] = agent_ids[config["manager_agent_id"]]
        return CreateGroup.model_validate(
            {
                "agent_ids": [agent_ids[each] for each in self.agent_ids],
                "description": self.description,
                "manager_config": config,
                "shared_block_ids": [block_ids[each] for each in self.shared_block_ids or ()],
                "hidden": self.hidden,
            }
        )


def sleeptime_group(connection: Connection, group: Group | None, readable: Collection[str] | None) -> Group | None:
    """The group of those who look after an agent's memory, as far as they may be read; None where it has none.

    Args:
        group: the one that the agent manages.
    """
    if group is None or group.manager_type != SLEEPTIME or group.manager_agent_id is None:
        return None
    carers = set(repository.sleeptime_agents_of(connection, group.manager_agent_id))
    told = [each for each in group.agent_ids if each in carers and (readable is None or each in readable)]
    return replace(group, agent_ids=told) if told else None


def group_entry(group: Group, agent_ids: Ids, block_ids: Ids) -> JsonObject:
    """The group as an agent file tells it."""
    return {
        "agent_ids": [agent_ids[each] for each in group.agent_ids],
        "description": group.description,
        "manager_config": {
            "manager_type": group.manager_type,
            "manager_agent_id": agent_ids[group.manager_agent_id or ""],
            "sleeptime_agent_frequency": group.sleeptime_agent_frequency,
        },
        "project_id": group.project_id,
        "shared_block_ids": [block_ids[each] for each in group.shared_block_ids if each in block_ids],
        "hidden": group.hidden,
        "id": _ID,
    }


def group_references(group: Group | None) -> JsonObject:
    """What a file tells of an agent that belongs to the group. It is the group that makes its manager be looked after,
    so that no other such agent is to be made."""
    return {} if group is None else {"group_ids": [_ID], "enable_sleeptime": False}


def plan_groups(file: AgentFile) -> tuple[list[GroupInFile], int]:
    """The groups of a file that can be made of its agents, and how many can't."""
    agents = {agent.id: new_id("agent") for agent in file.agents}
    blocks = {block.id: new_id("block") for block in file.blocks or ()}
    planned = []
    for entry in file.groups or ():
        try:
            group = GroupInFile.model_validate(entry)
            group.request(agents, blocks)
        except (ValidationError, KeyError, TypeError):
            continue
        if group.manager_config.get("manager_type") != _NOT_OFFERED:
            planned.append(group)
    return planned, len(file.groups or ()) - len(planned)


def store_group(
    connection: Connection, actor: Actor, planned: GroupInFile, agents: Ids, blocks: Ids, project_id: str | None
) -> Group:
    """Store a group whose agents and blocks are stored. What its manager was told before, nobody has to deal with.

    Raises:
        ConflictError: an agent has another block of the label of one that is to be shared.
    """
    group = service.create_group(connection, actor, planned.request(agents, blocks), project_id)
    if group.manager_type == SLEEPTIME and group.manager_agent_id is not None:
        repository.note_processed(connection, group.id, group.manager_agent_id)
    return group
