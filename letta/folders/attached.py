"""Which of their folders' files agents have open, and the tools that come with folders.

Files are opened when they come, as far as an agent may have as many open; those that were used longest ago are closed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.agents.defaults import FileLimits, limits_of
from letta.errors import InvalidArgumentError, NotFoundError
from letta.file_tools.registry import FILE_TOOL_NAMES
from letta.folders import attached_repository as repository
from letta.folders.attached_repository import View
from letta.folders.directories import render_directories
from letta.folders.file import AttachedFile
from letta.folders.file_types import known_type
from letta.folders.views import view_of
from letta.organizations.actor import Actor
from letta.tools import repository as tools_repository
from letta.tools.service import ensure_builtin_tools
from letta.tools.tool import Tool

_MORE_CHARACTERS = 4
"""So many times what an agent sees is read of a file's beginning, as blank lines are left out."""


def follow_folders(connection: Connection, actor: Actor, agent: Agent, *, with_tools: bool = True) -> list[Tool]:
    """Give an agent, whose folders were changed, the files that are in them now, and the tools for files.

    One that has no folder any more loses these tools. Returns those that it was given.

    Args:
        with_tools: whether to give it tools. Otherwise somebody has just said which it is to have.
    """
    if not repository.has_folders(connection, agent.id):
        repository.take_tools_from(connection, FILE_TOOL_NAMES, agent_id=agent.id)
        return []
    new = repository.attach_new(connection, actor, agent.id, limits_of(agent).max_files_open)
    show_from_start(connection, agent, new)
    if not with_tools:
        return []
    tools = tools_repository.find_by_names(connection, actor, FILE_TOOL_NAMES)
    if len(tools) < len(FILE_TOOL_NAMES):
        ensure_builtin_tools(connection, actor)
        tools = tools_repository.find_by_names(connection, actor, FILE_TOOL_NAMES)
    tools = [tool for tool in tools if tool.is_builtin]
    tools_repository.attach_tools(connection, actor, agent.id, [tool.id for tool in tools])
    return tools


def directories_section(connection: Connection, agent: Agent) -> str | None:
    """What an agent's system message shows of its folders and files."""
    return render_directories(agent, repository.directories_of(connection, agent.id))


def show_from_start(connection: Connection, agent: Agent, wanted: Sequence[AttachedFile]) -> list[str]:
    """Open files from their beginning. Returns the names of others that were closed for them."""
    limits = limits_of(agent)
    shown = wanted[: limits.max_files_open]
    if not shown:
        return []
    characters = _MORE_CHARACTERS * limits.view_characters + 1000
    texts = repository.contents_of(connection, [file.file_id for file in shown], characters)
    views = [View(file, start_view(file, texts[file.file_id], limits)) for file in shown]
    repository.open_views(connection, views, datetime.now(UTC))
    return repository.close_oldest(connection, agent.id, limits.max_files_open)


def start_view(file: AttachedFile, text: str, limits: FileLimits) -> str:
    """What an agent sees of a file from its beginning."""
    prose = known_type(file.file_type).is_prose
    return view_of(text, prose=prose, limit=limits.view_characters, line_count=file.line_count or 0)


def open_file(connection: Connection, agent: Agent, file_id: str) -> list[str]:
    """Open a file for an agent, from its beginning. Returns the names of others that were closed for it.

    Raises:
        NotFoundError: the agent has no such file.
        InvalidArgumentError: it may have none open.
    """
    file = _attached(connection, agent.id, file_id)
    if limits_of(agent).max_files_open < 1:
        raise InvalidArgumentError("The agent's max_files_open is 0, so it can't open files. Raise it first.")
    return show_from_start(connection, agent, [file])


def show_exactly(connection: Connection, agent: Agent, wanted: Mapping[str, tuple[int | None, int | None]]) -> None:
    """Let an agent have open these files alone, each from a line to another one, in this order."""
    limits = limits_of(agent)
    repository.close_others(connection, agent.id, [])
    known = {file.file_id: file for file in repository.all_attached(connection, [agent.id]).get(agent.id, [])}
    chosen = [(known[file_id], lines) for file_id, lines in wanted.items() if file_id in known]
    chosen = chosen[-limits.max_files_open :] if limits.max_files_open else []
    texts = repository.contents_of(connection, [file.file_id for file, _ in chosen])
    views = []
    for file, (start, end) in chosen:
        count = file.line_count or 0
        if start is not None and start < count:
            file.start_line, file.end_line = start, count if end is None else max(start + 1, min(end, count))
        else:
            file.start_line, file.end_line = None, None
        views.append(range_view(file, texts[file.file_id], limits))
    repository.open_views(connection, views, datetime.now(UTC))


def close_file(connection: Connection, agent_id: str, file_id: str) -> None:
    """Close a file for an agent. Nothing happens where it is closed already.

    Raises:
        NotFoundError: the agent has no such file.
    """
    _attached(connection, agent_id, file_id)
    repository.close_one(connection, agent_id, file_id)


def follow_limits(connection: Connection, agent: Agent, before: FileLimits) -> None:
    """Let what an agent has open fit its limits, after they have changed."""
    limits = limits_of(agent)
    if limits == before:
        return
    repository.close_oldest(connection, agent.id, limits.max_files_open)
    if limits.view_characters <= before.view_characters:
        return  # what is shown is cut then
    opened = [file for file in repository.all_attached(connection, [agent.id]).get(agent.id, []) if file.is_open]
    opened.sort(key=lambda file: file.last_accessed_at or datetime.min.replace(tzinfo=UTC))
    texts = repository.contents_of(connection, [file.file_id for file in opened])
    views = [range_view(file, texts[file.file_id], limits) for file in opened]
    repository.open_views(connection, views, datetime.now(UTC))


def range_view(file: AttachedFile, text: str, limits: FileLimits) -> View:
    """What an agent sees of a file from its first line to its last, as they are noted with it."""
    content = view_of(
        text,
        prose=known_type(file.file_type).is_prose,
        limit=limits.view_characters,
        line_count=file.line_count or 0,
        start=file.start_line,
        end=file.end_line,
    )
    return View(file, content, file.start_line, file.end_line)


def _attached(connection: Connection, agent_id: str, file_id: str) -> AttachedFile:
    file = repository.attached_by_id(connection, agent_id, file_id)
    if file is None:
        raise NotFoundError(f"Agent {agent_id} has no file {file_id}. GET /v1/agents/{agent_id}/files lists its files.")
    return file
