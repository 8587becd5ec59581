"""The id of each request, and what every answer tells browsers."""

import re
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.http.answering import on_start
from letta.log import request_id
from letta.telemetry.tracing import note_here

_SAFETY = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
"""What every answer tells browsers, unless it says something else itself."""
_NOT_KEPT = (b"cache-control", b"no-store")
_ENCRYPTED_FROM_NOW_ON = (b"strict-transport-security", b"max-age=31536000")
REQUEST_ID = "letta.request_id"
"""Where a request's scope tells its id."""
_SOUND_ID = re.compile(r"[\w.:/+=@-]{1,64}", re.ASCII)
"""Ids of clients that are taken over: such as can't be mistaken for another part of a line of the log."""


class RequestIds:
    """Every answer tells the id under which the log speaks of the request, and what browsers must not do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = (headers.get("x-request-id") or headers.get("rndr-id") or "")[:64]
        current = scope[REQUEST_ID] = given if _SOUND_ID.fullmatch(given) else new_request_id()
        token = request_id.set(current)
        note_here(lambda: {"letta.request.id": current})

        def add_headers(start: Message) -> None:
            headers = MutableHeaders(scope=start)
            headers["x-request-id"] = current
            _make_safe(headers, scope)

        try:
            await self._app(scope, receive, on_start(send, add_headers))
        finally:
            request_id.reset(token)


def new_request_id() -> str:
    """An id for a request that brings none of its own."""
    return uuid.uuid4().hex[:16]


def headers_of_refusals(current: str) -> list[tuple[bytes, bytes]]:
    """What the answer to a request that never became one tells all the same."""
    return [(b"x-request-id", current.encode()), *_SAFETY, _NOT_KEPT]


def _make_safe(headers: MutableHeaders, scope: Scope) -> None:
    """Add what isn't there; in one go, since this happens to every answer."""
    present = {name for name, _ in headers.raw}
    added = [*_SAFETY]
    if scope["path"].startswith(("/v1/", "/latest/", "/openai/", "/mcp")):
        added.append(_NOT_KEPT)
    if scope["scheme"] == "https":
        added.append(_ENCRYPTED_FROM_NOW_ON)
    headers.raw.extend(header for header in added if header[0] not in present)
