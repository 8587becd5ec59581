"""The comparison notices what is lost, changed or out of order."""

from collections.abc import Iterator

import pytest

from letta.testing.persistence.things import THINGS, differences
from letta.testing.persistence.world import World
from letta.testing.protected_mcp import protected
from letta.testing.scripted_model import ScriptedModel
from tests.support.servers import server_with

pytestmark = pytest.mark.slow


def test_equal_values_have_no_differences() -> None:
    value = {"a": [1, {"b": None}], "c": "text"}
    assert list(differences(value, value)) == []


def test_a_difference_is_told_with_its_place() -> None:
    before = {"a": [1, {"b": None}], "c": "text"}
    after = {"a": [1, {"b": 2}], "d": "text"}
    assert list(differences(before, after)) == [
        ".a[1].b: None before, 2 after",
        ".c: 'text' before, None after",
        ".d: None before, 'text' after",
    ]


def test_a_lost_entry_is_told() -> None:
    assert list(differences({"a": [1, 2]}, {"a": [1]})) == [".a: 2 entries before, 1 after"]


def test_entries_in_another_order_differ() -> None:
    assert list(differences([1, 2], [2, 1])) == ["[0]: 1 before, 2 after", "[1]: 2 before, 1 after"]


@pytest.fixture
def world(postgres_uri: str, scripted_model: ScriptedModel, model: ScriptedModel) -> Iterator[World]:
    with (
        protected("streamable-http") as url,
        server_with(postgres_uri, scripted_model, LETTA_ALLOW_PRIVATE_URLS="127.0.0.1") as server,
    ):
        yield World(server.client(), model, url)


def test_what_is_written_is_found_and_its_loss_is_noticed(world: World) -> None:
    client = world.client
    for thing in THINGS:
        thing.write(world)
    before = {thing.name: thing.read(world) for thing in THINGS}
    assert all(before.values())
    client.agents.tools.detach(world.ids["tool"], agent_id=world.ids["ada"])
    client.agents.update(world.ids["ben"], secrets={"ISLAND": "Treasure"})
    client.blocks.delete(world.ids["block"])
    client.agents.messages.reset(world.ids["ada"])
    there = [thing for thing in THINGS if thing.name != "versions of a block"]  # which went with it
    found = list(differences(before, {thing.name: thing.read(world) for thing in there}))
    for place in (".agents[0].tools:", ".agents[1].secrets:", ".blocks:", ".agents[0].message_ids:"):
        assert any(difference.startswith(place) for difference in found), place
