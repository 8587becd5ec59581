"""A model provider that answers every request with the bytes it was told to, at the pace it was told to."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Pieces = Iterable[bytes]
EVENTS = "text/event-stream"
JSON = "application/json"


MODELS = {
    "object": "list",
    "data": [{"id": "gpt-4o-mini", "object": "model"}],
    "models": [{"name": "models/gemini-2.5-flash", "supportedGenerationMethods": ["generateContent"]}],
}
"""The list of models, in the forms of several providers at once."""


class RawProvider:
    """A context manager. `answer` is what chat requests get; lists of models are in order."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: Callable[[], Pieces] = tuple
        self.kind = EVENTS
        self.headers: dict[str, str] = {}
        self.asked = 0
        self.last_headers: dict[str, str] = {}
        """What was sent along with the last request, keys among it."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(MODELS).encode()
                self._begin(200, JSON, {"content-length": str(len(body))})
                self.wfile.write(body)

            def do_POST(self) -> None:
                provider.asked += 1
                provider.last_headers = {name.lower(): value for name, value in self.headers.items()}
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self._begin(provider.status, provider.kind, provider.headers)
                with suppress(OSError):
                    for piece in provider.answer():
                        self.wfile.write(piece)

            def _begin(self, status: int, kind: str, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {"content-type": kind, "connection": "close", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing: the test tells what went wrong."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def say(self, *pieces: bytes, kind: str = EVENTS, **headers: str) -> None:
        """Answer so from now on."""
        self.play(lambda: pieces, kind=kind)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def play(self, pieces: Callable[[], Pieces], *, kind: str = EVENTS, status: int = 200) -> None:
        """Answer so from now on, made anew for each request."""
        self.answer, self.kind, self.status, self.headers = pieces, kind, status, {}

    def __enter__(self) -> "RawProvider":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(delta: object, finish: object = None, **more: object) -> bytes:
    return event({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]} | more)


def whole(message: object, **more: object) -> bytes:
    return json.dumps({"id": "c", "choices": [{"message": message, "finish_reason": "stop"}]} | more).encode()


GOOD = (chunk({"role": "assistant", "content": "Fine."}), chunk({}, "stop"), b"data: [DONE]\n\n")


def endless(piece: bytes, pause: float = 0.0) -> Callable[[], Iterator[bytes]]:
    def pieces() -> Iterator[bytes]:
        while True:
            yield piece
            time.sleep(pause)

    return pieces


def zipped(data: bytes) -> bytes:
    return gzip.compress(data)
