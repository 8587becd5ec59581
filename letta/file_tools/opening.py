"""The tool that opens files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.agents.defaults import FileLimits, limits_of
from letta.folders import attached_repository as repository
from letta.folders.attached import range_view
from letta.folders.file import AttachedFile
from letta.memory_tools.errors import ToolError

_NAMES_TOLD = 20
_MOST_LINES = 2**31 - 1


def open_files(connection: Connection, agent: Agent, file_requests: list[Any], close_all_others: bool = False) -> str:
    """Open files for an agent, all of them or, where one can't be opened, none.

    Raises:
        ToolError: one can't.
    """
    limits = limits_of(agent)
    wanted = _requests(file_requests, limits)
    repository.lock(connection, agent.id)
    found = repository.attached_by_names(connection, agent.id, wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise ToolError(_unknown(connection, agent.id, missing[0]))
    before = [found[name] for name in wanted]
    after = [_placed(file, *wanted[file.file_name]) for file in before]
    texts = repository.contents_of(connection, [file.file_id for file in after])
    closed = repository.close_others(connection, agent.id, list(texts)) if close_all_others else []
    views = [range_view(file, texts[file.file_id], limits) for file in after]
    repository.open_views(connection, views, datetime.now(UTC))
    evicted = repository.close_oldest(connection, agent.id, limits.max_files_open)
    return "\n".join(_told(before, after, closed, evicted, limits))


def _requests(given: list[Any], limits: FileLimits) -> dict[str, tuple[int | None, int | None]]:
    """Offsets and lengths by names."""
    if not given:
        raise ToolError("file_requests is empty. Name at least one file.")
    if len(given) > limits.max_files_open:
        raise ToolError(f"You can have {limits.max_files_open} files open at once. Ask for that many or fewer.")
    return dict(_request(request) for request in given)


def _request(given: Any) -> tuple[str, tuple[int | None, int | None]]:
    request = {"file_name": given} if isinstance(given, str) else given
    if not isinstance(request, dict) or not isinstance(request.get("file_name"), str):
        raise ToolError("Each of file_requests must be an object with a file_name.")
    offset, length = request.get("offset"), request.get("length")
    for name, value, least in (("offset", offset, 0), ("length", length, 1)):
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST_LINES:
            raise ToolError(f"{name} of '{request['file_name']}' must be a whole number, {least} or more.")
    return request["file_name"], (offset, length)


def _placed(file: AttachedFile, offset: int | None, length: int | None) -> AttachedFile:
    """The file with the lines that are wanted."""
    count = file.line_count or 0
    if offset is None and length is None:
        return replace(file, start_line=None, end_line=None)
    start = offset or 0
    if start >= count:
        raise ToolError(
            f"{file.file_name} has {count} lines, so there is no line at offset {start}. Choose a smaller offset."
        )
    return replace(file, start_line=start, end_line=count if length is None else min(count, start + length))


def _told(
    before: Sequence[AttachedFile],
    after: Sequence[AttachedFile],
    closed: Sequence[str],
    evicted: Sequence[str],
    limits: FileLimits,
) -> list[str]:
    lines = [
        f"* Opened {now.file_name} ({_part(now)})" + (f" (before: {_part(then)})" if then.is_open else "")
        for then, now in zip(before, after, strict=True)
    ]
    if closed:
        lines.append(f"Closed as you asked: {', '.join(closed)}")
    if evicted:
        lines.append(f"Closed to stay within {limits.max_files_open} open files: {', '.join(evicted)}")
    return lines


def _part(file: AttachedFile) -> str:
    if file.start_line is None:
        return "from its start"
    return f"lines {file.start_line + 1}-{file.end_line}"


def _unknown(connection: Connection, agent_id: str, name: str) -> str:
    names = repository.names_of(connection, agent_id, _NAMES_TOLD)
    known = f"Some of your files: {', '.join(names)}." if names else "There are no files in your folders."
    return f"You have no file '{name}'. Use its name as listed: folder/file. {known}"
