"""Looking at the answers that a client gets, while it gets them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx

from letta.testing.contract.shapes import Shapes


class WatchingTransport(httpx.HTTPTransport):
    """Sends requests, and notes the shapes of what is answered."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self._shapes = shapes

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        kind = response.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            assert isinstance(response.stream, httpx.SyncByteStream)
            response.stream = _Watched(response.stream, self._shapes)
        elif kind == "application/json" and response.is_success and (body := response.read()):
            self._shapes.take(request.method, request.url.path, json.loads(body))
        return response


class _Watched(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, shapes: Shapes) -> None:
        self._stream = stream
        self._shapes = shapes
        self._lines = b""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            *lines, self._lines = (self._lines + chunk).split(b"\n")
            for line in lines:
                self._take(line)
            yield chunk

    def close(self) -> None:
        self._stream.close()

    def _take(self, line: bytes) -> None:
        if line.startswith(b"data: {"):
            event: Any = json.loads(line.removeprefix(b"data: "))
            self._shapes.take_event(event)
