"""Whom agents serve, and with whom they work. The official client of version 1 asks for it by address alone."""

import time
from typing import Any, cast

from letta.json_types import JsonObject
from letta.testing.persistence.world import Thing, World


def _write_identities(world: World) -> None:
    body = {
        "identifier_key": "guest-42",
        "name": "Zoë of room 42",
        "identity_type": "user",
        "properties": [{"key": "allergies", "value": {"nuts": True, "milk": None}, "type": "json"}],
        "block_ids": [world.ids["block"]],
    }
    made = cast("dict[str, Any]", world.client.post("/v1/identities", body=body, cast_to=object))
    world.ids["identity"] = made["id"]
    world.client.agents.identities.attach(made["id"], agent_id=world.ids["ada"])


def _read_identities(world: World) -> list[JsonObject]:
    return cast("list[JsonObject]", world.client.get("/v1/identities", cast_to=object))


def _write_groups(world: World) -> None:
    """One that looks after memory, and one that shares a block."""
    body = {
        "agent_ids": [world.ids["ben"]],
        "description": "Ben looks after what Cleo remembers",
        "manager_config": {
            "manager_type": "sleeptime",
            "manager_agent_id": world.ids["cleo"],
            "sleeptime_agent_frequency": 1_000,
        },
    }
    world.client.post("/v1/groups", body=body, cast_to=object)
    round_of_all = {
        "agent_ids": [world.ids["ben"], world.ids["ada"]],
        "description": "Tea",
        "manager_config": {"manager_type": "round_robin", "max_turns": 3},
        "shared_block_ids": [world.ids["block"]],
    }
    world.client.post("/v1/groups", body=round_of_all, cast_to=object)


def _read_groups(world: World) -> list[JsonObject]:
    return cast("list[JsonObject]", world.client.get("/v1/groups", cast_to=object))


def _write_batch(world: World) -> None:
    """Of two turns of one agent, which follow each other."""
    requests = [{"agent_id": world.ids["ben"], "input": f"Letter {number}."} for number in range(2)]
    batch = cast(
        "dict[str, Any]", world.client.post("/v1/messages/batches", body={"requests": requests}, cast_to=object)
    )
    world.ids["batch"] = batch["id"]
    deadline = time.monotonic() + 60
    while _read_batches(world)[0]["status"] != "completed" and time.monotonic() < deadline:
        time.sleep(0.05)


def _read_batches(world: World) -> list[JsonObject]:
    return cast("list[JsonObject]", world.client.get("/v1/messages/batches", cast_to=object))


def _read_letters(world: World) -> list[JsonObject]:
    path = f"/v1/messages/batches/{world.ids['batch']}/messages"
    return cast("list[JsonObject]", cast("dict[str, Any]", world.client.get(path, cast_to=object))["messages"])


def _write_variable(world: World) -> None:
    config = cast("dict[str, Any]", world.client.post("/v1/sandbox-config/local/default", cast_to=object))
    path = f"/v1/sandbox-config/{config['id']}/environment-variable"
    world.client.post(path, body={"key": "KETTLE", "value": "böse", "description": "For all tools"}, cast_to=object)
    world.ids["sandbox config"] = config["id"]


def _read_variables(world: World) -> list[JsonObject]:
    """Their values, too, which are stored encrypted."""
    path = f"/v1/sandbox-config/{world.ids['sandbox config']}/environment-variable"
    return cast("list[JsonObject]", world.client.get(path, cast_to=object))


RELATIONS = (
    Thing("identities", _read_identities, _write_identities),
    Thing("groups", _read_groups, _write_groups),
    Thing("variables of tools", _read_variables, _write_variable),
    Thing("batches", _read_batches, _write_batch),
    Thing("messages of batches", _read_letters),
)
