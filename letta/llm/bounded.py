"""HTTP clients whose answers can't fill the memory, nor go on for ever, whatever the provider sends."""

import time
import zlib
from collections.abc import Iterator
from typing import Any

import httpx2

from letta.llm import errors
from letta.llm.configured import is_configured_address
from letta.llm.provider import BYOK, Provider
from letta.outgoing.guarded_transport import GuardedTransport
from letta.outgoing.watched_stream import WatchedStream
from letta.settings import settings
from letta.telemetry.tracing import model_headers

MOST_BYTES = 32 * 1024 * 1024
"""Of one answer, after decompression."""
MOST_LINE_BYTES = 8 * 1024 * 1024
"""Of a line of an event stream. Decoders copy what they have of a line with every piece that comes."""

_STEP = 256 * 1024
_ENCODING = "gzip"
_ANY_ZLIB_HEADER = 47


def event_hooks() -> dict[str, list[Any]]:
    """The hooks that make a client of ``httpx2`` a bounded one."""
    return {"request": [_prepare], "response": [_bound]}


def http_options(provider: Provider) -> dict[str, Any]:
    """Options of a client of ``httpx2`` for a provider: bounded, and guarded where a user has chosen the address."""
    chosen = provider.category == BYOK and not is_configured_address(provider.base_url)
    guard = {"transport": GuardedTransport(MOST_BYTES)} if chosen else {}
    return {"event_hooks": event_hooks(), **guard}


async def _prepare(request: httpx2.Request) -> None:
    request.headers["accept-encoding"] = _ENCODING
    if told := model_headers.get():
        request.headers.update(told)


async def _bound(response: httpx2.Response) -> None:
    """Put limits around what is still to be read."""
    encoding = response.headers.pop("content-encoding", "identity").lower()
    unzip = zlib.decompressobj(_ANY_ZLIB_HEADER) if encoding in {"gzip", "x-gzip", "deflate"} else None
    if unzip is None and encoding != "identity":
        raise errors.LlmEmptyResponseError(f"The response uses the encoding {encoding[:20]}, which was not requested.")
    in_lines = response.headers.get("content-type", "").startswith("text/event-stream")
    stream = response.stream
    if isinstance(stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(stream, unzip, in_lines=in_lines)


class _Bounded(WatchedStream):
    """A stream that is decompressed, counted and timed."""

    def __init__(self, stream: httpx2.AsyncByteStream, unzip: Any, *, in_lines: bool) -> None:
        super().__init__(stream)
        self._unzip = unzip
        self._in_lines = in_lines
        self._total = self._line = 0
        self._end = time.monotonic() + settings.llm_stream_timeout_seconds

    def pieces(self, received: bytes) -> Iterator[bytes]:
        if time.monotonic() > self._end:
            raise errors.timed_out(streamed=True)
        for piece in [received] if self._unzip is None else self._unzipped(received):
            self._count(piece)
            yield piece

    def _unzipped(self, data: bytes) -> Any:
        """What data stand for, in pieces: a thousand times as much, if somebody means harm."""
        while data:
            try:
                yield self._unzip.decompress(data, _STEP)
            except zlib.error as error:
                raise errors.no_json() from error
            data = self._unzip.unconsumed_tail

    def _count(self, piece: bytes) -> None:
        self._total += len(piece)
        if self._total > MOST_BYTES:
            raise errors.too_large(MOST_BYTES)
        if self._in_lines:
            last = piece.rfind(b"\n")
            self._line = self._line + len(piece) if last < 0 else len(piece) - last - 1
            if self._line > MOST_LINE_BYTES:
                raise errors.too_large(MOST_LINE_BYTES)
