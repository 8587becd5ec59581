"""Queries on archives: which there are, and which agents have them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, exists, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.sql import func

from letta.agents.tables import agents
from letta.archives.archive import Archive, model_name
from letta.archives.tables import archives, archives_agents, passages
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, no_such
from letta.json_types import JsonObject
from letta.organizations.actor import Actor

_COLUMNS = [archives.c[field.name] for field in fields(Archive)]
_GENERATED = {"created_at", "updated_at"}


@dataclass(frozen=True, slots=True)
class ArchiveFilter:
    """Conditions of an archive list; those that are None don't count."""

    name: str | None = None
    agent_id: str | None = None


def insert_archive(connection: Connection, actor: Actor, archive: Archive) -> Archive:
    """Store a new archive."""
    values = {column.name: getattr(archive, column.name) for column in _COLUMNS if column.name not in _GENERATED}
    values |= {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    return _to_archive(connection.execute(insert(archives).values(values).returning(*_COLUMNS)).one())


def get_archive(connection: Connection, actor: Actor, archive_id: str) -> Archive:
    """The archive with this id.

    Raises:
        NotFoundError: no such archive.
    """
    row = connection.execute(_select(actor).where(archives.c.id == archive_id)).first()
    if row is None:
        raise no_such("archive", archive_id)
    return _to_archive(row)


def list_archives(connection: Connection, actor: Actor, condition: ArchiveFilter, page: Page) -> list[Archive]:
    """Archives of the organization that meet the condition."""
    query = _select(actor)
    if condition.name is not None:
        query = query.where(archives.c.name == condition.name)
    if condition.agent_id is not None:
        attached = select(archives_agents.c.archive_id).where(archives_agents.c.agent_id == condition.agent_id)
        query = query.where(archives.c.id.in_(attached))
    return [_to_archive(row) for row in connection.execute(paginate(query, archives, page))]


def update_archive(connection: Connection, actor: Actor, archive_id: str, changes: Mapping[str, Any]) -> Archive:
    """Apply a client's changes to an archive. Another embedding model makes its vectors due again.

    Raises:
        NotFoundError: no such archive.
    """
    values: dict[str, Any] = {**changes, "last_updated_by_id": actor.user_id, "updated_at": func.now()}
    if "embedding_config" in changes:
        values["embedding_due"] = changes["embedding_config"] is not None
    statement = update(archives).where(archives.c.id == archive_id, *_visible(actor))
    row = connection.execute(statement.values(values).returning(*_COLUMNS)).first()
    if row is None:
        raise no_such("archive", archive_id)
    return _to_archive(row)


def delete_archive(connection: Connection, actor: Actor, archive_id: str) -> None:
    """Delete an archive with its passages; agents that have it lose it.

    Raises:
        NotFoundError: no such archive.
    """
    found = connection.execute(delete(archives).where(archives.c.id == archive_id, *_visible(actor)))
    if found.rowcount == 0:
        raise no_such("archive", archive_id)


def archive_of_agent(connection: Connection, actor: Actor, agent_id: str) -> Archive | None:
    """The agent's archive, None where it has none yet.

    Raises:
        NotFoundError: no such agent.
    """
    query = (
        select(agents.c.id, *_COLUMNS)
        .select_from(agents)
        .outerjoin(archives_agents, archives_agents.c.agent_id == agents.c.id)
        .outerjoin(archives, archives.c.id == archives_agents.c.archive_id)
        .where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    )
    row = connection.execute(query).first()
    if row is None:
        raise no_such("agent", agent_id)
    return None if row[1] is None else _to_archive(row[1:])


def embedding_config_of_agent(connection: Connection, actor: Actor, agent_id: str) -> JsonObject | None:
    """The embedding model of an agent's archive, or that which its archive would be made with.

    Raises:
        NotFoundError: no such agent.
    """
    archive = archive_of_agent(connection, actor, agent_id)
    if archive is not None:
        return archive.embedding_config
    found: JsonObject | None = connection.scalar(select(agents.c.embedding_config).where(agents.c.id == agent_id))
    return found


def ensure_archive_of_agent(connection: Connection, actor: Actor, agent_id: str) -> Archive:
    """The agent's archive, made now where it has none: with the agent's name and its embedding model.

    Raises:
        NotFoundError: no such agent.
    """
    found = archive_of_agent(connection, actor, agent_id)
    if found is not None:
        return found
    # Two that come at once must end with one archive: the row of the agent decides who is first.
    agent = connection.execute(
        select(agents.c.name, agents.c.embedding_config).where(agents.c.id == agent_id).with_for_update(key_share=True)
    ).first()
    if agent is None:  # deleted meanwhile
        raise no_such("agent", agent_id)
    found = archive_of_agent(connection, actor, agent_id)
    if found is not None:
        return found
    archive = Archive(
        id=new_id("archive"),
        organization_id=actor.organization_id,
        name=f"{agent.name}'s Archive",
        description="Made for the agent's first passage.",
        embedding_config=agent.embedding_config,
    )
    stored = insert_archive(connection, actor, archive)
    connection.execute(insert(archives_agents).values(agent_id=agent_id, archive_id=stored.id, is_owner=True))
    return stored


def attach_archive(connection: Connection, actor: Actor, agent_id: str, archive_id: str) -> None:
    """Give an agent an archive. Doing it twice changes nothing.

    Raises:
        NotFoundError: no such agent or archive.
        ConflictError: the agent has another one.
    """
    get_archive(connection, actor, archive_id)
    _check_agent(connection, actor, agent_id)
    statement = upsert(archives_agents).values(agent_id=agent_id, archive_id=archive_id).on_conflict_do_nothing()
    if connection.execute(statement).rowcount > 0:
        return
    held = connection.scalar(select(archives_agents.c.archive_id).where(archives_agents.c.agent_id == agent_id))
    if held != archive_id:
        raise ConflictError(
            f"Agent {agent_id} already has the archive {held}, and an agent can have only one. Detach that one first."
        )


def detach_archive(connection: Connection, actor: Actor, agent_id: str, archive_id: str) -> None:
    """Take an archive from an agent; it stays stored. Nothing happens where the agent doesn't have it.

    Raises:
        NotFoundError: no such agent or archive.
    """
    get_archive(connection, actor, archive_id)
    _check_agent(connection, actor, agent_id)
    connection.execute(
        delete(archives_agents).where(
            archives_agents.c.agent_id == agent_id, archives_agents.c.archive_id == archive_id
        )
    )


def delete_private_archive(connection: Connection, actor: Actor, agent_id: str) -> None:
    """Delete the archive that was made for an agent, unless another agent has it too."""
    others = archives_agents.alias()
    shared = exists().where(others.c.archive_id == archives_agents.c.archive_id, others.c.agent_id != agent_id)
    owned = select(archives_agents.c.archive_id).where(
        archives_agents.c.agent_id == agent_id, archives_agents.c.is_owner, ~shared
    )
    connection.execute(
        delete(archives).where(archives.c.id.in_(owned), archives.c.organization_id == actor.organization_id)
    )


def follow_embedding(connection: Connection, agent_id: str, embedding_config: JsonObject | None) -> None:
    """Let the archive that was made for an agent have the agent's embedding model. Another one makes vectors due."""
    owned = select(archives_agents.c.archive_id).where(
        archives_agents.c.agent_id == agent_id, archives_agents.c.is_owner
    )
    query = select(archives.c.id, archives.c.embedding_config).where(archives.c.id.in_(owned))
    _follow(connection, query.with_for_update(), embedding_config)


def _follow(connection: Connection, query: Select[Any], embedding_config: JsonObject | None) -> None:
    row = connection.execute(query).first()
    if row is None or _same_model(row.embedding_config, embedding_config):
        return
    due = embedding_config is not None
    connection.execute(
        update(archives)
        .where(archives.c.id == row.id)
        .values(embedding_config=embedding_config, embedding_due=due, updated_at=func.now())
    )


def ensure_archive_of_folder(
    connection: Connection, actor: Actor, folder_id: str, name: str, embedding_config: JsonObject | None
) -> Archive:
    """The archive that holds the passages of a folder's files, made now where there is none. The folder is locked."""
    row = connection.execute(select(*_COLUMNS).where(archives.c.folder_id == folder_id)).first()
    if row is not None:
        return _to_archive(row)
    archive = Archive(
        id=new_id("archive"),
        organization_id=actor.organization_id,
        name=name,
        description="Holds the passages of a folder's files.",
        embedding_config=embedding_config,
    )
    stored = insert_archive(connection, actor, archive)
    connection.execute(update(archives).where(archives.c.id == stored.id).values(folder_id=folder_id))
    return stored


def follow_folder(connection: Connection, folder_id: str, embedding_config: JsonObject | None) -> None:
    """Let the passages of a folder's files have the folder's embedding model. Another one makes vectors due."""
    query = select(archives.c.id, archives.c.embedding_config).where(archives.c.folder_id == folder_id)
    _follow(connection, query.with_for_update(), embedding_config)


def models_in_use(connection: Connection, actor: Actor) -> list[JsonObject]:
    """The embedding models of the organization's archives that hold passages, the most used first."""
    has_passages = exists().where(passages.c.archive_id == archives.c.id)
    query = (
        select(archives.c.embedding_config)
        .where(*_visible(actor), archives.c.embedding_config.is_not(None), has_passages)
        .group_by(archives.c.embedding_config)
        .order_by(func.count().desc())
    )
    return list(connection.scalars(query))


def _same_model(left: JsonObject | None, right: JsonObject | None) -> bool:
    if left is None or right is None:
        return left is right
    return model_name(left) == model_name(right)


def _check_agent(connection: Connection, actor: Actor, agent_id: str) -> None:
    query = select(agents.c.id).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    if connection.scalar(query) is None:
        raise no_such("agent", agent_id)


def _select(actor: Actor) -> Select[Any]:
    return select(*_COLUMNS).where(*_visible(actor))


def _visible(actor: Actor) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The organization's archives, but for those in which the passages of files are kept."""
    return archives.c.organization_id == actor.organization_id, archives.c.folder_id.is_(None)


def _to_archive(row: Row[*tuple[Any, ...]] | tuple[Any, ...]) -> Archive:
    return Archive(*row)
