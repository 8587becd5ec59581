"""Many clients that stream at once, some of whom read slowly, as on a bad line."""

import asyncio
import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

_PATIENCE_SECONDS = 300
_SMALL_BUFFER = 4096
_SECONDS_BETWEEN_READS = 0.02
"""Of a slow reader, who takes a few kilobytes each time."""


@dataclass
class Visit:
    """One streamed turn, as its client saw it.

    Attributes:
        refused: how often the client was told to come again.
        first_seconds: until the first piece of the answer, from the attempt that was taken.
        text: what the agent said.
        end: the stop reason.
    """

    slow: bool
    refused: int = 0
    first_seconds: float = 0.0
    seconds: float = 0.0
    text: str = ""
    end: str = ""


def visit_at_once(url: str, agents: Sequence[str], text: str, *, slow: int = 0) -> list[Visit]:
    """Send a message to each of these agents at the same time, and read the streams. The first ones read slowly."""
    return asyncio.run(_visit_at_once(url, agents, text, slow))


async def _visit_at_once(url: str, agents: Sequence[str], text: str, slow: int) -> list[Visit]:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    narrow = httpx2.AsyncHTTPTransport(
        limits=limits, socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)], trust_env=False
    )
    options: dict[str, Any] = {"base_url": url, "timeout": _PATIENCE_SECONDS, "trust_env": False}
    async with (
        httpx2.AsyncClient(limits=limits, **options) as fast,
        httpx2.AsyncClient(transport=narrow, **options) as patient,
    ):
        visits = [_visit(patient if n < slow else fast, agent, text, n < slow) for n, agent in enumerate(agents)]
        return await asyncio.gather(*visits)


async def _visit(http: httpx2.AsyncClient, agent: str, text: str, slow: bool) -> Visit:
    visit = Visit(slow)
    body = {"input": text, "streaming": True, "stream_tokens": True}
    while True:
        began = time.perf_counter()
        async with http.stream("POST", f"/v1/agents/{agent}/messages", json=body) as response:
            if response.status_code == 503:
                visit.refused += 1
                await asyncio.sleep(float(response.headers["retry-after"]))
                continue
            response.raise_for_status()
            await _read(response, visit, began)
        visit.seconds = time.perf_counter() - began
        return visit


async def _read(response: httpx2.Response, visit: Visit, began: float) -> None:
    pieces: list[str] = []
    async for line in response.aiter_lines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line[6:])
        if event["message_type"] == "assistant_message":
            visit.first_seconds = visit.first_seconds or time.perf_counter() - began
            pieces.append(event["content"])
        elif event["message_type"] == "stop_reason":
            visit.end = event["stop_reason"]
        if visit.slow:
            await asyncio.sleep(_SECONDS_BETWEEN_READS)
    visit.text = "".join(pieces)
