"""One scripted model: its scripts, its record of requests, and the route from a request to its answer."""

import json
from collections.abc import Mapping, Sequence

from letta.testing.model import anthropic, google
from letta.testing.model.anthropic import AnthropicMessages
from letta.testing.model.book import ScriptBook
from letta.testing.model.google import GoogleGenerate
from letta.testing.model.openai_chat import OpenAIChat
from letta.testing.model.openai_plain import DEFAULT_MODELS, embeddings, model_list
from letta.testing.model.openai_responses import OpenAIResponses
from letta.testing.model.recorder import KEY_HEADERS, RecordedRequest, Recorder, fingerprint
from letta.testing.model.script import Failure, FailureKind
from letta.testing.model.wire import Answer, Incoming, Wire, chat_answer, failed_answer, json_answer

WIRES: Sequence[Wire] = (OpenAIChat(), OpenAIResponses(), AnthropicMessages(), GoogleGenerate())


class Stage:
    """Answers requests of every wire format from one book of scripts."""

    def __init__(self, models: Sequence[str | Mapping[str, object]] = DEFAULT_MODELS, keep: int = 2000) -> None:
        self.book = ScriptBook()
        self.recorder = Recorder(keep)
        self._models = models

    def reset(self) -> None:
        """Forget all scripts and all requests."""
        self.book.reset()
        self.recorder.reset()

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], raw: bytes
    ) -> tuple[Answer, RecordedRequest]:
        """The answer to a request, and the record made of it."""
        key = _key(headers, query)
        shown = {name: value for name, value in headers.items() if name not in KEY_HEADERS}
        record = RecordedRequest(method, path, shown, raw, fingerprint(key) if key else None)
        self.recorder.add(record)
        try:
            body = json.loads(raw) if raw else None
            return self._route(Incoming(method, path, query, headers, key, body)), record
        except ValueError:
            return _refusal("bad_request", "The body isn't valid JSON."), record
        except Exception as error:
            # The client under test shall see that the request was beyond this model, not a lost connection.
            return _refusal("server", f"The scripted model can't read this request: {error!r}"), record

    def _route(self, request: Incoming) -> Answer:
        wire = next((w for w in WIRES if w.accepts(request.method, request.path)), None)
        broken = self.book.path_failure_due(request.path)
        if broken is not None:
            return failed_answer(wire or WIRES[0], broken)
        if wire is not None:
            return chat_answer(wire, request, self.book)
        return self._plain(request)

    def _plain(self, request: Incoming) -> Answer:
        path = request.path.rstrip("/")
        if request.key is not None and request.key.startswith("bad"):
            return failed_answer(WIRES[0], Failure("auth"))
        if request.method == "GET" and path.endswith("/models"):
            return json_answer(self._model_list(request))
        if request.method == "POST" and path.endswith("/embeddings"):
            return json_answer(embeddings(request.body))
        if request.method == "POST" and path.endswith(":batchEmbedContents"):
            return json_answer(google.embeddings(request.body))
        return _refusal("not_found", f"The scripted model doesn't serve {request.method} {request.path}.")

    def _model_list(self, request: Incoming) -> object:
        if "anthropic-version" in request.headers:
            return anthropic.model_list()
        return google.model_list() if "/v1beta/" in request.path else model_list(self._models)


def _refusal(kind: FailureKind, message: str) -> Answer:
    return failed_answer(WIRES[0], Failure(kind, message=message, retry_after=None))


def _key(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    authorization = headers.get("authorization", "")
    if authorization.lower().startswith("bearer "):
        return authorization[7:]
    found = next((headers[name] for name in KEY_HEADERS if headers.get(name)), None)
    return found or query.get("key")
