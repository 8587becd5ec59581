"""Queries on passages that were deleted, which are kept for a while so that they can be restored."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from letta.archives.archive import DeletedPassage, Passage
from letta.archives.passage_repository import get_passage
from letta.archives.repository import archive_of_agent, get_archive
from letta.archives.tables import archives, deleted_passages, passages
from letta.database.pagination import Page, paginate
from letta.errors import NotFoundError
from letta.organizations.actor import Actor

_KEPT = ("id", "organization_id", "archive_id", "text", "tags", "metadata", "created_at", "created_by_id")


def delete_passage(connection: Connection, actor: Actor, archive_id: str, passage_id: str, *, keep: bool) -> None:
    """Delete a passage of an archive.

    Args:
        keep: whether it can be restored.

    Raises:
        NotFoundError: the archive has no such passage.
    """
    found = connection.execute(
        delete(passages)
        .where(
            passages.c.id == passage_id,
            passages.c.archive_id == archive_id,
            passages.c.organization_id == actor.organization_id,
            passages.c.file_id.is_(None),
        )
        .returning(*(passages.c[name] for name in _KEPT))
    ).first()
    if found is None:
        raise NotFoundError(f"Archive {archive_id} has no passage {passage_id}.")
    if keep:
        connection.execute(insert(deleted_passages).values(**found._mapping, deleted_by_id=actor.user_id))


def delete_passage_of_agent(
    connection: Connection, actor: Actor, agent_id: str, passage_id: str, *, keep: bool
) -> None:
    """As `delete_passage`, for a passage of an agent's archive.

    Raises:
        NotFoundError: no such agent, or its archive has no such passage.
    """
    archive = archive_of_agent(connection, actor, agent_id)
    if archive is None:
        raise NotFoundError(f"Agent {agent_id} has no passage {passage_id}.")
    delete_passage(connection, actor, archive.id, passage_id, keep=keep)


def list_deleted_passages(connection: Connection, actor: Actor, archive_id: str, page: Page) -> list[DeletedPassage]:
    """Deleted passages of an archive that can be restored, by the time of their deletion.

    Raises:
        NotFoundError: no such archive.
    """
    get_archive(connection, actor, archive_id)
    query = select(deleted_passages).where(
        deleted_passages.c.archive_id == archive_id, deleted_passages.c.organization_id == actor.organization_id
    )
    query = paginate(query, deleted_passages, page, sort=deleted_passages.c.deleted_at)
    return [DeletedPassage(**row._mapping) for row in connection.execute(query)]


def restore_passage(connection: Connection, actor: Actor, archive_id: str, passage_id: str) -> Passage:
    """Put a deleted passage back, as old as it was. Its vector becomes due.

    Raises:
        NotFoundError: the archive has no such deleted passage.
    """
    values = _take(connection, actor, archive_id, passage_id)
    values = {name: values[name] for name in _KEPT} | {"last_updated_by_id": actor.user_id}
    has_model = archives.c.embedding_config.is_not(None)
    connection.execute(update(archives).where(archives.c.id == archive_id, has_model).values(embedding_due=True))
    connection.execute(insert(passages).values(**values))
    return get_passage(connection, actor, archive_id, passage_id)


def forget_passage(connection: Connection, actor: Actor, archive_id: str, passage_id: str) -> None:
    """Delete a deleted passage for good.

    Raises:
        NotFoundError: the archive has no such deleted passage.
    """
    _take(connection, actor, archive_id, passage_id)


def drop_old_deleted_passages(connection: Connection, days: float) -> None:
    """Delete for good what was deleted more than so many days ago."""
    connection.execute(
        delete(deleted_passages).where(deleted_passages.c.deleted_at < func.now() - timedelta(days=days))
    )


def _take(connection: Connection, actor: Actor, archive_id: str, passage_id: str) -> dict[str, Any]:
    """The deleted passage, which is no longer kept."""
    found = connection.execute(
        delete(deleted_passages)
        .where(
            deleted_passages.c.id == passage_id,
            deleted_passages.c.archive_id == archive_id,
            deleted_passages.c.organization_id == actor.organization_id,
        )
        .returning(deleted_passages)
    ).first()
    if found is None:
        raise NotFoundError(
            f"Archive {archive_id} has no deleted passage {passage_id}; it may have been removed for good."
        )
    return dict(found._mapping)
