"""What each request comes to, for the server's figures; and the figures themselves, as Prometheus asks for them."""

import asyncio
import logging
import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from letta.database.migrations import HEAD
from letta.http.answering import on_start
from letta.server.server import SyncServer
from letta.telemetry import metrics
from letta.telemetry.instruments import OTHER
from letta.telemetry.lag import LagMeter

logger = logging.getLogger(__name__)

PATH = "/metrics"

_NO_ROUTE = "none"
"""Of what is refused before a route is looked for, isn't found, or isn't of the API."""
_SEEN = "letta.route"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_NEVER_ANSWERED = 499
"""Where the client had gone before."""

_lag = LagMeter()


class Measured:
    """Counts and times every request under the template of its route, which `RouteNoted` finds."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = _NEVER_ANSWERED

        def note(start: Message) -> None:
            nonlocal status
            status = start["status"]

        began = time.perf_counter()
        seen = scope[_SEEN] = [_NO_ROUTE]
        metrics.requests_in_progress.add()
        try:
            await self._app(scope, receive, on_start(send, note))
        finally:
            metrics.requests_in_progress.add(amount=-1)
            _note(scope["method"], seen[0], status, time.perf_counter() - began)


class RouteNoted:
    """Stands next to the routes, where it is known which of them was taken; others may have copied the scope before."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        finally:
            if _SEEN in scope and "route" in scope:
                scope[_SEEN][0] = scope["route"].path


def _note(method: str, route: str, status: int, seconds: float) -> None:
    method = method if method in _METHODS else OTHER
    metrics.requests.add(method, route, str(status))
    metrics.request_seconds.observe(seconds, method, route)
    logger.debug("%s %s: %s in %.1f ms", method, route, status, seconds * 1000)


async def show_metrics(request: Request) -> Response:
    """The server's figures. Asks neither the database nor anybody else."""
    from letta.telemetry.exposition import exposition

    _lag.keep_on()
    server: SyncServer = request.app.state.server
    accept = request.headers.get("accept", "")
    body, content_type = await asyncio.to_thread(exposition, accept, server.gauges(), HEAD)
    return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})
