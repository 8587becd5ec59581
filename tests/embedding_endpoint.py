"""An OpenAI-compatible embedding endpoint that can be made to behave badly."""

from collections.abc import Callable
from typing import Any

from letta.testing.model.openai_plain import embed
from tests.support.http_server import Answer, Answering, Request, in_json

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
        self._server = Answering(self._reply)
        self.url = f"{self._server.url}/v1"

    def _reply(self, request: Request) -> Answer:
        if request.method == "GET":
            return in_json({"object": "list", "data": []}, 200 if self.lists else 404)
        status, content = self.answer(request.json()["input"])
        return in_json(content, status, **{"retry-after-ms": "5"})

    def answer(self, texts: list[str]) -> tuple[int, Json]:
        self.asked.append(texts)
        if self.status != 200:
            return self.status, {"error": {"message": "The endpoint is broken."}}
        if any(len(text) > self.longest for text in texts):
            return 400, {"error": {"message": "This model's maximum context length is exceeded."}}
        own = self.before(texts)
        return 200, own if own is not None else vectors([list(embed(text, self.dimensions)) for text in texts])

    def __enter__(self) -> "EmbeddingEndpoint":
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()


def vectors(values: list[Any]) -> Json:
    """An answer with these vectors."""
    return {"object": "list", "data": [{"index": index, "embedding": value} for index, value in enumerate(values)]}
