"""What happens to every request before it reaches an endpoint. Plain ASGI, since wrapped responses cost a task each."""

import json
import logging
import re
import uuid
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.log import request_id
from letta.telemetry.tracing import note_here

logger = logging.getLogger(__name__)

TOO_LARGE = "The request's body is too large. Send less, or raise LETTA_MAX_BODY_MB."
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


def on_start(send: Send, look: Callable[[Message], None]) -> Send:
    """A way to send an answer on which somebody looks at its beginning, and may change it."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            look(message)
        await send(message)

    return send_on


class NormalizePath:
    """``/latest/…`` is ``/v1/…``, and a slash at the end makes no difference."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith("/latest/"):
                path = "/v1/" + path.removeprefix("/latest/")
            if len(path) > 1 and path.endswith("/"):
                path = path.rstrip("/") or "/"
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


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


class NoNul:
    """Refuses addresses that contain a NUL character: no text in Postgres does, and a query for one would fail."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            detail = "INVALID_ARGUMENT: The address contains a NUL character (%00). Leave it out."
            await answer(send, 400, {"detail": detail})
            return
        await self._app(scope, receive, send)


class UnknownErrors:
    """Answers and logs what nobody foresaw. Within what gives every answer its id, unlike the framework's handler."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        def note(_start: Message) -> None:
            nonlocal started
            started = True

        try:
            await self._app(scope, receive, on_start(send, note))
        except HTTPException:
            raise
        except Exception:
            logger.exception("%s %s failed", scope["method"], scope["path"])
            if not started:
                await answer(send, 500, {"detail": "An unknown error occurred"})


class DeclaredSize:
    """Refuses a body by the length that it declares, in words; the framework counts what really comes."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if length.isdigit() and int(length) > self._limit:
            await answer(send, 413, {"detail": TOO_LARGE})
            return
        await self._app(scope, receive, send)


async def answer(send: Send, status: int, body: dict[str, str], further: Mapping[str, str] | None = None) -> None:
    """Answer in place of the application, with further headers if there are any."""
    payload = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in (further or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})
