"""What must survive a restart. A new kind of thing is added to `THINGS`, and is then written, compared and counted."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from letta.json_types import JsonObject
from letta.testing.persistence.connections import CONNECTIONS
from letta.testing.persistence.memory import MEMORY
from letta.testing.persistence.relations import RELATIONS
from letta.testing.persistence.talks import TALKS
from letta.testing.persistence.world import MODEL, Thing, World, as_json
from letta.testing.scripted_model import Call, Reply

LEARNED = "Prefers green tea, without sugar."
"""What the agent writes into its own memory, by calling a tool."""
SAID = ["I only drink green tea. 🍵", "Remember my sister's name, it's Zoë.", "What shall I drink?"]
_ANSWERS = ["Noted.", "I'll remember her.", "Green tea, I'd say."]
_INCLUDE = ["agent.blocks", "agent.identities", "agent.secrets", "agent.sources", "agent.tags", "agent.tools"]
_MANY = 200
_READ_SECONDS = 60
_RECIPE = "# Tea\n\nTake green tea. 🍵 It draws for three minutes.\n"

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


def _write_mcp_server(world: World) -> None:
    place = {"mcp_server_type": "streamable_http", "server_url": "https://tea.invalid/mcp", "auth_token": "t-secret"}
    world.client.mcp_servers.create(server_name="kitchen", config=place)  # type: ignore[arg-type]


def _read_mcp_servers(world: World) -> list[JsonObject]:
    return as_json(world.client.mcp_servers.list())


def _write_files(world: World) -> None:
    """A text that is read, and something that can't be, in a folder that an agent looks into."""
    for name, data in (("tea.md", _RECIPE.encode()), ("broken.pdf", b"no PDF")):
        file = world.client.folders.files.upload(world.ids["folder"], file=(name, data))
        _wait_until_read(world, str(file.id))
        world.ids[name] = str(file.id)


def _wait_until_read(world: World, file_id: str) -> None:
    give_up = time.monotonic() + _READ_SECONDS
    while time.monotonic() < give_up:
        file = world.client.folders.files.retrieve(file_id, folder_id=world.ids["folder"])
        if file.processing_status in {"completed", "error"}:
            return
        time.sleep(0.1)


def _read_files(world: World) -> list[JsonObject]:
    return as_json(world.client.folders.files.list(world.ids["folder"], include_content=True))


def _read_views(world: World) -> list[JsonObject]:
    """What agents see of files."""
    return as_json(world.client.agents.files.list(world.ids["ada"], limit=_MANY).files)


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


def _write_organization(world: World) -> None:
    made = world.client.post("/v1/admin/orgs", body={"name": "Tea House"}, cast_to=dict[str, Any])
    body = {"name": "Zoë", "organization_id": made["id"]}
    world.client.post("/v1/admin/users", body=body, cast_to=dict[str, Any])


def _read_organizations(world: World) -> list[JsonObject]:
    paths = ("/v1/admin/orgs", "/v1/admin/users")
    return [each for path in paths for each in world.client.get(path, cast_to=list[dict[str, Any]])]


def _write_template(world: World) -> None:
    world.client.templates.create(type="agent", agent_id=world.ids["ada"], name="butler")
    world.client.templates.save("butler", message="As she is.")


def _read_templates(world: World) -> list[JsonObject]:
    paths = ("/v1/templates", "/v1/templates/butler/versions")
    return [each for path in paths for each in world.client.get(path, cast_to=list[dict[str, Any]])]


def _write_schedules(world: World) -> None:
    greeting: list[Any] = [{"role": "user", "content": "Good morning."}]
    for when in ({"type": "recurring", "cron_expression": "0 0 29 2 *"}, {"scheduled_at": 4102444800000}):
        world.client.agents.schedule.create(world.ids["ben"], messages=greeting, schedule=when)  # type: ignore[arg-type]


def _read_schedules(world: World) -> list[JsonObject]:
    return as_json(world.client.agents.schedule.list(world.ids["ben"]).scheduled_messages)


def _write_keys(world: World) -> None:
    agent = world.ids["ada"]
    body = {"name": "newsletter", "scopes": ["write"], "agent_ids": [agent]}
    world.client.post("/v1/api-keys", body=body, cast_to=dict[str, Any])
    world.client.access_tokens.create(
        hostname="app.example.com", policy=[{"type": "agent", "id": agent, "access": ["read_messages"]}]
    )


def _read_keys(world: World) -> list[JsonObject]:
    keys = world.client.get("/v1/api-keys", cast_to=list[dict[str, Any]])
    return [*keys, *as_json(world.client.access_tokens.list().tokens)]


def _write_webhook(world: World) -> None:
    body = {"url": "https://example.com/told", "events": ["run.failed"], "agent_id": world.ids["ada"], "enabled": False}
    world.client.post("/v1/webhooks", body=body, cast_to=dict[str, Any])


def _read_webhooks(world: World) -> list[JsonObject]:
    return world.client.get("/v1/webhooks", cast_to=list[dict[str, Any]])


THINGS: Sequence[Thing] = (
    Thing("organizations", _read_organizations, _write_organization),
    Thing("tools", _read_tools, _write_tool),
    Thing("folders", _read_folders, _write_folder),
    Thing("files", _read_files, _write_files),
    Thing("MCP servers", _read_mcp_servers, _write_mcp_server),
    *CONNECTIONS,
    Thing("blocks", _read_blocks, _write_blocks),
    Thing("agents", _read_agents, _write_agents),
    Thing("files of an agent", _read_views),
    Thing("secrets", _read_secrets),
    Thing("keys", _read_keys, _write_keys),
    Thing("templates", _read_templates, _write_template),
    Thing("webhooks", _read_webhooks, _write_webhook),
    Thing("schedules", _read_schedules, _write_schedules),
    Thing("tags", _read_tags),
    *MEMORY,
    *TALKS,
    *RELATIONS,
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
