"""Whether memory stays flat over many turns.

    python -m benchmarks.soak [--turns 10000] [--agents 10] [--json FILE]

Turns of several agents at once: plain ones, with edits of memory, with archival memory, streamed ones, background runs,
and turns in conversations. An agent is replaced after some turns, so that histories don't grow without end. Prints the
server's resident memory every so many turns, and its slope (least squares) over the second half.
"""

import argparse
import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from statistics import linear_regression
from typing import Any

import httpx2

from benchmarks.report import Row, table, write_json
from benchmarks.stage import (
    add_shared_options,
    embedded_postgres,
    environment_for,
    running_server,
    scripted_model,
    target_of,
)
from benchmarks.target import Target
from letta.testing.postgres import throwaway_schema
from letta.testing.remote_model import RemoteScriptedModel
from letta.testing.scripted_model import Call, Reply

Json = dict[str, Any]

ROWS = (
    Row("idle_mb", "memory before the first turn, MB"),
    Row("half_mb", "memory after half of {turns} turns, MB"),
    Row("after_mb", "memory after all, MB", "<= 140"),
    Row("slope", "slope over the second half, MB per 1,000 turns", "about 0"),
    Row("turns_per_s", "turns/s"),
)
TURNS_PER_AGENT = 100
EVERY = 500


class Soaked:
    """One agent after another, which one client keeps busy."""

    def __init__(self, http: httpx2.AsyncClient, texts: dict[str, str], done: Counter[str]) -> None:
        self._http = http
        self._texts = texts
        self._done = done
        self._turns = 0
        self._agent = self._conversation = ""
        self._kinds: Sequence[Callable[[], Awaitable[None]]] = (
            *(self._plain, self._edit, self._stream, self._background, self._conversing, self._remember),
        )

    async def turn(self, number: int) -> None:
        """One turn, of a kind that the number says."""
        if self._turns % TURNS_PER_AGENT == 0:
            await self._replace()
        self._turns += 1
        kind = self._kinds[number % len(self._kinds)]
        await kind()
        self._done[kind.__name__.removeprefix("_")] += 1

    async def _replace(self) -> None:
        if self._agent:
            (await self._http.delete(f"/v1/agents/{self._agent}")).raise_for_status()
        body = {
            "model": "openai-proxy/gpt-4o-mini",
            "embedding": "openai/text-embedding-3-small",
            "memory_blocks": [{"label": "human", "value": "Name: Ada."}],
            "include_base_tools": False,
            "include_base_tool_rules": False,
            "tools": ["memory_rethink", "archival_memory_insert", "archival_memory_search"],
        }
        self._agent = (await self._post("/v1/agents", body))["id"]
        self._conversation = (await self._post(f"/v1/conversations/?agent_id={self._agent}", {}))["id"]

    @property
    def _path(self) -> str:
        return f"/v1/agents/{self._agent}/messages"

    async def _plain(self) -> None:
        await self._post(self._path, {"input": "Hello."})

    async def _edit(self) -> None:
        await self._post(self._path, {"input": self._texts["edit"]})

    async def _remember(self) -> None:
        await self._post(self._path, {"input": self._texts["remember"]})

    async def _stream(self) -> None:
        await self._read(self._path, {"input": "Hello.", "streaming": True, "stream_tokens": True})

    async def _background(self) -> None:
        await self._read(self._path, {"input": "Hello.", "streaming": True, "stream_tokens": True, "background": True})

    async def _conversing(self) -> None:
        await self._post(f"/v1/conversations/{self._conversation}/messages", {"input": "Hello.", "streaming": False})

    async def _post(self, path: str, body: Json) -> Json:
        response = await self._http.post(path, json=body)
        response.raise_for_status()
        answer: Json = response.json()
        return answer

    async def _read(self, path: str, body: Json) -> None:
        async with self._http.stream("POST", path, json=body) as response:
            response.raise_for_status()
            lines = [line async for line in response.aiter_lines()]
        if not any('"stop_reason":"end_turn"' in line for line in lines):
            raise RuntimeError(f"the stream ended with {lines[-3:]}")


def main() -> None:
    options = _parser().parse_args()
    with ExitStack() as stack:
        model = stack.enter_context(scripted_model())
        uri = options.pg_uri or stack.enter_context(embedded_postgres())
        schema = stack.enter_context(throwaway_schema(uri))
        server = stack.enter_context(running_server(environment_for(uri, schema, model)))
        target = stack.enter_context(target_of(server))
        began = time.perf_counter()
        memory, done = asyncio.run(_soak(target, server.url, _texts(model), options.agents, options.turns))
        took = time.perf_counter() - began
    late = memory[len(memory) // 2 :]
    slope = linear_regression(*zip(*late, strict=True)).slope * 1000 if len(late) > 1 else 0.0
    figures = {
        "idle_mb": memory[0][1],
        "half_mb": late[0][1],
        "after_mb": memory[-1][1],
        "slope": slope,
        "turns_per_s": options.turns / took,
    }
    facts = {"turns": options.turns, "kinds": dict(done), "memory": memory}
    sys.stdout.write(table(ROWS, {"ours": figures}, facts) + "\n")
    if options.json:
        write_json(options.json, {"ours": figures}, facts)


def _texts(model: RemoteScriptedModel) -> dict[str, str]:
    """What the agents are told, so that they use their tools."""
    edit = Call("memory_rethink", {"label": "human", "new_memory": "Name: Ada. Likes tea."})
    keep = Call("archival_memory_insert", {"content": "Ada likes her tea without sugar."})
    find = Call("archival_memory_search", {"query": "tea", "top_k": 3})
    return {
        "edit": model.script(Reply(calls=[edit]), Reply("Noted.")).say(),
        "remember": model.script(Reply(calls=[keep]), Reply(calls=[find]), Reply("Found.")).say(),
    }


async def _soak(
    target: Target, url: str, texts: dict[str, str], agents: int, turns: int
) -> tuple[list[tuple[int, float]], Counter[str]]:
    """The memory after so many turns, and what was done."""
    memory = [(0, target.memory_mb())]
    numbers = iter(range(turns))
    done: Counter[str] = Counter()

    async def work(soaked: Soaked) -> None:
        for number in numbers:
            await soaked.turn(number)
            if done.total() % EVERY == 0:
                memory.append((done.total(), target.memory_mb()))
                sys.stdout.write(f"{memory[-1][0]:>6} turns  {memory[-1][1]:6.1f} MB\n")
                sys.stdout.flush()

    async with httpx2.AsyncClient(base_url=url, timeout=120, trust_env=False) as http:
        await asyncio.gather(*(work(Soaked(http, texts, done)) for _ in range(agents)))
    return memory, done


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=10_000, help="turns in all (default 10,000)")
    parser.add_argument("--agents", type=int, default=10, help="agents at once (default 10)")
    add_shared_options(parser)
    return parser


if __name__ == "__main__":
    main()
