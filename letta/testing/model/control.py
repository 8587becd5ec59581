"""How a scripted model in a process of its own is told its scripts: plain JSON over HTTP.

GET  /_health
POST /_script    {"key": …, "scenario": {"steps": [Reply, …], "without_tools": Reply | null}}
POST /_default   Reply
POST /_fail      {"path": …, "failure": Failure | null}
POST /_release   {"key": …}
POST /_reset
GET  /_requests?containing=…&path=…
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from letta.testing.model.recorder import RecordedRequest
from letta.testing.model.script import Failure, Reply, Scenario
from letta.testing.model.stage import Stage
from letta.testing.model.wire import Answer, json_answer

T = TypeVar("T")


@dataclass(frozen=True)
class _Script:
    key: str
    scenario: Scenario


@dataclass(frozen=True)
class _Fail:
    path: str
    failure: Failure | None = None


@dataclass(frozen=True)
class _Key:
    key: str


class Control:
    """Serves the control paths of one stage; `release` lets the held replies of a script go."""

    def __init__(self, stage: Stage, release: Callable[[str], None]) -> None:
        self._stage = stage
        self._release = release

    def answer(self, method: str, path: str, query: Mapping[str, str], raw: bytes) -> Answer:
        try:
            return json_answer(self._do(f"{method} {path}", query, raw))
        except ValueError as error:
            return json_answer({"error": str(error)}, status=400)

    def _do(self, operation: str, query: Mapping[str, str], raw: bytes) -> object:
        match operation:
            case "GET /_health":
                return {"ok": True}
            case "GET /_requests":
                found = self._stage.recorder.find(query.get("containing", ""), query.get("path", ""))
                return [encode_request(request) for request in found]
            case "POST /_script":
                script = _parse(_Script, raw)
                self._stage.book.register(script.key, script.scenario)
            case "POST /_default":
                self._stage.book.set_default(_parse(Reply, raw))
            case "POST /_fail":
                fail = _parse(_Fail, raw)
                self._stage.book.break_path(fail.path, fail.failure)
            case "POST /_release":
                self._release(_parse(_Key, raw).key)
            case "POST /_reset":
                self._stage.reset()
            case _:
                raise ValueError(f"no such control operation: {operation}")
        return {"ok": True}


def encode_request(request: RecordedRequest) -> dict[str, object]:
    return {
        "method": request.method,
        "path": request.path,
        "headers": dict(request.headers),
        "raw": base64.b64encode(request.raw).decode(),
        "key_fingerprint": request.key_fingerprint,
        "at": request.at,
        "outcome": request.outcome,
    }


def decode_request(value: dict[str, Any]) -> RecordedRequest:
    return RecordedRequest(**{**value, "raw": base64.b64decode(value["raw"])})


def _parse(kind: type[T], raw: bytes) -> T:
    # Loaded here because a scripted model in the same process never needs it.
    from pydantic import TypeAdapter

    return TypeAdapter(kind).validate_json(raw)
