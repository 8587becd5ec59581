"""An OpenAI-compatible embedding endpoint that can be made to behave badly."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from letta.testing.model.openai_plain import embed

Json = dict[str, Any]


class EmbeddingEndpoint:
    """Embeds by the words of a text. A context manager.

    Attributes:
        dimensions: of its vectors.
        longest: characters beyond which it refuses a text.
        status: answered to everything, unless it is 200.
        lists: whether it has a list of models, an empty one.
        before: called with the texts before they are embedded; where it returns something, that is the answer.
        asked: the texts of each request so far.
    """

    def __init__(self, dimensions: int = 8) -> None:
        self.dimensions = dimensions
        self.longest = 1_000_000
        self.status = 200
        self.lists = True
        self.before: Callable[[list[str]], Json | None] = lambda _texts: None
        self.asked: list[list[str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply(200 if outer.lists else 404, {"object": "list", "data": []})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                self._reply(*outer.answer(body["input"]))

            def _reply(self, status: int, content: Json) -> None:
                payload = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.send_header("retry-after-ms", "5")
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def answer(self, texts: list[str]) -> tuple[int, Json]:
        self.asked.append(texts)
        if self.status != 200:
            return self.status, {"error": {"message": "The endpoint is broken."}}
        if any(len(text) > self.longest for text in texts):
            return 400, {"error": {"message": "This model's maximum context length is exceeded."}}
        own = self.before(texts)
        return 200, own if own is not None else vectors([list(embed(text, self.dimensions)) for text in texts])

    def __enter__(self) -> "EmbeddingEndpoint":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def vectors(values: list[Any]) -> Json:
    """An answer with these vectors."""
    return {"object": "list", "data": [{"index": index, "embedding": value} for index, value in enumerate(values)]}
