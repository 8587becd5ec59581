"""A model provider that answers every request with the bytes it was told to, at the pace it was told to."""

import gzip
import json
import time
from collections.abc import Callable, Iterable, Iterator

from tests.support.http_server import Answer, Answering, Request, in_json

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
        self._server = Answering(self._reply)
        self.url = self._server.url

    def _reply(self, request: Request) -> Answer:
        if request.method == "GET":
            return in_json(MODELS, connection="close")
        self.asked += 1
        self.last_headers = dict(request.headers)
        return Answer(self.answer(), self.status, self.kind, {"connection": "close", **self.headers})

    def say(self, *pieces: bytes, kind: str = EVENTS, **headers: str) -> None:
        """Answer so from now on."""
        self.play(lambda: pieces, kind=kind)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def play(self, pieces: Callable[[], Pieces], *, kind: str = EVENTS, status: int = 200) -> None:
        """Answer so from now on, made anew for each request."""
        self.answer, self.kind, self.status, self.headers = pieces, kind, status, {}

    def __enter__(self) -> "RawProvider":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()


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
