"""What happens when folders are made and changed."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from letta.agents.model_config import embedding_config_from
from letta.archives.repository import follow_folder
from letta.database.ids import new_id
from letta.file_tools.registry import FILE_TOOL_NAMES
from letta.folders import attached_repository, repository
from letta.folders.folder import Folder
from letta.folders.schemas import CreateFolder, UpdateFolder
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.organizations.actor import Actor
from letta.settings import settings

_NOT_NULL = {"name", "embedding_config"}


async def new_folder(catalog: Catalog, actor: Actor, body: CreateFolder) -> Folder:
    """The folder that a request to create one describes, not stored yet.

    Raises:
        InvalidArgumentError: no provider offers the embedding model.
    """
    return Folder(
        id=new_id("source"),
        name=body.name,
        organization_id=actor.organization_id,
        description=body.description,
        instructions=body.instructions,
        metadata=body.metadata,
        embedding_config=await _embedding_config(catalog, body),
    )


def changes_of(body: UpdateFolder) -> JsonObject:
    """The columns that a request changes, with their new values."""
    changes = {name: value for name, value in body.given().items() if value is not None or name not in _NOT_NULL}
    if body.embedding_config is not None:
        changes["embedding_config"] = body.embedding_config.model_dump()
    return changes


def update_folder(connection: Connection, actor: Actor, folder_id: str, changes: Mapping[str, Any]) -> Folder:
    """Apply a client's changes to a folder. With another embedding model, vectors of its files are due again.

    Raises:
        NotFoundError: no such folder.
        ConflictError: the new name is taken.
    """
    folder = repository.update_folder(connection, actor, folder_id, changes)
    if "embedding_config" in changes:
        follow_folder(connection, folder_id, folder.embedding_config)
    return folder


def delete_folder(connection: Connection, actor: Actor, folder_id: str) -> None:
    """Delete a folder with all that is in it. Agents that have no other folder lose the tools for files.

    Raises:
        NotFoundError: no such folder.
    """
    repository.get_folder(connection, actor, folder_id)
    attached_repository.take_tools_from(connection, FILE_TOOL_NAMES, but_for=folder_id)
    repository.delete_folder(connection, actor, folder_id)


async def _embedding_config(catalog: Catalog, body: CreateFolder) -> JsonObject | None:
    if body.embedding_config is not None:
        return body.embedding_config.model_dump()
    handle = body.embedding or settings.default_embedding_handle
    if handle is None:
        return None
    model = await catalog.resolve_embedding(handle)
    return embedding_config_from(model, chunk_size=body.embedding_chunk_size)
