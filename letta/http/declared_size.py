"""Bodies that are too large, as they say themselves."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from letta.http.answering import answer

TOO_LARGE = "The request's body is too large. Send less, or raise LETTA_MAX_BODY_MB."


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
