"""Attaching, detaching and editing what an agent has."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from letta.agents import service
from letta.agents.relation_repository import check_label_is_free
from letta.agents.relations import ALL
from letta.agents.repository import delete_agent
from letta.agents.schemas import AgentState
from letta.blocks.block import Block
from letta.blocks.repository import get_block, update_block
from letta.blocks.schemas import UpdateBlock
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import ConflictError, InvalidArgumentError, NotFoundError
from letta.folders.folder import Folder
from letta.folders.repository import create_folder
from letta.messages.repository import get_message
from letta.organizations.actor import Actor
from letta.tools.repository import get_tool, insert_tool
from letta.tools.tool import Tool

NewAgent = Callable[..., AgentState]
NewBlock = Callable[..., Block]


@pytest.fixture
def run(database: Database, actor: Actor) -> Callable[..., Any]:
    """Runs a unit as the test's user."""

    def call(unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return database.run_sync(unit, actor, *args, **kwargs)

    return call


def labels(agent: AgentState) -> list[str | None]:
    return [block.label for block in agent.blocks]


def system_text(run: Callable[..., Any], agent: AgentState) -> str:
    assert agent.message_ids
    text: str = run(get_message, agent.message_ids[0]).text
    return text


def test_blocks_are_attached_in_order_and_shown_at_once(
    run: Callable[..., Any], new_agent: NewAgent, stored_block: NewBlock
) -> None:
    agent = new_agent(memory_blocks=[{"label": "own"}])
    block = stored_block(label="extra", value="EXTRA-1")
    attached = run(service.attach_block, agent.id, block.id)
    assert labels(attached) == ["own", "extra"]
    assert "EXTRA-1" in system_text(run, attached)
    assert labels(run(service.attach_block, agent.id, block.id)) == ["own", "extra"]
    detached = run(service.detach_block, agent.id, block.id)
    assert labels(detached) == ["own"]
    assert "EXTRA-1" not in system_text(run, detached)
    assert run(get_block, block.id).id == block.id
    with pytest.raises(NotFoundError, match=block.id):
        run(service.detach_block, agent.id, block.id)


def test_a_label_can_be_there_once(run: Callable[..., Any], new_agent: NewAgent, stored_block: NewBlock) -> None:
    agent, block = new_agent(memory_blocks=[{"label": "human"}]), stored_block(label="human")
    with pytest.raises(ConflictError, match="'human'"):
        run(service.attach_block, agent.id, block.id)
    other = stored_block(label="other")
    run(service.attach_block, agent.id, other.id)
    with pytest.raises(ConflictError, match="'human'"):
        run(update_block, other.id, {"label": "human"})


def test_two_blocks_of_one_label_cannot_slip_in_together(
    database: Database, actor: Actor, new_agent: NewAgent, stored_block: NewBlock
) -> None:
    agent = new_agent()
    blocks = [stored_block(label="twin") for _ in range(4)]
    start = threading.Barrier(len(blocks))
    outcomes: list[str] = []

    def attach(block: Block) -> None:
        start.wait()
        try:
            database.run_sync(service.attach_block, actor, agent.id, block.id)
            outcomes.append("attached")
        except ConflictError:
            outcomes.append("refused")

    threads = [threading.Thread(target=attach, args=(block,)) for block in blocks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["attached", *["refused"] * 3]


def test_a_block_renamed_while_it_is_attached_stays_unique(
    database: Database, actor: Actor, new_agent: NewAgent, stored_block: NewBlock
) -> None:
    for _ in range(3):
        agent = new_agent(memory_blocks=[{"label": "taken"}])
        block = stored_block(label="free")
        start = threading.Barrier(2)

        def race(unit: Callable[..., Any], *args: Any, barrier: threading.Barrier = start) -> None:
            barrier.wait()
            with contextlib.suppress(ConflictError):
                database.run_sync(unit, actor, *args)

        threads = [
            threading.Thread(target=race, args=(service.attach_block, agent.id, block.id)),
            threading.Thread(target=race, args=(update_block, block.id, {"label": "taken"})),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = labels(database.run_sync(service.get_agent, actor, agent.id, ALL))
        assert len(found) == len(set(found))


def test_a_free_label_is_free(database: Database, new_agent: NewAgent, stored_block: NewBlock) -> None:
    agent = new_agent(memory_blocks=[{"label": "human"}])
    database.run_sync(check_label_is_free, agent.id, stored_block(label="other"))


def test_blocks_by_label(run: Callable[..., Any], new_agent: NewAgent) -> None:
    agent = new_agent(memory_blocks=[{"label": "human", "value": "Ada", "tags": ["t"]}])
    assert run(service.get_block, agent.id, "human").tags == ["t"]
    changed = run(service.update_block, agent.id, "human", UpdateBlock(value="Grace"))
    assert (changed.value, changed.version, changed.tags) == ("Grace", 2, ["t"])
    assert "Grace" in system_text(run, agent)
    assert [block.value for block in run(service.list_blocks, agent.id, Page())] == ["Grace"]
    agent_type, blocks = run(service.core_memory, agent.id)
    assert (agent_type, [block.value for block in blocks]) == ("letta_v1_agent", ["Grace"])
    with pytest.raises(NotFoundError, match="nothing"):
        run(service.get_block, agent.id, "nothing")
    with pytest.raises(NotFoundError, match="nothing"):
        run(service.update_block, agent.id, "nothing", UpdateBlock(value="x"))
    with pytest.raises(InvalidArgumentError, match="limit"):
        run(service.update_block, agent.id, "human", UpdateBlock(limit=2))
    with pytest.raises(NotFoundError):
        run(service.list_blocks, new_id("agent"), Page())


def test_tools(run: Callable[..., Any], new_agent: NewAgent) -> None:
    agent = new_agent(include_base_tools=False)
    schema = {"name": "dice", "description": "", "parameters": {"type": "object", "properties": {}}}
    dice = run(insert_tool, Tool(new_id("tool"), "dice", "custom", schema, default_requires_approval=True))
    for _ in range(2):
        attached = run(service.attach_tool, agent.id, dice.id, answer=True)
        assert [tool.id for tool in attached.tools] == [dice.id]
        assert [rule.type for rule in attached.tool_rules] == ["requires_approval"]
    assert [tool.id for tool in run(service.list_tools, agent.id, Page())] == [dice.id]
    assert run(service.set_approval, agent.id, "dice", required=False, answer=True).tool_rules == []
    required = run(service.set_approval, agent.id, "dice", required=True, answer=True)
    assert [(rule.type, rule.tool_name) for rule in required.tool_rules] == [("requires_approval", "dice")]
    for _ in range(2):
        assert run(service.detach_tool, agent.id, dice.id, answer=False) is None
    assert run(service.list_tools, agent.id, Page()) == []
    with pytest.raises(NotFoundError, match="dice"):
        run(service.set_approval, agent.id, "dice", required=True, answer=False)
    for unit in (service.attach_tool, service.detach_tool):
        with pytest.raises(NotFoundError, match="tool"):
            run(unit, agent.id, new_id("tool"), answer=False)


def test_folders(run: Callable[..., Any], actor: Actor, new_agent: NewAgent) -> None:
    agent = new_agent()
    folder = run(create_folder, Folder(new_id("source"), "docs", actor.organization_id))
    for _ in range(2):
        attached = run(service.attach_folder, agent.id, folder.id, answer=True)
        assert [source.id for source in attached.sources] == [folder.id]
    assert [found.id for found in run(service.list_folders, agent.id, Page())] == [folder.id]
    for _ in range(2):
        assert run(service.detach_folder, agent.id, folder.id, answer=True).sources == []
    with pytest.raises(NotFoundError):
        run(service.attach_folder, agent.id, new_id("source"), answer=False)
    with pytest.raises(NotFoundError):
        run(service.list_folders, new_id("agent"), Page())


def test_what_others_may_hold_survives_an_agent(
    run: Callable[..., Any], new_agent: NewAgent, stored_block: NewBlock
) -> None:
    shared = stored_block(label="shared")
    agent = new_agent(block_ids=[shared.id], memory_blocks=[{"label": "own"}])
    run(delete_agent, agent.id)
    with pytest.raises(NotFoundError):
        run(service.get_agent, agent.id, ALL)
    with pytest.raises(NotFoundError):
        run(delete_agent, agent.id)
    for block in agent.blocks:
        assert run(get_block, block.id).label == block.label
    assert run(get_tool, agent.tools[0].id).name == agent.tools[0].name
    assert agent.message_ids
    with pytest.raises(NotFoundError):
        run(get_message, agent.message_ids[0])
