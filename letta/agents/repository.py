"""Queries on agents."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from letta.agents.agent import Agent
from letta.agents.tables import agents, agents_blocks, agents_folders, agents_tags
from letta.archives.tables import archives_agents
from letta.conversations.tables import context_messages, conversations
from letta.database.pagination import Page, paginate
from letta.errors import no_such
from letta.identities import repository as identities_repository
from letta.identities.tables import identities_agents
from letta.organizations.actor import Actor

AgentOrder = Literal["created_at", "updated_at", "last_run_completion"]

_COLUMNS = [agents.c[field.name] for field in fields(Agent)]
_GENERATED = {"created_at", "updated_at"}


@dataclass(frozen=True, slots=True)
class AgentFilter:
    """Conditions of an agent list; those that are None don't count."""

    name: str | None = None
    query_text: str | None = None
    tags: Sequence[str] | None = None
    match_all_tags: bool = False
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    identity_id: str | None = None
    identifier_keys: Sequence[str] | None = None
    last_stop_reason: str | None = None
    created_by_id: str | None = None
    show_hidden: bool = False
    ids: Collection[str] | None = None


@dataclass(slots=True)
class AgentRow:
    """An agent with the ids of its default conversation's context, and its tags where they were asked for."""

    agent: Agent
    message_ids: list[str]
    tags: list[str]


def insert_agent(connection: Connection, agent: Agent) -> Agent:
    """Store a new agent."""
    values = {column.name: getattr(agent, column.name) for column in _COLUMNS if column.name not in _GENERATED}
    row = connection.execute(insert(agents).values(values).returning(agents.c.created_at, agents.c.updated_at)).one()
    return replace(agent, created_at=row.created_at, updated_at=row.updated_at)


def update_agent(connection: Connection, actor: Actor, agent: Agent) -> Agent:
    """Store a changed agent, which was read under lock in this transaction."""
    changed = replace(agent, last_updated_by_id=actor.user_id)
    values = {column.name: getattr(changed, column.name) for column in _COLUMNS if column.name not in _GENERATED}
    statement = update(agents).where(agents.c.id == agent.id).values(values | {"updated_at": func.now()})
    return replace(changed, updated_at=connection.scalar(statement.returning(agents.c.updated_at)))


def touch_agent(connection: Connection, actor: Actor, agent: Agent) -> Agent:
    """Note that something of an agent was changed outside its own row."""
    statement = update(agents).where(agents.c.id == agent.id)
    statement = statement.values(updated_at=func.now(), last_updated_by_id=actor.user_id)
    updated_at = connection.scalar(statement.returning(agents.c.updated_at))
    return replace(agent, updated_at=updated_at, last_updated_by_id=actor.user_id)


def delete_agent(connection: Connection, actor: Actor, agent_id: str) -> None:
    """Delete an agent with its history. Its blocks, tools and folders stay.

    Raises:
        NotFoundError: no such agent.
    """
    found = connection.execute(
        delete(agents).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    )
    if found.rowcount == 0:
        raise no_such("agent", agent_id)


def get_agent(connection: Connection, actor: Actor, agent_id: str) -> AgentRow:
    """The agent with this id.

    Raises:
        NotFoundError: no such agent.
    """
    return _one(connection.execute(_select(actor).where(agents.c.id == agent_id)).first(), agent_id)


def lock_agent(connection: Connection, actor: Actor, agent_id: str) -> AgentRow:
    """As `get_agent`, locked until the transaction ends, so that its relations can be changed."""
    query = _select(actor).where(agents.c.id == agent_id).with_for_update(of=agents, key_share=True)
    return _one(connection.execute(query).first(), agent_id)


def require_agent(connection: Connection, actor: Actor, agent_id: str) -> None:
    """Make sure that there is such an agent.

    Raises:
        NotFoundError: there is none.
    """
    query = select(literal(1)).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    if connection.scalar(query) is None:
        raise no_such("agent", agent_id)


def require_agents(connection: Connection, actor: Actor, agent_ids: Collection[str]) -> None:
    """Make sure that there are all of these agents.

    Raises:
        NotFoundError: one of them isn't there.
    """
    if not agent_ids:
        return
    query = select(agents.c.id).where(agents.c.id.in_(agent_ids), agents.c.organization_id == actor.organization_id)
    found = set(connection.scalars(query))
    for agent_id in agent_ids:
        if agent_id not in found:
            raise no_such("agent", agent_id)


def agents_with_tags(
    connection: Connection, actor: Actor, match_all: Collection[str], match_some: Collection[str], limit: int
) -> list[tuple[str, str]]:
    """Ids and names of agents that have all of the tags, and one of the others if there are any; the oldest first."""
    query = select(agents.c.id, agents.c.name).where(agents.c.organization_id == actor.organization_id)
    for tags, needed in ((set(match_all), len(set(match_all))), (set(match_some), 1)):
        if tags:
            tagged = select(agents_tags.c.agent_id).where(agents_tags.c.tag.in_(tags))
            tagged = tagged.group_by(agents_tags.c.agent_id).having(func.count() >= needed)
            query = query.where(agents.c.id.in_(tagged))
    rows = connection.execute(query.order_by(agents.c.created_at, agents.c.id).limit(limit))
    return [(row.id, row.name) for row in rows]


def types_of_agents(connection: Connection, agent_ids: Collection[str]) -> dict[str, str]:
    """The types of several agents, by id."""
    query = select(agents.c.id, agents.c.agent_type).where(agents.c.id.in_(agent_ids))
    return {row.id: row.agent_type for row in connection.execute(query)} if agent_ids else {}


def list_agents(
    connection: Connection, actor: Actor, condition: AgentFilter, page: Page, order_by: AgentOrder
) -> list[AgentRow]:
    """Agents of the organization that meet the condition."""
    query = _filtered(_select(actor), condition)
    sort = agents.c[order_by]
    rows = connection.execute(paginate(query, agents, page, sort=sort, nulls_last=bool(sort.nullable)))
    return [_to_row(row) for row in rows]


def count_agents(connection: Connection, actor: Actor, condition: AgentFilter) -> int:
    """How many agents meet the condition."""
    query = _filtered(select(func.count()).select_from(agents), condition)
    return connection.scalar(query.where(agents.c.organization_id == actor.organization_id)) or 0


def list_agents_of_block(connection: Connection, actor: Actor, block_id: str, page: Page) -> list[AgentRow]:
    """The agents that hold a block."""
    holders = select(agents_blocks.c.agent_id).where(agents_blocks.c.block_id == block_id)
    rows = connection.execute(paginate(_select(actor).where(agents.c.id.in_(holders)), agents, page))
    return [_to_row(row) for row in rows]


def list_agents_of_archive(connection: Connection, actor: Actor, archive_id: str, page: Page) -> list[AgentRow]:
    """The agents that have an archive."""
    holders = select(archives_agents.c.agent_id).where(archives_agents.c.archive_id == archive_id)
    rows = connection.execute(paginate(_select(actor).where(agents.c.id.in_(holders)), agents, page))
    return [_to_row(row) for row in rows]


def list_agents_of_identity(connection: Connection, actor: Actor, identity_id: str, page: Page) -> list[AgentRow]:
    """The agents that are attached to an identity."""
    attached = select(identities_agents.c.agent_id).where(identities_agents.c.identity_id == identity_id)
    rows = connection.execute(paginate(_select(actor).where(agents.c.id.in_(attached)), agents, page))
    return [_to_row(row) for row in rows]


def agents_of_folder(connection: Connection, folder_id: str) -> list[Agent]:
    """All agents that have a folder."""
    query = select(*_COLUMNS).join(agents_folders, agents_folders.c.agent_id == agents.c.id)
    return [Agent(**row._mapping) for row in connection.execute(query.where(agents_folders.c.folder_id == folder_id))]


def _select(actor: Actor) -> Select[Any]:
    query = select(*_COLUMNS, _message_ids().label("message_ids"), _tags().label("tags"))
    return query.where(agents.c.organization_id == actor.organization_id)


def _message_ids() -> ColumnElement[list[str] | None]:
    ordered = aggregate_order_by(context_messages.c.message_id, context_messages.c.position)
    return (
        select(func.array_agg(ordered))
        .join(conversations, conversations.c.id == context_messages.c.conversation_id)
        .where(conversations.c.agent_id == agents.c.id, conversations.c.is_default)
        .correlate(agents)
        .scalar_subquery()
    )


def _tags() -> ColumnElement[list[str] | None]:
    ordered = aggregate_order_by(agents_tags.c.tag, agents_tags.c.tag)
    return (
        select(func.array_agg(ordered)).where(agents_tags.c.agent_id == agents.c.id).correlate(agents).scalar_subquery()
    )


def _one(row: Row[Any] | None, agent_id: str) -> AgentRow:
    if row is None:
        raise no_such("agent", agent_id)
    return _to_row(row)


def _to_row(row: Row[Any]) -> AgentRow:
    values = row._mapping
    agent = Agent(**{column.name: values[column] for column in _COLUMNS})
    return AgentRow(agent, row.message_ids or [], row.tags or [])


def _filtered(query: Select[Any], condition: AgentFilter) -> Select[Any]:
    exact = ("name", "project_id", "template_id", "base_template_id", "last_stop_reason", "created_by_id")
    for name in exact:
        wanted = getattr(condition, name)
        if wanted is not None:
            query = query.where(agents.c[name] == wanted)
    if condition.query_text:
        query = query.where(agents.c.name.icontains(condition.query_text, autoescape=True))
    if condition.ids is not None:
        query = query.where(agents.c.id.in_(condition.ids))
    if not condition.show_hidden:
        query = query.where(agents.c.hidden.is_not(True))
    holders = identities_repository.holds(
        identities_agents.c.agent_id, condition.identity_id, condition.identifier_keys
    )
    if holders is not None:
        query = query.where(agents.c.id.in_(holders))
    return _filtered_by_tags(query, condition)


def _filtered_by_tags(query: Select[Any], condition: AgentFilter) -> Select[Any]:
    if not condition.tags:
        return query
    wanted = set(condition.tags)
    tagged = select(agents_tags.c.agent_id).where(agents_tags.c.tag.in_(wanted)).group_by(agents_tags.c.agent_id)
    if condition.match_all_tags:
        tagged = tagged.having(func.count() == len(wanted))
    return query.where(agents.c.id.in_(tagged))
