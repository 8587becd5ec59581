"""Queries on tools, against a real database."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from letta.agents.tables import agents
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import ConflictError, InvalidArgumentError, NotFoundError
from letta.organizations.actor import Actor
from letta.tools import repository
from letta.tools.repository import ToolFilter
from letta.tools.tool import Tool

NewTool = Callable[..., Tool]
UNKNOWN = "tool-00000000-0000-4000-8000-0000000000aa"


def tool_named(name: str, **values: Any) -> Tool:
    schema = {"name": name, "description": "", "parameters": {"type": "object", "properties": {}}}
    return Tool(**({"id": new_id("tool"), "name": name, "tool_type": "custom", "json_schema": schema} | values))


@pytest.fixture
def new_tool(database: Database, actor: Actor) -> NewTool:
    """Stores a tool, committed so that each has a creation time of its own."""

    def make(name: str, **values: Any) -> Tool:
        stored = database.run_sync(repository.insert_tool, actor, tool_named(name, **values))
        assert stored is not None
        return stored

    return make


@pytest.fixture
def agent_id(database: Database, actor: Actor) -> str:
    return database.run_sync(insert_agent, actor)


def insert_agent(connection: Connection, actor: Actor) -> str:
    agent_id = new_id("agent")
    connection.execute(
        insert(agents).values(
            id=agent_id,
            organization_id=actor.organization_id,
            name="a",
            agent_type="letta_v1_agent",
            system="",
            llm_config={},
        )
    )
    return agent_id


def names(connection: Connection, actor: Actor, *, page: Page | None = None, **conditions: Any) -> list[str]:
    listed = repository.list_tools(connection, actor, ToolFilter(**conditions), page or Page())
    assert repository.count_tools(connection, actor, ToolFilter(**conditions)) == len(listed) or page is not None
    return [tool.name for tool in listed]


def test_a_tool_comes_back_as_it_was_stored(connection: Connection, actor: Actor, new_tool: NewTool) -> None:
    values: dict[str, Any] = {
        "description": "d",
        "source_type": "python",
        "source_code": "def a(): ...",
        "args_json_schema": {"type": "object"},
        "tags": ["x", "y"],
        "return_char_limit": 7,
        "pip_requirements": [{"name": "p", "version": None}],
        "default_requires_approval": True,
        "enable_parallel_execution": True,
        "metadata": {"k": "ü"},
    }
    stored = new_tool("a", **values)
    assert repository.get_tool(connection, actor, stored.id) == stored
    assert {name: getattr(stored, name) for name in values} == values
    assert stored.created_by_id == actor.user_id
    assert stored.created_at is not None


def test_a_name_is_taken_once(connection: Connection, actor: Actor, new_tool: NewTool) -> None:
    first, second = new_tool("a"), new_tool("b")
    assert repository.insert_tool(connection, actor, tool_named("a")) is None
    locked = repository.lock_tool_by_name(connection, actor, "a")
    assert locked is not None
    assert locked.id == first.id
    assert repository.lock_tool_by_name(connection, actor, "c") is None
    assert second.id != first.id


def test_renaming_to_a_taken_name_is_refused(database: Database, actor: Actor, new_tool: NewTool) -> None:
    new_tool("a")
    second = new_tool("b")
    second.name = "a"
    with pytest.raises(ConflictError, match="A tool named 'a' already exists"):
        database.run_sync(repository.write_tool, actor, second)


def test_filters(connection: Connection, actor: Actor, new_tool: NewTool) -> None:
    alpha, beta = new_tool("alpha"), new_tool("alpha_beta")
    new_tool("send", tool_type="letta_core")
    new_tool("files_x", tool_type="letta_files_core")

    assert names(connection, actor) == ["files_x", "send", "alpha_beta", "alpha"]
    assert names(connection, actor, name="alpha") == ["alpha"]
    assert names(connection, actor, names=["send", "alpha", "nope"]) == ["send", "alpha"]
    assert names(connection, actor, tool_ids=[alpha.id, beta.id]) == ["alpha_beta", "alpha"]
    assert names(connection, actor, search="PHA_") == ["alpha_beta"]
    assert names(connection, actor, search="%") == []
    assert names(connection, actor, tool_types=["letta_core", "custom"]) == ["send", "alpha_beta", "alpha"]
    assert names(connection, actor, exclude_tool_types=["custom"]) == ["files_x", "send"]
    assert names(connection, actor, only_letta=True) == ["files_x", "send"]
    assert names(connection, actor, exclude_letta=True) == ["alpha_beta", "alpha"]


def test_pages(connection: Connection, actor: Actor, new_tool: NewTool) -> None:
    ids = [new_tool(name).id for name in "abcd"]
    assert names(connection, actor, page=Page(limit=2, order="asc")) == ["a", "b"]
    assert names(connection, actor, page=Page(limit=2, order="asc", after=ids[1])) == ["c", "d"]
    assert names(connection, actor, page=Page(limit=2, order="desc", after=ids[2])) == ["b", "a"]
    assert names(connection, actor, page=Page(order="asc", before=ids[2])) == ["a", "b"]
    assert names(connection, actor, page=Page(after=UNKNOWN, limit=1)) == ["d"]


def test_tools_are_found_by_name_and_id(connection: Connection, actor: Actor, new_tool: NewTool) -> None:
    first, second = new_tool("a"), new_tool("b")
    assert repository.tools_by_names(connection, actor, ["b", "a", "b"]) == [second, first]
    assert repository.tools_by_ids(connection, actor, [second.id, first.id]) == [second, first]
    assert repository.tools_by_names(connection, actor, []) == []
    assert repository.tools_by_ids(connection, actor, []) == []
    with pytest.raises(InvalidArgumentError, match="no tool named 'x', 'y'"):
        repository.tools_by_names(connection, actor, ["x", "a", "y", "x"])
    with pytest.raises(NotFoundError, match=UNKNOWN):
        repository.tools_by_ids(connection, actor, [first.id, UNKNOWN])


def test_other_organizations_see_nothing(
    connection: Connection, new_actor: Callable[[], Actor], new_tool: NewTool, agent_id: str
) -> None:
    stranger, tool = new_actor(), new_tool("a")
    assert names(connection, stranger) == []
    for attempt in (repository.get_tool, repository.lock_tool, repository.delete_tool):
        with pytest.raises(NotFoundError):
            attempt(connection, stranger, tool.id)
    with pytest.raises(NotFoundError):
        repository.attach_tool(connection, stranger, agent_id, tool.id)
    assert repository.insert_tool(connection, stranger, tool_named("a")) is not None


def test_attach_and_detach(connection: Connection, actor: Actor, new_tool: NewTool, agent_id: str) -> None:
    first, second = new_tool("a"), new_tool("b")
    repository.attach_tools(connection, actor, agent_id, [second.id, first.id])
    repository.attach_tool(connection, actor, agent_id, first.id)
    assert repository.tools_of_agent(connection, agent_id) == [first, second]
    assert repository.tools_of_agents(connection, [agent_id]) == {agent_id: [first, second]}

    for _ in range(2):
        repository.detach_tool(connection, actor, agent_id, first.id)
    assert repository.tools_of_agent(connection, agent_id) == [second]
    repository.delete_tool(connection, actor, second.id)
    assert repository.tools_of_agent(connection, agent_id) == []


def test_what_is_unknown_cannot_be_attached(
    connection: Connection, actor: Actor, new_tool: NewTool, agent_id: str
) -> None:
    nobody = "agent-00000000-0000-4000-8000-0000000000aa"
    with pytest.raises(NotFoundError, match=UNKNOWN):
        repository.attach_tool(connection, actor, agent_id, UNKNOWN)
    with pytest.raises(NotFoundError, match=nobody):
        repository.attach_tool(connection, actor, nobody, new_tool("a").id)
    with pytest.raises(NotFoundError, match=UNKNOWN):
        repository.detach_tool(connection, actor, agent_id, UNKNOWN)


def test_attaching_many_tools_takes_one_statement(
    database: Database, actor: Actor, new_tool: NewTool, agent_id: str, statements: list[str]
) -> None:
    ids = [new_tool(name).id for name in "abc"]
    statements.clear()
    database.run_sync(repository.attach_tools, actor, agent_id, ids)
    assert len([each for each in statements if "INSERT" in each]) == 1
    assert len(statements) == 2  # and COMMIT
