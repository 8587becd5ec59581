"""Many clients that stream at once, some of whom read slowly, on an instance of 512 MB.

    python -m benchmarks.load [--clients 200] [--slow 40] [--rounds 3] [--limit 256] [--json FILE]

Prints how the times of the clients spread (what one waits for the first piece of its answer, and for the whole), what
the server's memory was at most, and how many requests were told to come again. The server, a scripted model in a
process of its own, the clients and Postgres share the machine. Memory and CPU of the server are limited by a control
group where that can be made (Linux, root); elsewhere the resident memory is watched. The exit code is always 0.
"""

import argparse
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import httpx2
import psutil

from benchmarks.report import Row, table, write_json
from benchmarks.stage import add_shared_options, embedded_postgres, environment_for, progress, scripted_model
from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import Reply
from letta.testing.server import ServerProcess
from tests.crowd import Visit, visit_at_once
from tests.deploy import cgroup

ROWS = (
    Row("idle_mb", "memory before, MB"),
    Row("peak_mb", "memory at most, MB", "<= 450"),
    Row("after_mb", "memory afterwards, MB"),
    Row("killed", "times that memory ran out", "0"),
    Row("finished", "streams that ended as they should, of {streams}", "all"),
    Row("refused", "requests that were told to come again (503)"),
    Row("first_p5_s", "first piece of the answer, s: 5 % sooner"),
    Row("first_p50_s", "  half sooner"),
    Row("first_p95_s", "  95 % sooner"),
    Row("first_max_s", "  the last one"),
    Row("total_p5_s", "whole answer ({model_s} s for the model), s: 5 % sooner"),
    Row("total_p50_s", "  half sooner"),
    Row("total_p95_s", "  95 % sooner"),
    Row("total_max_s", "  the last one"),
    Row("slow_p50_s", "whole answer for slow readers, s: half sooner"),
)
PIECES = 200
PIECE_SECONDS = 0.05
ANSWER = f"{'word' * 50} " * PIECES
MEMORY_MB = 512
CPUS = 2.0


class Watch:
    """The most memory (MB, resident) that a server has had while the ``with`` block ran."""

    def __init__(self, pid: int) -> None:
        self.peak = 0.0
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def now(self) -> float:
        """What it has now."""
        return float(self._process.memory_info().rss) / 1e6

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.peak = max(self.peak, self.now())


def main() -> None:
    options = _parser().parse_args()
    with ExitStack() as stack:
        model = stack.enter_context(scripted_model())
        uri = options.pg_uri or stack.enter_context(embedded_postgres())
        schema = stack.enter_context(throwaway_schema(uri))
        environment = environment_for(uri, schema, model) | {"LETTA_MAX_CONCURRENT_RUNS": str(options.limit)}
        server, instance = stack.enter_context(_limited(environment))
        watch = stack.enter_context(Watch(server.pid))
        idle = watch.now()
        text = model.script(*[Reply(ANSWER, chunk_delay=PIECE_SECONDS)] * options.rounds).say()
        agents = _agents(server.url, options.clients)
        visits: list[Visit] = []
        for number in range(options.rounds):
            progress(f"{options.clients} streams at once, round {number + 1}")
            visits += visit_at_once(server.url, agents, text, slow=options.slow)
        figures = _spread(visits) | {"idle_mb": idle, "peak_mb": watch.peak, "after_mb": watch.now()}
        if instance is not None:
            figures |= {"peak_mb": instance.peak_mb, "killed": instance.killed}
    facts = {"streams": len(visits), "model_s": PIECES * PIECE_SECONDS, "clients": options.clients}
    sys.stdout.write(table(ROWS, {"ours": figures}, facts) + "\n")
    if options.json:
        write_json(options.json, {"ours": figures}, facts)


@contextmanager
def _limited(environment: dict[str, str]) -> Iterator[tuple[ServerProcess, cgroup.Instance | None]]:
    """A server on a small instance, if there can be one here."""
    with ExitStack() as stack:
        command = [sys.executable, "-m", "letta.cli", "server"]
        instance = None
        if (problem := cgroup.obstacle()) is None:
            instance = stack.enter_context(cgroup.small_instance(MEMORY_MB, CPUS))
            command = instance.command(*command)
        else:
            progress(f"the server's memory is not limited: {problem}")
        yield stack.enter_context(ServerProcess(environment, command=command)), instance


def _agents(url: str, count: int) -> list[str]:
    progress(f"{count} agents")
    body = {"model": "openai-proxy/gpt-4o-mini", "include_base_tools": False}
    with httpx2.Client(base_url=url, trust_env=False, timeout=60) as http:
        return [str(http.post("/v1/agents", json=body).raise_for_status().json()["id"]) for _ in range(count)]


def _spread(visits: Sequence[Visit]) -> dict[str, float]:
    fast = [visit for visit in visits if not visit.slow]
    slow = sorted(visit.seconds for visit in visits if visit.slow)
    figures: dict[str, float] = {
        "finished": sum(visit.end == "end_turn" and visit.text == ANSWER for visit in visits),
        "refused": sum(visit.refused for visit in visits),
        "slow_p50_s": _at(slow, 0.5),
    }
    for name, times in (
        ("first", sorted(visit.first_seconds for visit in fast)),
        ("total", sorted(visit.seconds for visit in fast)),
    ):
        shares = {"p5": 0.05, "p50": 0.5, "p95": 0.95, "max": 1.0}
        figures |= {f"{name}_{share}_s": _at(times, part) for share, part in shares.items()}
    return figures


def _at(times: Sequence[float], share: float) -> float:
    """The time that this share of all is under."""
    return times[min(int(share * len(times)), len(times) - 1)] if times else 0.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=200, help="streams at once (default 200)")
    parser.add_argument("--slow", type=int, default=40, help="how many of them read slowly (default 40)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each client (default 3)")
    parser.add_argument("--limit", type=int, default=256, help="LETTA_MAX_CONCURRENT_RUNS (default 256)")
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
