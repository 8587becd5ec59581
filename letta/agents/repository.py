"""Queries on agents and on what belongs to exactly one of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from letta.agents.agent import Agent
from letta.agents.tables import agent_secrets, agents, agents_blocks, agents_folders, agents_tags, agents_tools
from letta.archives.tables import archives_agents
from letta.blocks.block import Block
from letta.blocks.repository import COLUMNS as BLOCK_COLUMNS
from letta.blocks.repository import to_block
from letta.blocks.tables import blocks
from letta.conversations.tables import context_messages, conversations
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, NotFoundError, no_such
from letta.folders.tables import folders
from letta.identities import repository as identities_repository
from letta.identities.tables import identities_agents
from letta.organizations.actor import Actor
from letta.tools.repository import COLUMNS as TOOL_COLUMNS
from letta.tools.repository import to_tool
from letta.tools.tables import tools
from letta.tools.tool import Tool

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


@dataclass(frozen=True, slots=True)
class Secret:
    """An environment variable of an agent's tools, in clear."""

    id: str
    agent_id: str
    organization_id: str
    key: str
    value: str
    description: str | None = None


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


def replace_tags(connection: Connection, actor: Actor, agent_id: str, tags: Iterable[str]) -> list[str]:
    """Give an agent exactly these tags. Returns them without doubles, sorted."""
    connection.execute(delete(agents_tags).where(agents_tags.c.agent_id == agent_id))
    return insert_tags(connection, actor, agent_id, tags)


def insert_tags(connection: Connection, actor: Actor, agent_id: str, tags: Iterable[str]) -> list[str]:
    """Give an agent that has no tags these ones. Returns them without doubles, sorted."""
    unique = sorted(set(tags))
    rows = [{"agent_id": agent_id, "tag": tag, "organization_id": actor.organization_id} for tag in unique]
    _insert_all(connection, agents_tags, rows)
    return unique


def replace_secrets(connection: Connection, actor: Actor, agent_id: str, secrets: Mapping[str, str]) -> list[Secret]:
    """Give an agent exactly these environment variables."""
    connection.execute(delete(agent_secrets).where(agent_secrets.c.agent_id == agent_id))
    return insert_secrets(connection, actor, agent_id, secrets)


def insert_secrets(connection: Connection, actor: Actor, agent_id: str, secrets: Mapping[str, str]) -> list[Secret]:
    """Give an agent that has no environment variables these ones."""
    new = [
        Secret(new_id("agent-env"), agent_id, actor.organization_id, key, value)
        for key, value in sorted(secrets.items())
    ]
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    _insert_all(connection, agent_secrets, [_secret_values(secret) | author for secret in new])
    return new


def secrets_of_agents(connection: Connection, agent_ids: Sequence[str]) -> dict[str, list[Secret]]:
    """The environment variables of several agents, by agent id, in clear."""
    columns = [agent_secrets.c[field.name] for field in fields(Secret)]
    query = select(*columns).where(agent_secrets.c.agent_id.in_(agent_ids)).order_by(agent_secrets.c.key)
    found: dict[str, list[Secret]] = {}
    for row in connection.execute(query):
        found.setdefault(row.agent_id, []).append(Secret(**row._mapping))
    return found


def secret_values(connection: Connection, agent_id: str) -> dict[str, str]:
    """The environment variables of one agent, by name, in clear."""
    return {secret.key: secret.value for secret in secrets_of_agents(connection, [agent_id]).get(agent_id, ())}


def insert_blocks(connection: Connection, agent_id: str, block_ids: Sequence[str]) -> None:
    """Give an agent that has no blocks these ones, in this order."""
    rows = [
        {"agent_id": agent_id, "block_id": block_id, "position": position}
        for position, block_id in enumerate(block_ids)
    ]
    _insert_all(connection, agents_blocks, rows)


def replace_blocks(connection: Connection, agent_id: str, block_ids: Sequence[str]) -> None:
    """Give an agent exactly these blocks, in this order."""
    connection.execute(delete(agents_blocks).where(agents_blocks.c.agent_id == agent_id))
    insert_blocks(connection, agent_id, block_ids)


def insert_tools(connection: Connection, agent_id: str, tool_ids: Sequence[str]) -> None:
    """Give an agent that has no tools these ones."""
    _insert_all(connection, agents_tools, [{"agent_id": agent_id, "tool_id": tool_id} for tool_id in tool_ids])


def replace_tools(connection: Connection, agent_id: str, tool_ids: Sequence[str]) -> None:
    """Give an agent exactly these tools."""
    connection.execute(delete(agents_tools).where(agents_tools.c.agent_id == agent_id))
    insert_tools(connection, agent_id, tool_ids)


def insert_folders(connection: Connection, actor: Actor, agent_id: str, folder_ids: Sequence[str]) -> None:
    """Give an agent that has no folders these ones.

    Raises:
        NotFoundError: one of them does not exist.
    """
    found = select(literal(agent_id), folders.c.id).where(
        folders.c.id.in_(folder_ids), folders.c.organization_id == actor.organization_id
    )
    statement = insert(agents_folders).from_select(["agent_id", "folder_id"], found)
    stored = set(connection.scalars(statement.returning(agents_folders.c.folder_id)))
    for folder_id in folder_ids:
        if folder_id not in stored:
            raise no_such("folder", folder_id)


def replace_folders(connection: Connection, actor: Actor, agent_id: str, folder_ids: Sequence[str]) -> None:
    """Give an agent exactly these folders.

    Raises:
        NotFoundError: one of them does not exist.
    """
    others = agents_folders.c.folder_id.not_in(folder_ids)  # those that stay keep what is open of them
    connection.execute(delete(agents_folders).where(agents_folders.c.agent_id == agent_id, others))
    kept = select(agents_folders.c.folder_id).where(agents_folders.c.agent_id == agent_id)
    known = set(connection.scalars(kept))
    insert_folders(connection, actor, agent_id, [folder_id for folder_id in folder_ids if folder_id not in known])


def list_tools_of_agent(connection: Connection, agent_id: str, page: Page) -> list[Tool]:
    """A page of the agent's tools, by creation."""
    query = select(*TOOL_COLUMNS).join(agents_tools, agents_tools.c.tool_id == tools.c.id)
    query = query.where(agents_tools.c.agent_id == agent_id)
    return [to_tool(row) for row in connection.execute(paginate(query, tools, page))]


def check_label_is_free(connection: Connection, agent_id: str, block: Block) -> None:
    """Make sure that none of an agent's other blocks has this block's label. Locks the agent, so that it stays so.

    Raises:
        ConflictError: one has it.
    """
    connection.execute(select(agents.c.id).where(agents.c.id == agent_id).with_for_update(key_share=True))
    query = _blocks_of(agent_id).with_only_columns(blocks.c.id)
    other = connection.scalar(query.where(blocks.c.label == block.label, blocks.c.id != block.id))
    if other is not None:
        raise ConflictError(
            f"Agent {agent_id} already has a block labelled '{block.label}' ({other}). "
            "Detach that one first, or choose another label."
        )


def block_of_agent(connection: Connection, agent_id: str, label: str, *, lock: bool = False) -> Block:
    """The agent's block with this label; tags are not loaded.

    Raises:
        NotFoundError: it has none.
    """
    query = _blocks_of(agent_id).where(blocks.c.label == label)
    row = connection.execute(query.with_for_update(of=blocks) if lock else query).first()
    if row is None:
        raise NotFoundError(f"Agent {agent_id} has no block labelled '{label}'. Its core-memory/blocks list them.")
    return to_block(row)


def list_blocks_of_agent(connection: Connection, agent_id: str, page: Page) -> list[Block]:
    """A page of the agent's blocks, by creation; tags are not loaded."""
    return [to_block(row) for row in connection.execute(paginate(_blocks_of(agent_id), blocks, page))]


def _blocks_of(agent_id: str) -> Select[Any]:
    query = select(*BLOCK_COLUMNS).join(agents_blocks, agents_blocks.c.block_id == blocks.c.id)
    return query.where(agents_blocks.c.agent_id == agent_id)


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


def _secret_values(secret: Secret) -> dict[str, Any]:
    return {field.name: getattr(secret, field.name) for field in fields(secret)}


def _insert_all(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table), rows)
