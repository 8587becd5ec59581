"""Queries on groups: their members, the blocks that these share, and what sleep-time agents have still to deal with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert

from letta.agents.agent_types import SLEEPTIME_AGENT
from letta.agents.tables import agents, agents_blocks
from letta.blocks.tables import blocks
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, no_such
from letta.groups.group import SLEEPTIME, Group
from letta.groups.tables import groups, groups_agents, groups_blocks
from letta.messages.message import Message
from letta.messages.repository import COLUMNS as MESSAGE_COLUMNS
from letta.messages.repository import to_message
from letta.messages.tables import messages
from letta.organizations.actor import Actor

AnyRow = Row[*tuple[Any, ...]]

_RELATED = {"agent_ids", "shared_block_ids"}
_NAMES = [field.name for field in fields(Group) if field.name not in _RELATED]
_COLUMNS = [groups.c[name] for name in _NAMES]


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Conditions of a group list; those that are None don't count."""

    manager_type: str | None = None
    project_id: str | None = None
    member_id: str | None = None


def insert_group(connection: Connection, actor: Actor, group: Group) -> None:
    """Store a new group with its members and the blocks that they share."""
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    connection.execute(insert(groups).values({name: getattr(group, name) for name in _NAMES} | author))
    replace_members(connection, group.id, group.agent_ids)
    replace_blocks(connection, group.id, group.shared_block_ids)


def update_group(connection: Connection, actor: Actor, group_id: str, changes: Mapping[str, Any]) -> None:
    """Apply changes to a group, which is there."""
    values = {**changes, "last_updated_by_id": actor.user_id, "updated_at": func.now()}
    connection.execute(update(groups).where(groups.c.id == group_id).values(values))


def delete_group(connection: Connection, actor: Actor, group_id: str) -> None:
    """Delete a group. Its agents and blocks stay.

    Raises:
        NotFoundError: no such group.
    """
    statement = delete(groups).where(groups.c.id == group_id, groups.c.organization_id == actor.organization_id)
    if connection.execute(statement).rowcount == 0:
        raise no_such("group", group_id, "/v1/groups")


def get_group(connection: Connection, actor: Actor, group_id: str, *, lock: bool = False) -> Group:
    """The group with this id.

    Raises:
        NotFoundError: no such group.
    """
    query = _select(actor).where(groups.c.id == group_id)
    row = connection.execute(query.with_for_update(of=groups) if lock else query).first()
    if row is None:
        raise no_such("group", group_id, "/v1/groups")
    return _group(row)


def list_groups(connection: Connection, actor: Actor, condition: GroupFilter, page: Page) -> list[Group]:
    """Groups of the organization that meet the condition."""
    query = _select(actor)
    if condition.manager_type is not None:
        query = query.where(groups.c.manager_type == condition.manager_type)
    if condition.project_id is not None:
        query = query.where(groups.c.project_id == condition.project_id)
    if condition.member_id is not None:
        joined = select(groups_agents.c.group_id).where(groups_agents.c.agent_id == condition.member_id)
        query = query.where(groups.c.id.in_(joined))
    return [_group(row) for row in connection.execute(paginate(query, groups, page))]


def count_groups(connection: Connection, actor: Actor) -> int:
    """How many groups the organization has."""
    return connection.scalar(select(func.count()).where(groups.c.organization_id == actor.organization_id)) or 0


def groups_of_managers(connection: Connection, agent_ids: Sequence[str]) -> dict[str, Group]:
    """The group that each of these agents manages, by agent id; of several, the newest, sleep-time groups first."""
    query = select(*_COLUMNS, *_members()).where(groups.c.manager_agent_id.in_(agent_ids))
    sleeptime_last = groups.c.manager_type == SLEEPTIME
    rows = connection.execute(query.order_by(sleeptime_last, groups.c.created_at, groups.c.id))
    return {row.manager_agent_id: _group(row) for row in rows}


def sleeptime_agents_of(connection: Connection, agent_id: str) -> list[str]:
    """The agents that look after an agent's memory."""
    return list(connection.scalars(_sleeptime_agents(agent_id)))


def share_with_sleeptime_agents(connection: Connection, agent_id: str, block_ids: Sequence[str]) -> None:
    """Give blocks that an agent has to those who look after its memory, but for those who have another of the label."""
    if not block_ids:
        return
    carers = connection.scalars(
        select(agents.c.id)
        .where(agents.c.id.in_(_sleeptime_agents(agent_id)))
        .order_by(agents.c.id)
        .with_for_update(key_share=True)
    ).all()
    if not carers:
        return
    other, held = blocks.alias(), agents_blocks.alias()
    clash = (
        select(held.c.block_id)
        .join(other, other.c.id == held.c.block_id)
        .where(held.c.agent_id == agents.c.id, other.c.label == blocks.c.label)
        .correlate(agents, blocks)
    )
    _attach_all(connection, carers, block_ids, ~clash.exists())


def note_processed(connection: Connection, group_id: str, manager_agent_id: str) -> None:
    """Let the members of a sleep-time group have dealt with all that was said with its manager so far."""
    last = select(func.max(messages.c.sequence_id)).where(messages.c.agent_id == manager_agent_id).scalar_subquery()
    connection.execute(
        update(groups_agents).where(groups_agents.c.group_id == group_id).values(processed_sequence_id=last)
    )


def set_sleeptime(connection: Connection, agent_id: str, *, enabled: bool) -> None:
    """Say whether the agents of an agent's sleep-time group work after its turns."""
    connection.execute(update(agents).where(agents.c.id == agent_id).values(enable_sleeptime=enabled))


def replace_members(connection: Connection, group_id: str, agent_ids: Iterable[str]) -> None:
    """Give a group exactly these agents, which exist, in this order. Those that stay know what they have dealt with."""
    wanted = list(dict.fromkeys(agent_ids))
    gone = delete(groups_agents).where(groups_agents.c.group_id == group_id)
    connection.execute(gone.where(groups_agents.c.agent_id.not_in(wanted)))
    rows = [{"group_id": group_id, "agent_id": agent_id, "position": place} for place, agent_id in enumerate(wanted)]
    if rows:
        statement = upsert(groups_agents)
        place = {"position": statement.excluded.position}
        connection.execute(statement.on_conflict_do_update(index_elements=["group_id", "agent_id"], set_=place), rows)


def replace_blocks(connection: Connection, group_id: str, block_ids: Iterable[str]) -> None:
    """Let exactly these blocks, which exist, be those that a group shares. Agents' blocks are left as they are."""
    connection.execute(delete(groups_blocks).where(groups_blocks.c.group_id == group_id))
    rows = [{"group_id": group_id, "block_id": block_id} for block_id in dict.fromkeys(block_ids)]
    if rows:
        connection.execute(insert(groups_blocks), rows)


def share_blocks(connection: Connection, group: Group) -> None:
    """Attach all blocks that a group shares to all of its agents, its manager included.

    Raises:
        ConflictError: an agent has another block of the same label.
    """
    taking_part = _taking_part(group)
    if not group.shared_block_ids or not taking_part:
        return
    shared, held = blocks.alias(), agents_blocks.alias()
    query = (
        select(held.c.agent_id, shared.c.id, shared.c.label, blocks.c.id)
        .select_from(held)
        .join(blocks, blocks.c.id == held.c.block_id)
        .join(shared, (shared.c.label == blocks.c.label) & (shared.c.id != blocks.c.id))
        .where(held.c.agent_id.in_(taking_part), shared.c.id.in_(group.shared_block_ids))
    )
    clash = connection.execute(query.order_by(held.c.agent_id).limit(1)).first()
    if clash is not None:
        raise ConflictError(
            f"Block {clash[1]} can't be shared: agent {clash[0]} already has a block labelled '{clash[2]}' "
            f"({clash[3]}). Detach that one first, or rename one of them."
        )
    _attach_all(connection, taking_part, group.shared_block_ids)


def stop_sharing(connection: Connection, group: Group, block_id: str) -> None:
    """Take a block from a group, and from all of its agents."""
    connection.execute(
        delete(groups_blocks).where(groups_blocks.c.group_id == group.id, groups_blocks.c.block_id == block_id)
    )
    held = agents_blocks.c.block_id == block_id
    connection.execute(delete(agents_blocks).where(held, agents_blocks.c.agent_id.in_(_taking_part(group))))


def forget_messages(connection: Connection, actor: Actor, group_id: str) -> None:
    """Let no message be one of the group's. The agents to whom they were sent keep them."""
    own = (messages.c.group_id == group_id, messages.c.organization_id == actor.organization_id)
    connection.execute(update(messages).where(*own).values(group_id=None))


def unprocessed_messages(connection: Connection, group_id: str, member_id: str, limit: int) -> list[Message]:
    """What was said in the conversations of a sleep-time group's manager since a member last dealt with it.

    Where it is more than ``limit`` messages, the newest ones. None if group or member aren't there any more.
    """
    query = (
        select(*MESSAGE_COLUMNS)
        .join(groups, groups.c.manager_agent_id == messages.c.agent_id)
        .join(groups_agents, groups_agents.c.group_id == groups.c.id)
        .where(
            groups.c.id == group_id,
            groups_agents.c.agent_id == member_id,
            messages.c.sequence_id > func.coalesce(groups_agents.c.processed_sequence_id, 0),
            messages.c.role.not_in(["system", "summary"]),
        )
        .order_by(messages.c.sequence_id.desc())
        .limit(limit)
    )
    return [to_message(row) for row in connection.execute(query)][::-1]


def _sleeptime_agents(agent_id: str) -> Select[Any]:
    return (
        select(groups_agents.c.agent_id)
        .join(groups, groups.c.id == groups_agents.c.group_id)
        .join(agents, agents.c.id == groups_agents.c.agent_id)
        .where(
            groups.c.manager_agent_id == agent_id,
            groups.c.manager_type == SLEEPTIME,
            agents.c.agent_type == SLEEPTIME_AGENT,
            groups_agents.c.agent_id != agent_id,
        )
    )


def _attach_all(
    connection: Connection, agent_ids: Sequence[str], block_ids: Sequence[str], *conditions: ColumnElement[bool]
) -> None:
    last = (
        select(func.coalesce(func.max(agents_blocks.c.position), -1) + 1)
        .where(agents_blocks.c.agent_id == agents.c.id)
        .correlate(agents)
        .scalar_subquery()
    )
    pairs = select(agents.c.id, blocks.c.id, last).where(
        agents.c.id.in_(agent_ids), blocks.c.id.in_(block_ids), *conditions
    )
    statement = upsert(agents_blocks).from_select(["agent_id", "block_id", "position"], pairs)
    connection.execute(statement.on_conflict_do_nothing())


def _taking_part(group: Group) -> list[str]:
    return [*group.agent_ids, *([group.manager_agent_id] if group.manager_agent_id else [])]


def _select(actor: Actor) -> Select[Any]:
    return select(*_COLUMNS, *_members()).where(groups.c.organization_id == actor.organization_id)


def _members() -> tuple[ColumnElement[Any], ...]:
    by_position = aggregate_order_by(groups_agents.c.agent_id, groups_agents.c.position)
    by_id = aggregate_order_by(groups_blocks.c.block_id, groups_blocks.c.block_id)
    return (
        _aggregated(by_position, groups_agents.c.group_id).label("agent_ids"),
        _aggregated(by_id, groups_blocks.c.group_id).label("shared_block_ids"),
    )


def _aggregated(ordered: ColumnElement[Any], group_id: Column[Any]) -> ColumnElement[Any]:
    return select(func.array_agg(ordered)).where(group_id == groups.c.id).correlate(groups).scalar_subquery()


def _group(row: AnyRow) -> Group:
    values = {name: row._mapping[name] for name in _NAMES}
    return Group(**values, agent_ids=row.agent_ids or [], shared_block_ids=row.shared_block_ids or [])
