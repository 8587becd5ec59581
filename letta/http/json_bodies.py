"""JSON in requests that nothing behind could store or send again: refused where it enters, naming the field."""

import json
import re
from collections.abc import Iterator
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.http.middleware import answer

MOST_LEVELS = 100
"""Lists and objects within each other. Encoders of JSON give up at 255 or so."""

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]")
"""What halves of surrogate pairs, and NUL, can be written as; and whole pairs."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPOKEN = {"content", "input", "messages", "reason", "reasoning", "text", "tool_return"}
"""In what is said, NUL is left out when it is stored; people paste such text."""
_UNSOUND = "a NUL character or half of a surrogate pair"
_MOST_NAMES = 8
_BODILESS = {"GET", "HEAD", "OPTIONS"}

Place = tuple[str, ...]


class SoundJson:
    """Refuses bodies that are nested too deeply, or hold characters that no database and no client can take."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _BODILESS or not _is_json(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        body = await _whole(receive)
        problem = None if body is None else _problem(body)
        if problem is not None:
            await answer(send, 422, {"trace_id": "", "detail": problem})
            return
        await self._app(scope, _once(body, receive), send)


def _is_json(headers: Headers) -> bool:
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


async def _whole(receive: Receive) -> bytes | None:
    """The body; None where the client went away meanwhile."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _once(body: bytes | None, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.disconnect"}]
    if body is not None:
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _problem(body: bytes) -> str | None:
    """Why this body is refused; None too where it is no JSON, which is told elsewhere."""
    brackets = body.count(b"[") + body.count(b"{")
    if brackets <= MOST_LEVELS and not _SUSPECT.search(body):
        return None
    try:
        document = json.loads(body)
    except RecursionError:
        return _too_deep(("body",))
    except ValueError:
        return None
    return next(_problems(document), None)


def _problems(document: Any) -> Iterator[str]:
    waiting: list[tuple[Place, Any]] = [(("body",), document)]
    while waiting:
        place, part = waiting.pop()
        if len(place) > MOST_LEVELS:
            yield _too_deep(place)
        elif isinstance(part, dict):
            waiting += [((*place, key), value) for key, value in part.items()]
            waiting += [((*place, _shown(key)), key) for key in part if not key.isprintable()]
        elif isinstance(part, list):
            waiting += [((*place, str(number)), value) for number, value in enumerate(part)]
        elif isinstance(part, str) and not _is_sound(place, part):
            yield f"{_named(place)}: Value contains {_UNSOUND}. Remove it (string_unicode)"


def _is_sound(place: Place, text: str) -> bool:
    if "\0" in text and not (len(place) > 1 and place[1] in _SPOKEN and place[-1] in _SPOKEN):
        return False
    return text.isascii() or not _SURROGATE.search(text)


def _too_deep(place: Place) -> str:
    return f"{_named(place)}: Value is nested more than {MOST_LEVELS} levels deep. Flatten it (recursion_loop)"


def _named(place: Place) -> str:
    shown = [_shown(name) for name in place[:_MOST_NAMES]]
    return ".".join(shown) + ("…" if len(place) > _MOST_NAMES else "")


def _shown(name: str) -> str:
    return name[:80].encode(errors="backslashreplace").decode().replace("\0", "\\0")
