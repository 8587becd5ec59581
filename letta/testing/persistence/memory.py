"""What agents keep outside their context, and the versions of their blocks, as things that must survive a restart."""

from collections.abc import Sequence
from typing import Any, cast

from letta.json_types import JsonObject
from letta.testing.persistence.world import Thing, World, as_json

FACTS = ["Ada's sister is called Zoë.", "Green tea draws for three minutes. 🍵", "The kettle is kept on the left."]
QUESTION = "How long does green tea draw?"
_MANY = 200


def _get(world: World, path: str) -> list[JsonObject]:
    """A list that the official client has no method for."""
    return cast(list[JsonObject], world.client.get(path, cast_to=cast(Any, object)))


def _write_passages(world: World) -> None:
    """Of an agent's own archive, and of one that is shared; one of them deleted."""
    passages = world.client.agents.passages
    for text in FACTS:
        passages.create(world.ids["ada"], text=text, tags=["house"])
    archive = world.client.archives.create(name="Teas", description="What is in the cupboard")
    world.ids["archive"] = archive.id
    world.client.agents.archives.attach(archive.id, agent_id=world.ids["ben"])
    for text in ("Sencha", "Gunpowder"):
        passage = world.client.archives.passages.create(archive.id, text=text, metadata={"shelf": 2})
    world.client.archives.passages.delete(str(passage.id), archive_id=archive.id)


def _read_passages(world: World) -> list[JsonObject]:
    lists = (world.client.agents.passages.list(world.ids[name], ascending=True, limit=_MANY) for name in ("ada", "ben"))
    return [passage for found in lists for passage in as_json(found)]


def _read_archives(world: World) -> list[JsonObject]:
    return as_json(world.client.archives.list(limit=_MANY))


def _read_found(world: World) -> list[JsonObject]:
    """What a search finds."""
    return as_json(world.client.agents.passages.search(world.ids["ada"], query=QUESTION).results)


def _read_deleted(world: World) -> list[JsonObject]:
    return _get(world, f"/v1/archives/{world.ids['archive']}/deleted-passages")


def _write_versions(world: World) -> None:
    world.client.blocks.update(world.ids["block"], value="Tea is served at six.")


def _read_versions(world: World) -> list[JsonObject]:
    return _get(world, f"/v1/blocks/{world.ids['block']}/history")


MEMORY: Sequence[Thing] = (
    Thing("passages", _read_passages, _write_passages),
    Thing("archives", _read_archives),
    Thing("passages found", _read_found),
    Thing("deleted passages", _read_deleted),
    Thing("versions of a block", _read_versions, _write_versions),
)
"""To be written after agents and blocks."""
