"""JSON in requests that nothing behind could store or send again: refused where it enters, naming the field."""

import json
import re
from collections.abc import Iterator
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.http.answering import answer

MOST_LEVELS = 100
"""Lists and objects within each other. Encoders of JSON give up at 255 or so."""

MOST_VALUES = 500_000
"""Values in one body. A list of empty lists takes thirty times the memory of its text, and seconds to read."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string; or the beginning of one, so that a quote which is never closed is looked at once."""
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]")
"""What halves of surrogate pairs, and NUL, can be written as; and whole pairs."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPOKEN = {"content", "input", "messages", "reason", "reasoning", "text", "tool_return"}
"""In what is said, NUL is left out when it is stored; people paste such text."""
_UNSOUND = "a NUL character or half of a surrogate pair"
_MOST_NAMES = 8
_NO_ROOM = "The server is reading other large requests and has no memory for another one. Try again in a moment."
_BODILESS = {"GET", "HEAD", "OPTIONS"}

Place = tuple[str, ...]


class SoundJson:
    """Refuses bodies that are nested too deeply, or hold characters that no database and no client can take.

    Bodies stay in memory until their requests are answered: all of them together take no more than the room there is.
    """

    def __init__(self, app: ASGIApp, room: int) -> None:
        self._app = app
        self._room = _Room(room)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _BODILESS or not _is_json(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        body = _Body(self._room)
        try:
            whole = await body.read(receive)
            problem = None if whole is None else _problem(whole)
            if problem is None:
                await self._app(scope, _once(whole, receive), send)
            else:
                await answer(send, 422, {"trace_id": "", "detail": problem})
        except _NoRoomError:
            await answer(send, 503, {"detail": _NO_ROOM}, {"Retry-After": "2"})
        finally:
            body.leave()


class _NoRoomError(Exception):
    """The bodies of other requests take all the memory that there is for them."""


class _Room:
    """How many bytes there is room for."""

    def __init__(self, left: int) -> None:
        self.left = left


class _Body:
    """A body that takes up room."""

    def __init__(self, room: _Room) -> None:
        self._room = room
        self._size = 0

    async def read(self, receive: Receive) -> bytes | None:
        """All of it; None where the client went away meanwhile."""
        parts: list[bytes] = []
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            part: bytes = message.get("body", b"")
            self._size += len(part)
            self._room.left -= len(part)
            if self._room.left < 0:
                raise _NoRoomError
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)

    def leave(self) -> None:
        """Give its room back."""
        self._room.left += self._size


def _is_json(headers: Headers) -> bool:
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _once(body: bytes | None, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.disconnect"}]
    if body is not None:
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _problem(body: bytes) -> str | None:
    """Why this body is refused; None too where it is no JSON, which is told elsewhere."""
    if not json.detect_encoding(body).startswith("utf-8"):  # in others, what is looked for below looks otherwise
        return "body: JSON is sent as UTF-8, and this is UTF-16 or UTF-32. Encode it anew (string_unicode)"
    if _has_too_many_values(body):
        return f"body: The body contains more than {MOST_VALUES} values. Send them in several requests (too_long)"
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


def _has_too_many_values(body: bytes) -> bool:
    """Whether there are more separators and brackets than there may be values, those within strings aside."""
    if _separators(body, 0, len(body)) <= MOST_VALUES:
        return False
    found, end = 0, 0
    for strings, match in enumerate(_STRING.finditer(body)):
        found += _separators(body, end, match.start())
        end = match.end()
        if found > MOST_VALUES or strings > 2 * MOST_VALUES:
            return True
    return found + _separators(body, end, len(body)) > MOST_VALUES


def _separators(body: bytes, start: int, end: int) -> int:
    return body.count(b",", start, end) + body.count(b"[", start, end) + body.count(b"{", start, end)


def _problems(document: Any) -> Iterator[str]:
    """Of a document, part by part; what is still to be looked at takes no more memory than the document is deep."""
    waiting: list[Iterator[tuple[Place, Any]]] = [iter([(("body",), document)])]
    while waiting:
        place, part = next(waiting[-1], (None, None))
        if place is None:
            waiting.pop()
        elif len(place) > MOST_LEVELS:
            yield _too_deep(place)
        elif isinstance(part, dict | list):
            waiting.append(_parts(place, part))
        elif isinstance(part, str) and not _is_sound(place, part):
            yield f"{_named(place)}: Value contains {_UNSOUND}. Remove it (string_unicode)"


def _parts(place: Place, whole: dict[str, Any] | list[Any]) -> Iterator[tuple[Place, Any]]:
    if isinstance(whole, list):
        yield from (((*place, str(number)), value) for number, value in enumerate(whole))
        return
    for key, value in whole.items():
        if not key.isprintable():
            yield (*place, _shown(key)), key
        yield (*place, key), value


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
