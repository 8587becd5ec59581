"""Queries on the files of folders."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, case, delete, func, insert, select

from letta.archives.tables import archives, passages
from letta.database.pagination import Page, paginate
from letta.errors import InvalidArgumentError, NotFoundError
from letta.folders.file import EMBEDDING, File
from letta.folders.file_names import free_name
from letta.folders.repository import get_folder, lock_folder
from letta.folders.tables import file_uploads, files, folders
from letta.organizations.actor import Actor

DuplicateHandling = Literal["skip", "error", "suffix", "replace"]

_TEXTS_AT_ONCE = 50
_STORED = [field.name for field in fields(File) if field.name not in {"content", "chunks_embedded"}]
_embedded = (
    select(func.count())
    .select_from(passages)
    .where(passages.c.file_id == files.c.id, passages.c.embedding_model.is_not(None))
    .correlate(files)
    .scalar_subquery()
)
_CHUNKS_EMBEDDED = case((files.c.processing_status == EMBEDDING, _embedded), else_=files.c.chunks_embedded)
_COLUMNS = [*(files.c[name] for name in _STORED), _CHUNKS_EMBEDDED.label("chunks_embedded")]


@dataclass(frozen=True, slots=True)
class FilePassage:
    """A passage of a file."""

    id: str
    organization_id: str
    text: str
    created_at: Any
    updated_at: Any
    created_by_id: str | None
    last_updated_by_id: str | None
    metadata: dict[str, Any]
    embedding: list[float] | None
    embedding_config: dict[str, Any] | None
    source_id: str
    file_id: str
    file_name: str


@dataclass(frozen=True, slots=True)
class FolderSize:
    """How much there is in a folder."""

    source_id: str
    source_name: str
    file_count: int
    total_size: int


def add_file(
    connection: Connection, actor: Actor, new: File, pieces: Iterable[bytes], handling: DuplicateHandling
) -> tuple[File, str]:
    """Store a file that was uploaded, whose text isn't read yet. Returns it, and the name of its folder.

    With ``skip``, the stored file of the same name is returned, if there is one, and nothing is stored.

    Raises:
        NotFoundError: no such folder.
        InvalidArgumentError: the name is taken, and that was to be an error.
    """
    folder = lock_folder(connection, actor, new.folder_id)
    name = new.file_name
    kept = _file_by_name(connection, folder.id, name) if handling == "skip" else None
    if kept is not None:
        return kept, folder.name
    taken = _names_like(connection, folder.id, name)
    if name in taken and handling == "error":
        raise InvalidArgumentError(
            f"File '{name}' already exists in folder '{folder.name}'. Choose another name, or set duplicate_handling "
            "to suffix, replace or skip."
        )
    if name in taken and handling == "replace":
        connection.execute(delete(files).where(files.c.folder_id == folder.id, files.c.file_name == name))
        taken.remove(name)
    new.file_name = free_name(name, taken)
    stored = insert_file(connection, actor, new)
    for number, data in enumerate(pieces):  # one after the other, so that a large file isn't in memory once more
        connection.execute(
            insert(file_uploads).values(
                file_id=stored.id, number=number, organization_id=actor.organization_id, data=data
            )
        )
    return stored, folder.name


def insert_file(connection: Connection, actor: Actor, new: File) -> File:
    """Store a new file, whose name must be free."""
    row = connection.execute(insert(files).values(_values(actor, new)).returning(*_COLUMNS)).one()
    return _to_file(row)


def insert_texts(connection: Connection, actor: Actor, new: Sequence[tuple[File, int]]) -> None:
    """Store new files, whose names must be free, with their texts and the number of lines of each, in this order."""
    now = datetime.now(UTC)
    rows = [
        _values(actor, file)
        | {"content": file.content, "line_count": lines, "created_at": now + timedelta(microseconds=place)}
        for place, (file, lines) in enumerate(new)
    ]
    for start in range(0, len(rows), _TEXTS_AT_ONCE):
        connection.execute(insert(files), rows[start : start + _TEXTS_AT_ONCE])


def _values(actor: Actor, new: File) -> dict[str, Any]:
    return {
        "id": new.id,
        "organization_id": actor.organization_id,
        "folder_id": new.folder_id,
        "file_name": new.file_name,
        "original_file_name": new.original_file_name,
        "file_type": new.file_type,
        "file_size": new.file_size,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
    }


def _names_like(connection: Connection, folder_id: str, name: str) -> set[str]:
    """Names of a folder that the file may have, or may be changed to."""
    beginning = name.rpartition(".")[0] or name
    query = select(files.c.file_name).where(
        files.c.folder_id == folder_id, files.c.file_name.startswith(beginning, autoescape=True)
    )
    return set(connection.scalars(query))


def _file_by_name(connection: Connection, folder_id: str, name: str) -> File | None:
    query = select(*_COLUMNS).where(files.c.folder_id == folder_id, files.c.file_name == name)
    row = connection.execute(query).first()
    return None if row is None else _to_file(row)


def list_files(connection: Connection, actor: Actor, folder_id: str, page: Page, *, with_content: bool) -> list[File]:
    """Files of a folder.

    Raises:
        NotFoundError: no such folder.
    """
    get_folder(connection, actor, folder_id)
    query = _select(with_content=with_content).where(files.c.folder_id == folder_id)
    return [_to_file(row) for row in connection.execute(paginate(query, files, page))]


def get_file(connection: Connection, actor: Actor, folder_id: str, file_id: str, *, with_content: bool) -> File:
    """A file of a folder.

    Raises:
        NotFoundError: no such folder, or it has no such file.
    """
    query = _select(with_content=with_content).where(
        files.c.id == file_id, files.c.folder_id == folder_id, files.c.organization_id == actor.organization_id
    )
    row = connection.execute(query).first()
    if row is None:
        raise _unknown(connection, actor, folder_id, file_id)
    return _to_file(row)


def delete_file(connection: Connection, actor: Actor, folder_id: str, file_id: str) -> None:
    """Delete a file with its passages; agents see it no more.

    Raises:
        NotFoundError: no such folder, or it has no such file.
    """
    found = connection.execute(
        delete(files).where(
            files.c.id == file_id, files.c.folder_id == folder_id, files.c.organization_id == actor.organization_id
        )
    )
    if found.rowcount == 0:
        raise _unknown(connection, actor, folder_id, file_id)


def files_of_folders(connection: Connection, folder_ids: Sequence[str]) -> list[File]:
    """All files of several folders with their content, oldest first."""
    query = _select(with_content=True).where(files.c.folder_id.in_(folder_ids))
    return [_to_file(row) for row in connection.execute(query.order_by(files.c.created_at, files.c.id))]


def list_passages(connection: Connection, actor: Actor, folder_id: str, page: Page) -> list[FilePassage]:
    """Passages of a folder's files.

    Raises:
        NotFoundError: no such folder.
    """
    get_folder(connection, actor, folder_id)
    query = (
        select(
            passages.c.id,
            passages.c.organization_id,
            passages.c.text,
            passages.c.created_at,
            passages.c.updated_at,
            passages.c.created_by_id,
            passages.c.last_updated_by_id,
            passages.c.metadata,
            passages.c.embedding,
            archives.c.embedding_config,
            folders.c.id.label("source_id"),
            passages.c.file_id,
            (folders.c.name + "/" + files.c.file_name).label("file_name"),
        )
        .select_from(passages)
        .join(archives, archives.c.id == passages.c.archive_id)
        .join(folders, folders.c.id == archives.c.folder_id)
        .join(files, files.c.id == passages.c.file_id)
        .where(archives.c.folder_id == folder_id)
    )
    return [FilePassage(**row._mapping) for row in connection.execute(paginate(query, passages, page))]


def sizes_of_folders(connection: Connection, actor: Actor) -> list[FolderSize]:
    """How much there is in each folder of the organization, oldest first."""
    query = (
        select(folders.c.id, folders.c.name, func.count(files.c.id), func.coalesce(func.sum(files.c.file_size), 0))
        .select_from(folders)
        .outerjoin(files, files.c.folder_id == folders.c.id)
        .where(folders.c.organization_id == actor.organization_id)
        .group_by(folders.c.id)
        .order_by(folders.c.created_at, folders.c.id)
    )
    return [FolderSize(row[0], row[1], row[2], int(row[3])) for row in connection.execute(query)]


def files_of_organization(connection: Connection, actor: Actor) -> dict[str, list[File]]:
    """All files of the organization without content, by the id of their folder, oldest first."""
    query = _select(with_content=False).where(files.c.organization_id == actor.organization_id)
    found: dict[str, list[File]] = {}
    for row in connection.execute(query.order_by(files.c.created_at, files.c.id)):
        file = _to_file(row)
        found.setdefault(file.folder_id, []).append(file)
    return found


def _select(*, with_content: bool) -> Select[Any]:
    return select(*_COLUMNS, files.c.content) if with_content else select(*_COLUMNS)


def _to_file(row: Row[*tuple[Any, ...]]) -> File:
    return File(**row._mapping)


def _unknown(connection: Connection, actor: Actor, folder_id: str, file_id: str) -> NotFoundError:
    get_folder(connection, actor, folder_id)
    return NotFoundError(f"Folder {folder_id} has no file {file_id}.")
