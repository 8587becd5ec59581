"""What a turn costs as an agent's history grows. Measures and prints; judges nothing (the exit code is always 0).

    python -m benchmarks.history [--sizes 10,1000,100000] [--turns 60] [--json FILE]

Each size is an agent with so many messages, stored by the functions that the server stores them with; the newest 100
are in its context. The context is then compacted on request, as it is by itself when it fills the window: from there
on all agents have contexts of the same length, and differ only in what lies behind. Turns are measured in rounds, one
agent after the other, so that whatever else the machine does meets all of them. Overhead is the time that something
takes less what the model takes for the same requests.

Server and scripted model are started here, on `--pg-uri` (default `LETTA_PG_URI`, else an embedded Postgres that goes
afterwards), in a schema of its own.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import mean, median

from benchmarks.report import Row, table, write_json
from benchmarks.stage import (
    ROOT,
    add_shared_options,
    embedded_postgres,
    environment_for,
    model_time,
    model_time_to_first_event,
    progress,
    running_server,
    scripted_model,
    target_of,
)
from benchmarks.target import Target
from letta.testing.postgres import PostgresWire, throwaway_schema
from letta.testing.remote_model import RemoteScriptedModel
from letta.testing.scripted_model import Call, Reply

ROUNDS = 3
IN_CONTEXT = 100
WARM_UP_TURNS = 5
COUNTED_TURNS = 10

ROWS: Sequence[Row] = (
    Row("overhead_p50_ms", "overhead of a plain turn p50, ms", "<= 1.2 x the first"),
    Row("turn_cpu_ms", "server CPU of a plain turn, ms", "<= 1.2 x the first"),
    Row("statements", "own statements of a plain turn", "<= 8"),
    Row("round_trips", "Postgres round trips of a plain turn", "<= 12"),
    Row("first_event_ms", "overhead until the first streamed event p50, ms", "<= 20"),
    Row("edit_p50_ms", "overhead of a turn that edits memory p50, ms"),
    Row("compaction_ms", "overhead of a compaction, ms"),
    Row("list_p50_ms", "list of the newest 50 messages p50, ms"),
)


@dataclass(slots=True)
class Subject:
    """An agent with a past, and what was measured of it."""

    agent_id: str
    size: int
    plain: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    first_events: list[float] = field(default_factory=list)
    edits: list[float] = field(default_factory=list)
    lists: list[float] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


def main() -> None:
    options = _parser().parse_args()
    with ExitStack() as stack:
        model = stack.enter_context(scripted_model())
        uri = options.pg_uri or stack.enter_context(embedded_postgres())
        environment = environment_for(uri, stack.enter_context(throwaway_schema(uri)), model)
        with running_server(environment) as server, target_of(server) as target:
            warm_up(target)
            subjects = [make_subject(target, environment, size) for size in options.sizes]
            for subject in subjects:
                compact(target, model, subject)
            for number in range(ROUNDS):
                for subject in subjects:
                    progress(f"round {number + 1} of {ROUNDS}, {subject.size:,} messages")
                    measure_round(target, model, subject, max(options.turns // ROUNDS, 1))
        count_statements(environment, uri, subjects)
    columns = {f"{subject.size:,}": figures_of(subject) for subject in subjects}
    facts = {"turns": options.turns, "counted": COUNTED_TURNS}
    sys.stdout.write(table(ROWS, columns, facts) + "\n")
    if options.json:
        write_json(options.json, columns, facts)


def warm_up(target: Target) -> None:
    """Let the server import what it imports on first use, with an agent that isn't measured."""
    agent_id = target.create_agent()
    for _ in range(WARM_UP_TURNS):
        target.turn(agent_id)
    target.first_event(agent_id)
    target.compact(agent_id)


def make_subject(target: Target, environment: Mapping[str, str], size: int) -> Subject:
    """A new agent that has so many messages."""
    progress(f"storing {size:,} messages")
    agent_id = target.create_agent()
    command = [sys.executable, "-m", "benchmarks.filling", agent_id, str(size), "--in-context", str(IN_CONTEXT)]
    subprocess.run(command, env=dict(environment), cwd=ROOT, check=True)
    return Subject(agent_id, size)


def compact(target: Target, model: RemoteScriptedModel, subject: Subject) -> None:
    """Let a summary take the place of all that is in the context."""
    took = target.compact(subject.agent_id)
    subject.figures["compaction_ms"] = (took - model_time(model)) * 1000
    for _ in range(WARM_UP_TURNS):
        target.turn(subject.agent_id)


def measure_round(target: Target, model: RemoteScriptedModel, subject: Subject, turns: int) -> None:
    """Some turns of each kind."""
    cpu = target.cpu_seconds()
    times = [target.turn(subject.agent_id) for _ in range(turns)]
    subject.cpu.append((target.cpu_seconds() - cpu) / turns)
    of_model = model_time(model)
    subject.plain += [took - of_model for took in times]
    times = [target.first_event(subject.agent_id) for _ in range(turns)]
    of_model = model_time_to_first_event(model)
    subject.first_events += [took - of_model for took in times]
    times = [_edit(target, model, subject) for _ in range(max(turns // 4, 1))]
    of_model = 2 * model_time(model)
    subject.edits += [took - of_model for took in times]
    subject.lists += [target.list_messages(subject.agent_id) for _ in range(turns)]


def _edit(target: Target, model: RemoteScriptedModel, subject: Subject) -> float:
    """A turn with a call that changes a block, so that the system message is compiled anew."""
    call = Call("memory_replace", {"label": "human", "old_string": "tea.", "new_string": "tea, tea."})
    return target.turn(subject.agent_id, model.script(Reply(calls=[call]), Reply("Done.")).say())


def count_statements(environment: Mapping[str, str], uri: str, subjects: Sequence[Subject]) -> None:
    """What goes to Postgres in a plain turn of each."""
    progress("turns with the database watched")
    with (
        PostgresWire(uri) as wire,
        running_server({**environment, "LETTA_PG_URI": wire.uri}) as server,
        target_of(server) as target,
    ):
        for subject in subjects:
            for _ in range(WARM_UP_TURNS):
                target.turn(subject.agent_id)
            seen = []
            for _ in range(COUNTED_TURNS):
                with wire.measure() as traffic:
                    target.turn(subject.agent_id)
                seen.append(traffic)
            subject.figures["statements"] = median(len(traffic.statements) for traffic in seen)
            subject.figures["round_trips"] = median(traffic.round_trips for traffic in seen)


def figures_of(subject: Subject) -> dict[str, float]:
    """All that was measured of an agent."""
    return subject.figures | {
        "overhead_p50_ms": median(subject.plain) * 1000,
        "turn_cpu_ms": mean(subject.cpu) * 1000,
        "first_event_ms": median(subject.first_events) * 1000,
        "edit_p50_ms": median(subject.edits) * 1000,
        "list_p50_ms": median(subject.lists) * 1000,
    }


def _sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.history", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=_sizes, default=[10, 1000, 100_000], help="messages (default 10,1000,100000)")
    parser.add_argument("--turns", type=int, default=60, help="plain turns of each agent (default 60)")
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
