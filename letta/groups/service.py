"""What is done with groups, each function one transaction."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from letta.agents import repository as agents_repository
from letta.blocks import repository as blocks_repository
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import InvalidArgumentError, NotFoundError, NotOfferedError
from letta.groups import repository
from letta.groups.group import SLEEPTIME, Group
from letta.groups.repository import GroupFilter
from letta.groups.schemas import CreateGroup, UpdateGroup
from letta.json_types import JsonObject
from letta.messages import editing
from letta.messages import repository as messages_repository
from letta.messages.editing import ModifyMessage
from letta.organizations.actor import Actor

_CONFIGURED = ("manager_agent_id", "termination_token", "max_turns", "sleeptime_agent_frequency")
_FIRST_COUNT = -1


def create_group(connection: Connection, actor: Actor, body: CreateGroup, project_id: str | None) -> Group:
    """Store a new group, and attach the blocks that it shares to its agents.

    Args:
        project_id: the project where the request names none itself.

    Raises:
        NotFoundError: an agent or a block that it names isn't there.
        ConflictError: an agent has another block of the label of one that is to be shared.
        NotOfferedError: the group is one of agents that are spoken with.
    """
    manager = body.manager_config.model_dump()
    _check_manager(manager["manager_type"])
    group = Group(
        id=new_id("group"),
        organization_id=actor.organization_id,
        manager_type=manager["manager_type"],
        description=body.description,
        hidden=body.hidden,
        project_id=body.project_id or project_id,
        agent_ids=list(dict.fromkeys(body.agent_ids)),
        shared_block_ids=list(dict.fromkeys(body.shared_block_ids)),
        turns_counter=_FIRST_COUNT if manager["manager_type"] == SLEEPTIME else None,
        **{name: manager.get(name) for name in _CONFIGURED},
    )
    _require_all(connection, actor, group)
    repository.insert_group(connection, actor, group)
    return _settled(connection, actor, group.id)


def update_group(connection: Connection, actor: Actor, group_id: str, body: UpdateGroup) -> Group:
    """Change a group.

    Raises:
        NotFoundError: the group, or an agent or a block that it is to have, isn't there.
        InvalidArgumentError: it is to have a manager that isn't named.
        ConflictError: an agent has another block of the label of one that is to be shared.
        NotOfferedError: it is to be one of agents that are spoken with.
    """
    blocks_repository.get_blocks(connection, actor, list(dict.fromkeys(body.shared_block_ids or ())))
    group = repository.get_group(connection, actor, group_id, lock=True)
    changes = _changes(group, body)
    agents_repository.require_agents(
        connection, actor, [*(body.agent_ids or ()), *([changes["manager_agent_id"]] if _has_manager(changes) else ())]
    )
    repository.update_group(connection, actor, group_id, changes)
    if body.agent_ids is not None:
        repository.replace_members(connection, group_id, body.agent_ids)
    if body.shared_block_ids is not None:
        repository.replace_blocks(connection, group_id, body.shared_block_ids)
    return _settled(connection, actor, group_id)


def delete_group(connection: Connection, actor: Actor, group_id: str) -> None:
    """Delete a group. Its agents and blocks stay; nobody looks after its manager's memory any more.

    Raises:
        NotFoundError: no such group.
    """
    group = repository.get_group(connection, actor, group_id)
    repository.delete_group(connection, actor, group_id)
    if group.manager_type == SLEEPTIME and group.manager_agent_id is not None:
        repository.set_sleeptime(connection, group.manager_agent_id, enabled=False)


def list_groups_of_agent(
    connection: Connection, actor: Actor, agent_id: str, manager_type: str | None, page: Page
) -> list[Group]:
    """The groups that an agent belongs to; those that it manages aren't among them.

    Raises:
        NotFoundError: no such agent.
    """
    agents_repository.require_agent(connection, actor, agent_id)
    condition = GroupFilter(manager_type=manager_type, member_id=agent_id)
    return repository.list_groups(connection, actor, condition, page)


def attach_block(connection: Connection, actor: Actor, group_id: str, block_id: str) -> None:
    """Share a block among the agents of a group. Doing it twice changes nothing.

    Raises:
        NotFoundError: no such group or block.
        ConflictError: an agent has another block of that label.
    """
    blocks_repository.lock_block(connection, actor, block_id)
    group = repository.get_group(connection, actor, group_id, lock=True)
    repository.replace_blocks(connection, group_id, [*group.shared_block_ids, block_id])
    _settled(connection, actor, group_id)


def detach_block(connection: Connection, actor: Actor, group_id: str, block_id: str) -> None:
    """Take a block from a group and its agents. Nothing happens where the group doesn't share it.

    Raises:
        NotFoundError: no such group or block.
    """
    blocks_repository.lock_block(connection, actor, block_id)
    group = repository.get_group(connection, actor, group_id, lock=True)
    if block_id in group.shared_block_ids:
        repository.stop_sharing(connection, group, block_id)


def modify_message(
    connection: Connection, actor: Actor, group_id: str, message_id: str, change: ModifyMessage
) -> JsonObject:
    """Change what a message of a group says.

    Raises:
        NotFoundError: the group has no such message.
        InvalidArgumentError: the message can't be changed so.
    """
    repository.get_group(connection, actor, group_id)
    message = messages_repository.get_message(connection, actor, message_id)
    if message.group_id != group_id:
        raise NotFoundError(f"Group {group_id} has no message {message_id}.")
    return editing.modify_message(connection, actor, message.agent_id, message_id, change)


def reset_messages(connection: Connection, actor: Actor, group_id: str) -> None:
    """Empty the list of a group's messages. The agents to whom they were sent keep them.

    Raises:
        NotFoundError: no such group.
    """
    repository.get_group(connection, actor, group_id)
    repository.forget_messages(connection, actor, group_id)


def _changes(group: Group, body: UpdateGroup) -> JsonObject:
    changes = {name: value for name in ("description", "project_id") if (value := getattr(body, name)) is not None}
    if body.manager_config is None:
        return changes
    given = body.manager_config.given()
    kind = body.manager_config.manager_type
    _check_manager(kind)
    if kind != group.manager_type:
        changes |= dict.fromkeys(_CONFIGURED) | {"manager_agent_id": group.manager_agent_id}
        changes |= {"manager_type": kind, "turns_counter": _FIRST_COUNT if kind == SLEEPTIME else None}
    changes |= {name: given[name] for name in _CONFIGURED if name in given}
    manager_agent_id = changes.get("manager_agent_id", group.manager_agent_id)
    if kind == "round_robin":
        changes["manager_agent_id"] = None
    elif manager_agent_id is None:
        raise InvalidArgumentError(f"manager_config: a group of type {kind} needs a manager. Set 'manager_agent_id'.")
    return changes


def _has_manager(changes: Mapping[str, Any]) -> bool:
    return changes.get("manager_agent_id") is not None


def _check_manager(manager_type: str) -> None:
    if manager_type == "voice_sleeptime":
        raise NotOfferedError(
            "manager_config: voice agents are not supported. Use manager_type 'sleeptime' to have another agent "
            "maintain an agent's memory in the background."
        )


def _require_all(connection: Connection, actor: Actor, group: Group) -> None:
    blocks_repository.get_blocks(connection, actor, group.shared_block_ids, lock=True)
    named = [*group.agent_ids, *([group.manager_agent_id] if group.manager_agent_id else [])]
    agents_repository.require_agents(connection, actor, named)


def _settled(connection: Connection, actor: Actor, group_id: str) -> Group:
    """The group as it is stored now; its agents have its blocks, and its manager's turns count."""
    group = repository.get_group(connection, actor, group_id)
    repository.share_blocks(connection, group)
    if group.manager_type == SLEEPTIME and group.manager_agent_id is not None:
        repository.set_sleeptime(connection, group.manager_agent_id, enabled=True)
    return group
