"""The archive that an agent gets with its first passage."""

import pytest
from sqlalchemy import Connection, insert

from letta.agents import repository as agents_repository
from letta.agents.tables import agents
from letta.archives import repository
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import NotFoundError
from letta.organizations.actor import Actor
from tests.support.racing import behind

pytestmark = pytest.mark.database


def insert_agent(connection: Connection, actor: Actor) -> str:
    agent_id = new_id("agent")
    values = {"name": "a", "agent_type": "letta_v1_agent", "system": "", "llm_config": {}}
    connection.execute(insert(agents).values(id=agent_id, organization_id=actor.organization_id, **values))
    return agent_id


def test_an_agent_that_is_deleted_meanwhile_is_not_there(database: Database, actor: Actor) -> None:
    agent_id = database.run_sync(insert_agent, actor)
    with pytest.raises(NotFoundError, match=agent_id):
        behind(
            database,
            lambda connection: agents_repository.delete_agent(connection, actor, agent_id),
            lambda: database.run_sync(repository.ensure_archive_of_agent, actor, agent_id),
        )
