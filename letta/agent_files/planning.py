"""What an import is going to store, decided before any of it is: whatever can be wrong with it is found here."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from letta.agent_files.folder_files import PlannedFiles, plan_files
from letta.agent_files.groups import GroupInFile, plan_groups
from letta.agent_files.mcp_servers import PlannedServers, plan_servers
from letta.agent_files.models import choose_embedding, choose_llm
from letta.agent_files.reading import problems
from letta.agent_files.schemas import AgentFile, AgentInFile, BlockInFile, FolderInFile, ToolInFile
from letta.agents.defaults import file_limits
from letta.agents.names import NAME_MAX_LENGTH
from letta.agents.schemas import CreateAgent
from letta.agents.validation import check_create
from letta.blocks.block import Block
from letta.blocks.schemas import CreateBlock
from letta.blocks.service import to_new_block
from letta.constants import DEFAULT_BLOCK_LIMIT, DEFAULT_RETURN_CHAR_LIMIT
from letta.database.ids import new_id
from letta.errors import InvalidArgumentError
from letta.folders.folder import Folder
from letta.folders.schemas import CreateFolder
from letta.folders.service import new_folder
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.organizations.actor import Actor
from letta.sandbox.errors import SourceError
from letta.sandbox.schema import function_name
from letta.tools.schemas import MAX_RETURN_CHAR_LIMIT
from letta.tools.service import check_name, checked_schema, describe
from letta.tools.tool import CUSTOM, Tool

_NOT_CARRIED_OVER = {
    "from_template",
    "template",
    "include_default_source",
    "memory_variables",
    "project",
}
"""Fields of an agent that mean nothing here."""

_COPY = "_copy"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is to be imported."""

    name: str | None = None
    append_copy_suffix: bool = True
    override_existing_tools: bool = True
    strip_messages: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    embedding: str | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlannedAgent:
    """An agent that is going to be stored.

    Attributes:
        entry: what the file says of it.
        body: the request that would create it.
        response_format: the agent's own, which may differ from that of its ``llm_config``.
    """

    entry: AgentInFile
    body: CreateAgent
    response_format: JsonObject | None


@dataclass(slots=True)
class ImportPlan:
    """All that is going to be stored, by the ids of the file, and what is not.

    Attributes:
        shared_folders: ids of folders that are there, which agents get instead of new ones.
    """

    options: ImportOptions
    agents: list[PlannedAgent] = field(default_factory=list)
    blocks: dict[str, Block] = field(default_factory=dict)
    tools: dict[str, Tool] = field(default_factory=dict)
    servers: PlannedServers = field(default_factory=PlannedServers)
    folders: dict[str, Folder] = field(default_factory=dict)
    shared_folders: dict[str, str] = field(default_factory=dict)
    files: PlannedFiles = field(default_factory=PlannedFiles)
    groups: list[GroupInFile] = field(default_factory=list)
    not_imported: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


async def plan_import(catalog: Catalog, actor: Actor, file: AgentFile, options: ImportOptions) -> ImportPlan:
    """Decide what is stored of a file that was read and found consistent.

    Raises:
        NotFoundError: no provider offers a model.
        InvalidArgumentError: something in the file, or in the options, can't be accepted.
    """
    plan = ImportPlan(options)
    for number, entry in enumerate(file.agents):
        plan.agents.append(await _plan_agent(catalog, entry, plan, is_first=number == 0))
    for folder in file.sources or ():
        plan.folders[folder.id] = await _plan_folder(catalog, actor, folder, plan)
    plan.blocks = {block.id: _plan_block(block, plan.warnings) for block in file.blocks or ()}
    plan.tools = await asyncio.to_thread(_plan_tools, file.tools or (), plan.warnings)
    plan.servers = await plan_servers(file.mcp_servers or (), plan.warnings)
    plan.files = await asyncio.to_thread(plan_files, actor, file, plan.warnings)
    plan.groups, refused_groups = plan_groups(file)
    plan.not_imported = _not_imported(file, plan.servers, plan.files, refused_groups)
    return plan


def _not_imported(file: AgentFile, servers: PlannedServers, files: PlannedFiles, groups: int) -> dict[str, int]:
    """What there is no room for, groups that aren't complete, and folders that the file names without having them."""
    known = {folder.id for folder in file.sources or ()}
    counts = {
        "files": files.refused,
        "files_agents": sum(
            view.file_id not in files.files for agent in file.agents for view in agent.files_agents or ()
        ),
        "groups": groups,
        "mcp_servers": servers.refused,
        "skills": len(file.skills or ()),
        "identities": sum(len(agent.identity_ids or ()) for agent in file.agents),
        "sources": len({folder for agent in file.agents for folder in agent.folders} - known),
    }
    return {section: count for section, count in counts.items() if count}


async def _plan_agent(catalog: Catalog, entry: AgentInFile, plan: ImportPlan, *, is_first: bool) -> PlannedAgent:
    given, options = entry.settings, plan.options
    chosen = await choose_llm(catalog, entry, options.model, plan.warnings)
    fields = {name: value for name, value in given.items() if name not in _NOT_CARRIED_OVER}
    fields |= {
        "name": _name(given.get("name"), options, is_first=is_first),
        "agent_type": entry.agent_type,
        "model": chosen.handle if chosen else None,
        "llm_config": chosen.config if chosen else None,
        "embedding": await choose_embedding(catalog, entry, options.embedding, plan.warnings),
        "secrets": _secrets(given, options),
        "tool_exec_environment_variables": None,
        "include_base_tools": given.get("include_base_tools", False),
    }
    chunk_size = (entry.embedding_config or {}).get("embedding_chunk_size")
    fields |= {"embedding_chunk_size": chunk_size} if chunk_size else {}
    body = _validated(entry, fields)
    _check_compaction(catalog, body, plan.warnings)
    response_format = body.response_format.model_dump() if body.response_format else None
    body.response_format = None
    return PlannedAgent(entry, _with_default_limits(body, entry), response_format)


def _validated(entry: AgentInFile, fields: JsonObject) -> CreateAgent:
    try:
        body = CreateAgent.model_validate(fields)
    except ValidationError as error:
        raise InvalidArgumentError(
            f"{entry.id} can't be imported: {problems(error)}. Correct the agent file."
        ) from None
    check_create(body)
    return body


def _name(name: Any, options: ImportOptions, *, is_first: bool) -> Any:
    """A name that was chosen for the import is that of the first agent, for which files are exported."""
    if options.name is not None and is_first:
        return options.name
    if not isinstance(name, str) or not options.append_copy_suffix:
        return name
    return name[: NAME_MAX_LENGTH - len(_COPY)] + _COPY


def _secrets(given: JsonObject, options: ImportOptions) -> Any:
    """The secrets that the file names, whose values it never tells, with the values that come along with it."""
    named: JsonObject = {}
    for values in (given.get("tool_exec_environment_variables"), given.get("secrets")):
        if values and not isinstance(values, dict):
            return values
        named |= {name: "" if value is None else value for name, value in (values or {}).items()}
    return named | dict(options.secrets)


def _check_compaction(catalog: Catalog, body: CreateAgent, warnings: list[str]) -> None:
    settings = body.compaction_settings
    if settings is None or settings.model is None or any(model.handle == settings.model for model in catalog.llms()):
        return
    warnings.append(
        f"The summarizer model {settings.model} is not available on this server. The default is used instead."
    )
    settings.model = None


def _with_default_limits(body: CreateAgent, entry: AgentInFile) -> CreateAgent:
    """Files tell limits of open files where an agent has none of its own: those that follow from its model."""
    window = (entry.llm_config or {}).get("context_window")
    default = file_limits(window) if isinstance(window, int) else None
    if default is None or default != (body.max_files_open, body.per_file_view_window_char_limit):
        return body
    return body.model_copy(update={"max_files_open": None, "per_file_view_window_char_limit": None})


async def _plan_folder(catalog: Catalog, actor: Actor, entry: FolderInFile, plan: ImportPlan) -> Folder:
    body = CreateFolder(
        name=entry.name,
        description=entry.description,
        instructions=entry.instructions,
        metadata=entry.metadata,
        embedding=await choose_embedding(catalog, entry, plan.options.embedding, plan.warnings),
        embedding_chunk_size=entry.embedding_chunk_size or (entry.embedding_config or {}).get("embedding_chunk_size"),
    )
    return await new_folder(catalog, actor, body)


def _plan_block(entry: BlockInFile, warnings: list[str]) -> Block:
    limit = DEFAULT_BLOCK_LIMIT if entry.limit is None else entry.limit
    if len(entry.value) > limit:
        warnings.append(
            f"The limit of block '{entry.label}' was raised from {limit} to {len(entry.value)}, "
            "the length of its value."
        )
        limit = len(entry.value)
    return to_new_block(CreateBlock.model_validate(entry.model_dump(exclude={"id"}) | {"limit": limit}))


def _plan_tools(entries: Sequence[ToolInFile], warnings: list[str]) -> dict[str, Tool]:
    return {entry.id: _plan_tool(entry, warnings) for entry in entries}


def _plan_tool(entry: ToolInFile, warnings: list[str]) -> Tool:
    try:
        schema = _schema(entry)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"Tool {entry.name or entry.id} of the agent file: {error.detail}") from None
    tool = Tool(
        id=new_id("tool"),
        name=schema["name"],
        tool_type=entry.tool_type,
        json_schema=schema,
        description=entry.description or schema["description"],
        source_type=entry.source_type or "python",
        source_code=entry.source_code,
        args_json_schema=entry.args_json_schema,
        tags=entry.tags or [],
        return_char_limit=_return_limit(entry),
        pip_requirements=[package.model_dump() for package in entry.pip_requirements or ()] or None,
        npm_requirements=[package.model_dump() for package in entry.npm_requirements or ()] or None,
        default_requires_approval=entry.default_requires_approval,
        enable_parallel_execution=bool(entry.enable_parallel_execution),
        metadata=entry.metadata_ or {},
        project_id=entry.project_id,
    )
    if tool.tool_type == CUSTOM:
        _look_at_source(tool, warnings)
    return tool


def _schema(entry: ToolInFile) -> JsonObject:
    if entry.json_schema is None and entry.tool_type == CUSTOM:
        return describe(entry.source_code or "", entry.source_type or "python", None, entry.args_json_schema)
    named = {"name": entry.name} if entry.name else {}
    schema = checked_schema((entry.json_schema or {}) | named)
    if entry.tool_type == CUSTOM:
        check_name(schema["name"])
    return schema


def _return_limit(entry: ToolInFile) -> int:
    limit = DEFAULT_RETURN_CHAR_LIMIT if entry.return_char_limit is None else entry.return_char_limit
    return min(max(1, limit), MAX_RETURN_CHAR_LIMIT)


def _look_at_source(tool: Tool, warnings: list[str]) -> None:
    if tool.source_type == "typescript":
        warnings.append(
            f"The tool '{tool.name}' is written in TypeScript, which this server does not run. Rewrite it in Python."
        )
        return
    try:
        if function_name(tool.source_code or "") == tool.name:
            return
        problem = "its last function has another name."
    except SourceError as error:
        problem = error.detail
    warnings.append(f"The tool '{tool.name}' can't be run as it is: {problem} Correct its source code.")
