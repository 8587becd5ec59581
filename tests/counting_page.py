"""A web site that counts who came, to show how often a tool took effect."""

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class CountingPage(ThreadingHTTPServer):
    """Answers every path, after a moment. A context manager; what it counts is kept by path."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, seconds: float = 0.0) -> None:
        """``seconds`` is how long each answer takes."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.visits: Counter[str] = Counter()
        self.seconds = seconds
        self.lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def url(self, path: str) -> str:
        """The address of a page."""
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def twice(self) -> list[str]:
        """The paths that were asked for more than once."""
        return [path for path, count in self.visits.items() if count > 1]

    def __enter__(self) -> "CountingPage":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: visitors that are killed don't wait for their answer."""


class _Handler(BaseHTTPRequestHandler):
    server: CountingPage

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.visits[self.path.removeprefix("/")] += 1
        time.sleep(self.server.seconds)
        body = b"Noted."
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: the test tells what went wrong."""
