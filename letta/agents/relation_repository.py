"""Queries on what an agent has together with others, or is found by: blocks, tools, folders, tags."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, literal, select

from letta.agents.tables import agents, agents_blocks, agents_folders, agents_tags, agents_tools
from letta.blocks.block import Block
from letta.blocks.repository import COLUMNS as BLOCK_COLUMNS
from letta.blocks.repository import to_block
from letta.blocks.tables import blocks
from letta.database.pagination import Page, paginate
from letta.database.rows import insert_all
from letta.errors import ConflictError, NotFoundError, no_such
from letta.folders.tables import folders
from letta.organizations.actor import Actor
from letta.tools.repository import COLUMNS as TOOL_COLUMNS
from letta.tools.repository import to_tool
from letta.tools.tables import tools
from letta.tools.tool import Tool


def replace_tags(connection: Connection, actor: Actor, agent_id: str, tags: Iterable[str]) -> list[str]:
    """Give an agent exactly these tags. Returns them without doubles, sorted."""
    connection.execute(delete(agents_tags).where(agents_tags.c.agent_id == agent_id))
    return insert_tags(connection, actor, agent_id, tags)


def insert_tags(connection: Connection, actor: Actor, agent_id: str, tags: Iterable[str]) -> list[str]:
    """Give an agent that has no tags these ones. Returns them without doubles, sorted."""
    unique = sorted(set(tags))
    rows = [{"agent_id": agent_id, "tag": tag, "organization_id": actor.organization_id} for tag in unique]
    insert_all(connection, agents_tags, rows)
    return unique


def insert_blocks(connection: Connection, agent_id: str, block_ids: Sequence[str]) -> None:
    """Give an agent that has no blocks these ones, in this order."""
    rows = [
        {"agent_id": agent_id, "block_id": block_id, "position": position}
        for position, block_id in enumerate(block_ids)
    ]
    insert_all(connection, agents_blocks, rows)


def replace_blocks(connection: Connection, agent_id: str, block_ids: Sequence[str]) -> None:
    """Give an agent exactly these blocks, in this order."""
    connection.execute(delete(agents_blocks).where(agents_blocks.c.agent_id == agent_id))
    insert_blocks(connection, agent_id, block_ids)


def insert_tools(connection: Connection, agent_id: str, tool_ids: Sequence[str]) -> None:
    """Give an agent that has no tools these ones."""
    insert_all(connection, agents_tools, [{"agent_id": agent_id, "tool_id": tool_id} for tool_id in tool_ids])


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


def list_blocks_of_agent(connection: Connection, agent_id: str, page: Page) -> list[Block]:
    """A page of the agent's blocks, by creation; tags are not loaded."""
    return [to_block(row) for row in connection.execute(paginate(_blocks_of(agent_id), blocks, page))]


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


def _blocks_of(agent_id: str) -> Select[Any]:
    query = select(*BLOCK_COLUMNS).join(agents_blocks, agents_blocks.c.block_id == blocks.c.id)
    return query.where(agents_blocks.c.agent_id == agent_id)
