"""Folders, their files, and what agents see of these."""

from letta.archives.tables import archives, passages
from letta.folders.child.lines import lines_of
from letta.folders.file import COMPLETED, FAILED, PARSING
from letta.folders.file_types import known_type
from letta.folders.tables import files, files_agents, folders
from letta.json_types import JsonObject
from letta.legacy.archives import PASSAGE_COLUMNS, passage_rows
from letta.legacy.file_names import names_of_files
from letta.legacy.models import embedding_config
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, derived_id, owned, parsed_object_or_none

_NEVER_READ = "The former server had not read the file yet. Upload it again."


def _folders(reading: Reading, rows: list[JsonObject]) -> Rows:
    """Passages of files are in an archive of their folder."""
    made = [_folder(reading, row) for row in rows]
    return [(folders, made), (archives, [_archive(row, folder) for row, folder in zip(rows, made, strict=True)])]


def _folder(reading: Reading, row: JsonObject) -> JsonObject:
    same = {name: row[name] for name in ("name", "description", "instructions")}
    config = embedding_config(reading, row["id"], row["embedding_config"])
    return owned(row) | same | {"metadata": parsed_object_or_none(row["metadata_"]), "embedding_config": config}


def _archive(row: JsonObject, folder: JsonObject) -> JsonObject:
    told = {"name": folder["name"], "description": "Holds the passages of a folder's files.", "metadata": None}
    place = {"id": _archive_id(row["id"]), "folder_id": row["id"], "embedding_config": folder["embedding_config"]}
    return owned(row) | told | place


def _archive_id(folder_id: str) -> str:
    return derived_id("archive", folder_id)


def _files(reading: Reading, rows: list[JsonObject]) -> Rows:
    ids = [row["id"] for row in rows]
    found = reading.related("file_contents", ("file_id", "text"), "file_id", ids)
    contents = {row["file_id"]: row["text"] for row in found}
    names = names_of_files(reading, rows)
    return [(files, [_file(row, names[row["id"]], contents.get(row["id"])) for row in rows])]


def _file(row: JsonObject, name: str, content: str | None) -> JsonObject:
    same = ("file_type", "file_size", "error_message", "total_chunks", "chunks_embedded")
    values = (
        owned(row)
        | {each: row[each] for each in same}
        | {
            "folder_id": row["source_id"],
            "file_name": name,
            "original_file_name": row["original_file_name"] or name,
            "content": content,
            "line_count": None,
            "processing_status": row["processing_status"],
        }
    )
    if content is not None:
        prose = known_type(row["file_type"]).is_prose
        values["line_count"] = sum(1 for _ in lines_of(content, prose=prose))
    return values | _status(row, content)


def _status(row: JsonObject, content: str | None) -> JsonObject:
    """What the former server was busy with is begun anew where the text is known."""
    if row["processing_status"] in {COMPLETED, FAILED}:
        return {}
    if content is not None:
        return {"processing_status": PARSING}
    return {"processing_status": FAILED, "error_message": _NEVER_READ}


def _files_agents(reading: Reading, rows: list[JsonObject]) -> Rows:
    """What agents see of the files of folders that they have; the former server left more behind."""
    agent_ids = {row["agent_id"] for row in rows}
    held = reading.related("sources_agents", ("agent_id", "source_id"), "agent_id", agent_ids)
    pairs = {(row["agent_id"], row["source_id"]) for row in held}
    made = []
    for row in rows:
        if (row["agent_id"], row["source_id"]) in pairs:
            made.append(_file_of_agent(row))
        else:
            reading.notes.add("Views of files in folders that agents no longer have", row["agent_id"])
    return [(files_agents, made)]


def _file_of_agent(row: JsonObject) -> JsonObject:
    is_open = bool(row["is_open"])
    seen = {name: row[name] if is_open else None for name in ("visible_content", "start_line", "end_line")}
    same = {name: row[name] for name in ("agent_id", "file_id", "last_accessed_at")}
    return owned(row) | same | seen | {"folder_id": row["source_id"], "is_open": is_open}


def _file_passages(reading: Reading, rows: list[JsonObject]) -> Rows:
    live = {row["id"] for row in reading.related("sources", ("id",), "id", {row["source_id"] for row in rows})}
    files_ = {row["id"] for row in reading.related("files", ("id",), "id", {row["file_id"] for row in rows})}
    placed = [
        row | {"archive_id": _archive_id(row["source_id"])}
        for row in rows
        if row["source_id"] in live and row["file_id"] in files_
    ]
    if len(placed) < len(rows):
        reading.notes.add("Passages of files that do not exist", rows[0]["source_id"], len(rows) - len(placed))
    made = passage_rows(reading, "source_passages", placed)
    return [(passages, [passage | {"file_id": row["file_id"]} for passage, row in zip(made, placed, strict=True)])]


FOLDERS = Section(
    "folders",
    Table("sources", ("id", "name", "description", "instructions", "metadata_", "embedding_config", *AUDIT)),
    _folders,
)
FILES = Section(
    "files",
    Table(
        "files",
        (
            *("id", "source_id", "file_name", "original_file_name", "file_type", "file_size", "error_message"),
            *("processing_status", "total_chunks", "chunks_embedded", *AUDIT),
        ),
        rows=10,  # their texts may be long
    ),
    _files,
    derived={"files": ("claimed_by", "claimed_until", "attempts")},
)
FILES_AGENTS = Section(
    "files as agents see them",
    Table(
        "files_agents",
        (
            *("id", "agent_id", "file_id", "source_id", "is_open", "visible_content", "start_line", "end_line"),
            *("last_accessed_at", *AUDIT),
        ),
        large=("visible_content",),
    ),
    _files_agents,
)
FILE_PASSAGES = Section(
    "passages of files",
    Table("source_passages", (*PASSAGE_COLUMNS, "source_id", "file_id"), large=("text",), rows=200),
    _file_passages,
    own_ids=("archive_id",),
)
