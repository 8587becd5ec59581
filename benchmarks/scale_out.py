"""What one Postgres carries: turns per second against instances, connections and distance. Measures, judges nothing.

    python -m benchmarks.scale_out [--json FILE]

All instances have one database (`--pg-uri`, default `LETTA_PG_URI`, else an embedded one that goes afterwards) and one
scripted model, and are talked with in turn, as by a load balancer. Everything shares this machine: where its cores are
the limit, more instances bring nothing here. What distance costs is measured with one instance.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchmarks.relay import reached_by_tcp
from benchmarks.report import Row, table, write_json
from benchmarks.stage import (
    add_shared_options,
    embedded_postgres,
    environment_for,
    progress,
    scripted_model,
    started,
)
from benchmarks.target import Target
from letta.testing.postgres import throwaway_schema

AGENTS = 48
TURNS_EACH = 10
INSTANCES = (1, 2, 3)
CONNECTIONS = (2, 5, 10, 20)
MILLISECONDS = (0, 5, 30)

ROWS: Sequence[Row] = tuple(
    Row(f"at_{distance}", f"turns/s of {AGENTS} agents, database {distance} ms away") for distance in MILLISECONDS
)


def main() -> None:
    options = _parser().parse_args()
    columns: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        model = stack.enter_context(scripted_model())
        uri = options.pg_uri or stack.enter_context(embedded_postgres())
        environment = environment_for(uri, stack.enter_context(throwaway_schema(uri)), model)
        for count in INSTANCES:
            columns[f"{count} x 5"] = {"at_0": _rate(environment, count)}
        for connections in CONNECTIONS:
            figures = columns.setdefault(f"1 x {connections}", {})
            for distance in MILLISECONDS:
                with reached_by_tcp(uri, distance / 1000) as there:
                    pool = {"LETTA_PG_URI": there, "LETTA_PG_POOL_SIZE": str(connections), "LETTA_PG_MAX_OVERFLOW": "0"}
                    figures[f"at_{distance}"] = _rate({**environment, **pool}, 1)
    facts = {"agents": AGENTS, "turns each": TURNS_EACH}
    sys.stdout.write("columns: instances x connections of each\n" + table(ROWS, columns, facts) + "\n")
    if options.json:
        write_json(options.json, columns, facts)


def _rate(environment: Mapping[str, str], instances: int) -> float:
    """Turns per second of all agents, in the better of two rounds."""
    progress(f"{instances} instances")
    with ExitStack() as stack:
        targets = [stack.enter_context(started(environment)) for _ in range(instances)]
        shared = [(target, [target.create_agent() for _ in range(AGENTS // instances)]) for target in targets]
        return max(asyncio.run(_round(shared)) for _ in range(2))


async def _round(shared: Sequence[tuple[Target, Sequence[str]]]) -> float:
    rates = await asyncio.gather(*(target.turns_at_once(agents, TURNS_EACH) for target, agents in shared))
    return sum(rates)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale_out", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
