"""A small HTTP server of a test's own, which notes what it is asked and answers what the test says."""

import json
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Request:
    """What the server was asked. Names of headers are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What the server answers: all of it at once, or in pieces that end with the connection."""

    body: bytes | Iterable[bytes] = b""
    status: int = 200
    kind: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


def in_json(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer that is JSON."""
    return Answer(json.dumps(value).encode(), status, "application/json", headers)


def moved(address: str) -> Answer:
    """An answer that leads elsewhere."""
    return Answer(status=302, headers={"location": address})


class Answering:
    """The server. A context manager, in which it answers each request in a thread of its own.

    Attributes:
        asked: the requests so far, in the order in which they came.
        port: of this machine, under any of whose names it is reached.
    """

    def __init__(self, answer: Callable[[Request], Answer | None]) -> None:
        """``answer`` tells what to answer; None ends the connection without."""
        self.asked: list[Request] = []
        self._answer = answer
        self._server = _Server(self)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """Which paths it was asked for."""
        return [request.path for request in self.asked]

    def take(self, request: Request) -> Answer | None:
        """Note a request, and answer it."""
        self.asked.append(request)
        return self._answer(request)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answering: Answering) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answering = answering

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked has gone, which tests are free to do. Anything else is a mistake of the test."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answering.take(Request(self.command, self.path, headers, body))
        if answer is None:
            self.close_connection = True
            return
        sent = {"content-type": answer.kind}
        if isinstance(answer.body, bytes):
            sent["content-length"] = str(len(answer.body))
        self.send_response(answer.status)
        for name, value in {**sent, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # whoever has read enough may go
            for piece in [answer.body] if isinstance(answer.body, bytes) else answer.body:
                self.wfile.write(piece)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        """Nothing: the test tells what went wrong."""
