"""The console at ``/``: files without secrets, for everybody. All data come through the API, to who may see them."""

import hashlib
from functools import cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from letta.console import parts
from letta.console.site import PREFIX, Site

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""What models write can neither run nor load anything, nor be sent anywhere, whatever a page makes of it."""
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"


@cache
def _complete_site() -> Site:
    return Site()


def _site() -> Site:
    """The site as it is. Where parts are missing it is looked at anew each time, since they may come."""
    return Site() if parts.missing() else _complete_site()


async def show_page(request: Request) -> Response:
    """The console."""
    content = _site().page().encode()
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": _ASK_AGAIN, "ETag": _tag(content)}
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="text/html", headers=headers)


async def send_file(request: Request) -> Response:
    """A file of the console. Pages that an older server sent may ask for files of theirs: they get the current ones."""
    site = _site()
    found = site.file(request.path_params["name"])
    if found is None:
        return Response("There is no such file in the console.", status_code=404, media_type="text/plain")
    current = request.path_params["version"] == site.version
    headers = {
        "Cache-Control": _FOR_EVER if current else _ASK_AGAIN,
        "ETag": _tag(found.content),
        "Vary": "Accept-Encoding",
    }
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    compressed = "gzip" in request.headers.get("accept-encoding", "")
    if compressed:
        headers["Content-Encoding"] = "gzip"
    content = found.compressed if compressed else found.content
    return Response(content, headers=headers | {"Content-Type": found.content_type})


def _tag(content: bytes) -> str:
    return f'W/"{hashlib.sha256(content).hexdigest()[:16]}"'


def _has(request: Request, tag: str) -> bool:
    """Whether the browser has this already."""
    given = {part.strip() for part in request.headers.get("if-none-match", "").split(",")}
    return tag in given


ROUTES = (
    Route("/", show_page, include_in_schema=False),
    Route(PREFIX + "{version}/{name:path}", send_file, include_in_schema=False),
)
