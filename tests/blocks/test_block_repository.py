"""Blocks and their versions, in a real database."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, text

from letta.agents.tables import agents
from letta.blocks import repository
from letta.blocks.block import Author, Block
from letta.blocks.repository import BlockFilter
from letta.blocks.tables import block_history
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import InvalidArgumentError, NotFoundError
from letta.organizations.actor import Actor

NewBlock = Callable[..., Block]


@pytest.fixture
def new_block(database: Database, actor: Actor) -> NewBlock:
    """Stores a block, committed so that each has a creation time of its own."""

    def make(label: str = "notes", value: str = "v", **values: Any) -> Block:
        block = repository.new_block(label=label, value=value, **values)
        return database.run_sync(repository.create_block, actor, block)

    return make


def insert_agent(connection: Connection, actor: Actor) -> str:
    agent_id = new_id("agent")
    owner = {"id": agent_id, "organization_id": actor.organization_id}
    values = {"name": "a", "agent_type": "letta_v1_agent", "system": "", "llm_config": {}}
    connection.execute(insert(agents).values(owner | values))
    return agent_id


def versions(database: Database, block_id: str) -> list[tuple[int, str, str]]:
    columns = (block_history.c.version, block_history.c.value, block_history.c.author_type)
    query = select(*columns).where(block_history.c.block_id == block_id).order_by(block_history.c.version)
    return [(row[0], row[1], row[2]) for row in database.run_sync(lambda connection: connection.execute(query).all())]


def test_what_is_stored_is_read_again(database: Database, actor: Actor, new_block: NewBlock) -> None:
    block = new_block(description="d", limit=9, metadata={"a": [1]}, read_only=True, tags=["b", "a", "b"], hidden=False)
    found = database.run_sync(repository.get_block, actor, block.id)
    assert found.tags == ["a", "b"]
    found.tags = block.tags
    assert found == block


def test_a_change_that_collides_is_made_again_with_all_of_its_fields(
    database: Database, actor: Actor, new_block: NewBlock
) -> None:
    """The tags were taken out of the request by the first attempt, and so missed by the second."""
    block = new_block(value="one", tags=["old"])
    changes = {"value": "two", "tags": ["new"]}
    attempts: list[Block] = []

    def colliding_once(connection: Connection) -> Block:
        attempts.append(repository.update_block(connection, actor, block.id, changes))
        if len(attempts) == 1:
            connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'busy' USING ERRCODE = '40001'; END $$"))
        return attempts[-1]

    changed = database.run_sync(colliding_once)
    assert len(attempts) == 2
    assert (changed.value, changed.version, changed.tags) == ("two", 2, ["new"])
    assert database.run_sync(repository.get_block, actor, block.id).tags == ["new"]


def test_every_write_is_a_version(database: Database, actor: Actor, new_block: NewBlock) -> None:
    block = new_block(value="one", tags=["t"])
    changed = database.run_sync(repository.update_block, actor, block.id, {"value": "two"})
    assert (changed.value, changed.version, changed.tags) == ("two", 2, ["t"])
    locked = database.run_sync(repository.lock_block, actor, block.id)
    locked.value = "three"
    database.run_sync(repository.write_block, actor, locked, Author("agent", "agent-1", "run-1"))
    assert versions(database, block.id) == [(1, "one", "user"), (2, "two", "user"), (3, "three", "agent")]


def test_changes_keep_what_they_do_not_name(database: Database, actor: Actor, new_block: NewBlock) -> None:
    block = new_block(description="keep", metadata={"k": 1})
    changed = database.run_sync(
        repository.update_block, actor, block.id, {"tags": ["x"], "label": None, "value": "new"}
    )
    assert (changed.label, changed.description, changed.metadata, changed.tags) == ("notes", "keep", {"k": 1}, ["x"])
    cleared = database.run_sync(repository.update_block, actor, block.id, {"description": None})
    assert cleared.description is None


def test_values_have_a_limit(database: Database, actor: Actor, new_block: NewBlock) -> None:
    block = new_block(value="abc", limit=3)
    with pytest.raises(InvalidArgumentError, match="limit is 3"):
        database.run_sync(repository.update_block, actor, block.id, {"value": "abcd"})
    with pytest.raises(InvalidArgumentError, match="limit is 2"):
        new_block(value="abc", limit=2)
    assert versions(database, block.id) == [(1, "abc", "user")]


def test_nul_characters_are_taken_out_of_values_and_refused_elsewhere(
    database: Database, actor: Actor, new_block: NewBlock
) -> None:
    block = new_block(value="a\0b")
    assert database.run_sync(repository.get_block, actor, block.id).value == "ab"
    for changes in ({"label": "\0"}, {"description": "\0"}, {"metadata": {"a": "\0"}}):
        with pytest.raises(InvalidArgumentError, match="NUL"):
            database.run_sync(repository.update_block, actor, block.id, changes)


def test_several_blocks_take_as_many_statements_as_one(database: Database, actor: Actor, statements: list[str]) -> None:
    blocks = [repository.new_block(label=label, value=label, tags=["t"]) for label in "abc"]
    statements.clear()
    database.run_sync(repository.create_blocks, actor, blocks)
    assert len(statements) == 4  # blocks, versions, tags, COMMIT
    found = database.run_sync(repository.get_blocks, actor, [block.id for block in reversed(blocks)])
    assert [block.label for block in found] == ["c", "b", "a"]
    assert database.run_sync(repository.get_blocks, actor, []) == []
    with pytest.raises(NotFoundError):
        database.run_sync(repository.get_blocks, actor, [blocks[0].id, new_id("block")], lock=True)


def test_writers_of_one_block_wait_for_each_other(database: Database, actor: Actor, new_block: NewBlock) -> None:
    block = new_block(value="")

    def append(connection: Connection) -> None:
        locked = repository.lock_block(connection, actor, block.id)
        locked.value += "x"
        repository.write_block(connection, actor, locked, Author("agent", "agent-1"))

    threads = [threading.Thread(target=database.run_sync, args=(append,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = database.run_sync(repository.get_block, actor, block.id)
    assert (found.value, found.version) == ("xxxxx", 6)


def test_lists(database: Database, actor: Actor, new_block: NewBlock) -> None:
    first = new_block("plan", "eat", description="what next", tags=["a", "b"], template_name="t", is_template=True)
    second = new_block("plan-b", "100% sleep", tags=["a"], project_id="p")
    new_block("hidden", hidden=True)

    def labels(page: Page | None = None, **conditions: Any) -> list[str]:
        found = database.run_sync(repository.list_blocks, actor, BlockFilter(**conditions), page or Page(order="asc"))
        return [block.label for block in found]

    assert labels() == ["plan", "plan-b"]
    assert labels(show_hidden=True) == ["plan", "plan-b", "hidden"]
    assert labels(label="plan") == labels(description_search="NEXT") == labels(templates_only=True) == ["plan"]
    assert labels(label_search="PLAN") == ["plan", "plan-b"]
    assert labels(value_search="%") == labels(project_id="p") == ["plan-b"]
    assert labels(template_name="t") == ["plan"]
    assert labels(tags=["a"]) == ["plan", "plan-b"]
    assert labels(tags=["a", "b"], match_all_tags=True) == ["plan"]
    assert labels(Page(order="asc", after=first.id)) == labels(Page(order="desc", before=first.id)) == ["plan-b"]
    assert labels(Page(order="asc", before=second.id)) == ["plan"]
    assert database.run_sync(repository.count_blocks, actor, BlockFilter()) == 2


@pytest.mark.parametrize("condition", [{"identity_id": "identity-1"}, {"identifier_keys": ["key"]}])
def test_identities_that_are_not_there_have_no_blocks(
    database: Database, actor: Actor, new_block: NewBlock, condition: dict[str, Any]
) -> None:
    new_block()
    assert database.run_sync(repository.list_blocks, actor, BlockFilter(**condition), Page()) == []


def test_lists_by_the_number_of_agents(database: Database, actor: Actor, new_block: NewBlock) -> None:
    new_block("lone")
    shared = new_block("shared")
    for _ in range(2):
        agent_id = database.run_sync(insert_agent, actor)
        for _ in range(2):
            database.run_sync(repository.attach_block, agent_id, shared.id)

    def labels(**conditions: Any) -> list[str]:
        found = database.run_sync(repository.list_blocks, actor, BlockFilter(**conditions), Page(order="asc"))
        return [block.label for block in found]

    assert labels(connected_more_than=1) == labels(connected_exactly=[2, 5]) == ["shared"]
    assert labels(connected_fewer_than=1) == ["lone"]


def test_blocks_of_an_agent_keep_their_order(database: Database, actor: Actor, new_block: NewBlock) -> None:
    agent_id = database.run_sync(insert_agent, actor)
    blocks = [new_block(label, tags=[label]) for label in "cab"]
    for block in blocks:
        database.run_sync(repository.attach_block, agent_id, block.id)
    for lock in (False, True):
        found = database.run_sync(repository.blocks_of_agent, agent_id, lock=lock)
        assert [block.label for block in found] == ["c", "a", "b"]
    by_agent = database.run_sync(repository.blocks_of_agents, [agent_id])
    assert [(block.label, block.tags) for block in by_agent[agent_id]] == [(label, [label]) for label in "cab"]
    assert database.run_sync(repository.detach_block, agent_id, blocks[0].id) is True
    assert database.run_sync(repository.detach_block, agent_id, blocks[0].id) is False


def test_deleted_blocks_are_gone(database: Database, actor: Actor, new_block: NewBlock) -> None:
    block, agent_id = new_block(), database.run_sync(insert_agent, actor)
    database.run_sync(repository.attach_block, agent_id, block.id)
    database.run_sync(repository.delete_block, actor, block.id)
    assert database.run_sync(repository.blocks_of_agent, agent_id) == []
    for unit in (repository.get_block, repository.lock_block, repository.delete_block):
        with pytest.raises(NotFoundError, match=block.id):
            database.run_sync(unit, actor, block.id)


def test_other_organizations_see_nothing(
    database: Database, new_actor: Callable[[], Actor], new_block: NewBlock
) -> None:
    block, stranger = new_block(), new_actor()
    assert database.run_sync(repository.list_blocks, stranger, BlockFilter(), Page()) == []
    for unit in (repository.get_block, repository.delete_block):
        with pytest.raises(NotFoundError):
            database.run_sync(unit, stranger, block.id)
