"""Queries that find passages without vectors and store vectors. One process at a time is busy with an archive."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, exists, func, select, text, tuple_, update

from letta.archives.archive import model_name
from letta.archives.tables import archives, passages
from letta.database.base import SCHEMA
from letta.database.vectors import to_literal, vector_support
from letta.folders.file import COMPLETED, EMBEDDING
from letta.folders.tables import files
from letta.json_types import JsonObject

_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class DueArchive:
    """An archive some of whose vectors are due, and which this process has claimed.

    Attributes:
        embedding_config: None where it has lost its model since; nothing is due then.
        folder_id: the folder whose files' passages it holds.
    """

    id: str
    organization_id: str
    embedding_config: JsonObject | None
    folder_id: str | None = None


@dataclass(frozen=True, slots=True)
class DuePassage:
    """A passage whose vector is due."""

    id: str
    text: str
    created_at: datetime


def claim_archive(connection: Connection, seconds: float, but: Collection[str] = ()) -> tuple[DueArchive | None, bool]:
    """Claim an archive for so many seconds, none of those named. Also tells whether any other one is due."""
    claimed = func.coalesce(archives.c.embedding_claimed_until > func.now(), False)
    columns = (archives.c.id, archives.c.organization_id, archives.c.embedding_config, archives.c.folder_id)
    due = select(*columns).where(archives.c.embedding_due, archives.c.id.not_in(but))
    row = connection.execute(
        due.where(~claimed).order_by(archives.c.id).limit(1).with_for_update(key_share=True, skip_locked=True)
    ).first()
    if row is None:
        return None, connection.scalar(due.limit(1)) is not None
    _renew(connection, row.id, seconds)
    return DueArchive(*row), True


def due_passages(
    connection: Connection, archive: DueArchive, after: DuePassage | None, limit: int, characters: int
) -> list[DuePassage]:
    """The next passages whose vectors are due, by creation time; of each text, so many characters."""
    query = (
        select(passages.c.id, func.left(passages.c.text, characters), passages.c.created_at)
        .where(*_is_due(archive))
        .order_by(passages.c.created_at, passages.c.id)
    )
    if after is not None:
        query = query.where(tuple_(passages.c.created_at, passages.c.id) > (after.created_at, after.id))
    return [DuePassage(*row) for row in connection.execute(query.limit(limit))]


def count_due(connection: Connection, archive: DueArchive) -> int:
    """How many vectors of an archive are due, as far as it is worth counting."""
    some = select(passages.c.id).where(*_is_due(archive)).limit(_COUNTED).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _is_due(archive: DueArchive) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    model = model_name(archive.embedding_config) if archive.embedding_config else None
    return passages.c.archive_id == archive.id, passages.c.embedding_model.is_distinct_from(model)


def store_vectors(
    connection: Connection,
    archive: DueArchive,
    done: Sequence[tuple[DuePassage, Sequence[float] | None]],
    seconds: float,
) -> bool:
    """Store vectors and renew the claim. False, and nothing is stored, where the archive has another model by now."""
    query = select(archives.c.embedding_config).where(archives.c.id == archive.id)
    config = connection.scalar(query.with_for_update(key_share=True))
    if config is None or archive.embedding_config is None or model_name(config) != model_name(archive.embedding_config):
        return False
    vector_type = vector_support(connection).type
    statement = text(f"""
        UPDATE {SCHEMA}.passages AS p SET embedding = CAST(made.vector AS {vector_type}), embedding_model = :model
        FROM unnest(CAST(:ids AS text[]), CAST(:vectors AS text[])) AS made (id, vector) WHERE p.id = made.id
    """)  # noqa: S608 - only names of our own are put in
    parameters = {
        "model": model_name(config),
        "ids": [passage.id for passage, _ in done],
        "vectors": [to_literal(vector) for _, vector in done],
    }
    connection.execute(statement, parameters)
    _complete_files(connection, archive, model_name(config))
    _renew(connection, archive.id, seconds)
    return True


def release_archive(connection: Connection, archive: DueArchive) -> None:
    """Give the claim back, and note whether all vectors are made."""
    # Whoever adds a passage shares this row until that is committed: what is seen with it in hand alone is complete.
    config = connection.scalar(select(archives.c.embedding_config).where(archives.c.id == archive.id).with_for_update())
    model = None if config is None else model_name(config)
    missing = select(passages.c.id).where(
        passages.c.archive_id == archive.id, passages.c.embedding_model.is_distinct_from(model)
    )
    left = config is not None and connection.scalar(missing.limit(1)) is not None
    _complete_files(connection, archive, model)
    _settle(connection, archive.id, due=left)


def _complete_files(connection: Connection, archive: DueArchive, model: str | None) -> None:
    """Note which files have the vectors of all their passages by now."""
    if archive.folder_id is None:
        return
    missing = exists().where(passages.c.file_id == files.c.id, passages.c.embedding_model.is_distinct_from(model))
    statement = update(files).where(
        files.c.folder_id == archive.folder_id, files.c.processing_status == EMBEDDING, ~missing
    )
    embedded = files.c.total_chunks if model is not None else 0
    connection.execute(statement.values(processing_status=COMPLETED, chunks_embedded=embedded, updated_at=func.now()))


def _settle(connection: Connection, archive_id: str, *, due: bool) -> None:
    values = {"embedding_due": due, "embedding_claimed_until": None}
    connection.execute(update(archives).where(archives.c.id == archive_id).values(values))


def _renew(connection: Connection, archive_id: str, seconds: float) -> None:
    until = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    connection.execute(update(archives).where(archives.c.id == archive_id).values(embedding_claimed_until=until))
