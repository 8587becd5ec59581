"""What a turn costs: memory, CPU, SQL, time. Measures and prints; judges nothing (the exit code is always 0).

    python -m benchmarks.turn [--turns 1000] [--start-render] [--json FILE]

The server is started here, on `--pg-uri` (default `LETTA_PG_URI`, else an embedded Postgres that goes afterwards), in
a schema of its own, with a scripted model in a process of its own. Another server can be measured in the same run:
start a scripted model by hand (`python -m letta.testing.scripted_model --port N --keep 20`), start the other server
with `http://127.0.0.1:N/v1` as its OpenAI base URL, and give `--model-url http://127.0.0.1:N`, `--other-url` and
`--other-pid`.

A plain turn is one user message that the model answers without a tool call. Its overhead is the time it takes less
the time the model takes for the same request. An agent has at most 100 turns, so that histories stay comparable.

CPU time and turns per second are those of the best of several rounds: on a machine that others share, the same work
takes up to half as long again from one second to the next, and what disturbs only ever adds.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from statistics import median, quantiles

from benchmarks.report import TURN_ROWS, table, write_json
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
from letta.testing.postgres import PostgresWire, Traffic, throwaway_schema
from letta.testing.remote_model import RemoteScriptedModel

AGENTS_AT_ONCE = 10
TURNS_PER_AGENT = 100
ROUNDS_AT_ONCE = 4
COUNTED_TURNS = 30
SLOW_DATABASE_SECONDS = 0.03
WARM_UP_TURNS = 20
STREAMED_TURNS = 50


def main() -> None:
    options = _parser().parse_args()
    servers: dict[str, dict[str, float]] = {"ours": {}}
    with ExitStack() as stack:
        model = stack.enter_context(scripted_model(options.model_url))
        uri = options.pg_uri or stack.enter_context(embedded_postgres())
        schema = stack.enter_context(throwaway_schema(uri))
        environment = environment_for(uri, schema, model)
        ours = servers["ours"]
        ours |= measure_start(started(environment, options.start_render), "migrate")
        with started(environment, options.start_render) as target:
            ours |= measure_turns(target, model, options.turns)
        ours |= measure_start(started(environment, options.start_render), "start")
        ours |= measure_database(lambda wired: started({**environment, "LETTA_PG_URI": wired}), uri)
        if options.other_url:
            with closing(Target(options.other_url, options.other_pid, options.other_password)) as other:
                servers["other"] = measure_turns(other, model, options.turns)
    facts = {"turns": options.turns, "counted": COUNTED_TURNS}
    sys.stdout.write(table(TURN_ROWS, servers, facts) + "\n")
    if options.json:
        write_json(options.json, servers, facts)


def measure_start(start: AbstractContextManager[Target], name: str) -> dict[str, float]:
    """CPU and time from the start until the server is healthy."""
    progress(f"start ({name})")
    began = time.perf_counter()
    with start as target:
        took = time.perf_counter() - began
        return {f"{name}_cpu_s": target.cpu_seconds(), f"{name}_s": took}


def measure_turns(target: Target, model: RemoteScriptedModel, turns: int) -> dict[str, float]:
    """All that is seen from outside: memory, time of turns, CPU, throughput, streaming."""
    time.sleep(2)
    idle = target.memory_mb()
    one_by_one = max(turns * 3 // 10, 1)
    progress(f"{one_by_one} turns, one by one")
    _sequence(target, WARM_UP_TURNS)
    times, cpu = _sequence(target, one_by_one)
    of_model = model_time(model)
    overheads = [(took - of_model) * 1000 for took in times]
    progress("streamed turns")
    agent = target.create_agent()
    first_events = [target.first_event(agent) for _ in range(STREAMED_TURNS)]
    rate = _throughput(target, turns - one_by_one)
    return {
        "idle_mb": idle,
        "after_mb": target.memory_mb(),
        "overhead_p50_ms": median(overheads),
        "overhead_p95_ms": quantiles(overheads, n=20)[-1] if len(overheads) > 1 else overheads[0],
        "turn_cpu_ms": cpu * 1000,
        "turns_per_s": rate,
        "first_event_ms": median(first_events) * 1000,
        "model_ms": of_model * 1000,
    }


def measure_database(
    start: Callable[[str], AbstractContextManager[Target]], uri: str, slow_turns: int = COUNTED_TURNS
) -> dict[str, float]:
    """What goes to Postgres in a turn, and the time of a turn (of some) when Postgres is far away."""
    progress("turns with the database watched")
    with PostgresWire(uri) as wire, start(wire.uri) as target:
        agent = target.create_agent()
        for _ in range(WARM_UP_TURNS):
            target.turn(agent)
        counts = [_watched_turn(wire, target, agent) for _ in range(COUNTED_TURNS)]
        progress("turns with a slow database")
        wire.delay = SLOW_DATABASE_SECONDS
        slow = [target.turn(agent) for _ in range(slow_turns)]
        wire.delay = 0
    return {
        "round_trips": median(traffic.round_trips for traffic in counts),
        "statements": median(len(traffic.statements) for traffic in counts),
        "connections": sum(traffic.connections for traffic in counts),
        "slow_p50_ms": median(slow) * 1000,
    }


def _watched_turn(wire: PostgresWire, target: Target, agent: str) -> Traffic:
    with wire.measure() as traffic:
        target.turn(agent)
    return traffic


def _sequence(target: Target, turns: int) -> tuple[list[float], float]:
    """The time of each turn, and the CPU time of a turn in the best round."""
    times: list[float] = []
    rounds: list[float] = []
    while (count := min(TURNS_PER_AGENT, turns - len(times))) > 0:
        agent = target.create_agent()
        before = target.cpu_seconds()
        times += [target.turn(agent) for _ in range(count)]
        rounds.append((target.cpu_seconds() - before) / count)
    return times, min(rounds)


def _throughput(target: Target, turns: int) -> float:
    each = max(turns // AGENTS_AT_ONCE // ROUNDS_AT_ONCE, 1)
    progress(f"{ROUNDS_AT_ONCE} rounds of {each} turns each of {AGENTS_AT_ONCE} agents at once")
    return max(_round(target, each) for _ in range(ROUNDS_AT_ONCE))


def _round(target: Target, each: int) -> float:
    agents = [target.create_agent() for _ in range(AGENTS_AT_ONCE)]
    return asyncio.run(target.turns_at_once(agents, each))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.turn", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=1000, help="plain turns in all (default 1000)")
    parser.add_argument("--start-render", action="store_true", help="start the server through start_render.sh")
    parser.add_argument("--model-url", help="a scripted model that runs already (default: one is started)")
    parser.add_argument("--other-url", help="another server to measure in the same run")
    parser.add_argument("--other-pid", type=int, action="append", default=[], help="its process; may be repeated")
    parser.add_argument("--other-password", help="its password, if it wants one")
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
