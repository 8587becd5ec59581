"""A wire-tap between a program and Postgres: counts what passes, slows it down, cuts it.

    with PostgresWire(uri) as wire:
        ...                                # a server with LETTA_PG_URI=wire.uri
        with wire.measure() as traffic:
            client.agents.messages.create(...)
        assert traffic.connections == 0
        assert len(traffic.statements) <= 8

It understands the frontend half of the protocol, in clear text only: a request for TLS is declined.
Source: https://www.postgresql.org/docs/current/protocol.html
"""

import asyncio
import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

from letta.testing.loop_thread import LoopThread

_CANCEL_REQUEST = 80877102
_ENCRYPTION_REQUESTS = (80877103, 80877104)  # TLS and GSSAPI

_QUERY, _PARSE, _BIND, _SYNC, _FUNCTION_CALL = b"QPBSF"

_LITERAL = re.compile(r"'(?:[^']|'')*'|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_HOUSEKEEPING = re.compile(
    r"(begin|start|commit|end|rollback|abort|savepoint|release|set|reset|show|discard|deallocate)\b"
    r"|select\s+(pg_catalog\.)?set_config\(|select\s+1$|$",
    re.IGNORECASE,
)


@dataclass
class Traffic:
    """What went to Postgres: new connections, messages that it had to answer, and the SQL of each."""

    connections: int = 0
    round_trips: int = 0
    queries: list[str] = field(default_factory=list)

    @property
    def statements(self) -> list[str]:
        """The statements that do something, without literals: no BEGIN, COMMIT, SET and pings."""
        return [statement for query in self.queries for statement in own_statements(query)]


def own_statements(query: str) -> list[str]:
    """The statements of a query, without their literals and without transaction housekeeping and pings."""
    parts = (part.strip() for part in _LITERAL.sub("''", query).split(";"))
    return [part for part in parts if not _HOUSEKEEPING.match(part)]


class PostgresWire:
    """A proxy in a thread of this process. A context manager, or `start` and `stop`.

    `uri` names the real server: host and port, or a directory with its socket.
    """

    def __init__(self, uri: str, *, delay: float = 0.0) -> None:
        """`delay` (seconds) is waited before whatever the client sends is passed on; may be set at any time."""
        self.delay = delay
        self._target = _parse(uri)
        self._total = Traffic()
        self._measured: list[Traffic] = []
        self._links: set[_Link] = set()
        self._cuts: list[_Cut] = []
        self._port = 0
        self._listener: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._loop: LoopThread | None = None

    @property
    def uri(self) -> str:
        """The address of the server behind this wire."""
        return _uri(self._target, self._port)

    @property
    def connections(self) -> int:
        """How many connections were opened so far."""
        return self._total.connections

    @property
    def round_trips(self) -> int:
        """How many messages Postgres had to answer so far, those of opening a connection not counted."""
        return self._total.round_trips

    @property
    def open_connections(self) -> int:
        return len(self._links)

    def start(self) -> "PostgresWire":
        self._loop = LoopThread("postgres-wire")
        self._loop.run(self._listen())
        return self

    def stop(self) -> None:
        if self._loop is not None:
            self._loop.run(self._close())
            self._loop.stop()
            self._loop = None

    def __enter__(self) -> "PostgresWire":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @contextmanager
    def measure(self) -> Iterator[Traffic]:
        """The traffic of a `with` block."""
        traffic = Traffic()
        self._measured.append(traffic)
        try:
            yield traffic
        finally:
            self._measured.remove(traffic)

    def cut(self) -> None:
        """Break every connection and refuse new ones, until `restore`."""
        self._running().run(self._close())

    def restore(self) -> None:
        """Accept connections again, on the same port."""
        self._running().run(self._listen())

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Cut for the time of a `with` block."""
        self.cut()
        try:
            yield
        finally:
            self.restore()

    def stall(self) -> None:
        """Let nothing pass any more, but keep all connections open, until `resume`."""
        self._running().call(self._flowing.clear)

    def resume(self) -> None:
        """Let pass what was stalled."""
        self._running().call(self._flowing.set)

    def cut_at(self, pattern: str, when: Literal["before", "after"]) -> None:
        """Break the connection at the next query that matches this regular expression (case is ignored), once.

        `before`: Postgres never sees the query. `after`: Postgres does it, and its answer is lost.
        """
        self._cuts.append(_Cut(re.compile(pattern, re.IGNORECASE), when))

    def _running(self) -> LoopThread:
        if self._loop is None:
            raise RuntimeError("the wire isn't connected; call start() first")
        return self._loop

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for link in list(self._links):
            link.break_off()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whichever side ends first, or breaks: the other one is closed.
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code, startup = await _startup(reader, writer)
        await self._pass()
        server_reader, server_writer = await self._connect()
        server_writer.write(startup)
        if code == _CANCEL_REQUEST:
            server_writer.close()
            return
        self._count(connections=1)
        link = _Link(writer, server_writer)
        self._links.add(link)
        answers = asyncio.ensure_future(self._pass_answers(server_reader, link))
        try:
            await self._pass_requests(reader, link)
        finally:
            self._links.discard(link)
            answers.cancel()
            server_writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._target.get("host", "127.0.0.1"), self._target.get("port", "5432")
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(self._target.get("hostaddr", host), int(port))

    async def _pass_requests(self, reader: asyncio.StreamReader, link: "_Link") -> None:
        unread = b""
        while data := await reader.read(65536):
            complete, unread = _split(unread + data)
            for kind, start, end in _messages(complete):
                self._notice(kind, complete[start:end], link)
            await self._pass()
            if not link.broken:
                link.server.write(complete)
                await link.server.drain()

    async def _pass_answers(self, reader: asyncio.StreamReader, link: "_Link") -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                if link.loses_answer:
                    break
                link.client.write(data)
                await link.client.drain()
        link.break_off()

    async def _pass(self) -> None:
        await self._flowing.wait()
        if self.delay:
            await asyncio.sleep(self.delay)

    def _notice(self, kind: int, body: bytes, link: "_Link") -> None:
        self._count(round_trips=int(kind in (_QUERY, _SYNC, _FUNCTION_CALL)))
        if kind == _PARSE:
            name, query = body.split(b"\0")[:2]
            link.prepared[name] = query
        elif kind in (_QUERY, _BIND) and (self._measured or self._cuts):
            text = body.split(b"\0")[0] if kind == _QUERY else link.prepared.get(body.split(b"\0")[1], b"")
            self._notice_query(text.decode(errors="replace"), link)

    def _notice_query(self, query: str, link: "_Link") -> None:
        for traffic in self._measured:
            traffic.queries.append(query)
        self._cut_if_due(query, link)

    def _count(self, *, connections: int = 0, round_trips: int = 0) -> None:
        for traffic in (self._total, *self._measured):
            traffic.connections += connections
            traffic.round_trips += round_trips

    def _cut_if_due(self, query: str, link: "_Link") -> None:
        due = next((cut for cut in self._cuts if cut.pattern.search(query)), None)
        if due is None:
            return
        self._cuts.remove(due)
        if due.when == "before":
            link.break_off()
        else:
            link.loses_answer = True


@dataclass(frozen=True)
class _Cut:
    pattern: re.Pattern[str]
    when: Literal["before", "after"]


@dataclass(eq=False)
class _Link:
    """One connection through the wire."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    broken: bool = False
    loses_answer: bool = False
    prepared: dict[bytes, bytes] = field(default_factory=dict)

    def break_off(self) -> None:
        self.broken = True
        self.client.transport.abort()
        self.server.transport.abort()


async def _startup(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, bytes]:
    """The first packet that isn't a request for encryption; those are declined."""
    while True:
        head = await reader.readexactly(8)
        length, code = struct.unpack("!ii", head)
        packet = head + await reader.readexactly(length - 8)
        if code not in _ENCRYPTION_REQUESTS:
            return code, packet
        writer.write(b"N")


def _split(data: bytes) -> tuple[bytes, bytes]:
    """The complete messages, and the beginning of the next one."""
    end = 0
    while len(data) - end >= 5:
        following = end + 1 + int.from_bytes(data[end + 1 : end + 5])
        if following > len(data):
            break
        end = following
    return data[:end], data[end:]


def _messages(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, and begin and end of the body, of each message."""
    start = 0
    while start < len(data):
        end = start + 1 + int.from_bytes(data[start + 1 : start + 5])
        yield data[start], start + 5, end
        start = end


def _parse(uri: str) -> dict[str, str]:
    from psycopg2.extensions import parse_dsn

    return {name: str(value) for name, value in parse_dsn(uri).items()}


def _uri(target: Mapping[str, str], port: int) -> str:
    named = {"user", "password", "dbname", "host", "hostaddr", "port"}
    options = {name: value for name, value in target.items() if name not in named}
    password = f":{quote(target['password'], safe='')}" if "password" in target else ""
    user = quote(target.get("user", ""), safe="") + password
    database = quote(target.get("dbname", ""), safe="")
    query = urlencode({**options, "sslmode": "disable"}, quote_via=quote)
    return f"postgresql://{user}{'@' if user else ''}127.0.0.1:{port}/{database}?{query}"
