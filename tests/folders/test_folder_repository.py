"""Queries on folders, against a real database."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from letta.agents.tables import agents
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import ConflictError, NotFoundError
from letta.folders import repository
from letta.folders.folder import Folder
from letta.organizations.actor import Actor

NewFolder = Callable[..., Folder]
UNKNOWN = "source-00000000-0000-4000-8000-0000000000aa"
EMBEDDING = {"embedding_endpoint_type": "openai", "embedding_model": "m", "embedding_dim": 3}


@pytest.fixture
def new_folder(database: Database, actor: Actor) -> NewFolder:
    """Stores a folder, committed so that each has a creation time of its own."""

    def make(name: str, **values: Any) -> Folder:
        folder = Folder(new_id("source"), name, actor.organization_id, **values)
        return database.run_sync(repository.create_folder, actor, folder)

    return make


@pytest.fixture
def agent_ids(database: Database, actor: Actor) -> list[str]:
    """Two agents, the older one first."""
    return [database.run_sync(insert_agent, actor) for _ in range(2)]


def insert_agent(connection: Connection, actor: Actor) -> str:
    agent_id = new_id("agent")
    values = {"name": "a", "agent_type": "letta_v1_agent", "system": "", "llm_config": {}}
    connection.execute(insert(agents).values(id=agent_id, organization_id=actor.organization_id, **values))
    return agent_id


def test_a_folder_comes_back_as_it_was_stored(connection: Connection, actor: Actor, new_folder: NewFolder) -> None:
    stored = new_folder("a", description="d", instructions="i", metadata={"k": 1}, embedding_config=EMBEDDING)
    assert repository.get_folder(connection, actor, stored.id) == stored
    assert (stored.description, stored.instructions, stored.metadata) == ("d", "i", {"k": 1})
    assert stored.embedding_config == EMBEDDING
    assert stored.created_by_id == actor.user_id
    bare = new_folder("b")
    assert (bare.metadata, bare.embedding_config) == (None, None)


def test_changes(connection: Connection, actor: Actor, new_folder: NewFolder) -> None:
    stored = new_folder("a", description="d", instructions="i")
    changed = repository.update_folder(connection, actor, stored.id, {"name": "b", "description": None})
    assert (changed.id, changed.name, changed.description, changed.instructions) == (stored.id, "b", None, "i")
    assert repository.folder_id_by_name(connection, actor, "b") == stored.id
    repository.delete_folder(connection, actor, stored.id)
    for attempt in (repository.get_folder, repository.delete_folder):
        with pytest.raises(NotFoundError, match=stored.id):
            attempt(connection, actor, stored.id)
    with pytest.raises(NotFoundError, match="named 'b'"):
        repository.folder_id_by_name(connection, actor, "b")
    with pytest.raises(NotFoundError):
        repository.update_folder(connection, actor, stored.id, {"name": "c"})


def test_names_are_taken_once(
    database: Database, actor: Actor, new_actor: Callable[[], Actor], new_folder: NewFolder
) -> None:
    new_folder("a")
    other = new_folder("b")
    with pytest.raises(ConflictError, match="A folder named 'a' already exists"):
        new_folder("a")
    with pytest.raises(ConflictError, match="A folder named 'a' already exists"):
        database.run_sync(repository.update_folder, actor, other.id, {"name": "a"})
    stranger = new_actor()
    database.run_sync(repository.create_folder, stranger, Folder(new_id("source"), "a", stranger.organization_id))


def test_lists(connection: Connection, actor: Actor, new_actor: Callable[[], Actor], new_folder: NewFolder) -> None:
    a, b, c = (new_folder(name) for name in "abc")
    assert repository.list_folders(connection, actor, Page(order="asc")) == [a, b, c]
    assert repository.list_folders(connection, actor, Page(order="asc", after=a.id, limit=1)) == [b]
    assert repository.list_folders(connection, actor, Page(), "b") == [b]
    assert repository.count_folders(connection, actor) == 3
    stranger = new_actor()
    assert repository.list_folders(connection, stranger, Page()) == []
    with pytest.raises(NotFoundError):
        repository.get_folder(connection, stranger, a.id)


def test_attach_and_detach(connection: Connection, actor: Actor, new_folder: NewFolder, agent_ids: list[str]) -> None:
    older, newer = agent_ids
    a, b = new_folder("a"), new_folder("b")
    for folder in (b, a, a):
        repository.attach_folder(connection, actor, older, folder.id)
    repository.attach_folder(connection, actor, newer, a.id)

    assert repository.folders_of_agents(connection, agent_ids) == {older: [a, b], newer: [a]}
    assert repository.list_folders_of_agent(connection, actor, older, Page(limit=1)) == [b]
    assert repository.agent_ids_of_folder(connection, actor, a.id, Page()) == [newer, older]

    for _ in range(2):
        repository.detach_folder(connection, actor, older, a.id)
    assert repository.folders_of_agents(connection, agent_ids) == {older: [b], newer: [a]}
    repository.attach_folder(connection, actor, older, a.id)
    repository.delete_folder(connection, actor, a.id)
    assert repository.folders_of_agents(connection, agent_ids) == {older: [b]}


def test_what_is_unknown_cannot_be_attached(
    connection: Connection, actor: Actor, new_actor: Callable[[], Actor], new_folder: NewFolder, agent_ids: list[str]
) -> None:
    folder = new_folder("a")
    with pytest.raises(NotFoundError, match=UNKNOWN):
        repository.attach_folder(connection, actor, agent_ids[0], UNKNOWN)
    with pytest.raises(NotFoundError, match="no agent"):
        repository.attach_folder(connection, actor, new_id("agent"), folder.id)
    with pytest.raises(NotFoundError):
        repository.attach_folder(connection, new_actor(), agent_ids[0], folder.id)
    with pytest.raises(NotFoundError, match=UNKNOWN):
        repository.detach_folder(connection, actor, agent_ids[0], UNKNOWN)
    with pytest.raises(NotFoundError, match=UNKNOWN):
        repository.agent_ids_of_folder(connection, actor, UNKNOWN, Page())
