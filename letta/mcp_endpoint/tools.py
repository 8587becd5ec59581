"""What the MCP endpoint offers to other programs: agents' memory, and talking with agents."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from letta.access.grants import Access
from letta.agents import context, service
from letta.agents import repository as agents_repository
from letta.archives.schemas import CreateArchivalMemory
from letta.archives.service import new_passage
from letta.blocks.schemas import UpdateBlock
from letta.errors import ForbiddenError
from letta.json_types import JsonObject
from letta.mcp_endpoint import arguments, repository
from letta.mcp_endpoint.caller import Caller
from letta.mcp_endpoint.talking import send_message
from letta.memory_tools.archival import archival_results, archival_search
from letta.messages.search_schemas import SearchAllMessages
from letta.messages.search_service import as_item, search_everywhere
from letta.schema import Schema


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool, and what it is told of.

    Attributes:
        call: takes the caller and the arguments, and returns what the other program's model reads.
        reads_only: whether it changes nothing.
    """

    name: str
    description: str
    arguments: type[Schema]
    call: Callable[[Caller, Any], Awaitable[str]]
    reads_only: bool = True


async def _list_agents(caller: Caller, given: arguments.ListAgents) -> str:
    found = await caller.server.database.read(
        repository.list_agents, caller.actor, caller.only, given.search, given.limit
    )
    return _shown(found)


async def _read_blocks(caller: Caller, given: arguments.OfAgent) -> str:
    agent_id = await caller.agent(given.agent, {Access.READ_AGENT})
    _, blocks = await caller.server.database.read(service.core_memory, caller.actor, agent_id)
    names = ("label", "value", "description", "limit", "read_only")
    return _shown([{name: getattr(block, name) for name in names} for block in blocks])


async def _write_block(caller: Caller, given: arguments.WriteBlock) -> str:
    agent_id = await caller.agent(given.agent, {Access.WRITE_AGENT})
    body = UpdateBlock(value=given.value)
    block = await caller.server.database.run(service.update_block, caller.actor, agent_id, given.label, body)
    return _shown({"label": block.label, "value": block.value})


async def _replace_in_block(caller: Caller, given: arguments.ReplaceInBlock) -> str:
    agent_id = await caller.agent(given.agent, {Access.WRITE_AGENT})
    block = await caller.server.database.run(
        repository.replace_in_block, caller.actor, agent_id, given.label, given.old_text, given.new_text
    )
    return _shown({"label": block.label, "value": block.value})


async def _search_archive(caller: Caller, given: arguments.SearchArchive) -> str:
    agent_id = await caller.agent(given.agent, {Access.READ_AGENT})
    agent = (await caller.server.database.read(agents_repository.get_agent, caller.actor, agent_id)).agent
    search = archival_search(agent.timezone, given.query, given.tags, top_k=given.limit)
    found = [] if search is None else await caller.server.archival.find_for_agent(caller.actor, agent_id, search)
    return _shown(archival_results(found, agent.timezone))


async def _insert_passage(caller: Caller, given: arguments.InsertPassage) -> str:
    agent_id = await caller.agent(given.agent, {Access.WRITE_AGENT})
    new = new_passage(CreateArchivalMemory(text=given.text, tags=given.tags))
    stored = await caller.server.archival.insert_for_agent(caller.actor, agent_id, [new], context.refresh_counts)
    return _shown([{"id": passage.id, "tags": passage.tags} for passage in stored])


async def _search_conversations(caller: Caller, given: arguments.SearchConversations) -> str:
    agent_id = None
    if given.agent is not None:
        agent_id = await caller.agent(given.agent, {Access.READ_MESSAGES})
    elif caller.only is not None:
        raise ForbiddenError("The API key is limited to certain agents. Name one of them in 'agent'.")
    search = SearchAllMessages(query=given.query, agent_id=agent_id, limit=given.limit)
    found = await caller.server.database.read(search_everywhere, caller.actor, search)
    names = {"message_type", "content", "agent_id", "conversation_id", "created_at"}
    return _shown([as_item(one).model_dump(mode="json", include=names) for one in found])


def _shown(value: JsonObject | list[JsonObject]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


TOOLS = {
    tool.name: tool
    for tool in (
        OfferedTool("list_agents", "List the agents there are, newest first.", arguments.ListAgents, _list_agents),
        OfferedTool(
            "send_message",
            "Say something to an agent and return its reply. The agent remembers the conversation, may use its own "
            "tools before it replies, and may take minutes.",
            arguments.SendMessage,
            send_message,
            reads_only=False,
        ),
        OfferedTool(
            "read_memory_blocks",
            "Read an agent's memory blocks: what it always has before its eyes.",
            arguments.OfAgent,
            _read_blocks,
        ),
        OfferedTool(
            "write_memory_block",
            "Replace the whole text of one of an agent's memory blocks. Agents that share the block see the change.",
            arguments.WriteBlock,
            _write_block,
            reads_only=False,
        ),
        OfferedTool(
            "replace_in_memory_block",
            "Change a piece of text within one of an agent's memory blocks, and leave the rest as it is.",
            arguments.ReplaceInBlock,
            _replace_in_block,
            reads_only=False,
        ),
        OfferedTool(
            "search_archival_memory",
            "Search the passages that an agent keeps for the long term, by meaning and by words.",
            arguments.SearchArchive,
            _search_archive,
        ),
        OfferedTool(
            "insert_archival_memory",
            "Keep a passage in an agent's long-term memory, where the agent can find it by searching.",
            arguments.InsertPassage,
            _insert_passage,
            reads_only=False,
        ),
        OfferedTool(
            "search_conversations",
            "Search what agents and people have said to each other.",
            arguments.SearchConversations,
            _search_conversations,
        ),
    )
}
