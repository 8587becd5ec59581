"""Talks beside an agent's own: conversations, forks, pending decisions, summaries, streams that can be read again.

They are those of a third agent, so that the others' own talks stay what they are.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from letta.json_types import JsonObject
from letta.testing.persistence.world import MODEL, Thing, World, as_json
from letta.testing.scripted_model import Call, Reply

_MANY = 200
_TALKS = ("kitchen", "kitchen, continued", "long talk")


def _write_conversations(world: World) -> None:
    """One with a block of its own, and a fork of it that has gone on; and the agent that they are with."""
    cleo = world.client.agents.create(
        name="Cleo",
        model=MODEL,
        memory_blocks=[{"label": "human", "value": "Likes coffee."}, {"label": "notes", "value": "None."}],
        tool_rules=[{"type": "requires_approval", "tool_name": "memory_insert"}],
    )
    world.ids["cleo"] = cleo.id
    kitchen = world.client.conversations.create(
        agent_id=cleo.id, summary="In the kitchen", extra_body={"isolated_block_labels": ["notes"]}
    )
    world.ids["kitchen"] = kitchen.id
    world.ids["notes"] = cast("list[str]", kitchen.to_dict()["isolated_block_ids"])[0]
    edit = Call("memory_replace", {"label": "notes", "old_string": "None.", "new_string": "The kettle is broken."})
    _say(world, "kitchen", "Mind the kettle.", Reply(calls=[edit]), Reply("I will."))
    world.ids["kitchen, continued"] = world.client.conversations.fork(kitchen.id).id
    _say(world, "kitchen, continued", "Is there another one?", Reply("In the cellar."))


def _read_conversations(world: World) -> list[JsonObject]:
    return as_json(world.client.conversations.retrieve(world.ids[name]) for name in _TALKS)


def _read_histories(world: World) -> list[JsonObject]:
    listed = (world.client.conversations.messages.list(world.ids[name], order="asc", limit=_MANY) for name in _TALKS)
    return [message for found in listed for message in as_json(found)]


def _read_isolated_blocks(world: World) -> list[JsonObject]:
    return as_json([world.client.blocks.retrieve(world.ids["notes"])])


def _write_summary(world: World) -> None:
    world.ids["long talk"] = world.client.conversations.create(agent_id=world.ids["cleo"]).id
    for number in range(3):
        _say(world, "long talk", f"And then, number {number}, it rained.", Reply("Go on."))
    world.client.conversations.messages.compact(world.ids["long talk"], compaction_settings={"mode": "all"})


def _read_summaries(world: World) -> list[JsonObject]:
    said = [message for message in _read_histories(world) if message["message_type"] == "user_message"]
    return [message for message in said if "compaction_stats" in str(message["content"])]


def _write_approvals(world: World) -> None:
    """One that was denied, and one that nobody has decided about yet."""
    for number in (1, 2):
        call = Call("memory_insert", {"label": "human", "new_string": "Likes milk."}, id=f"call-milk-{number}")
        script = world.model.script(Reply(calls=[call]), Reply("As you like."))
        world.client.agents.messages.create(world.ids["cleo"], input=script.say("Remember the milk."))
        if number == 1:
            denial = {"type": "approval", "tool_call_id": call.id, "approve": False, "reason": "I don't."}
            decision = {"type": "approval", "approvals": [denial]}
            world.client.agents.messages.create(world.ids["cleo"], messages=cast("Any", [decision]))


def _read_approvals(world: World) -> list[JsonObject]:
    agent = world.client.agents.retrieve(world.ids["cleo"], include=["agent.pending_approval"])
    return as_json([agent.pending_approval] if agent.pending_approval else [])


def _write_stream(world: World) -> None:
    """A run in the background, whose stream can be read again."""
    script = world.model.script(Reply("Coffee, black, as ever."))
    events = world.client.conversations.messages.create(
        world.ids["kitchen"], input=script.say("What do I drink?"), background=True, stream_tokens=True
    )
    world.ids["stream"] = {event.run_id for event in events if event.message_type == "ping"}.pop() or ""


def _events(world: World) -> Iterator[Any]:
    for event in world.client.runs.messages.stream(world.ids["stream"], starting_after=0):
        if event.message_type != "ping":
            yield event


def _read_stream(world: World) -> list[JsonObject]:
    return as_json(_events(world))


def _say(world: World, talk: str, text: str, *replies: Reply) -> None:
    script = world.model.script(*replies)
    for _ in world.client.conversations.messages.create(world.ids[talk], input=script.say(text)):
        pass


TALKS: Sequence[Thing] = (
    Thing("conversations", _read_conversations, _write_conversations),
    Thing("isolated blocks", _read_isolated_blocks),
    Thing("summaries", _read_summaries, _write_summary),
    Thing("pending approvals", _read_approvals, _write_approvals),
    Thing("streamed events", _read_stream, _write_stream),
    Thing("messages of conversations", _read_histories),
)
