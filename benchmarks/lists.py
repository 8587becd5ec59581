"""What lists cost on a server with much in it. Measures and prints; judges nothing (the exit code is always 0).

    python -m benchmarks.lists [--agents 10000] [--messages 1000000] [--json FILE]

One agent makes a turn; then copies of it and of all that belongs to it are stored, with ids and times of their own. A
tenth of the messages are those of one agent. Lists are asked for over HTTP, at their beginning and far behind it, and
their statements are counted. The database is `--pg-uri` (default `LETTA_PG_URI`, else an embedded Postgres that goes
afterwards); what is stored goes with its schema.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from hashlib import md5
from statistics import median, quantiles
from typing import Any

import httpx2
import psycopg2

from benchmarks.report import Row, table, write_json
from benchmarks.stage import (
    add_shared_options,
    embedded_postgres,
    environment_for,
    progress,
    running_server,
    scripted_model,
)
from letta.testing.postgres import PostgresWire, throwaway_schema

ASKED = 20
RUNS_OF_AN_AGENT = 10
SUBJECTS = ("tea", "gardens", "journeys", "music", "weather", "bread", "friends", "work")

# An id of the usual form, the same for the same number.
_MADE = r"""
CREATE FUNCTION {schema}.made(prefix text, number bigint) RETURNS text IMMUTABLE LANGUAGE sql AS $$
    SELECT prefix || '-' || regexp_replace(
        md5(prefix || number), '(.{{8}})(.{{4}}).(.{{3}}).(.{{3}})(.{{12}})', '\1-\2-4\3-8\4-\5') $$
"""


@dataclass(frozen=True)
class Copies:
    """Rows that are copies of one row; columns that are otherwise are SQL on the number `n` of the copy, from 1."""

    table: str
    count: int
    columns: Mapping[str, str]

    def sql(self, schema: str) -> str:
        """The statement that stores them."""
        changed = ", ".join(f"'{column}', {value.format(schema=schema)}" for column, value in self.columns.items())
        return (
            f"INSERT INTO {schema}.{self.table} SELECT (jsonb_populate_record(seed, jsonb_build_object({changed}))).* "
            f"FROM (SELECT t AS seed FROM {schema}.{self.table} AS t LIMIT 1) AS s, "
            f"generate_series(1, {self.count}) AS n"
        )


def all_copies(agents: int, messages: int) -> Iterator[Copies]:
    """What is stored, in an order in which all that is referred to is there."""

    def made(prefix: str, number: str) -> str:
        return f"{{schema}}.made('{prefix}', {number})"

    def at(number: str, seconds: int) -> str:
        return f"now() - interval '400 days' + {number} * interval '{seconds} seconds'"

    owner = f"CASE WHEN n % 10 = 0 THEN 1 ELSE 1 + n % {agents} END"
    subject = "(ARRAY[{}])[1 + n % {}]".format(", ".join(f"'{one}'" for one in SUBJECTS), len(SUBJECTS))
    yield Copies("agents", agents, {"id": made("agent", "n"), "name": "'copy-' || n", "created_at": at("n", 60)})
    yield Copies("blocks", agents, {"id": made("block", "n"), "created_at": at("n", 60)})
    yield Copies("agents_blocks", agents, {"agent_id": made("agent", "n"), "block_id": made("block", "n")})
    yield Copies("agents_tags", agents, {"agent_id": made("agent", "n"), "tag": "'tag-' || n % 100"})
    yield Copies("conversations", agents, {"id": made("conv", "n"), "agent_id": made("agent", "n")})
    run_of = f"1 + n % {agents}"
    runs = agents * RUNS_OF_AN_AGENT
    of_agent = {"agent_id": made("agent", run_of)}
    yield Copies(
        "runs",
        runs,
        {"id": made("run", "n"), **of_agent, "conversation_id": made("conv", run_of), "created_at": at("n", 60)},
    )
    yield Copies(
        "steps", runs, {"id": made("step", "n"), **of_agent, "run_id": made("run", "n"), "created_at": at("n", 60)}
    )
    yield Copies(
        "messages",
        messages,
        {
            "id": made("message", "n"),
            "agent_id": made("agent", owner),
            "conversation_id": made("conv", owner),
            "sequence_id": "1000 + n",
            "role": "CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END",
            "content": "jsonb_build_array(jsonb_build_object('type', 'text', 'text', "
            f"'What I said of ' || {subject} || ' the other day, number ' || n))",
            "created_at": at("n", 30),
        },
    )


def lists(agents: int, messages: int, made: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What is asked for: what it is, the path, the query."""
    agent, middle = made("agent", 1), agents // 2
    yield "agents", "/v1/agents/", {}
    yield "agents, from the middle on", "/v1/agents/", {"after": made("agent", middle)}
    yield (
        "agents, with all that belongs to them",
        "/v1/agents/",
        {"include": ["agent.blocks", "agent.tools", "agent.tags"]},
    )
    yield "agents with a tag", "/v1/agents/", {"tags": "tag-7"}
    yield "agents by a part of their names", "/v1/agents/", {"query_text": f"py-{middle}"}
    yield "agents, the last used first", "/v1/agents/", {"order_by": "last_run_completion"}
    yield "count of agents", "/v1/agents/count", {}
    yield "blocks", "/v1/blocks/", {}
    yield "blocks, from the middle on", "/v1/blocks/", {"after": made("block", middle)}
    yield "blocks by their label", "/v1/blocks/", {"label": "human"}
    yield "agents of a block", f"/v1/blocks/{made('block', 1)}/agents", {}
    yield "tags", "/v1/tags/", {}
    yield "conversations of an agent", "/v1/conversations/", {"agent_id": agent}
    yield "messages of the largest agent", f"/v1/agents/{agent}/messages", {"limit": 50}
    far = messages // 20 * 10
    yield "the same, from the middle on", f"/v1/agents/{agent}/messages", {"limit": 50, "before": made("message", far)}
    yield "runs", "/v1/runs/", {}
    yield "runs, from the middle on", "/v1/runs/", {"after": made("run", agents * RUNS_OF_AN_AGENT // 2)}
    yield "runs of an agent", "/v1/runs/", {"agent_id": agent}
    yield "runs that failed (none)", "/v1/runs/", {"statuses": "failed"}
    yield "steps", "/v1/steps/", {}
    yield "steps of an agent", "/v1/steps/", {"agent_id": agent}
    yield "tools", "/v1/tools/", {}


def main() -> None:
    options = _parser().parse_args()
    with ExitStack() as stack:
        model = stack.enter_context(scripted_model())
        uri = options.pg_uri or stack.enter_context(embedded_postgres())
        schema = stack.enter_context(throwaway_schema(uri))
        wire = stack.enter_context(PostgresWire(uri))
        server = stack.enter_context(running_server(environment_for(wire.uri, schema, model)))
        http = stack.enter_context(httpx2.Client(base_url=server.url, timeout=300, trust_env=False))
        make_seed(http)
        fill(uri, schema, options.agents, options.messages)
        columns = measure(http, wire, options.agents, options.messages)
    rows = [Row(what, what) for what in columns["p50, ms"]]
    facts = {"agents": options.agents, "messages": options.messages}
    sys.stdout.write(f"{options.agents:,} agents, {options.messages:,} messages\n{table(rows, columns, {})}\n")
    if options.json:
        write_json(options.json, columns, facts)


def make_seed(http: httpx2.Client) -> None:
    """The agent that all are copies of, after a turn."""
    blocks = [{"label": "human", "value": "Name: Ada. Likes tea."}]
    agent = {"name": "seed", "model": "openai-proxy/gpt-4o-mini", "memory_blocks": blocks, "tags": ["seed"]}
    made = http.post("/v1/agents/", json=agent).raise_for_status().json()
    http.post(f"/v1/agents/{made['id']}/messages", json={"input": "Hello!"}).raise_for_status()


def fill(uri: str, schema: str, agents: int, messages: int) -> None:
    """Store all copies."""
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(_MADE.format(schema=schema))
        for copies in all_copies(agents, messages):
            progress(f"{copies.count:,} {copies.table}")
            cursor.execute(copies.sql(schema))
        cursor.execute("VACUUM ANALYZE")


def measure(http: httpx2.Client, wire: PostgresWire, agents: int, messages: int) -> dict[str, dict[str, float]]:
    """Times and statements of each list."""

    def made(prefix: str, number: int) -> str:
        digits = md5(f"{prefix}{number}".encode(), usedforsecurity=False).hexdigest()
        return f"{prefix}-{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    columns: dict[str, dict[str, float]] = {"p50, ms": {}, "p95, ms": {}, "statements": {}}
    for what, path, query in lists(agents, messages, made):
        http.get(path, params=query).raise_for_status()
        with wire.measure() as traffic:
            http.get(path, params=query).raise_for_status()
        times = [_timed(http, path, query) for _ in range(ASKED)]
        columns["p50, ms"][what] = median(times)
        columns["p95, ms"][what] = quantiles(times, n=20)[-1]
        columns["statements"][what] = len(traffic.statements)
    return columns


def _timed(http: httpx2.Client, path: str, query: Mapping[str, Any]) -> float:
    began = time.perf_counter()
    http.get(path, params=query).raise_for_status()
    return (time.perf_counter() - began) * 1000


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.lists", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
