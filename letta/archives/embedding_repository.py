"""Queries that find passages without vectors and store vectors. One process at a time is busy with an archive."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, text, tuple_, update

from letta.archives.archive import JsonObject, model_name
from letta.archives.tables import archives, passages
from letta.database.base import SCHEMA
from letta.database.vectors import to_literal, vector_support


@dataclass(frozen=True, slots=True)
class DueArchive:
    """An archive some of whose vectors are due, and which this process has claimed.

    Attributes:
        embedding_config: None where it has lost its model since; nothing is due then.
    """

    id: str
    embedding_config: JsonObject | None


@dataclass(frozen=True, slots=True)
class DuePassage:
    """A passage whose vector is due."""

    id: str
    text: str
    created_at: datetime


def claim_archive(connection: Connection, seconds: float, but: Collection[str] = ()) -> tuple[DueArchive | None, bool]:
    """Claim an archive for so many seconds, none of those named. Also tells whether any other one is due."""
    claimed = func.coalesce(archives.c.embedding_claimed_until > func.now(), False)
    due = select(archives.c.id, archives.c.embedding_config).where(archives.c.embedding_due, archives.c.id.not_in(but))
    row = connection.execute(
        due.where(~claimed).order_by(archives.c.id).limit(1).with_for_update(key_share=True, skip_locked=True)
    ).first()
    if row is None:
        return None, connection.scalar(due.limit(1)) is not None
    _renew(connection, row.id, seconds)
    return DueArchive(row.id, row.embedding_config), True


def due_passages(
    connection: Connection, archive: DueArchive, after: DuePassage | None, limit: int, characters: int
) -> list[DuePassage]:
    """The next passages whose vectors are due, by creation time; of each text, so many characters."""
    model = model_name(archive.embedding_config) if archive.embedding_config else None
    query = (
        select(passages.c.id, func.left(passages.c.text, characters), passages.c.created_at)
        .where(passages.c.archive_id == archive.id, passages.c.embedding_model.is_distinct_from(model))
        .order_by(passages.c.created_at, passages.c.id)
    )
    if after is not None:
        query = query.where(tuple_(passages.c.created_at, passages.c.id) > (after.created_at, after.id))
    return [DuePassage(*row) for row in connection.execute(query.limit(limit))]


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
    _settle(connection, archive.id, due=left)


def _settle(connection: Connection, archive_id: str, *, due: bool) -> None:
    values = {"embedding_due": due, "embedding_claimed_until": None}
    connection.execute(update(archives).where(archives.c.id == archive_id).values(values))


def _renew(connection: Connection, archive_id: str, seconds: float) -> None:
    until = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    connection.execute(update(archives).where(archives.c.id == archive_id).values(embedding_claimed_until=until))
