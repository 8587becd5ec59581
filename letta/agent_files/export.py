"""Writing an agent as an agent file."""

import io
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Connection

from letta.agent_files.folder_files import attachment_entries, file_entries
from letta.agent_files.groups import group_entry, group_references, sleeptime_group
from letta.agent_files.mcp_servers import ExportedServers, servers_of_tools
from letta.agent_files.messages import to_file
from letta.agent_files.schemas import ExportAgentRequest
from letta.agents import repository
from letta.agents.agent import Agent
from letta.agents.compaction_settings import compaction_settings_from, default_summarizer
from letta.agents.models import offers
from letta.agents.relations import ALL
from letta.agents.schemas import AgentState
from letta.agents.state import LoadedAgent, load, to_state
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.blocks.schemas import BlockResponse
from letta.conversations.repository import conversation_of_agent
from letta.database.migrations import HEAD
from letta.folders.file import File
from letta.folders.file_repository import files_of_folders
from letta.folders.folder import Folder
from letta.groups.group import Group
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.messages import repository as messages_repository
from letta.messages.message import Message
from letta.organizations.actor import Actor
from letta.tools.schemas import ToolResponse
from letta.tools.tool import Tool

Ids = Mapping[str, str]
_Thing = TypeVar("_Thing", Tool, Block, Folder, Message)


@dataclass(slots=True)
class _Exported:
    """An agent, the messages that go along with it, and its id in the file."""

    loaded: LoadedAgent
    messages: list[Message]
    file_id: str


def export_agent(
    connection: Connection,
    actor: Actor,
    catalog: Catalog,
    agent_id: str,
    request: ExportAgentRequest,
    readable: Collection[str] | None = None,
) -> str:
    """The agent file of one agent: its settings, blocks, tools, folders with files, and the messages of one context.

    Those who look after its memory are in it as well. Values of secrets, passages, other conversations and runs are
    left out.

    Args:
        readable: the agents that whoever asks may read; None for all.

    Raises:
        NotFoundError: no such agent, or it has no such conversation.
    """
    loaded = load(connection, [repository.get_agent(connection, actor, agent_id)], ALL)[0]
    conversation = conversation_of_agent(connection, agent_id, request.conversation_id)
    group = sleeptime_group(connection, loaded.group, readable)
    carers = _carers(connection, actor, group)
    isolated = blocks_repository.with_tags(
        connection, blocks_repository.blocks_of_conversation(connection, conversation.id)
    )
    _see([loaded, *carers], isolated)
    own = {agent_id: conversation.id}
    exported = [
        _Exported(each, _messages(connection, each, own.get(each.agent.id), request), f"agent-{number}")
        for number, each in enumerate([loaded, *carers])
    ]
    servers = servers_of_tools(connection, actor, _all(each.loaded.tools for each in exported))
    folder_ids = [folder.id for folder in _all(each.loaded.folders for each in exported)]
    files = files_of_folders(connection, folder_ids) if folder_ids else []
    return _text(_file(catalog, exported, group, servers, files, request))


def _carers(connection: Connection, actor: Actor, group: Group | None) -> list[LoadedAgent]:
    ids = group.agent_ids if group is not None else ()
    return load(connection, [repository.get_agent(connection, actor, each) for each in ids], ALL)


def _messages(
    connection: Connection, loaded: LoadedAgent, conversation_id: str | None, request: ExportAgentRequest
) -> list[Message]:
    if request.scrub_messages:
        return []
    wanted = conversation_id or conversation_of_agent(connection, loaded.agent.id, None).id
    return messages_repository.context_of(connection, wanted)


def _text(file: JsonObject) -> str:
    """The file as people can read it. (`json.dumps` would hold millions of pieces of it in memory at once.)"""
    text = io.StringIO()
    for piece in json.JSONEncoder(ensure_ascii=False, indent=2).iterencode(file):
        text.write(piece)
    return text.getvalue()


def _see(agents: Sequence[LoadedAgent], isolated: Sequence[Block]) -> None:
    """Give agents their blocks as they are in a conversation of the first one that has some of its own."""
    own = {block.label: block for block in isolated}
    instead = {block.id: own[block.label] for block in agents[0].blocks if block.label in own}
    for each in agents:
        each.blocks = [instead.get(block.id, block) for block in each.blocks]


def _all(lists: Iterable[Sequence[_Thing]]) -> list[_Thing]:
    """What several agents have, each once."""
    return list({thing.id: thing for things in lists for thing in things}.values())


def _file(
    catalog: Catalog,
    exported: Sequence[_Exported],
    group: Group | None,
    servers: ExportedServers,
    files: Sequence[File],
    request: ExportAgentRequest,
) -> JsonObject:
    tools = sorted(_all(each.loaded.tools for each in exported), key=lambda tool: tool.name)
    blocks, folders = (_all(each.loaded.blocks for each in exported), _all(each.loaded.folders for each in exported))
    tool_ids, block_ids, folder_ids = _numbered("tool", tools), _numbered("block", blocks), _numbered("source", folders)
    message_ids = _numbered("message", _all(each.messages for each in exported))
    file_ids = _numbered("file", files)
    agent_ids = {each.loaded.agent.id: each.file_id for each in exported}

    def references(each: _Exported) -> JsonObject:
        return {
            "id": each.file_id,
            "tool_ids": [tool_ids[tool.id] for tool in sorted(each.loaded.tools, key=lambda tool: tool.name)],
            "source_ids": [folder_ids[folder.id] for folder in each.loaded.folders],
            "block_ids": [block_ids[block.id] for block in each.loaded.blocks],
            "in_context_message_ids": [message_ids[message.id] for message in each.messages],
            "messages": to_file(each.messages, message_ids, each.file_id),
            "files_agents": attachment_entries(each.loaded.files, file_ids, folder_ids, each.file_id),
            **group_references(group),
        }

    return {
        "agents": [_agent(catalog, each.loaded) | references(each) for each in exported],
        "groups": [group_entry(group, agent_ids, block_ids)] if group is not None else [],
        "blocks": [_block(block, block_ids) for block in blocks],
        "files": file_entries(files, file_ids, folder_ids),
        "sources": [_folder(folder, folder_ids) for folder in folders],
        "tools": [_tool(tool, tool_ids) | {"metadata_": servers.metadata_of(tool)} for tool in tools],
        "mcp_servers": servers.entries(),
        "skills": [skill.model_dump() for skill in request.skills],
        "metadata": {"revision_id": HEAD},
        "created_at": datetime.now(UTC).isoformat(),
    }


def _numbered(prefix: str, items: Iterable[Tool | Block | Folder | File | Message]) -> dict[str, str]:
    """The ids in the file, by the stored ones."""
    return {item.id: f"{prefix}-{number}" for number, item in enumerate(items)}


def _agent(catalog: Catalog, loaded: LoadedAgent) -> JsonObject:
    agent, state = loaded.agent, to_state(loaded)
    secrets = {secret.key: "" for secret in loaded.secrets}
    return {
        "name": agent.name,
        "memory_blocks": [],
        "tools": [],
        "tool_ids": [],
        "source_ids": [],
        "folder_ids": None,
        "block_ids": [],
        "tool_rules": agent.tool_rules,
        "tags": loaded.tags,
        "system": agent.system,
        "agent_type": agent.agent_type,
        "initial_message_sequence": None,
        "include_base_tools": False,
        "include_multi_agent_tools": False,
        "include_base_tool_rules": False,
        "include_default_source": False,
        "description": agent.description,
        "metadata": agent.metadata,
        **_models(catalog, agent),
        "from_template": None,
        "template": False,
        "project": None,
        "tool_exec_environment_variables": secrets,
        "secrets": secrets or None,
        "memory_variables": None,
        "project_id": agent.project_id,
        "template_id": agent.template_id,
        "base_template_id": agent.base_template_id,
        "identity_ids": None,
        **_behaviour(agent, state),
        "group_ids": [],
    }


def _models(catalog: Catalog, agent: Agent) -> JsonObject:
    """The configurations say it all; the fields that requests set models with stay empty."""
    embedding_config = agent.embedding_config
    return {
        "llm_config": _public(agent.llm_config, "model_endpoint"),
        "embedding_config": _public(embedding_config, "embedding_endpoint") if embedding_config else None,
        "model": None,
        "embedding": None,
        "model_settings": None,
        "compaction_settings": _compaction(catalog, agent),
        "context_window_limit": None,
        "embedding_chunk_size": None,
        "max_tokens": None,
        "max_reasoning_tokens": None,
        "enable_reasoner": False,
        "reasoning": None,
    }


def _public(config: JsonObject, name: str) -> JsonObject:
    """A model's configuration without what its address may tell of user and password."""
    parts = urlsplit(config.get(name) or "")
    if "@" not in parts.netloc:
        return config
    return config | {name: urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))}


def _behaviour(agent: Agent, state: AgentState) -> JsonObject:
    return {
        "message_buffer_autoclear": agent.message_buffer_autoclear,
        "enable_sleeptime": bool(agent.enable_sleeptime),
        "response_format": agent.response_format,
        "timezone": agent.timezone,
        "max_files_open": state.max_files_open,
        "per_file_view_window_char_limit": state.per_file_view_window_char_limit,
        "hidden": agent.hidden,
        "parallel_tool_calls": None,
    }


def _compaction(catalog: Catalog, agent: Agent) -> JsonObject | None:
    """The settings where they are not those that any new agent gets; a summarizer by default stays one."""
    settings = agent.compaction_settings
    summarizer = default_summarizer(agent.llm_config, offers(catalog))
    if settings is None or settings == compaction_settings_from(None, summarizer):
        return None
    return settings | {"model": None if settings["model"] == summarizer else settings["model"]}


def _block(block: Block, ids: Ids) -> JsonObject:
    fields = BlockResponse.model_validate(block).model_dump(exclude={"id", "created_by_id", "last_updated_by_id"})
    return fields | {"id": ids[block.id]}


def _tool(tool: Tool, ids: Ids) -> JsonObject:
    return ToolResponse.model_validate(tool).model_dump() | {"id": ids[tool.id]}


def _folder(folder: Folder, ids: Ids) -> JsonObject:
    config = folder.embedding_config
    return {
        "name": folder.name,
        "description": folder.description,
        "instructions": folder.instructions,
        "metadata": folder.metadata,
        "embedding_config": _public(config, "embedding_endpoint") if config else None,
        "id": ids[folder.id],
    }
