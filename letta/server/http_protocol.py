"""HTTP as the library speaks it, with limits for clients that send a request slowly, or a head without end, or that
read nothing."""

import logging
from asyncio import BaseTransport, TimerHandle, Transport
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from letta.http.request_ids import REQUEST_ID, headers_of_refusals, new_request_id

logger = logging.getLogger(__name__)

MOST_HEAD_BYTES = 64 * 1024
"""Address and headers of a request together."""
_LEAST_BYTES_PER_SECOND = 1024
"""How fast a body has to come on average, once the patience is used up."""


class PatientProtocol(HttpToolsProtocol):
    """One connection. A request has to be there within some seconds, plus what its size takes on a slow line."""

    patience_seconds = 30.0
    stalled_seconds = 300.0

    _stalled: TimerHandle | None = None
    _late: TimerHandle | None = None
    _began: float
    _received = 0
    _in_head = True

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(cast(Transport, transport))
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._end()
        self._reads()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is told: wait, but not for ever, for one that doesn't read at all."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self.stalled_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read most of what waited for it."""
        self._reads()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Count what comes; a head that is too long ends the connection."""
        self._received += len(data)
        super().data_received(data)
        if self._in_head and self._received > MOST_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(b"431 Request Header Fields Too Large", b"The address or the headers are too long.")

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a request, unless it is the connection's first."""
        super().on_message_begin()
        self._in_head = True
        if self._late is None:
            self._begin()

    def on_headers_complete(self) -> None:
        """From now on, what comes is a body."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is there as a whole."""
        self._end()
        super().on_message_complete()

    def _begin(self) -> None:
        self._received, self._began = 0, self.loop.time()
        self._late = self.loop.call_later(self.patience_seconds, self._check)

    def _end(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _reads(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _check(self) -> None:
        """The patience is over: wait on only for a body that comes fast enough, or that it is we who don't read."""
        self._late = None
        now = self.loop.time()
        if self.transport is None or self.transport.is_closing():
            return
        allowed = self._began + self.patience_seconds + self._received / _LEAST_BYTES_PER_SECOND
        if not self._in_head and (self.flow.read_paused or now < allowed):
            again = self.patience_seconds if self.flow.read_paused else allowed - now
            self._late = self.loop.call_later(again, self._check)
            return
        self._refuse(b"408 Request Timeout", b"The request didn't come as a whole in time. Send it again, faster.")

    def _refuse(self, status: bytes, detail: bytes) -> None:
        if self.cycle is None or self._in_head or not self.cycle.response_started:
            current = new_request_id() if self._in_head else str(self.scope.get(REQUEST_ID) or new_request_id())
            logger.debug("request %s was refused: %s", current, status.decode())
            body = b'{"detail":"' + detail + b'"}'
            head = [
                b"HTTP/1.1 " + status,
                b"content-type: application/json",
                b"connection: close",
                b"content-length: %d" % len(body),
                *(name + b": " + value for name, value in headers_of_refusals(current)),
            ]
            self.transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        self.transport.close()


def patient_protocol(seconds: float, stalled_seconds: float) -> Any:
    """The class of connections on which a request has so many seconds, and reading an answer's next part as well."""
    return type("Connection", (PatientProtocol,), {"patience_seconds": seconds, "stalled_seconds": stalled_seconds})
