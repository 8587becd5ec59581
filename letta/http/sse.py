"""Server-sent events, framed as the V1 API frames them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from letta.json_types import JsonObject

HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
"""So that no proxy holds a stream back or changes it."""

CONTENT_TYPE = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"
COMMENT = b": keep-alive\n\n"


class Stream(StreamingResponse):
    """An answer of such frames."""

    def __init__(self, frames: AsyncIterator[bytes], closed: Callable[[], None]) -> None:
        """``closed`` is called when the answer is over, however it ended."""
        super().__init__(frames, media_type=CONTENT_TYPE, headers=HEADERS)
        self._closed = closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._closed()


def data(payload: JsonObject) -> bytes:
    """A frame without a name."""
    return b"data: " + json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n\n"


def error(payload: JsonObject) -> bytes:
    """A frame named ``error``."""
    return b"event: error\n" + data(payload)


def comment() -> bytes:
    """A sign of life that clients don't see."""
    return COMMENT


async def with_pings(frames: AsyncIterator[bytes], ping: Callable[[], bytes], interval: float) -> AsyncIterator[bytes]:
    """The frames, with a ping whenever none came for ``interval`` seconds."""
    pending: asyncio.Future[bytes] | None = None
    try:
        while True:
            if pending is None:
                pending = asyncio.ensure_future(anext(frames))
            done, _ = await asyncio.wait({pending}, timeout=interval)
            if not done:
                yield ping()
                continue
            try:
                frame = pending.result()
            except StopAsyncIteration:
                return
            pending = None
            yield frame
    finally:
        if pending is not None and not pending.done():
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
