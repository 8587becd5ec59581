"""What happens when files are uploaded, and how much there is of them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

from fastapi import UploadFile
from sqlalchemy import Connection

from letta.database.ids import new_id
from letta.errors import PayloadTooLargeError
from letta.folders import file_repository as repository
from letta.folders.file import File
from letta.folders.file_names import storable_name
from letta.folders.file_repository import DuplicateHandling
from letta.folders.file_schemas import FileStats, OrganizationSourcesStats, SourceStats
from letta.folders.file_types import file_type
from letta.organizations.actor import Actor
from letta.settings import settings

_MEGABYTE = 1024 * 1024
_PIECE = 256 * 1024
"""Of bytes: a statement with a piece is in memory several times."""


def new_file(actor: Actor, folder_id: str, upload: UploadFile, name: str | None) -> File:
    """The file that an upload describes, not stored yet.

    Raises:
        InvalidArgumentError: it has no name.
        UnsupportedMediaTypeError: files of its type can't be read.
        PayloadTooLargeError: it is too large.
    """
    given = name or upload.filename or ""
    stored = storable_name(given)
    kind = file_type(stored, upload.content_type)
    size = upload.size or 0
    if size > settings.max_file_mb * _MEGABYTE:
        raise PayloadTooLargeError(
            f"file has {size:,} bytes, but this server accepts files of at most {settings.max_file_mb} MB. Split it, "
            "or raise LETTA_MAX_FILE_MB."
        )
    return File(
        id=new_id("file"),
        organization_id=actor.organization_id,
        folder_id=folder_id,
        file_name=stored,
        original_file_name=stored,
        file_type=kind.name,
        file_size=size,
    )


def add_file(connection: Connection, actor: Actor, new: File, upload: BinaryIO, handling: DuplicateHandling) -> File:
    """Store a file that was uploaded, and return it under its full name.

    Raises:
        NotFoundError: no such folder.
        InvalidArgumentError: the name is taken, and that was to be an error.
    """
    stored, folder_name = repository.add_file(connection, actor, replace(new), _pieces_of(upload), handling)
    return replace(stored, file_name=f"{folder_name}/{stored.file_name}")


def _pieces_of(upload: BinaryIO) -> Iterator[bytes]:
    """What was uploaded, and lies on the disk if it is large, in pieces of a size that a database takes easily."""
    upload.seek(0)
    while piece := upload.read(_PIECE):
        yield piece


def measure(connection: Connection, actor: Actor, *, detailed: bool) -> OrganizationSourcesStats:
    """How much there is in the folders of the organization; with all folders and files, if that is wanted."""
    folders = repository.sizes_of_folders(connection, actor)
    files = repository.files_of_organization(connection, actor) if detailed else {}
    shown = [
        SourceStats(
            source_id=folder.source_id,
            source_name=folder.source_name,
            file_count=folder.file_count,
            total_size=folder.total_size,
            files=[
                FileStats(file_id=file.id, file_name=file.file_name, file_size=file.file_size)
                for file in files.get(folder.source_id, [])
            ],
        )
        for folder in folders
    ]
    return OrganizationSourcesStats(
        total_sources=len(folders),
        total_files=sum(folder.file_count for folder in folders),
        total_size=sum(folder.total_size for folder in folders),
        sources=shown if detailed else [],
    )
