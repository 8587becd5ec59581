"""The time that each common operation takes, whoever serves it."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from benchmarks.target import Target

_REPEATED = 20
_LISTED_AGENTS = 20
_PASSAGES = 20

OPERATIONS: Mapping[str, str] = {
    "create_agent": "create an agent",
    "get_agent": "retrieve an agent",
    "list_agents": f"list {_LISTED_AGENTS} agents",
    "update_agent": "rename an agent",
    "list_messages": "list 50 messages",
    "get_block": "retrieve a block",
    "update_block": "update a block",
    "add_passage": "add a passage",
    "search_passages": "search passages",
    "list_tools": "list tools",
    "export_agent": "export an agent with 20 turns",
    "delete_agent": "delete an agent",
}


def measure_operations(target: Target) -> dict[str, float]:
    """The median time (ms) of each operation."""
    agents = [target.create_agent() for _ in range(_LISTED_AGENTS + _REPEATED)]
    talked, spare = agents[0], iter(agents[_LISTED_AGENTS:])
    path = f"/v1/agents/{talked}"
    for _ in range(20):
        target.turn(talked)
    for number in range(_PASSAGES):
        target.call("POST", f"{path}/archival-memory", {"text": f"Ada's tea number {number} had no sugar."})
    counted = iter(range(1_000_000))
    requests: dict[str, Callable[[], Any]] = {
        "create_agent": target.create_agent,
        "get_agent": lambda: target.call("GET", path),
        "list_agents": lambda: target.call("GET", f"/v1/agents/?limit={_LISTED_AGENTS}"),
        "update_agent": lambda: target.call("PATCH", path, {"name": f"renamed-{next(counted)}"}),
        "list_messages": lambda: target.call("GET", f"{path}/messages?limit=50"),
        "get_block": lambda: target.call("GET", f"{path}/core-memory/blocks/human"),
        "update_block": lambda: target.call(
            "PATCH", f"{path}/core-memory/blocks/human", {"value": f"Name: Ada. Tea number {next(counted)}."}
        ),
        "add_passage": lambda: target.call("POST", f"{path}/archival-memory", {"text": f"Note {next(counted)}."}),
        "search_passages": lambda: target.call("GET", f"{path}/archival-memory/search?query=tea+without+sugar"),
        "list_tools": lambda: target.call("GET", "/v1/tools/?limit=50"),
        "export_agent": lambda: target.call("GET", f"{path}/export"),
        "delete_agent": lambda: target.call("DELETE", f"/v1/agents/{next(spare)}"),
    }
    return {f"{name}_ms": _median_ms(request) for name, request in requests.items()}


def _median_ms(request: Callable[[], Any]) -> float:
    return median(_seconds(request) for _ in range(_REPEATED)) * 1000


def _seconds(request: Callable[[], Any]) -> float:
    began = time.perf_counter()
    request()
    return time.perf_counter() - began
