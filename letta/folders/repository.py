"""Queries on folders, and on which agents may look into them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from letta.agents.tables import agents, agents_folders
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, NotFoundError, no_such
from letta.folders.folder import Folder
from letta.folders.tables import folders
from letta.organizations.actor import Actor

_COLUMNS = [folders.c[field.name] for field in fields(Folder)]
_STORED = ("id", "name", "organization_id", "description", "instructions", "metadata", "embedding_config")


def create_folder(connection: Connection, actor: Actor, folder: Folder) -> Folder:
    """Store a new folder.

    Raises:
        ConflictError: the name is taken.
    """
    values = {name: getattr(folder, name) for name in _STORED}
    values |= {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    statement = insert(folders).values(values).on_conflict_do_nothing(index_elements=["organization_id", "name"])
    row = connection.execute(statement.returning(*_COLUMNS)).first()
    if row is None:
        raise _taken(folder.name)
    return to_folder(row)


def update_folder(connection: Connection, actor: Actor, folder_id: str, changes: Mapping[str, Any]) -> Folder:
    """Apply a client's changes to a folder.

    Raises:
        NotFoundError: no such folder.
        ConflictError: the new name is taken.
    """
    values = {**changes, "last_updated_by_id": actor.user_id, "updated_at": func.now()}
    statement = update(folders).where(folders.c.id == folder_id, folders.c.organization_id == actor.organization_id)
    try:
        row = connection.execute(statement.values(values).returning(*_COLUMNS)).first()
    except IntegrityError as error:
        raise _taken(changes["name"]) from error
    if row is None:
        raise no_such("folder", folder_id)
    return to_folder(row)


def get_folder(connection: Connection, actor: Actor, folder_id: str) -> Folder:
    """The folder with this id."""
    row = connection.execute(_select(actor).where(folders.c.id == folder_id)).first()
    if row is None:
        raise no_such("folder", folder_id)
    return to_folder(row)


def lock_folder(connection: Connection, actor: Actor, folder_id: str) -> Folder:
    """As `get_folder`, locked until the transaction ends, so that nobody else adds a file."""
    query = _select(actor).where(folders.c.id == folder_id).with_for_update(key_share=True)
    row = connection.execute(query).first()
    if row is None:
        raise no_such("folder", folder_id)
    return to_folder(row)


def folder_id_by_name(connection: Connection, actor: Actor, name: str) -> str:
    """Id of the folder with this name."""
    query = select(folders.c.id).where(folders.c.organization_id == actor.organization_id, folders.c.name == name)
    folder_id: str | None = connection.scalar(query)
    if folder_id is None:
        raise NotFoundError(f"There is no folder named '{name}'.")
    return folder_id


def list_folders(connection: Connection, actor: Actor, page: Page, name: str | None = None) -> list[Folder]:
    """Folders of the organization."""
    query = _select(actor) if name is None else _select(actor).where(folders.c.name == name)
    return [to_folder(row) for row in connection.execute(paginate(query, folders, page))]


def count_folders(connection: Connection, actor: Actor) -> int:
    """How many folders there are."""
    query = select(func.count()).select_from(folders).where(folders.c.organization_id == actor.organization_id)
    return connection.scalar(query) or 0


def delete_folder(connection: Connection, actor: Actor, folder_id: str) -> None:
    """Delete a folder with all that is in it."""
    found = connection.execute(
        delete(folders).where(folders.c.id == folder_id, folders.c.organization_id == actor.organization_id)
    )
    if found.rowcount == 0:
        raise no_such("folder", folder_id)


def agent_ids_of_folder(connection: Connection, actor: Actor, folder_id: str, page: Page) -> list[str]:
    """Ids of the agents that may look into a folder.

    Raises:
        NotFoundError: no such folder.
    """
    get_folder(connection, actor, folder_id)
    query = (
        select(agents.c.id)
        .join(agents_folders, agents_folders.c.agent_id == agents.c.id)
        .where(agents_folders.c.folder_id == folder_id)
    )
    return list(connection.scalars(paginate(query, agents, page)))


def folders_of_agents(connection: Connection, agent_ids: Sequence[str]) -> dict[str, list[Folder]]:
    """The folders of several agents by agent id, oldest first; agents without folders are left out."""
    query = (
        select(*_COLUMNS, agents_folders.c.agent_id)
        .join(agents_folders, agents_folders.c.folder_id == folders.c.id)
        .where(agents_folders.c.agent_id.in_(agent_ids))
        .order_by(folders.c.created_at, folders.c.id)
    )
    found: dict[str, list[Folder]] = {}
    for row in connection.execute(query):
        found.setdefault(row.agent_id, []).append(to_folder(row))
    return found


def list_folders_of_agent(connection: Connection, actor: Actor, agent_id: str, page: Page) -> list[Folder]:
    """One page of an agent's folders."""
    held = select(agents_folders.c.folder_id).where(agents_folders.c.agent_id == agent_id)
    query = _select(actor).where(folders.c.id.in_(held))
    return [to_folder(row) for row in connection.execute(paginate(query, folders, page))]


def attach_folder(connection: Connection, actor: Actor, agent_id: str, folder_id: str) -> None:
    """Let an agent look into a folder; nothing happens when it may already.

    Raises:
        NotFoundError: no such folder or agent.
    """
    pair = (
        select(agents.c.id, folders.c.id)
        .select_from(agents.join(folders, folders.c.organization_id == agents.c.organization_id))
        .where(agents.c.id == agent_id, folders.c.id == folder_id, agents.c.organization_id == actor.organization_id)
    )
    statement = insert(agents_folders).from_select(["agent_id", "folder_id"], pair).on_conflict_do_nothing()
    if connection.execute(statement).rowcount == 0:
        get_folder(connection, actor, folder_id)
        _check_agent(connection, actor, agent_id)


def detach_folder(connection: Connection, actor: Actor, agent_id: str, folder_id: str) -> None:
    """Close a folder to an agent; nothing happens when it is closed already.

    Raises:
        NotFoundError: no such folder.
    """
    held = (agents_folders.c.agent_id == agent_id, agents_folders.c.folder_id == folder_id)
    owned = select(agents.c.id).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    if connection.execute(delete(agents_folders).where(*held, agents_folders.c.agent_id.in_(owned))).rowcount == 0:
        get_folder(connection, actor, folder_id)


def to_folder(row: Row[*tuple[Any, ...]]) -> Folder:
    """The folder in a row that holds all of a folder's columns."""
    values = row._mapping
    return Folder(**{column.name: values[column] for column in _COLUMNS})


def _select(actor: Actor) -> Select[Any]:
    return select(*_COLUMNS).where(folders.c.organization_id == actor.organization_id)


def _taken(name: str) -> ConflictError:
    return ConflictError(f"A folder named '{name}' already exists. Choose another name.")


def _check_agent(connection: Connection, actor: Actor, agent_id: str) -> None:
    owned = select(agents.c.id).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)
    if connection.scalar(owned) is None:
        raise no_such("agent", agent_id)
