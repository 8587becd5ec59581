"""Ours beside the former server (letta 0.16.8), in one run. Measures and prints; judges nothing (the exit code is 0).

    python -m benchmarks.compare --former FOLDER [--turns 1000] [--json FILE]

Both are started on databases of their own in one embedded Postgres (or `--pg-uri`), one after the other, with the same
scripted model; a relay gives both the same way to it by TCP. The former server is installed into FOLDER, outside the
checkout, if it isn't there yet: that needs the Python registry, a Python 3.12 (`--python`) and `redis-server`. Nobody
needs to open that folder.

Overhead is the time of a turn less what the model takes for the same request. Histories are brought in as agent files;
the newest 30 messages are in the context. CPU is that of all processes of a server.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from statistics import median

from benchmarks.former import FormerServer
from benchmarks.operations import OPERATIONS, measure_operations
from benchmarks.relay import reached_by_tcp
from benchmarks.report import Row, table_with_ratios, write_json
from benchmarks.stage import (
    add_shared_options,
    embedded_postgres,
    environment_for,
    model_time,
    progress,
    scripted_model,
    started,
)
from benchmarks.target import Target
from benchmarks.turn import measure_database, measure_start, measure_turns
from letta.testing.postgres import throwaway_database
from letta.testing.remote_model import RemoteScriptedModel

AT_ONCE = (1, 10, 50)
HISTORIES = (10, 1000, 10_000)
IN_CONTEXT = 30
TURNS_AT_ONCE = 60
TURNS_OF_A_HISTORY = 15
CONNECTIONS = 300
"""Of the database: the former server opens many for each turn, and must not fail for want of them."""
SLOW_TURNS = 3
"""With the database far away: the former server takes many seconds for each."""

Start = Callable[[str], AbstractContextManager[Target]]

ROWS: Sequence[Row] = (
    Row("start_cpu_s", "CPU from start to healthy, schema current, s", "<= 2.5"),
    Row("start_s", "time from start to healthy, s"),
    Row("idle_mb", "memory when idle, MB", "<= 100"),
    Row("after_mb", "memory after {turns} turns, MB", "<= 140"),
    Row("statements", "SQL statements of a turn", "<= 8"),
    Row("round_trips", "round trips to Postgres of a turn", "<= 12"),
    Row("connections", "new connections in 30 turns", "0"),
    Row("slow_p50_ms", "turn p50, database 30 ms away, ms", "<= 380"),
    Row("overhead_p50_ms", "overhead of a turn p50, ms", "<= 1/20"),
    Row("overhead_p95_ms", "overhead of a turn p95, ms"),
    Row("turn_cpu_ms", "server CPU of a turn, ms", "<= 10"),
    Row("first_event_ms", "first streamed event p50, ms", "<= 20"),
    *(Row(f"rate_{count}", f"turns/s, {count} at once", ">= 25 x" if count == 10 else "") for count in AT_ONCE),
    *(Row(f"history_{size}_ms", f"overhead of a turn after {size:,} messages p50, ms") for size in HISTORIES),
    *(Row(f"{name}_ms", f"{what}, p50, ms") for name, what in OPERATIONS.items()),
)


def main() -> None:
    options = _parser().parse_args()
    former = FormerServer(options.former, options.python)
    former.install()
    servers: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        model = stack.enter_context(scripted_model())
        uri = options.pg_uri or stack.enter_context(embedded_postgres(CONNECTIONS))
        own = stack.enter_context(throwaway_database(uri))
        theirs = stack.enter_context(throwaway_database(uri))
        environment = environment_for(own, "letta", model)
        starts: Mapping[str, tuple[Start, str]] = {
            "ours": (lambda at: started({**environment, "LETTA_PG_URI": at}, start_render=True), own),
            "former": (lambda at: former.running(at, model), theirs),
        }
        for name, (start, at) in starts.items():
            progress(f"== {name}")
            servers[name] = measure(start, at, model, options.turns)
    facts = {"turns": options.turns}
    sys.stdout.write(table_with_ratios(ROWS, servers["ours"], servers["former"], facts) + "\n")
    if options.json:
        write_json(options.json, servers, facts)


def measure(start: Start, uri: str, model: RemoteScriptedModel, turns: int) -> dict[str, float]:
    """All figures of one server."""
    with reached_by_tcp(uri) as at:
        with start(at):
            pass
        figures = measure_start(start(at), "start")
        with start(at) as target:
            figures |= measure_turns(target, model, turns)
            figures |= {f"history_{size}_ms": _after(target, model, size) for size in HISTORIES}
            progress("operations")
            figures |= measure_operations(target)
            figures |= _rates(target)  # last: where many at once take all connections, a server may not recover
        return figures | measure_database(start, uri, SLOW_TURNS)


def _rates(target: Target) -> dict[str, float]:
    """Turns per second of so many agents at once; none where turns failed."""
    rates: dict[str, float] = {}
    for count in AT_ONCE:
        progress(f"turns of {count} agents at once")
        agents = [target.create_agent() for _ in range(count)]
        try:
            rates[f"rate_{count}"] = asyncio.run(target.turns_at_once(agents, max(TURNS_AT_ONCE // count, 2)))
        except RuntimeError as error:
            progress(f"failed: {error}")
    return rates


def _after(target: Target, model: RemoteScriptedModel, messages: int) -> float:
    progress(f"an agent with {messages:,} messages")
    agent_id = target.agent_with_history(messages, IN_CONTEXT)
    times = [target.turn(agent_id) for _ in range(TURNS_OF_A_HISTORY)]
    return (median(times) - model_time(model)) * 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--former", type=Path, required=True, help="a folder outside the checkout")
    parser.add_argument("--python", default="3.12", help="the Python that the former server runs on (default 3.12)")
    parser.add_argument("--turns", type=int, default=1000, help="plain turns before memory is looked at (default 1000)")
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
