"""Queries on passages."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, insert, select, update

from letta.archives.archive import Archive, JsonObject, Passage
from letta.archives.repository import archive_of_agent, unknown_archive
from letta.archives.tables import archives, archives_agents, passages
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import NotFoundError
from letta.organizations.actor import Actor
from letta.search.repository import search_passages
from letta.search.request import PassageSearch

_STORED = [field.name for field in fields(Passage) if field.name != "embedding_config"]
_COLUMNS = [*(passages.c[name] for name in _STORED), archives.c.embedding_config]
_SHOWN = ("id", "organization_id", "archive_id", "text", "tags", "metadata", "created_at")
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


def insert_passages(connection: Connection, actor: Actor, archive: Archive, new: Sequence[NewPassage]) -> list[Passage]:
    """Store passages in an archive, in order. Where vectors are missing, they become due.

    Raises:
        NotFoundError: the archive is gone.
    """
    if not new:
        return []
    due = archive.embedding_config is not None and any(passage.embedding_model is None for passage in new)
    _keep_archive(connection, archive.id, due=due)
    now = datetime.now(UTC)
    rows = [
        _row(actor, archive.id, passage, now + timedelta(microseconds=offset)) for offset, passage in enumerate(new)
    ]
    connection.execute(insert(passages), rows)
    return [Passage(**{name: row[name] for name in _STORED}, embedding_config=archive.embedding_config) for row in rows]


def _keep_archive(connection: Connection, archive_id: str, *, due: bool) -> None:
    """Make sure that the archive stays while passages are added, and note that vectors are due."""
    if due:
        statement = update(archives).where(archives.c.id == archive_id).values(embedding_due=True)
        kept = connection.execute(statement).rowcount > 0
    else:
        query = select(archives.c.id).where(archives.c.id == archive_id).with_for_update(read=True, key_share=True)
        kept = connection.scalar(query) is not None
    if not kept:
        raise unknown_archive(archive_id)


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


def delete_passage_of_agent(connection: Connection, actor: Actor, agent_id: str, passage_id: str) -> None:
    """Delete a passage of an agent's archive.

    Raises:
        NotFoundError: no such agent, or its archive has no such passage.
    """
    archive = archive_of_agent(connection, actor, agent_id)
    if archive is None:
        raise NotFoundError(f"Agent {agent_id} has no passage {passage_id}.")
    delete_passage(connection, actor, archive.id, passage_id)


def delete_passage(connection: Connection, actor: Actor, archive_id: str, passage_id: str) -> None:
    """Delete a passage of an archive.

    Raises:
        NotFoundError: the archive has no such passage.
    """
    found = connection.execute(
        delete(passages).where(
            passages.c.id == passage_id,
            passages.c.archive_id == archive_id,
            passages.c.organization_id == actor.organization_id,
        )
    )
    if found.rowcount == 0:
        raise NotFoundError(f"Archive {archive_id} has no passage {passage_id}.")


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
    query = select(*(passages.c[name] for name in _SHOWN)).where(passages.c.organization_id == actor.organization_id)
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
