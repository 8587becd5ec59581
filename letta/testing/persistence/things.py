"""What must survive a restart. A new kind of thing is added to `THINGS`, and is then written, compared and counted."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from letta.testing.persistence.talks import TALKS
from letta.testing.persistence.world import MODEL, JsonObject, Thing, World, as_json
from letta.testing.scripted_model import Call, Reply

LEARNED = "Prefers green tea, without sugar."
"""What the agent writes into its own memory, by calling a tool."""
SAID = ["I only drink green tea. 🍵", "Remember my sister's name, it's Zoë.", "What shall I drink?"]
_ANSWERS = ["Noted.", "I'll remember her.", "Green tea, I'd say."]
_INCLUDE = ["agent.blocks", "agent.identities", "agent.secrets", "agent.sources", "agent.tags", "agent.tools"]
_MANY = 200

_TOOL = '''
def brew(tea: str, minutes: int = 3) -> str:
    """Brew a pot of tea.

    Args:
        tea (str): which tea
        minutes (int): how long it draws
    """
    return f"{tea}, {minutes} minutes"
'''


def _write_blocks(world: World) -> None:
    block = world.client.blocks.create(
        label="house",
        value='Tea is served at five.\nQuotes " and \\ and ünï¢ode stay as they are.',
        description="Rules of the house.",
        limit=4000,
        metadata={"origin": {"nested": [1, 2.5, None]}},
        tags=["rules"],
    )
    world.client.blocks.update(block.id, read_only=True)
    world.ids["block"] = block.id


def _read_blocks(world: World) -> list[JsonObject]:
    return as_json(world.client.blocks.list(limit=_MANY))


def _write_tool(world: World) -> None:
    world.ids["tool"] = world.client.tools.create(source_code=_TOOL, tags=["kitchen"]).id


def _read_tools(world: World) -> list[JsonObject]:
    return as_json(world.client.tools.list(limit=_MANY))


def _write_folder(world: World) -> None:
    folder = world.client.folders.create(name="Recipes", description="How to make tea", instructions="Read before use.")
    world.ids["folder"] = folder.id


def _read_folders(world: World) -> list[JsonObject]:
    return as_json(world.client.folders.list(limit=_MANY))


def _write_agents(world: World) -> None:
    agents = world.client.agents
    ada = agents.create(
        name="Ada",
        model=MODEL,
        description="Serves tea",
        memory_blocks=[{"label": "human", "value": "Likes tea."}, {"label": "persona", "value": "A patient butler."}],
        block_ids=[world.ids["block"]],
        tool_ids=[world.ids["tool"]],
        tags=["butler", "tea"],
        secrets={"KETTLE_PIN": "0042"},
        metadata={"room": "kitchen"},
        timezone="Europe/Vienna",
        model_settings={"provider_type": "openai", "temperature": 0.25, "max_output_tokens": 2000},
        compaction_settings={"model": MODEL, "mode": "sliding_window", "clip_chars": 1234},
    )
    agents.folders.attach(world.ids["folder"], agent_id=ada.id)
    # A second one, so that a block is shared and lists have an order.
    ben = agents.create(name="Ben", model=MODEL, block_ids=[world.ids["block"]], tags=["tea"])
    agents.update(ben.id, name="Ben Gunn", system="You are Ben Gunn.")
    world.ids |= {"ada": ada.id, "ben": ben.id}


def _agent_ids(world: World) -> list[str]:
    return [world.ids["ada"], world.ids["ben"], world.ids["cleo"]]


def _read_agents(world: World) -> list[JsonObject]:
    return as_json(world.client.agents.retrieve(agent, include=_INCLUDE) for agent in _agent_ids(world))  # type: ignore[arg-type]


def _read_secrets(world: World) -> list[tuple[str, str]]:
    """Their values, which are stored encrypted."""
    agent = world.client.agents.retrieve(world.ids["ada"], include=["agent.secrets"])
    return [(secret.key, secret.value) for secret in agent.secrets or ()]


def _read_tags(world: World) -> list[str]:
    return list(world.client.tags.list())


def _write_turns(world: World) -> None:
    """A turn with a memory edit by tool call, one in one piece, one streamed; and one of the other agent."""
    messages, ada = world.client.agents.messages, world.ids["ada"]
    edit = Call("memory_insert", {"label": "human", "new_string": LEARNED})
    script = world.model.script(Reply(calls=[edit]), Reply(_ANSWERS[0]))
    messages.create(ada, input=script.say(SAID[0]))
    script = world.model.script(Reply(_ANSWERS[1]))
    messages.create(ada, input=script.say(SAID[1]))
    script = world.model.script(Reply(_ANSWERS[2], reasoning="What do I know of the guest?"))
    with messages.create(ada, input=script.say(SAID[2]), streaming=True, stream_tokens=True) as events:
        for _ in events:
            pass
    messages.create(world.ids["ben"], input="Ahoy!")


def _read_messages(world: World) -> list[JsonObject]:
    lists = (world.client.agents.messages.list(agent, order="asc", limit=_MANY) for agent in _agent_ids(world))
    return [message for found in lists for message in as_json(found)]


def _runs(world: World) -> Iterator[Any]:
    for agent in _agent_ids(world):
        yield from world.client.runs.list(agent_id=agent, order="asc", limit=_MANY)


def _read_runs(world: World) -> list[JsonObject]:
    return as_json(_runs(world))


def _read_steps(world: World) -> list[JsonObject]:
    return [step for run in _runs(world) for step in as_json(world.client.runs.steps.list(run.id, order="asc"))]


def _read_usage(world: World) -> list[JsonObject]:
    return as_json(world.client.runs.usage.retrieve(run.id) for run in _runs(world))


THINGS: Sequence[Thing] = (
    Thing("tools", _read_tools, _write_tool),
    Thing("folders", _read_folders, _write_folder),
    Thing("blocks", _read_blocks, _write_blocks),
    Thing("agents", _read_agents, _write_agents),
    Thing("secrets", _read_secrets),
    Thing("tags", _read_tags),
    *TALKS,
    Thing("messages", _read_messages, _write_turns),
    Thing("runs", _read_runs),
    Thing("steps", _read_steps),
    Thing("usages", _read_usage),
)
"""Written in this order; a thing may refer to the ids of those above it."""


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Where two JSON values differ, and how."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from differences(before.get(key), after.get(key), f"{place}.{key}")
    elif _is_list(before) and _is_list(after):
        if len(before) != len(after):
            yield f"{place}: {len(before)} entries before, {len(after)} after"
        for index, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from differences(one, other, f"{place}[{index}]")
    elif before != after:
        yield f"{place}: {before!r} before, {after!r} after"


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
