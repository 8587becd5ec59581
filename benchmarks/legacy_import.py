"""What bringing over a large database of the former server takes: time, and memory of the process that does it.

    python -m benchmarks.legacy_import [--messages 100000] [--passages 100000] [--agents 100] [--dimensions 1536]
        [--kills 5] [--json FILE]

A database as the former server leaves it is filled with rows of our own making (vectors are padded to 4,096 numbers, as
it padded them), then `letta import-legacy` is run on it, a second time, and with `--verify`. At last it is run into
another schema, and killed (SIGKILL) so many times at random moments; the rows of both schemas are compared by their
checksums, and those after the second run with those after the first. Measures and prints; judges nothing (the exit code
is 0 unless a command fails). The database is `--pg-uri` (default `LETTA_PG_URI`, else an embedded Postgres that goes
afterwards); what is stored goes with its schemas.
"""

import argparse
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from itertools import islice
from typing import Any

import psutil
import psycopg2
from psycopg2 import sql

from benchmarks.report import Row, table, write_json
from benchmarks.stage import ROOT, add_shared_options, own_schema, progress
from letta.testing.postgres import throwaway_schema
from tests.legacy.former_server import NOON, ORGANIZATION, USER, FormerServer, former_server
from tests.legacy.world import EMBEDDER, LLM, envelope, text, uid

ROWS: Sequence[Row] = (
    Row("import_s", "bringing over {messages:,} messages and {passages:,} passages, s", "minutes"),
    Row("import_mb", "most memory of the process meanwhile, MB", "< 512"),
    Row("again_s", "doing it again, s"),
    Row("verify_s", "comparing, s"),
    Row("verify_mb", "most memory of the process meanwhile, MB", "< 512"),
    Row("kills", "times that another import was killed"),
    Row("differ_again", "tables that differ after doing it again", "0"),
    Row("differ_killed", "tables that differ after the import that was killed", "0"),
)
_WORDS = ("tea", "launch", "garden", "river", "winter", "letter", "engine", "number", "mountain", "harbour", "music")
_IN_CONTEXT = 50
_OWN_OF_EACH = {"alembic_version", "server_facts", "organizations", "users", "tools"}
"""Tables with rows that each server makes for itself."""


def main() -> None:
    options = _parser().parse_args()
    with ExitStack() as stack:
        uri, schema = stack.enter_context(own_schema(options.pg_uri))
        former = stack.enter_context(former_server(uri, f"letta_test_former_{secrets.token_hex(4)}"))
        progress("filling")
        fill(former, options.agents, options.messages, options.passages, options.dimensions)
        environment = {
            "LETTA_PG_URI": uri,
            "LETTA_PG_SCHEMA": schema,
            "LETTA_LEGACY_PG_SCHEMA": former.schema,
            "LETTA_ENCRYPTION_KEY": secrets.token_hex(16),
        }
        figures: dict[str, float] = {}
        sums = []
        for name, arguments in (("import", []), ("again", []), ("verify", ["--verify"])):
            progress(name)
            figures |= {f"{name}_{unit}": value for unit, value in measured(environment, arguments).items()}
            sums.append(checksums(uri, schema))
        figures["differ_again"] = _differing(sums[0], sums[1])
        if options.kills:
            progress("killing")
            pieces = stack.enter_context(throwaway_schema(uri))
            figures["kills"] = killed(environment | {"LETTA_PG_SCHEMA": pieces}, options.kills, figures["import_s"])
            figures["differ_killed"] = _differing(sums[0], checksums(uri, pieces))
    facts = {"messages": options.messages, "passages": options.passages}
    print(table(ROWS, {"import-legacy": figures}, facts))
    if options.json:
        write_json(options.json, {"import-legacy": figures}, facts)


def measured(environment: dict[str, str], arguments: Sequence[str]) -> dict[str, float]:
    """How long the command takes, and most memory that it has meanwhile."""
    command = [sys.executable, "-m", "letta.cli", "import-legacy", *arguments]
    full = environment | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    with subprocess.Popen(command, env=full, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        watched, most = psutil.Process(process.pid), 0
        while process.poll() is None:
            try:
                most = max(most, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
    if process.returncode:
        sys.exit(f"import-legacy {' '.join(arguments)} ended with {process.returncode}")
    return {"s": time.monotonic() - began, "mb": most / 2**20}


def killed(environment: dict[str, str], times: int, seconds: float) -> int:
    """Import, but kill the process so many times, each within a part of the time that it takes; then let it end.

    Returns how often it was killed before it had come to the end by itself.
    """
    rng = random.Random(11)
    command = [sys.executable, "-m", "letta.cli", "import-legacy"]
    full = environment | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    for number in range(times):
        with subprocess.Popen(command, env=full, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            try:
                process.wait(rng.uniform(0.1, 1.1) * seconds / times)
                return number
            except subprocess.TimeoutExpired:
                process.kill()
    measured(environment, [])
    return times


def checksums(uri: str, schema: str) -> dict[str, tuple[int, int]]:
    """How many rows the tables of a schema have that are brought over, and the sums of these rows' hashes."""
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (schema,))
        found = {}
        for (table_name,) in cursor.fetchall():
            if table_name not in _OWN_OF_EACH:
                cursor.execute(
                    sql.SQL("SELECT count(*), sum(hashtextextended(CAST(t AS text), 0)) FROM {} AS t").format(
                        sql.Identifier(schema, table_name)
                    )
                )
                number, total = cursor.fetchone() or (0, 0)
                found[table_name] = (number, int(total or 0))
        return found


def _differing(one: dict[str, tuple[int, int]], other: dict[str, tuple[int, int]]) -> int:
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def fill(former: FormerServer, agents: int, messages: int, passages: int, dimensions: int) -> None:
    """Store so many agents, and so many messages and passages, evenly."""
    rng = random.Random(7)
    former.add("organizations", {"id": ORGANIZATION, "name": "Ours", "privileged_tools": False})
    former.add("users", {"id": USER, "name": "default_user"})
    config = EMBEDDER | {"embedding_dim": dimensions}
    ids = [uid("agent", number) for number in range(agents)]
    of_each = messages // agents
    former.add(
        "agents",
        *(
            {
                "id": agent_id,
                "name": f"Agent {number}",
                "agent_type": "letta_v1_agent",
                "system": "You help.",
                "llm_config": LLM,
                "embedding_config": config,
                "message_buffer_autoclear": False,
                "message_ids": _context(number, agents, of_each),
            }
            for number, agent_id in enumerate(ids)
        ),
    )
    archives = [uid("archive", number) for number in range(agents)]
    native = {"vector_db_provider": "NATIVE", "embedding_config": config}
    former.add("archives", *(native | {"id": each, "name": f"Archive of {each}"} for each in archives))
    pairs = zip(ids, archives, strict=True)
    former.add("archives_agents", *({"agent_id": a, "archive_id": b, "is_owner": True} for a, b in pairs))
    for rows in _in_parts(_messages(rng, ids, of_each * agents), 2000):
        former.add("messages", *rows)
    for rows in _in_parts(_passages(rng, archives, passages, config, dimensions), 500):
        former.add("archival_passages", *rows)


def _context(number: int, agents: int, of_each: int) -> list[str]:
    """The system message and the last ones: messages are dealt out to the agents in turn."""
    numbers = [0, *range(max(1, of_each - _IN_CONTEXT), of_each)]
    return [uid("message", place * agents + number) for place in numbers]


def _messages(rng: random.Random, agents: Sequence[str], count: int) -> Iterator[dict[str, Any]]:
    """Questions, calls of a tool with their returns, and answers."""
    roles = ("system", "user", "assistant", "tool", "assistant")
    for number in range(count):
        turn, agent_id = number // len(agents), agents[number % len(agents)]
        role = roles[0] if turn == 0 else roles[1 + (turn - 1) % 4]
        call_id = f"call_{number - len(agents) if role == 'tool' else number}"
        calls = role == "assistant" and (turn - 1) % 4 == 1
        function = {"name": "look_up", "arguments": '{"what": "it"}'}
        returned = envelope(_said(rng, 60))
        yield {
            "id": uid("message", number),
            "agent_id": agent_id,
            "role": role,
            "content": text(returned if role == "tool" else _said(rng, 60)),
            "tool_calls": [{"id": call_id, "type": "function", "function": function}] if calls else [],
            "tool_returns": [{"tool_call_id": call_id, "status": "success", "func_response": returned}]
            if role == "tool"
            else [],
            "tool_call_id": call_id if role == "tool" else None,
            "sequence_id": number + 1,
            "step_id": uid("step", turn * len(agents) + number % len(agents)) if turn else None,
            "created_at": NOON + timedelta(seconds=number),
        }


def _passages(
    rng: random.Random, archives: Sequence[str], count: int, config: dict[str, Any], dimensions: int
) -> Iterator[dict[str, Any]]:
    padding = ",0" * (4096 - dimensions)
    pool = [f"{rng.gauss(0, 0.03):.8f}" for _ in range(50_000)]
    for number in range(count):
        start = rng.randrange(len(pool) - dimensions)
        yield {
            "id": uid("passage", number),
            "archive_id": archives[number % len(archives)],
            "text": _said(rng, 80),
            "embedding": f"[{','.join(islice(pool, start, start + dimensions))}{padding}]",
            "embedding_config": config,
            "metadata_": {},
            "tags": ["a"],
            "created_at": NOON + timedelta(seconds=number),
        }


def _in_parts(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while part := list(islice(rows, size)):
        yield part


def _said(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(_WORDS, k=words)) + f" {rng.randrange(10**6)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_shared_options(parser)
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--kills", type=int, default=5, help="how often another import is killed")
    return parser


if __name__ == "__main__":
    main()
