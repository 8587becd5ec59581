"""The host's edge: one address for all instances, which get its requests in turn."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import suppress

from letta.testing.loop_thread import LoopThread

_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection: *[^\r]*", re.IGNORECASE)
_MOST_BYTES = 1 << 20
_REST_SECONDS = 1.0


class ReverseProxy:
    """A proxy in a thread of this process, for instances at these ports of this machine. A context manager.

    Every request has a connection of its own, so that each goes to the next instance. Where nobody listens, the answer
    is 502, as from Render, and the instance gets no requests for a second.
    """

    def __init__(self, ports: Sequence[int]) -> None:
        self.answered: Counter[int] = Counter()
        """How many requests were passed on to which port."""
        self.refused = 0
        """How many requests met an instance that doesn't listen."""
        self._ports = list(ports)
        self._turn = 0
        self._resting: dict[int, float] = {}
        self._port = 0
        self._clients: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.Server | None = None
        self._loop: LoopThread | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    def cut(self) -> None:
        """Break the connections of all clients, and with them the requests that are under way."""
        if self._loop is not None:
            self._loop.call(self._cut)

    def __enter__(self) -> "ReverseProxy":
        self._loop = LoopThread("reverse-proxy")
        self._loop.run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.run(self._close())
            self._loop.stop()
            self._loop = None

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_MOST_BYTES, backlog=512)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._cut()

    def _cut(self) -> None:
        for writer in list(self._clients):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        port = self._next()
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            self.refused += 1
            self._resting[port] = time.monotonic() + _REST_SECONDS
            writer.write(_BAD_GATEWAY)
            await writer.drain()
            return
        self.answered[port] += 1
        try:
            server.write(_CONNECTION.sub(b"", head[:-4]) + b"\r\nconnection: close\r\n\r\n" + body)
            await _until_one_leaves(_pass_on(answers, writer), reader.read(1))
        finally:
            server.close()

    def _next(self) -> int:
        now = time.monotonic()
        awake = [port for port in self._ports if self._resting.get(port, 0) < now] or self._ports
        self._turn += 1
        return awake[self._turn % len(awake)]


async def _until_one_leaves(*parts: Coroutine[None, None, object]) -> None:
    tasks = [asyncio.create_task(part) for part in parts]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
