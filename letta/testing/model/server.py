"""The HTTP/1.1 server of the scripted model: an asyncio protocol over h11, so that it costs next to nothing."""

import asyncio
from collections import defaultdict
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from letta.testing.model.control import Control
from letta.testing.model.recorder import RecordedRequest
from letta.testing.model.stage import Stage
from letta.testing.model.wire import Answer


class ModelServer:
    """Serves one stage. Everything here belongs to the event loop that runs it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._control = Control(stage, self.release)
        self._connections: set[_Connection] = set()
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen, and say on which port (0 chooses a free one)."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._connect, host, port, backlog=512)
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening and close every connection, answered or not."""
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.close()
        await asyncio.sleep(0)

    def release(self, key: str) -> None:
        """Let the held replies of a script go, and those still to come."""
        self._released[key].set()

    async def until_released(self, key: str) -> None:
        await self._released[key].wait()

    def respond(self, request: h11.Request, raw: bytes) -> tuple[Answer, RecordedRequest | None]:
        method, target = request.method.decode(), urlsplit(request.target.decode())
        path, query = unquote(target.path), dict(parse_qsl(target.query))
        if path.startswith("/_"):
            return self._control.answer(method, path, query, raw), None
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        return self._stage.answer(method, path, query, headers, raw)

    def _connect(self) -> "_Connection":
        return _Connection(self, self._connections)


class _Connection(asyncio.Protocol):
    """One client connection: requests in, answers out, one at a time."""

    def __init__(self, server: ModelServer, connections: "set[_Connection]") -> None:
        self._server = server
        self._connections = connections
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request
        self._body: list[bytes] = []
        self._out: list[bytes] = []
        self._playing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._connections.discard(self)
        if self._playing is not None:
            self._playing.cancel()

    def data_received(self, data: bytes) -> None:
        self._http.receive_data(data)
        self._read()

    def close(self) -> None:
        self._transport.close()

    def _read(self) -> None:
        try:
            while self._playing is None and self._take(self._http.next_event()):
                pass
        except h11.RemoteProtocolError:
            self.close()

    def _take(self, event: object) -> bool:
        """Take one event in; False when there is nothing more to read for now."""
        match event:
            case h11.Request():
                self._request, self._body = event, []
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
                    self._flush()
            case h11.Data():
                self._body.append(bytes(event.data))
            case h11.EndOfMessage():
                self._begin()
            case h11.ConnectionClosed():
                self.close()
                return False
            case _:
                return False
        return True

    def _begin(self) -> None:
        answer, record = self._server.respond(self._request, b"".join(self._body))
        self._playing = asyncio.get_running_loop().create_task(self._play(answer, record))

    async def _play(self, answer: Answer, record: RecordedRequest | None) -> None:
        try:
            cut = await self._send_answer(answer)
        except asyncio.CancelledError:
            if record is not None:
                record.outcome = "abandoned"
            return
        if record is not None:
            record.outcome = "cut" if cut else "answered"
        self._flush()
        self._playing = None
        if cut or self._http.our_state is h11.MUST_CLOSE:
            self.close()
        else:
            self._http.start_next_cycle()
            self._read()

    async def _send_answer(self, answer: Answer) -> bool:
        """Send it all, or up to where the connection is to be cut (then True)."""
        if answer.hold is not None:
            await self._server.until_released(answer.hold)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.cut_after == 0:
            return True
        self._send_head(answer)
        for part in answer.parts:
            self._send(h11.Data(data=part))
            if answer.chunk_delay:
                self._flush()
                await asyncio.sleep(answer.chunk_delay)
        if answer.cut_after is not None:
            return True
        self._send(h11.EndOfMessage())
        return False

    def _send_head(self, answer: Answer) -> None:
        headers = [("content-type", answer.content_type), *answer.headers.items()]
        if not answer.streamed:
            headers.append(("content-length", str(sum(map(len, answer.parts)))))
        self._send(h11.Response(status_code=answer.status, headers=headers))

    def _send(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if data:
            self._out.append(data)

    def _flush(self) -> None:
        # What belongs together leaves in one system call; the chunks stay chunks.
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()
