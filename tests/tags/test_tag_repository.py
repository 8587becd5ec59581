"""Tags of agents, against a real database."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from letta.agents.relation_repository import insert_tags
from letta.agents.tables import agents
from letta.database.ids import new_id
from letta.organizations.actor import Actor
from letta.tags.repository import TagFilter, list_tags


def tagged_agent(connection: Connection, actor: Actor, tags: Iterable[str]) -> None:
    agent_id = new_id("agent")
    owner = {"id": agent_id, "organization_id": actor.organization_id}
    values = {"name": "a", "agent_type": "letta_v1_agent", "system": "", "llm_config": {}}
    connection.execute(insert(agents).values(owner | values))
    insert_tags(connection, actor, agent_id, tags)


@pytest.mark.parametrize(
    ("conditions", "tags"),
    [
        ({}, ["apple", "banana", "cherry"]),
        ({"order": "desc"}, ["cherry", "banana", "apple"]),
        ({"limit": 2}, ["apple", "banana"]),
        ({"after": "apple"}, ["banana", "cherry"]),
        ({"after": "banana", "order": "desc"}, ["apple"]),
        ({"before": "banana"}, ["apple"]),
        ({"before": "banana", "order": "desc"}, ["cherry"]),
        ({"name": "banana"}, ["banana"]),
        ({"query_text": "AN"}, ["banana"]),
        ({"query_text": "%"}, []),
    ],
)
def test_tags_are_listed_once_by_name(
    connection: Connection,
    actor: Actor,
    new_actor: Callable[[], Actor],
    conditions: dict[str, Any],
    tags: list[str],
) -> None:
    tagged_agent(connection, actor, ["banana", "apple"])
    tagged_agent(connection, actor, ["banana", "cherry"])
    tagged_agent(connection, new_actor(), ["foreign"])
    assert list_tags(connection, actor, TagFilter(**conditions)) == tags
