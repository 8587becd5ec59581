"""Storing a planned import, in one transaction: all of the file, or nothing."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from letta.agent_files.conversation import begin_conversation
from letta.agent_files.folder_files import restore_views, store_files
from letta.agent_files.groups import store_group
from letta.agent_files.planning import ImportPlan, PlannedAgent
from letta.agent_files.schemas import AgentInFile, ImportedAgents
from letta.agent_files.storing_servers import store_servers
from letta.agents import creation
from letta.agents.state import LoadedAgent
from letta.blocks import repository as blocks_repository
from letta.errors import ConflictError
from letta.folders import repository as folders_repository
from letta.folders.folder import Folder
from letta.llm.catalog import Catalog
from letta.organizations.actor import Actor
from letta.tools import repository as tools_repository
from letta.tools.tool import CUSTOM, EXTERNAL_MCP, Tool

_MOST_NAMES = 100
"""So many names are tried for a folder whose own one is taken."""


def import_agents(connection: Connection, actor: Actor, catalog: Catalog, plan: ImportPlan) -> ImportedAgents:
    """Store what was planned, under new ids.

    Raises:
        InvalidArgumentError: an agent names a tool that is neither in the file nor here.
        ConflictError: an agent has two blocks of one label.
    """
    outcome = ImportedAgents(agent_ids=[], not_imported=dict(plan.not_imported), warnings=list(plan.warnings))
    blocks = _store_blocks(connection, actor, plan)
    tools = store_tools(connection, actor, plan, outcome)
    folders = _store_folders(connection, actor, plan, outcome)
    files = store_files(connection, actor, plan.files, folders)
    ids = _StoredIds(blocks=blocks, tools=tools, folders=folders, files=files)
    stored = [_store_agent(connection, actor, catalog, plan, planned, ids) for planned in plan.agents]
    outcome.agent_ids = [loaded.agent.id for loaded in stored]
    agent_ids = {planned.entry.id: agent_id for planned, agent_id in zip(plan.agents, outcome.agent_ids, strict=True)}
    for group in plan.groups:
        store_group(connection, actor, group, agent_ids, blocks, plan.options.project_id)
    for loaded in stored:
        if loaded.agent.enable_sleeptime:
            creation.add_sleeptime_agent(connection, actor, loaded.agent, loaded.blocks)
    outcome.warnings = list(dict.fromkeys([*outcome.warnings, *_missing_secrets(plan)]))
    return outcome


class _StoredIds:
    """Ids of what was stored, by the ids of the file. What has no place here is missing."""

    def __init__(
        self, *, blocks: dict[str, str], tools: dict[str, str], folders: dict[str, str], files: dict[str, str]
    ) -> None:
        self._blocks, self._tools, self._folders = blocks, tools, folders
        self.files = files

    def of(self, entry: AgentInFile) -> dict[str, list[str]]:
        """What the agent has, as a request to create an agent names it."""
        return {
            "block_ids": _known(entry.block_ids or (), self._blocks),
            "tool_ids": _known(entry.tool_ids or (), self._tools),
            "folder_ids": _known(entry.folders, self._folders),
        }


def _known(ids: Sequence[str], stored: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(stored[file_id] for file_id in ids if file_id in stored))


def _store_blocks(connection: Connection, actor: Actor, plan: ImportPlan) -> dict[str, str]:
    blocks_repository.create_blocks(connection, actor, list(plan.blocks.values()))
    return {file_id: block.id for file_id, block in plan.blocks.items()}


def store_tools(connection: Connection, actor: Actor, plan: ImportPlan, outcome: ImportedAgents) -> dict[str, str]:
    """Custom tools are stored, and those of MCP servers; the others are those that are known here by the same name."""
    servers = store_servers(connection, actor, plan.servers, outcome)
    names = [tool.name for tool in plan.tools.values()]
    known = {tool.name: tool for tool in tools_repository.find_by_names(connection, actor, names)}
    stored: dict[str, str] = {}
    for file_id, tool in sorted(plan.tools.items(), key=lambda item: item[1].name):
        found = known.get(tool.name)
        if tool.tool_type == CUSTOM and (found is None or not _same(tool, found)):
            found = known[tool.name] = _store_tool(connection, actor, plan, tool, outcome)
        elif tool.tool_type == EXTERNAL_MCP and (moved := servers.at_home(tool)) is not None:
            found = known[tool.name] = _store_tool_of_server(connection, actor, moved, found, outcome)
        if found is None:
            outcome.not_imported["tools"] = outcome.not_imported.get("tools", 0) + 1
            outcome.warnings.append(f"The tool '{tool.name}' ({tool.tool_type}) is not available on this server.")
        else:
            stored[file_id] = found.id
    return stored


def store_tools_alone(connection: Connection, actor: Actor, plan: ImportPlan) -> dict[str, str]:
    """As `store_tools`, where nobody is told what came of it."""
    return store_tools(connection, actor, plan, ImportedAgents(agent_ids=[], not_imported={}, warnings=[]))


def _store_tool(connection: Connection, actor: Actor, plan: ImportPlan, tool: Tool, outcome: ImportedAgents) -> Tool:
    """Tools are stored in the order of their names, so that two imports can't wait for each other."""
    found = tools_repository.lock_tool_by_name(connection, actor, tool.name)
    if found is None:
        created = tools_repository.insert_tool(connection, actor, tool)
        if created is not None:
            return created
        raise ConflictError(
            f"Another request is creating a tool named '{tool.name}' at the same time. Import the file again."
        )
    if found.tool_type != CUSTOM:
        outcome.warnings.append(
            f"'{tool.name}' is the name of a built-in tool; the agent gets the built-in tool instead."
        )
        return found
    if not plan.options.override_existing_tools:
        outcome.warnings.append(
            f"A tool named '{tool.name}' already exists and differs from the one in the file; the existing tool was "
            "kept."
        )
        return found
    outcome.warnings.append(f"A tool named '{tool.name}' already existed and was overwritten.")
    return tools_repository.write_tool(connection, actor, replace(tool, id=found.id))


def _store_tool_of_server(
    connection: Connection, actor: Actor, tool: Tool, found: Tool | None, outcome: ImportedAgents
) -> Tool:
    """A tool that is there stays as it is: its server tells what it is like, and refreshing takes it over."""
    if found is None:
        created = tools_repository.insert_tool(connection, actor, tool)
        if created is not None:
            return created
        raise ConflictError(
            f"Another request is creating a tool named '{tool.name}' at the same time. Import the file again."
        )
    origin = found.metadata.get("mcp") if found.tool_type == EXTERNAL_MCP else None
    if not origin or origin["server_id"] != tool.metadata["mcp"]["server_id"]:
        whose = f"of the MCP server '{origin['server_name']}'" if origin else f"({found.tool_type})"
        outcome.warnings.append(f"'{tool.name}' is the name of another tool {whose}; the agent gets that tool instead.")
    return found


def _same(tool: Tool, other: Tool) -> bool:
    stored = ("id", "created_by_id", "last_updated_by_id", "created_at", "updated_at")
    return replace(tool, **{name: getattr(other, name) for name in stored}) == other


def _store_folders(connection: Connection, actor: Actor, plan: ImportPlan, outcome: ImportedAgents) -> dict[str, str]:
    stored = dict(plan.shared_folders)
    for file_id, folder in plan.folders.items():
        created = _store_folder(connection, actor, folder)
        if created.name != folder.name:
            outcome.warnings.append(
                f"The folder '{folder.name}' was imported as '{created.name}', because its name was taken."
            )
        stored[file_id] = created.id
    return stored


def _store_folder(connection: Connection, actor: Actor, folder: Folder) -> Folder:
    """Names of folders are unique; an imported one never takes the place of another."""
    for number in range(1, _MOST_NAMES):
        name = folder.name if number == 1 else f"{folder.name} ({number})"
        try:
            return folders_repository.create_folder(connection, actor, replace(folder, name=name))
        except ConflictError:
            continue
    raise ConflictError(f"There are too many folders named '{folder.name}'. Rename it in the agent file.")


def _store_agent(
    connection: Connection,
    actor: Actor,
    catalog: Catalog,
    plan: ImportPlan,
    planned: PlannedAgent,
    ids: _StoredIds,
) -> LoadedAgent:
    body = planned.body.model_copy(update=ids.of(planned.entry))
    agent = creation.new_agent(actor, catalog, body, plan.options.project_id)
    agent.response_format = planned.response_format
    rules = None if body.tool_rules is None else [rule.model_dump() for rule in body.tool_rules]
    loaded = creation.store_agent(connection, actor, body, agent, rules)
    restore_views(connection, loaded.agent, planned.entry, ids.files)
    begin_conversation(connection, actor, planned, loaded, strip=plan.options.strip_messages)
    return loaded


def _missing_secrets(plan: ImportPlan) -> list[str]:
    return [
        f"The secrets {', '.join(missing)} of agent '{planned.body.name}' have no values, because agent files never "
        "contain them. Provide them with 'secrets'."
        for planned in plan.agents
        if (missing := [name for name, value in (planned.body.secrets or {}).items() if not value])
    ]
