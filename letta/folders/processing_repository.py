"""Queries of whoever reads uploaded files. One process at a time is busy with a file, and says so again and again."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by

from letta.agents.defaults import limits_of
from letta.agents.repository import agents_of_folder
from letta.archives.passage_repository import NewPassage, insert_passages
from letta.archives.repository import ensure_archive_of_folder
from letta.folders import attached_repository
from letta.folders.attached import start_view
from letta.folders.attached_repository import View
from letta.folders.file import COMPLETED, EMBEDDING, FAILED, PARSING
from letta.folders.reading import ReadFile
from letta.folders.tables import file_uploads, files, folders
from letta.organizations.actor import DEFAULT_ACTOR, Actor

_AGENTS_AT_ONCE = 100
_CHARACTERS_AT_ONCE = 256 * 1024
_PASSAGES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class ClaimedFile:
    """A file that this process has claimed, to read it.

    Attributes:
        content: its text, where that came along with an agent file.
        attempts: how often it has been claimed, this time included.
    """

    id: str
    folder_id: str
    actor: Actor
    file_type: str | None
    embedding_config: dict[str, Any] | None
    content: str | None
    attempts: int
    claim: str


def claim_file(connection: Connection, claim: str, seconds: float) -> tuple[ClaimedFile | None, bool]:
    """Claim the file that has waited longest, under a name of this claim. Also tells whether others are claimed."""
    unread = files.c.processing_status == PARSING
    claimed = func.coalesce(files.c.claimed_until > func.now(), False)
    query = (
        select(files, folders.c.embedding_config)
        .join(folders, folders.c.id == files.c.folder_id)
        .where(unread, ~claimed)
        .order_by(files.c.created_at, files.c.id)
        .limit(1)
        .with_for_update(of=files, skip_locked=True)
    )
    row = connection.execute(query).first()
    if row is None:
        return None, connection.scalar(select(files.c.id).where(unread).limit(1)) is not None
    attempts = row.attempts + 1
    connection.execute(
        update(files)
        .where(files.c.id == row.id)
        .values(claimed_by=claim, claimed_until=_until(seconds), attempts=attempts)
    )
    actor = Actor(row.created_by_id or DEFAULT_ACTOR.user_id, row.organization_id)
    config = row.embedding_config
    return ClaimedFile(row.id, row.folder_id, actor, row.file_type, config, row.content, attempts, claim), True


def uploaded_piece(connection: Connection, file: ClaimedFile, number: int) -> bytes | None:
    """The piece with this number, from 0, of what was uploaded; None where there are no more."""
    query = select(file_uploads.c.data).where(file_uploads.c.file_id == file.id, file_uploads.c.number == number)
    data = connection.scalar(query)
    return None if data is None else bytes(data)


def renew(connection: Connection, file: ClaimedFile, seconds: float) -> bool:
    """Keep a claim for so many seconds more. False where it is lost, or the file is gone."""
    return connection.execute(_ours(file).values(claimed_until=_until(seconds))).rowcount > 0


def give_back(connection: Connection, file: ClaimedFile) -> None:
    """Let somebody else read the file, as if it had not been tried."""
    values = {"claimed_by": None, "claimed_until": None, "attempts": file.attempts - 1}
    connection.execute(_ours(file).values(values))


def fail(connection: Connection, file: ClaimedFile, message: str) -> None:
    """Note that a file can't be read, and why."""
    values = {"processing_status": FAILED, "error_message": message, "claimed_by": None, "claimed_until": None}
    if connection.execute(_ours(file).values(**values, updated_at=func.now())).rowcount:
        connection.execute(delete(file_uploads).where(file_uploads.c.file_id == file.id))


def finish(connection: Connection, file: ClaimedFile, read: ReadFile) -> bool:
    """Store what is in a file, with its passages, and open it for the agents that have its folder.

    Returns whether vectors are due. Nothing is stored where the claim is lost.
    """
    # Agents get the folder before or after this, so that none of them misses the file.
    query = select(folders.c.name, folders.c.embedding_config).where(folders.c.id == file.folder_id)
    folder = connection.execute(query.with_for_update()).first()
    config = None if folder is None else folder.embedding_config
    values = {
        "line_count": read.lines,
        "total_chunks": len(read.chunks),
        "chunks_embedded": 0,
        "processing_status": COMPLETED if config is None else EMBEDDING,
        "error_message": None,
        "claimed_by": None,
        "claimed_until": None,
        "updated_at": func.now(),
    }
    if folder is None or not connection.execute(_ours(file).values(values)).rowcount:
        return False
    _store_text(connection, file, read.text)
    name = f"Files of {folder.name}"
    archive = ensure_archive_of_folder(connection, file.actor, file.folder_id, name, config)
    now = datetime.now(UTC)
    for first in range(0, len(read.chunks), _PASSAGES_AT_ONCE):
        some = read.chunks[first : first + _PASSAGES_AT_ONCE]
        passages = [NewPassage(read.text[start:end], file_id=file.id) for start, end in some]
        insert_passages(connection, file.actor, archive, passages, now + timedelta(microseconds=first))
    _open(connection, file, read.text)
    return config is not None


def _store_text(connection: Connection, file: ClaimedFile, text: str) -> None:
    """Store a text in the place of what was uploaded: in pieces, since a statement is in memory several times."""
    connection.execute(delete(file_uploads).where(file_uploads.c.file_id == file.id))
    for number, start in enumerate(range(0, len(text), _CHARACTERS_AT_ONCE)):
        piece = text[start : start + _CHARACTERS_AT_ONCE].encode()
        row = {"file_id": file.id, "number": number, "organization_id": file.actor.organization_id, "data": piece}
        connection.execute(insert(file_uploads).values(row))
    pieces = func.string_agg(file_uploads.c.data, aggregate_order_by(literal(b""), file_uploads.c.number))
    whole = select(func.convert_from(pieces, "UTF8")).where(file_uploads.c.file_id == file.id).scalar_subquery()
    connection.execute(update(files).where(files.c.id == file.id).values(content=whole))
    connection.execute(delete(file_uploads).where(file_uploads.c.file_id == file.id))


def _open(connection: Connection, file: ClaimedFile, text: str) -> None:
    limits = {agent.id: limits_of(agent) for agent in agents_of_folder(connection, file.folder_id)}
    attached = attached_repository.attach_file(connection, file.actor, file.folder_id, file.id)
    opened = [each for each in attached if each.agent_id in limits and limits[each.agent_id].max_files_open > 0]
    for start in range(0, len(opened), _AGENTS_AT_ONCE):
        some = opened[start : start + _AGENTS_AT_ONCE]
        views = [View(each, start_view(each, text, limits[each.agent_id])) for each in some]
        attached_repository.open_views(connection, views, datetime.now(UTC))
        keep = {each.agent_id: limits[each.agent_id].max_files_open for each in some}
        attached_repository.close_oldest_of(connection, keep)


def _ours(file: ClaimedFile) -> Any:
    return update(files).where(
        files.c.id == file.id, files.c.claimed_by == file.claim, files.c.processing_status == PARSING
    )


def _until(seconds: float) -> Any:
    return func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
