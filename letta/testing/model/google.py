"""The wire format of Gemini's generateContent.

Source: https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from letta.testing.model.book import Turn
from letta.testing.model.google_rules import objection_to, signature_of, signs
from letta.testing.model.openai_plain import embed
from letta.testing.model.pieces import event, words
from letta.testing.model.script import Failure, FailureKind, Reply, Usage
from letta.testing.model.wire import Incoming

_DIMENSIONS = 3072
MODELS = ("gemini-2.5-flash", "gemini-3.8-flash")

_PATH = re.compile(r"/v1beta/models/(?P<model>[^/:]+):(?P<method>generateContent|streamGenerateContent)")

# kind: status, status in words, message
_ERRORS: dict[FailureKind, tuple[int, str, str]] = {
    "rate_limit": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    "quota": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    "server": (500, "INTERNAL", "An internal error has occurred."),
    "overloaded": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "auth": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "bad_request": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "not_found": (404, "NOT_FOUND", "models/unknown is not found for API version v1beta."),
    "context_overflow": (
        400,
        "INVALID_ARGUMENT",
        "The input token count (9999999) exceeds the maximum number of tokens allowed (1048576).",
    ),
}


def model_list(models: Sequence[str] = MODELS) -> dict[str, object]:
    """The answer to GET /v1beta/models."""
    talking = [
        {
            "name": f"models/{model}",
            "inputTokenLimit": 1_048_576,
            "outputTokenLimit": 65_536,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
            "thinking": True,
        }
        for model in models
    ]
    embedding = {"name": "models/gemini-embedding-001", "supportedGenerationMethods": ["embedContent"]}
    return {"models": [*talking, embedding]}


def embeddings(body: Any) -> dict[str, object]:
    """The answer to batchEmbedContents."""
    texts = ["".join(part["text"] for part in one["content"]["parts"]) for one in body["requests"]]
    return {"embeddings": [{"values": list(embed(text, _DIMENSIONS))} for text in texts]}


class GoogleGenerate:
    """generateContent, streamed and not."""

    def accepts(self, method: str, path: str) -> bool:
        return method == "POST" and _PATH.search(path) is not None

    def objection(self, request: Incoming) -> str | None:
        return objection_to(request.body, _model(request))

    def newest_first(self, body: Any) -> Iterator[Turn]:
        for content in reversed(body["contents"]):
            role = "assistant" if content["role"] == "model" else "user"
            yield Turn(role, " ".join(part.get("text", "") for part in content["parts"]))

    def offers_tools(self, body: Any) -> bool:
        return bool(body.get("tools"))

    def wants_stream(self, request: Incoming) -> bool:
        return ":streamGenerateContent" in request.path

    def whole(self, request: Incoming, reply: Reply) -> object:
        parts = [part for pieces in _parts(request, reply) for part in _joined(pieces)]
        return _chunk(request, reply, parts, finished=True)

    def events(self, request: Incoming, reply: Reply) -> Iterator[bytes]:
        pieces = [piece for pieces in _parts(request, reply) for piece in pieces]
        for piece in pieces:
            yield event(_chunk(request, reply, [piece]))
        yield event(_chunk(request, reply, [], finished=True))

    def error(self, failure: Failure) -> tuple[int, object]:
        status, name, message = _ERRORS[failure.kind]
        details = [{"reason": "API_KEY_INVALID"}] if failure.kind == "auth" else []
        code = failure.status or status
        error = {"code": code, "message": failure.message or message, "status": name, "details": details}
        return code, {"error": error}

    def error_event(self, failure: Failure) -> bytes:
        return event(self.error(failure)[1])


def _model(request: Incoming) -> str:
    found = _PATH.search(request.path)
    return found["model"] if found else ""


def _parts(request: Incoming, reply: Reply) -> Iterator[list[dict[str, Any]]]:
    """The parts of a reply, each in the pieces in which it is streamed."""
    if reply.reasoning is not None and _shows_thoughts(request.body):
        yield [{"text": piece, "thought": True} for piece in words(reply.reasoning)]
    if _is_spoiled(reply):
        return
    if reply.content:
        pieces: list[dict[str, Any]] = [{"text": piece} for piece in words(reply.content)]
        if signs(_model(request)) and not reply.calls:
            pieces.append({"text": "", "thoughtSignature": signature_of(_model(request), reply.content)})
        yield pieces
    for index, call in enumerate(reply.calls):
        function = {"id": call.id or uuid.uuid4().hex[:8], "name": call.name, "args": _arguments(call.arguments)}
        part: dict[str, Any] = {"functionCall": function}
        if index == 0 and signs(_model(request)):
            part["thoughtSignature"] = signature_of(_model(request), call.name)
        yield [part]


def _joined(pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not pieces or "text" not in pieces[0]:
        return pieces
    return [pieces[0] | pieces[-1] | {"text": "".join(piece["text"] for piece in pieces)}]


def _shows_thoughts(body: Any) -> bool:
    return bool(body.get("generationConfig", {}).get("thinkingConfig", {}).get("includeThoughts"))


def _arguments(given: object) -> object:
    return json.loads(given) if isinstance(given, str) else given


def _is_spoiled(reply: Reply) -> bool:
    """A model of this provider can't write arguments that are no JSON: the answer as a whole is then withheld."""
    try:
        for call in reply.calls:
            _arguments(call.arguments)
    except ValueError:
        return True
    return False


def _chunk(
    request: Incoming, reply: Reply, parts: list[dict[str, Any]], *, finished: bool = False
) -> dict[str, object]:
    candidate: dict[str, object] = {"index": 0}
    if parts:
        candidate["content"] = {"role": "model", "parts": parts}
    if finished:
        candidate["finishReason"] = reply.finish_reason or ("MALFORMED_FUNCTION_CALL" if _is_spoiled(reply) else "STOP")
    return {
        "candidates": [candidate],
        "usageMetadata": _usage(reply.usage),
        "modelVersion": _model(request),
        "responseId": uuid.uuid4().hex,
    }


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "cachedContentTokenCount": usage.cached,
        "totalTokenCount": usage.input + usage.output,
    }
