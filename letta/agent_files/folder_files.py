"""Files of folders in agent files: their texts, and which of them an agent has open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection

from letta.agent_files.schemas import AgentFile, AgentInFile, FileInFile
from letta.agents.agent import Agent
from letta.database.ids import new_id
from letta.errors import InvalidArgumentError
from letta.folders import attached, file_repository
from letta.folders.child.lines import lines_of
from letta.folders.file import AttachedFile, File
from letta.folders.file_names import free_name, storable_name
from letta.folders.file_types import known_type
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.settings import settings

Ids = Mapping[str, str]


def file_entries(files: Sequence[File], file_ids: Ids, folder_ids: Ids) -> list[JsonObject]:
    """The files as an agent file tells them, with their texts."""
    return [
        {
            "source_id": folder_ids[file.folder_id],
            "file_name": file.file_name,
            "original_file_name": file.original_file_name,
            "file_path": None,
            "file_type": file.file_type,
            "file_size": file.file_size,
            "file_creation_date": None,
            "file_last_modified_date": None,
            "processing_status": file.processing_status,
            "error_message": file.error_message,
            "total_chunks": file.total_chunks,
            "chunks_embedded": file.chunks_embedded,
            "content": file.content,
            "id": file_ids[file.id],
        }
        for file in files
    ]


def attachment_entries(
    attachments: Sequence[AttachedFile], file_ids: Ids, folder_ids: Ids, agent_id: str
) -> list[JsonObject]:
    """What an agent sees of the files, as an agent file tells it."""
    return [
        {
            "agent_id": agent_id,
            "file_id": file_ids[attachment.file_id],
            "source_id": folder_ids[attachment.folder_id],
            "file_name": attachment.file_name,
            "is_open": attachment.is_open,
            "visible_content": attachment.visible_content,
            "last_accessed_at": attachment.last_accessed_at and attachment.last_accessed_at.isoformat(),
            "start_line": attachment.start_line,
            "end_line": attachment.end_line,
            "id": f"file_agent-{number}",
        }
        for number, attachment in enumerate(attachments)
        if attachment.file_id in file_ids
    ]


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that is going to be stored, once it is known in which folder."""

    file: File
    line_count: int


@dataclass(slots=True)
class PlannedFiles:
    """The files that are going to be stored, by the ids of the file, and how many are not."""

    files: dict[str, PlannedFile] = field(default_factory=dict)
    refused: int = 0


def plan_files(actor: Actor, given: AgentFile, warnings: list[str]) -> PlannedFiles:
    """Decide which files are stored: those that have a text and a folder."""
    plan, known = PlannedFiles(), {folder.id for folder in given.sources or ()}
    taken: dict[str, set[str]] = {}
    for entry in given.files or ():
        planned = _planned(actor, entry, taken, warnings) if entry.source_id in known else None
        if planned is None:
            plan.refused += 1
        else:
            plan.files[entry.id] = planned
    return plan


def _planned(actor: Actor, entry: FileInFile, taken: dict[str, set[str]], warnings: list[str]) -> PlannedFile | None:
    text = (entry.content or "").replace("\r\n", "\n").replace("\r", "\n")
    shown = entry.file_name or entry.original_file_name or ""
    if not text.strip():
        warnings.append(f"The agent file does not contain the text of '{shown}'. Upload that file to its folder.")
        return None
    if len(text) > settings.max_file_characters:
        warnings.append(
            f"The text of the file '{shown}' has more than {settings.max_file_characters:,} characters. Split it, or "
            "raise LETTA_MAX_FILE_CHARACTERS."
        )
        return None
    try:
        name = storable_name(shown)
    except InvalidArgumentError:
        name = "unnamed.txt"
    names = taken.setdefault(entry.source_id or "", set())
    name = free_name(name, names)
    names.add(name)
    kind = known_type(entry.file_type)
    file = File(
        id=new_id("file"),
        organization_id=actor.organization_id,
        folder_id=entry.source_id or "",
        file_name=name,
        original_file_name=entry.original_file_name or name,
        file_type=kind.name,
        file_size=len(text.encode()) if entry.file_size is None else entry.file_size,
        content=text,
    )
    return PlannedFile(file, sum(1 for _ in lines_of(text, prose=kind.is_prose)))


def store_files(connection: Connection, actor: Actor, plan: PlannedFiles, folders: Ids) -> dict[str, str]:
    """Store the files in their folders, to be cut into passages in the background. Returns their ids by those given."""
    new = []
    for planned in plan.files.values():
        planned.file.folder_id = folders.get(planned.file.folder_id, planned.file.folder_id)
        new.append((planned.file, planned.line_count))
    file_repository.insert_texts(connection, actor, new)
    return {file_id: planned.file.id for file_id, planned in plan.files.items()}


def restore_views(connection: Connection, agent: Agent, entry: AgentInFile, file_ids: Ids) -> None:
    """Let an agent have open what the one in the file had, in the same order. Where nothing tells it, all stays."""
    if not entry.files_agents:
        return
    known = [view for view in entry.files_agents if view.is_open and view.file_id in file_ids]
    first = datetime.min.replace(tzinfo=UTC)
    known.sort(key=lambda view: view.last_accessed_at or first)
    wanted = {file_ids[view.file_id or ""]: (view.start_line, view.end_line) for view in known}
    attached.show_exactly(connection, agent, wanted)
