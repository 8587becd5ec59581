"""The section of the system message that shows an agent's folders and files."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from letta.agents.agent import Agent
from letta.agents.agent_types import traits_of
from letta.agents.defaults import limits_of
from letta.folders.file import AttachedFile
from letta.folders.views import bounded

MOST_CLOSED = 200
"""So many closed files are listed; others are found by searching."""


@dataclass(slots=True)
class Directory:
    """A folder as an agent has it.

    Attributes:
        file_count: of all its files that the agent can open.
        files: those that are shown.
    """

    name: str
    description: str | None
    instructions: str | None
    file_count: int = 0
    files: list[AttachedFile] = field(default_factory=list)


def render_directories(agent: Agent, directories: Sequence[Directory]) -> str | None:
    """The ``<directories>`` section, or None where the agent has no folder."""
    if not directories:
        return None
    limits = limits_of(agent)
    count = sum(file.is_open for directory in directories for file in directory.files)
    shown = [_render(directory, agent.agent_type, limits.view_characters) for directory in directories]
    return "\n".join(
        [
            "<directories>",
            "<file_limits>",
            f"- current_files_open={count}",
            f"- max_files_open={limits.max_files_open}",
            "</file_limits>",
            *shown,
            "</directories>",
        ]
    )


def _render(directory: Directory, agent_type: str, limit: int) -> str:
    lines = [f'<directory name="{_quoted(directory.name)}">']
    if directory.description:
        lines.append(f"<description>{directory.description}</description>")
    if directory.instructions:
        lines.append(f"<instructions>{directory.instructions}</instructions>")
    lines += [_render_file(file, agent_type, limit) for file in directory.files]
    more = directory.file_count - len(directory.files)
    if more:
        lines.append(f"({more} more files are closed. Find them with grep_files or semantic_search_files.)")
    return "\n".join([*lines, "</directory>"])


def _render_file(file: AttachedFile, agent_type: str, limit: int) -> str:
    value = bounded(file.visible_content or "", limit)
    facts = ["<metadata>", "- read_only=true", f"- chars_current={len(value)}", f"- chars_limit={limit}", "</metadata>"]
    content = ["<value>", value, "</value>"]
    if traits_of(agent_type).sees_values_always:
        inner = [f"<{file.file_name}>", *facts, *content, f"</{file.file_name}>"]
    else:
        inner = [*facts, *(content if file.is_open else [])]
    status = "open" if file.is_open else "closed"
    return "\n".join([f'<file status="{status}" name="{_quoted(file.file_name)}">', *inner, "</file>"])


def _quoted(name: str) -> str:
    return name.replace('"', "'").replace("\n", " ")
