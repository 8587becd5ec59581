"""Lists of agents: conditions, order, cursors, relations and what they cost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from letta.agents.relations import ALL, Relation
from letta.agents.repository import AgentFilter, AgentOrder, count_agents
from letta.agents.schemas import AgentState
from letta.agents.service import get_agent, list_agents, list_agents_of_block
from letta.blocks.block import Block
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import NotFoundError
from letta.folders.folder import Folder
from letta.folders.repository import create_folder
from letta.organizations.actor import Actor

NewAgent = Callable[..., AgentState]
Change = Callable[..., AgentState]
NewBlock = Callable[..., Block]
Names = Callable[..., list[str]]


@pytest.fixture
def names(database: Database, actor: Actor) -> Names:
    """Names of the agents that meet a condition, in order."""

    def listed(page: Page | None = None, order_by: AgentOrder = "created_at", **conditions: Any) -> list[str]:
        found = database.run_sync(list_agents, actor, AgentFilter(**conditions), page or Page(), order_by, frozenset())
        return [agent.name for agent in found]

    return listed


def test_conditions(new_agent: NewAgent, names: Names, actor: Actor) -> None:
    new_agent(name="Alpha-one", tags=["a", "b"], project_id="p", template_id="t", base_template_id="u")
    new_agent(name="beta", tags=["a"])
    assert names(name="beta") == ["beta"]
    assert names(name="bet") == []
    assert names(query_text="LPHA-O") == ["Alpha-one"]
    assert names(query_text="%") == []
    assert names(tags=["a", "b"]) == ["beta", "Alpha-one"]
    assert names(tags=["a", "b", "a"], match_all_tags=True) == ["Alpha-one"]
    assert names(tags=["c"]) == []
    assert names(project_id="p", template_id="t", base_template_id="u") == ["Alpha-one"]
    assert len(names(created_by_id=actor.user_id)) == 2
    assert names(created_by_id="user-x") == names(last_stop_reason="error") == names(identity_id="identity-x") == []
    assert names(identifier_keys=["k"]) == []


def test_hidden_agents_are_left_out(new_agent: NewAgent, names: Names, database: Database, actor: Actor) -> None:
    new_agent(name="seen")
    new_agent(name="hidden", hidden=True)
    assert names() == ["seen"]
    assert names(show_hidden=True) == ["hidden", "seen"]
    assert database.run_sync(count_agents, actor, AgentFilter()) == 1
    assert database.run_sync(count_agents, actor, AgentFilter(show_hidden=True)) == 2


def test_cursors_by_creation(new_agent: NewAgent, names: Names) -> None:
    a, b, c, _ = [new_agent(name=name).id for name in "abcd"]
    assert names(Page(limit=2)) == ["d", "c"]
    assert names(Page(limit=2, after=c)) == ["b", "a"]
    assert names(Page(order="asc", after=a, limit=2)) == ["b", "c"]
    assert names(Page(order="asc", before=c)) == ["a", "b"]
    assert names(Page(before=b)) == ["d", "c"]
    assert names(Page(order="asc", after=a, before=c)) == ["b"]
    assert names(Page(after=new_id("agent"))) == ["d", "c", "b", "a"]
    assert names(Page(limit=0)) == []


def test_the_latest_change_comes_first_when_asked_for(new_agent: NewAgent, change: Change, names: Names) -> None:
    first = new_agent(name="a")
    new_agent(name="b")
    assert names(order_by="updated_at") == ["b", "a"]
    change(first.id, description="d")
    assert names(order_by="updated_at") == ["a", "b"]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_agents_that_never_ran_come_last_and_no_page_repeats_or_loses_one(
    new_agent: NewAgent, change: Change, names: Names, order: Any, size: int
) -> None:
    now = datetime.now(UTC)
    made = {name: new_agent(name=name).id for name in ("a", "b", "c", "never-1", "never-2")}
    for age, name in enumerate("abc"):
        change(made[name], last_run_completion=now - timedelta(hours=age))
    whole = names(Page(order=order), order_by="last_run_completion")
    assert whole[:3] == (["a", "b", "c"] if order == "desc" else ["c", "b", "a"])
    paged: list[str] = []
    while len(paged) < 10:
        after = made[paged[-1]] if paged else None
        page = names(Page(order=order, limit=size, after=after), order_by="last_run_completion")
        if not page:
            break
        paged += page
    assert paged == whole
    for place, name in enumerate(whole):
        assert names(Page(order=order, before=made[name]), order_by="last_run_completion") == whole[:place]


def test_relations_are_those_asked_for(
    new_agent: NewAgent, database: Database, actor: Actor, stored_block: NewBlock
) -> None:
    folder = database.run_sync(create_folder, actor, Folder(new_id("source"), "docs", actor.organization_id))
    agent = new_agent(block_ids=[stored_block(tags=["bt"]).id], tags=["t"], secrets={"A": "b"}, folder_ids=[folder.id])
    fields = {
        Relation.BLOCKS: "blocks",
        Relation.TOOLS: "tools",
        Relation.TAGS: "tags",
        Relation.SECRETS: "secrets",
        Relation.SOURCES: "sources",
    }
    for relation, field in fields.items():
        found = database.run_sync(get_agent, actor, agent.id, frozenset({relation}))
        assert getattr(found, field) == getattr(agent, field)
        assert getattr(found, field)
        assert not any(getattr(found, other) for other in fields.values() if other != field)
    bare = database.run_sync(get_agent, actor, agent.id, frozenset())
    assert bare.memory.blocks == []
    assert bare.message_ids == agent.message_ids
    assert database.run_sync(get_agent, actor, agent.id, ALL) == agent


def test_agents_of_a_block(new_agent: NewAgent, database: Database, actor: Actor, stored_block: NewBlock) -> None:
    block = stored_block(label="shared")
    holders = {new_agent(block_ids=[block.id]).id for _ in range(2)}
    new_agent()
    found = database.run_sync(list_agents_of_block, actor, block.id, Page(), frozenset())
    assert {agent.id for agent in found} == holders
    with pytest.raises(NotFoundError):
        database.run_sync(list_agents_of_block, actor, new_id("block"), Page(), frozenset())


def test_other_organizations_see_nothing(
    new_agent: NewAgent, database: Database, new_actor: Callable[[], Actor]
) -> None:
    agent, stranger = new_agent(), new_actor()
    assert database.run_sync(list_agents, stranger, AgentFilter(), Page(), "created_at", ALL) == []
    with pytest.raises(NotFoundError):
        database.run_sync(get_agent, stranger, agent.id, ALL)


def test_a_long_list_with_everything_takes_as_many_statements_as_a_short_one(
    new_agent: NewAgent, database: Database, actor: Actor, stored_block: NewBlock, statements: list[str]
) -> None:
    shared = stored_block(tags=["t"])
    for _ in range(5):
        new_agent(block_ids=[shared.id], tags=["t"], secrets={"A": "b"})
    statements.clear()
    found = database.run_sync(list_agents, actor, AgentFilter(), Page(), "created_at", ALL)
    assert len(found) == 5
    assert statements.pop() == "COMMIT"
    assert len(statements) <= 9, "\n".join(statements)
    statements.clear()
    database.run_sync(get_agent, actor, found[0].id, frozenset())
    assert len(statements) == 2  # the agent with its context's ids, and COMMIT
