"""Which sites' pages may read answers."""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from letta.http.keys import key_of

_SHOWN = ["Retry-After", "X-Request-Id"]


class Cors:
    """Pages of the sites named in the settings read all answers; others those to requests that carry a key.

    A page of any site may ask whether it could send a key, since browsers ask without it. Whether the key is for that
    site is seen when it comes. No page gets anything by what a browser would add by itself.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._origins = frozenset(origins)
        any_method = {"allow_methods": ["*"], "allow_headers": ["*"], "expose_headers": _SHOWN}
        self._named = CORSMiddleware(app, allow_origins=origins, allow_credentials=True, **any_method)  # type: ignore[arg-type]
        self._with_a_key = CORSMiddleware(app, allow_origins=["*"], **any_method)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        by_key = scope["type"] == "http" and self._is_by_key(scope)
        await (self._with_a_key if by_key else self._named)(scope, receive, send)

    def _is_by_key(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if headers.get("origin", "") in self._origins:
            return False
        wanted = headers.get("access-control-request-headers", "")
        asks_first = scope["method"] == "OPTIONS" and "access-control-request-method" in headers
        if asks_first:
            return "authorization" in (name.strip().lower() for name in wanted.split(","))
        return key_of(scope) is not None
