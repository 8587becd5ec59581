"""Queries on passages."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, select, update

from letta.archives.archive import Archive, Passage, model_name
from letta.archives.repository import archive_of_agent
from letta.archives.tables import archives, archives_agents, passages
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import NotFoundError, no_such
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.search.passage_repository import search_passages
from letta.search.request import PassageSearch

_STORED = [field.name for field in fields(Passage) if field.name != "embedding_config"]
_COLUMNS = [*(passages.c[name] for name in _STORED), archives.c.embedding_config]
_SHOWN = ("id", "organization_id", "archive_id", "text", "tags", "metadata", "created_at", "file_id")
"""What a search result needs of a passage."""


@dataclass(frozen=True, slots=True)
class NewPassage:
    """A passage that is to be stored. Its vector and the model's name may follow."""

    text: str
    tags: Sequence[str] = ()
    metadata: JsonObject | None = None
    created_at: datetime | None = None
    embedding: Sequence[float] | None = None
    embedding_model: str | None = None
    file_id: str | None = None


def insert_passages(
    connection: Connection, actor: Actor, archive: Archive, new: Sequence[NewPassage], now: datetime | None = None
) -> list[Passage]:
    """Store passages in an archive, in order, as made from ``now`` on, a microsecond after each other.

    Where vectors are missing, or another model's, they become due.

    Raises:
        NotFoundError: the archive is gone.
    """
    if not new:
        return []
    config = _hold_archive(connection, archive.id)
    fitting = _fitting(config, new)
    if config is not None and any(passage.embedding_model is None for passage in fitting):
        connection.execute(update(archives).where(archives.c.id == archive.id).values(embedding_due=True))
    now = now or datetime.now(UTC)
    rows = [
        _row(actor, archive.id, passage, now + timedelta(microseconds=offset)) for offset, passage in enumerate(fitting)
    ]
    connection.execute(insert(passages), rows)
    return [Passage(**{name: row[name] for name in _STORED}, embedding_config=config) for row in rows]


def _hold_archive(connection: Connection, archive_id: str) -> JsonObject | None:
    """The archive's embedding model. The archive stays, and is not taken for complete, until we have committed."""
    query = select(archives.c.embedding_config).where(archives.c.id == archive_id)
    row = connection.execute(query.with_for_update(read=True, key_share=True)).first()
    if row is None:
        raise no_such("archive", archive_id)
    config: JsonObject | None = row.embedding_config
    return config


def _fitting(config: JsonObject | None, new: Sequence[NewPassage]) -> list[NewPassage]:
    """The passages, without vectors that are not of the archive's model (which may have changed meanwhile)."""
    model = model_name(config) if config else None
    return [
        passage if passage.embedding_model == model else replace(passage, embedding=None, embedding_model=None)
        for passage in new
    ]


def _row(actor: Actor, archive_id: str, passage: NewPassage, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id("passage"),
        "organization_id": actor.organization_id,
        "archive_id": archive_id,
        "text": passage.text,
        "tags": sorted(set(passage.tags)),
        "metadata": passage.metadata or {},
        "embedding": passage.embedding,
        "embedding_model": passage.embedding_model,
        "created_at": passage.created_at or now,
        "updated_at": now,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
        "file_id": passage.file_id,
    }


def list_passages(
    connection: Connection, actor: Actor, archive_id: str, page: Page, containing: str | None = None
) -> list[Passage]:
    """Passages of an archive by creation time; those that contain a text, whatever its case, where one is given."""
    query = (
        select(*_COLUMNS)
        .join(archives, archives.c.id == passages.c.archive_id)
        .where(passages.c.archive_id == archive_id, passages.c.organization_id == actor.organization_id)
    )
    if containing:
        query = query.where(passages.c.text.icontains(containing, autoescape=True))
    return [_to_passage(row) for row in connection.execute(paginate(query, passages, page))]


def list_passages_of_agent(
    connection: Connection, actor: Actor, agent_id: str, page: Page, containing: str | None = None
) -> list[Passage]:
    """As `list_passages`, for an agent's archive.

    Raises:
        NotFoundError: no such agent.
    """
    archive = archive_of_agent(connection, actor, agent_id)
    return [] if archive is None else list_passages(connection, actor, archive.id, page, containing)


def get_passage(connection: Connection, actor: Actor, archive_id: str, passage_id: str) -> Passage:
    """A passage of an archive.

    Raises:
        NotFoundError: the archive has no such passage.
    """
    query = select(*_COLUMNS).join(archives, archives.c.id == passages.c.archive_id)
    row = connection.execute(
        query.where(
            passages.c.id == passage_id,
            passages.c.archive_id == archive_id,
            passages.c.organization_id == actor.organization_id,
        )
    ).first()
    if row is None:
        raise NotFoundError(f"Archive {archive_id} has no passage {passage_id}.")
    return _to_passage(row)


def count_of_agent(connection: Connection, agent_id: str) -> int:
    """How many passages an agent's archive holds."""
    return connection.scalar(_of_agent(func.count(), agent_id)) or 0


def has_passages(connection: Connection, agent_id: str) -> bool:
    """Whether an agent's archive holds anything."""
    return connection.scalar(_of_agent(passages.c.id, agent_id).limit(1)) is not None


def _of_agent(column: ColumnElement[Any], agent_id: str) -> Select[Any]:
    held = archives_agents.c.archive_id == passages.c.archive_id
    return (
        select(column).select_from(passages).join(archives_agents, held).where(archives_agents.c.agent_id == agent_id)
    )


def find_passages(connection: Connection, actor: Actor, search: PassageSearch) -> list[tuple[Passage, float]]:
    """The best passages for a search with their scores, without vectors. With a blank text the newest, score 0."""
    if search.text.strip():
        rows = search_passages(connection, actor, search, _SHOWN)
        return [(Passage(**dict(zip(_SHOWN, row, strict=False))), score) for row, score in rows]
    return [(passage, 0.0) for passage in _newest(connection, actor, search)]


def with_vectors(connection: Connection, found: Sequence[tuple[Passage, float]]) -> list[tuple[Passage, float]]:
    """These passages with all that is stored of them."""
    query = select(*_COLUMNS).join(archives, archives.c.id == passages.c.archive_id)
    query = query.where(passages.c.id.in_([passage.id for passage, _ in found]))
    whole = {row.id: _to_passage(row) for row in connection.execute(query)}
    return [(whole[passage.id], score) for passage, score in found if passage.id in whole]


def _newest(connection: Connection, actor: Actor, search: PassageSearch) -> list[Passage]:
    query = select(*(passages.c[name] for name in _SHOWN)).where(
        passages.c.organization_id == actor.organization_id, passages.c.file_id.is_(None)
    )
    if search.archive_id is not None:
        query = query.where(passages.c.archive_id == search.archive_id)
    if search.tags:
        tags = passages.c.tags
        query = query.where(tags.contains(search.tags) if search.all_tags else tags.overlap(search.tags))
    if search.start is not None:
        query = query.where(passages.c.created_at >= search.start)
    if search.end is not None:
        query = query.where(passages.c.created_at <= search.end)
    rows = connection.execute(query.order_by(passages.c.created_at.desc(), passages.c.id).limit(search.limit))
    return [Passage(**dict(zip(_SHOWN, row, strict=True))) for row in rows]


def _to_passage(row: Row[*tuple[Any, ...]]) -> Passage:
    values = dict(zip([*_STORED, "embedding_config"], row, strict=True))
    return Passage(**values)


def bytes_of_vectors(connection: Connection, actor: Actor) -> int:
    """How many bytes the vectors of the organization's passages take, as they are stored."""
    query = select(func.coalesce(func.sum(func.pg_column_size(passages.c.embedding)), 0))
    return int(connection.scalar(query.where(passages.c.organization_id == actor.organization_id)) or 0)
