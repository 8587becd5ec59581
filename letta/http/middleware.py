"""What happens to every request before it reaches an endpoint. Plain ASGI, since wrapped responses cost a task each."""

import hmac
import json
import logging
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.log import request_id

logger = logging.getLogger(__name__)

_OPEN_PATHS = {"/v1/health", "/v1/ready"}
TOO_LARGE = "The request's body is too large. Send less, or raise LETTA_MAX_BODY_MB."
_BEARER = b"bearer "
_BARE = b"password "


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
    """Every answer tells the id under which the log speaks of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id") or headers.get("rndr-id")
        current = given[:64] if given and given.isprintable() else uuid.uuid4().hex[:16]
        token = request_id.set(current)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-request-id"] = current
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            request_id.reset(token)


class PasswordAuth:
    """Nothing but health and readiness is answered without the server's password."""

    def __init__(self, app: ASGIApp, password: str | None) -> None:
        self._app = app
        self._password = password.encode() if password else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._password is None or scope["path"] in _OPEN_PATHS or self._matches(scope):
            await self._app(scope, receive, send)
            return
        await answer(send, 401, {"detail": "Unauthorized"})

    def _matches(self, scope: Scope) -> bool:
        headers = dict(scope["headers"])
        bearer: bytes = headers.get(b"authorization", b"")
        bare: bytes = headers.get(b"x-bare-password", b"")
        given = [bearer[len(_BEARER) :]] if bearer.lower().startswith(_BEARER) else []
        if bare.startswith(_BARE):
            given.append(bare.removeprefix(_BARE))
        return any(hmac.compare_digest(password, self._password or b"") for password in given)


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

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
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


async def answer(send: Send, status: int, body: dict[str, str]) -> None:
    """Answer in place of the application."""
    payload = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": payload})
