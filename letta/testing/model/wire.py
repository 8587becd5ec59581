"""What a provider's wire format has to offer, and what the HTTP server plays."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from letta.testing.model.book import ScriptBook, Turn
from letta.testing.model.script import Failure, Reply

MALFORMED = b'{"this is": not JSON'


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it arrived. `headers` has lower-case names, `key` is the API key without its prefix."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    key: str | None
    body: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply in bytes. A streamed one is sent part by part, each as one chunk.

    `cut_after` closes the connection behind that many parts; 0 before the status line.
    """

    parts: Sequence[bytes]
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    streamed: bool = False
    delay: float = 0.0
    chunk_delay: float = 0.0
    hold: str | None = None
    cut_after: int | None = None


class Wire(Protocol):
    """How one provider's chat requests are read and its replies written."""

    def accepts(self, method: str, path: str) -> bool:
        """Whether a request to this path is a chat request of this provider."""

    def objection(self, request: Incoming) -> str | None:
        """What the provider would find wrong with the request: it is refused with these words."""

    def newest_first(self, body: Any) -> Iterator[Turn]:
        """The messages of the request, the last one first."""

    def offers_tools(self, body: Any) -> bool: ...

    def wants_stream(self, request: Incoming) -> bool: ...

    def whole(self, request: Incoming, reply: Reply) -> object:
        """The reply as one JSON value."""

    def events(self, request: Incoming, reply: Reply) -> Iterator[bytes]:
        """The reply as encoded server-sent events."""

    def error(self, failure: Failure) -> tuple[int, object]:
        """Status and JSON body of an error answer."""

    def error_event(self, failure: Failure) -> bytes:
        """The error as it appears in the middle of a stream."""


def json_answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer([json.dumps(value).encode()], status=status, headers=headers or {})


def chat_answer(wire: Wire, request: Incoming, book: ScriptBook) -> Answer:
    """The answer to a chat request: the reply its script names, or the failure that is due."""
    if request.key is not None and request.key.startswith("bad"):
        return failed_answer(wire, Failure("auth"))
    objection = wire.objection(request)
    if objection is not None:
        return failed_answer(wire, Failure("bad_request", message=objection))
    turns = wire.newest_first(request.body)
    choice = book.choose(turns, offers_tools=wire.offers_tools(request.body))
    reply, failure = choice.reply, book.failure_due(choice)
    streamed = wire.wants_stream(request)
    if failure is not None and failure.after is None:
        answer = failed_answer(wire, failure)
    elif streamed:
        events = list(wire.events(request, reply))
        answer = Answer(events, content_type="text/event-stream", streamed=True, chunk_delay=reply.chunk_delay)
        if failure is not None:
            answer = _break_off(wire, answer, failure)
    else:
        answer = json_answer(wire.whole(request, reply))
        if failure is not None:
            answer = failed_answer(wire, failure)
    return replace(answer, delay=reply.delay, hold=choice.key if reply.hold else None)


def failed_answer(wire: Wire, failure: Failure) -> Answer:
    """The failure in place of a reply."""
    if failure.kind == "cut":
        return Answer([b"{"], streamed=True, cut_after=1 if failure.after else 0)
    if failure.kind == "malformed":
        return Answer([MALFORMED], status=failure.status or 200)
    status, body = wire.error(failure)
    return json_answer(body, status, _retry_headers(failure))


def _break_off(wire: Wire, answer: Answer, failure: Failure) -> Answer:
    sent = list(answer.parts[: failure.after])
    if failure.kind == "cut":
        return replace(answer, parts=sent, cut_after=len(sent))
    last = b"data: " + MALFORMED + b"\n\n" if failure.kind == "malformed" else wire.error_event(failure)
    return replace(answer, parts=[*sent, last])


def _retry_headers(failure: Failure) -> dict[str, str]:
    if failure.retry_after is None or failure.kind not in ("rate_limit", "server", "overloaded"):
        return {}
    return {"retry-after": f"{failure.retry_after:g}", "retry-after-ms": f"{failure.retry_after * 1000:g}"}
