"""Paths as the operations have them."""

from starlette.types import ASGIApp, Receive, Scope, Send

from letta.http.answering import answer


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


class NoNul:
    """Refuses addresses that contain a NUL character: no text in Postgres does, and a query for one would fail."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            detail = "INVALID_ARGUMENT: The URL contains a NUL character (%00). Remove it."
            await answer(send, 400, {"detail": detail})
            return
        await self._app(scope, receive, send)
