"""What is done with agents, each function one transaction."""

from sqlalchemy import Connection

from letta.agents import context, defaults, relation_repository, repository
from letta.agents.relations import ALL, Relations
from letta.agents.repository import AgentFilter, AgentOrder, AgentRow
from letta.agents.schemas import AgentState
from letta.agents.state import state, states
from letta.archives import repository as archives_repository
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.blocks.schemas import UpdateBlock
from letta.database.pagination import Page
from letta.errors import InvalidArgumentError, NotFoundError
from letta.folders import attached, attached_repository
from letta.folders import repository as folders_repository
from letta.folders.file_schemas import AgentFileAttachment, PaginatedAgentFiles
from letta.folders.folder import Folder
from letta.groups import repository as groups_repository
from letta.organizations.actor import Actor
from letta.tools import repository as tools_repository
from letta.tools.tool import CUSTOM, EXTERNAL_MCP, Tool


def get_agent(connection: Connection, actor: Actor, agent_id: str, include: Relations) -> AgentState:
    """One agent.

    Raises:
        NotFoundError: no such agent.
    """
    return state(connection, repository.get_agent(connection, actor, agent_id), include)


def list_agents(
    connection: Connection, actor: Actor, condition: AgentFilter, page: Page, order_by: AgentOrder, include: Relations
) -> list[AgentState]:
    """Agents that meet a condition."""
    return states(connection, repository.list_agents(connection, actor, condition, page, order_by), include)


def list_agents_of_block(
    connection: Connection, actor: Actor, block_id: str, page: Page, include: Relations
) -> list[AgentState]:
    """The agents that hold a block.

    Raises:
        NotFoundError: no such block.
    """
    blocks_repository.get_block(connection, actor, block_id)
    return states(connection, repository.list_agents_of_block(connection, actor, block_id, page), include)


def delete_agent(connection: Connection, actor: Actor, agent_id: str) -> None:
    """Delete an agent with its history and the archive that was made for it. Its blocks, tools and folders stay.

    Agents that look after its memory go with it.

    Raises:
        NotFoundError: no such agent.
    """
    repository.require_agent(connection, actor, agent_id)
    gone = [agent_id]
    for each in gone:  # which grows: those who look after it may be looked after themselves
        gone += [carer for carer in groups_repository.sleeptime_agents_of(connection, each) if carer not in gone]
    for each in reversed(gone):
        archives_repository.delete_private_archive(connection, actor, each)
        repository.delete_agent(connection, actor, each)


def list_agents_of_archive(
    connection: Connection, actor: Actor, archive_id: str, page: Page, include: Relations
) -> list[AgentState]:
    """The agents that have an archive.

    Raises:
        NotFoundError: no such archive.
    """
    archives_repository.get_archive(connection, actor, archive_id)
    return states(connection, repository.list_agents_of_archive(connection, actor, archive_id, page), include)


def core_memory(connection: Connection, actor: Actor, agent_id: str) -> tuple[str, list[Block]]:
    """An agent's type and its blocks, in the order in which it sees them."""
    row = repository.get_agent(connection, actor, agent_id)
    return row.agent.agent_type, blocks_repository.blocks_of_agents(connection, [agent_id]).get(agent_id, [])


def list_blocks(connection: Connection, actor: Actor, agent_id: str, page: Page) -> list[Block]:
    """A page of an agent's blocks."""
    repository.require_agent(connection, actor, agent_id)
    return blocks_repository.with_tags(connection, relation_repository.list_blocks_of_agent(connection, agent_id, page))


def get_block(connection: Connection, actor: Actor, agent_id: str, label: str) -> Block:
    """An agent's block with this label."""
    repository.require_agent(connection, actor, agent_id)
    block = relation_repository.block_of_agent(connection, agent_id, label)
    return blocks_repository.with_tags(connection, [block])[0]


def update_block(connection: Connection, actor: Actor, agent_id: str, label: str, body: UpdateBlock) -> Block:
    """Change an agent's block with this label.

    Raises:
        NotFoundError: no such agent, or it has no such block.
        InvalidArgumentError: the value is longer than the limit.
        ConflictError: an agent would have two blocks of one label.
    """
    row = repository.get_agent(connection, actor, agent_id)
    block = relation_repository.block_of_agent(connection, agent_id, label)
    changed = blocks_repository.update_block(connection, actor, block.id, body.given())
    context.refresh_system_message(connection, actor, row)
    return changed


def attach_block(connection: Connection, actor: Actor, agent_id: str, block_id: str) -> AgentState:
    """Share a block with an agent, and with those who look after its memory. Doing it twice changes nothing.

    Raises:
        NotFoundError: no such agent or block.
        ConflictError: the agent has another block of that label.
    """
    block = blocks_repository.lock_block(connection, actor, block_id)
    row = repository.lock_agent(connection, actor, agent_id)
    relation_repository.check_label_is_free(connection, agent_id, block)
    blocks_repository.attach_block(connection, agent_id, block_id)
    groups_repository.share_with_sleeptime_agents(connection, agent_id, [block_id])
    return _stored(connection, actor, row)


def detach_block(connection: Connection, actor: Actor, agent_id: str, block_id: str) -> AgentState:
    """Take a block from an agent; it stays stored.

    Raises:
        NotFoundError: no such agent, or it doesn't have the block.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    if not blocks_repository.detach_block(connection, agent_id, block_id):
        raise NotFoundError(
            f"Agent {agent_id} has no block {block_id}. GET /v1/agents/{agent_id}/core-memory/blocks lists its blocks."
        )
    return _stored(connection, actor, row)


def list_tools(connection: Connection, actor: Actor, agent_id: str, page: Page) -> list[Tool]:
    """A page of an agent's tools."""
    repository.require_agent(connection, actor, agent_id)
    return relation_repository.list_tools_of_agent(connection, agent_id, page)


def get_runnable_tool(connection: Connection, actor: Actor, agent_id: str, name: str) -> Tool:
    """A custom tool of an agent, or one of an MCP server.

    Raises:
        NotFoundError: the agent doesn't exist or has no such tool.
        InvalidArgumentError: the tool is none that can be run without a turn.
    """
    repository.require_agent(connection, actor, agent_id)
    tool = next((tool for tool in tools_repository.tools_of_agent(connection, agent_id) if tool.name == name), None)
    if tool is None:
        raise NotFoundError(f"Tool '{name}' is not attached to agent '{agent_id}'. Attach it first.")
    if tool.tool_type not in {CUSTOM, EXTERNAL_MCP}:
        raise InvalidArgumentError(
            f"'{name}' can only be used during an agent's turn. Send the agent a message instead."
        )
    return tool


def attach_tool(
    connection: Connection, actor: Actor, agent_id: str, tool_id: str, *, answer: bool
) -> AgentState | None:
    """Give a tool to an agent. Doing it twice changes nothing.

    Args:
        answer: whether the agent is returned.

    Raises:
        NotFoundError: no such agent or tool.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    tool = tools_repository.get_tool(connection, actor, tool_id)
    tools_repository.attach_tool(connection, actor, agent_id, tool_id)
    rules = defaults.approval_rules([tool], row.agent.tool_rules)
    row.agent.tool_rules = row.agent.tool_rules + rules
    return _stored_if(connection, actor, row, answer=answer)


def detach_tool(
    connection: Connection, actor: Actor, agent_id: str, tool_id: str, *, answer: bool
) -> AgentState | None:
    """Take a tool from an agent. Nothing happens where it doesn't have it.

    Raises:
        NotFoundError: no such agent or tool.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    tools_repository.detach_tool(connection, actor, agent_id, tool_id)
    return _stored_if(connection, actor, row, answer=answer)


def set_approval(
    connection: Connection, actor: Actor, agent_id: str, tool_name: str, *, required: bool, answer: bool
) -> AgentState | None:
    """Say whether calls of an agent's tool need a person's approval.

    Raises:
        NotFoundError: no such agent, or it has no such tool.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    if tool_name not in {tool.name for tool in tools_repository.tools_of_agent(connection, agent_id)}:
        raise NotFoundError(f"Agent {agent_id} has no tool named '{tool_name}'. Attach it first.")
    others = [
        rule for rule in row.agent.tool_rules if (rule["type"], rule["tool_name"]) != ("requires_approval", tool_name)
    ]
    row.agent.tool_rules = [*others, defaults.approval_rule(tool_name)] if required else others
    return _stored_if(connection, actor, row, answer=answer)


def list_folders(connection: Connection, actor: Actor, agent_id: str, page: Page) -> list[Folder]:
    """A page of an agent's folders."""
    repository.require_agent(connection, actor, agent_id)
    return folders_repository.list_folders_of_agent(connection, actor, agent_id, page)


def attach_folder(
    connection: Connection, actor: Actor, agent_id: str, folder_id: str, *, answer: bool
) -> AgentState | None:
    """Let an agent look into a folder. Doing it twice changes nothing.

    Raises:
        NotFoundError: no such agent or folder.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    folders_repository.attach_folder(connection, actor, agent_id, folder_id)
    attached.follow_folders(connection, actor, row.agent)
    return _stored_if(connection, actor, row, answer=answer)


def detach_folder(
    connection: Connection, actor: Actor, agent_id: str, folder_id: str, *, answer: bool
) -> AgentState | None:
    """Close a folder to an agent. Nothing happens where it is closed already.

    Raises:
        NotFoundError: no such agent or folder.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    folders_repository.detach_folder(connection, actor, agent_id, folder_id)
    attached.follow_folders(connection, actor, row.agent)
    return _stored_if(connection, actor, row, answer=answer)


def list_files(
    connection: Connection, actor: Actor, agent_id: str, page: Page, is_open: bool | None
) -> PaginatedAgentFiles:
    """A page of the files that an agent may look into."""
    repository.require_agent(connection, actor, agent_id)
    files, more = attached_repository.list_attached(connection, agent_id, page, is_open)
    shown = [AgentFileAttachment.model_validate(file) for file in files]
    return PaginatedAgentFiles(files=shown, next_cursor=files[-1].id if files else None, has_more=more)


def open_file(connection: Connection, actor: Actor, agent_id: str, file_id: str) -> list[str]:
    """Open a file for an agent. Returns the names of others that were closed for it.

    Raises:
        NotFoundError: no such agent, or it has no such file.
        InvalidArgumentError: it may have none open.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    closed = attached.open_file(connection, row.agent, file_id)
    context.refresh_system_message(connection, actor, row)
    return closed


def close_file(connection: Connection, actor: Actor, agent_id: str, file_id: str) -> None:
    """Close a file for an agent.

    Raises:
        NotFoundError: no such agent, or it has no such file.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    attached.close_file(connection, agent_id, file_id)
    context.refresh_system_message(connection, actor, row)


def close_all_files(connection: Connection, actor: Actor, agent_id: str) -> list[str]:
    """Close all files for an agent. Returns the names of those that were open.

    Raises:
        NotFoundError: no such agent.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    closed = attached_repository.close_others(connection, agent_id, [])
    context.refresh_system_message(connection, actor, row)
    return closed


def _stored_if(connection: Connection, actor: Actor, row: AgentRow, *, answer: bool) -> AgentState | None:
    _store(connection, actor, row)
    return state(connection, row, ALL) if answer else None


def _stored(connection: Connection, actor: Actor, row: AgentRow) -> AgentState:
    _store(connection, actor, row)
    return state(connection, row, ALL)


def _store(connection: Connection, actor: Actor, row: AgentRow) -> None:
    row.agent = repository.update_agent(connection, actor, row.agent)
    context.refresh_system_message(connection, actor, row)
