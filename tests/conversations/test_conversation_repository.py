"""Queries on conversations, against a real database."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, insert

from letta.agents import repository as agents_repository
from letta.agents.tables import agents
from letta.conversations import repository
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import NotFoundError
from letta.organizations.actor import Actor
from tests.support.racing import behind


@pytest.fixture
def agent_id(database: Database, actor: Actor) -> str:
    return database.run_sync(insert_agent, actor)


def insert_agent(connection: Connection, actor: Actor) -> str:
    agent_id = new_id("agent")
    owner = {"id": agent_id, "organization_id": actor.organization_id}
    values = {"name": "a", "agent_type": "letta_v1_agent", "system": "", "llm_config": {}}
    connection.execute(insert(agents).values(owner | values))
    return agent_id


def test_the_default_conversation_is_found_by_its_agent(connection: Connection, actor: Actor, agent_id: str) -> None:
    repository.create_conversation(connection, actor, agent_id)
    default = repository.create_conversation(connection, actor, agent_id, is_default=True, system_digest="d")
    assert repository.default_conversation_id(connection, agent_id) == default
    locked = repository.lock_default(connection, agent_id)
    assert (locked.id, locked.system_digest, locked.active_run_id) == (default, "d", None)
    locked.raise_if_busy()


def test_conversations_are_named_by_id_or_as_the_default(connection: Connection, actor: Actor, agent_id: str) -> None:
    default = repository.create_conversation(connection, actor, agent_id, is_default=True)
    other = repository.create_conversation(connection, actor, agent_id)
    for name in (None, "default", default):
        found = repository.conversation_of_agent(connection, agent_id, name)
        assert (found.id, found.label) == (default, "default")
    assert repository.conversation_of_agent(connection, agent_id, other).label == other
    with pytest.raises(NotFoundError):
        repository.conversation_of_agent(connection, agent_id, new_id("conv"))


def test_agents_that_are_not_there_have_no_conversation(connection: Connection) -> None:
    unknown = new_id("agent")
    for find in (repository.default_conversation_id, repository.lock_default):
        with pytest.raises(NotFoundError, match=unknown):
            find(connection, unknown)
    assert repository.lock_default_if_free(connection, unknown) is None


def test_a_conversation_that_another_transaction_has_is_not_waited_for(
    database: Database, actor: Actor, agent_id: str, new_actor: Callable[[], Actor]
) -> None:
    database.run_sync(lambda connection: repository.create_conversation(connection, actor, agent_id, is_default=True))
    with database.transaction() as one, database.transaction() as other:
        assert repository.lock_default_if_free(one, agent_id) is not None
        assert repository.lock_default_if_free(other, agent_id) is None


def test_a_conversation_that_goes_with_its_agent_meanwhile_is_not_there(
    database: Database, actor: Actor, agent_id: str
) -> None:
    conversation_id = database.run_sync(repository.create_conversation, actor, agent_id)
    with pytest.raises(NotFoundError, match=conversation_id):
        behind(
            database,
            lambda connection: agents_repository.delete_agent(connection, actor, agent_id),
            lambda: database.run_sync(repository.update_conversation, actor, conversation_id, {"summary": "Tea"}),
        )
    with pytest.raises(NotFoundError, match=conversation_id):
        database.run_sync(repository.lock_conversation, conversation_id)
