"""Stored agents as the answers of the API, with the relations that were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from sqlalchemy import Connection

from letta.access.secrecy import secrets_are_shown
from letta.agents import secret_repository
from letta.agents.agent import Agent
from letta.agents.defaults import limits_of
from letta.agents.relations import Relation, Relations
from letta.agents.repository import AgentRow
from letta.agents.schemas import AgentState
from letta.agents.secret_repository import Secret
from letta.agents.settings_translation import settings_from
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.folders import attached_repository
from letta.folders import repository as folders_repository
from letta.folders.file import AttachedFile
from letta.folders.folder import Folder
from letta.folders.views import bounded
from letta.groups import repository as groups_repository
from letta.groups.group import Group
from letta.identities import repository as identities_repository
from letta.identities.identity import Identity
from letta.json_types import JsonObject
from letta.messages import repository as messages_repository
from letta.messages.message import Message
from letta.messages.wire import expand
from letta.tools import repository as tools_repository
from letta.tools.tool import Tool


@dataclass(slots=True)
class LoadedAgent:
    """An agent with those of its relations that an answer carries; the others are empty."""

    agent: Agent
    message_ids: list[str]
    tags: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    files: list[AttachedFile] = field(default_factory=list)
    secrets: list[Secret] = field(default_factory=list)
    identities: list[Identity] = field(default_factory=list)
    group: Group | None = None
    pending_approval: JsonObject | None = None


def load(connection: Connection, rows: Sequence[AgentRow], include: Relations) -> list[LoadedAgent]:
    """The relations of several agents, with a fixed number of statements."""
    if not rows:
        return []
    ids = [row.agent.id for row in rows]
    blocks = blocks_repository.blocks_of_agents(connection, ids) if Relation.BLOCKS in include else {}
    tools = tools_repository.tools_of_agents(connection, ids) if Relation.TOOLS in include else {}
    folders = folders_repository.folders_of_agents(connection, ids) if Relation.SOURCES in include else {}
    shown = Relation.SECRETS in include and secrets_are_shown.get()
    secrets = secret_repository.secrets_of_agents(connection, ids) if shown else {}
    holders = list(folders)
    files = attached_repository.all_attached(connection, holders) if holders else {}
    identities = identities_repository.identities_of_agents(connection, ids) if Relation.IDENTITIES in include else {}
    groups = groups_repository.groups_of_managers(connection, ids) if Relation.MANAGED_GROUP in include else {}
    pending = _pending_approvals(connection, rows) if Relation.PENDING_APPROVAL in include else {}
    return [
        LoadedAgent(
            agent=row.agent,
            message_ids=row.message_ids,
            tags=row.tags if Relation.TAGS in include else [],
            blocks=blocks.get(row.agent.id, []),
            tools=tools.get(row.agent.id, []),
            folders=folders.get(row.agent.id, []),
            files=files.get(row.agent.id, []),
            secrets=secrets.get(row.agent.id, []),
            identities=identities.get(row.agent.id, []),
            group=groups.get(row.agent.id),
            pending_approval=pending.get(row.agent.id),
        )
        for row in rows
    ]


def states(connection: Connection, rows: Sequence[AgentRow], include: Relations) -> list[AgentState]:
    """The answers for several agents."""
    return [to_state(loaded) for loaded in load(connection, rows, include)]


def state(connection: Connection, row: AgentRow, include: Relations) -> AgentState:
    """The answer for one agent."""
    return states(connection, [row], include)[0]


def to_state(loaded: LoadedAgent) -> AgentState:
    """The answer for an agent whose relations are loaded."""
    agent = loaded.agent
    own = _fields(agent)
    limits = limits_of(agent)
    secrets = [_fields(secret) for secret in loaded.secrets]
    derived = {
        "message_ids": loaded.message_ids,
        "model": agent.llm_config.get("handle"),
        "embedding": (agent.embedding_config or {}).get("handle"),
        "model_settings": settings_from(agent.llm_config),
        "max_files_open": limits.max_files_open,
        "per_file_view_window_char_limit": limits.view_characters,
    }
    related = {
        "tags": loaded.tags,
        "blocks": loaded.blocks,
        "memory": {
            "agent_type": agent.agent_type,
            "blocks": loaded.blocks,
            "file_blocks": [_file_block(file, limits.view_characters) for file in loaded.files],
        },
        "tools": loaded.tools,
        "sources": loaded.folders,
        "secrets": secrets,
        "tool_exec_environment_variables": secrets,
        "identity_ids": [identity.id for identity in loaded.identities],
        "identities": loaded.identities,
        "multi_agent_group": loaded.group,
        "managed_group": loaded.group,
        "pending_approval": loaded.pending_approval,
    }
    return AgentState.model_validate(own | derived | related)


def _fields(record: Agent | Secret) -> JsonObject:
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _file_block(file: AttachedFile, limit: int) -> JsonObject:
    """A file as if it were a memory block, as clients know it."""
    return {
        "id": f"block-{file.id.removeprefix('file_agent-')}",
        "label": file.file_name,
        "value": bounded(file.visible_content or "", limit),
        "limit": limit,
        "file_id": file.file_id,
        "source_id": file.folder_id,
        "is_open": file.is_open,
        "last_accessed_at": file.last_accessed_at,
    }


def _pending_approvals(connection: Connection, rows: Sequence[AgentRow]) -> dict[str, JsonObject]:
    last_ids = [row.message_ids[-1] for row in rows if row.message_ids]
    found = messages_repository.open_approval_requests(connection, last_ids)
    return {message.agent_id: _approval_request(message) for message in found}


def _approval_request(message: Message) -> JsonObject:
    return next(wire for wire in expand(message) if wire["message_type"] == "approval_request_message")
