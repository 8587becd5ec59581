"""The HTTP application: every room's operations under ``/v1``."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

import letta
from letta.completions.errors import ErrorsInOpenAIForm
from letta.console import endpoints as console
from letta.console.site import PREFIX as CONSOLE_FILES
from letta.http import metrics
from letta.http.auth import OPEN_PATHS, OpenPaths, PasswordAuth, ThisMachineOnly
from letta.http.cors import Cors
from letta.http.declared_size import DeclaredSize
from letta.http.error_handlers import install_error_handlers
from letta.http.json_bodies import SoundJson
from letta.http.keys import Keys
from letta.http.login_attempts import LoginAttempts
from letta.http.openapi import with_errors
from letta.http.paths import NoNul, NormalizePath
from letta.http.proxies import RENDER_PROXIES, ThroughProxies
from letta.http.request_ids import RequestIds
from letta.http.rooms import Rooms, RoomsOnFirstUse
from letta.http.scopes import Scopes
from letta.http.unknown_errors import UnknownErrors
from letta.mcp.signing_in import CALLBACK_PATH
from letta.mcp_endpoint import endpoint as mcp_endpoint
from letta.mcp_endpoint.endpoint import McpEndpoint
from letta.server.server import SyncServer
from letta.server.startup import open_server
from letta.settings import Settings
from letta.telemetry.tracing import start_tracing, stop_tracing

_ORIGINS = [
    "http://letta.localhost",
    "http://localhost:8283",
    "http://localhost:8083",
    "http://localhost:3000",
    "http://localhost:4200",
]


class _Application(FastAPI):
    """Refuses what is too large before the framework does, with an explanation; describes errors as they are."""

    trusted_proxies = 0
    origins: Sequence[str] = ()
    rooms: Rooms

    def build_middleware_stack(self) -> ASGIApp:
        app: ASGIApp = DeclaredSize(super().build_middleware_stack(), self.max_body_size or 0)
        app = ErrorsInOpenAIForm(app)
        app = Cors(app, self.origins)  # around all that answers, so that pages can read every refusal
        return ThroughProxies(RequestIds(metrics.Measured(app)), self.trusted_proxies)

    def openapi(self) -> dict[str, Any]:
        """The description of the API; made when it is first asked for."""
        if self.openapi_schema:
            return super().openapi()
        self.rooms.load_all()
        return with_errors(super().openapi())


def create_app(settings: Settings, server: SyncServer | None = None) -> FastAPI:
    """The application. Without a server that is open already, one is opened when the application starts."""
    offered = McpEndpoint(settings.max_body_bytes)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = server or open_server(settings)
        app.state.server = opened
        try:
            await opened.start()
            yield
        finally:
            await offered.stop()
            await opened.stop()
            stop_tracing()

    tracer_provider = start_tracing(settings)
    app = _Application(
        title="Letta server for Render",
        version=letta.__version__,
        summary="Stateful AI agents over the Letta V1 REST API",
        lifespan=lifespan,
        redirect_slashes=False,
        max_body_size=settings.max_body_bytes,
        telemetry={
            "tracing": tracer_provider is not None,
            "tracer_provider": tracer_provider,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": _is_untold,
        },
    )
    app.router.routes.extend(console.ROUTES)
    app.add_route(metrics.PATH, metrics.show_metrics, include_in_schema=False)
    app.router.routes.append(Route(mcp_endpoint.PATH, offered, methods=["POST"], include_in_schema=False))
    app.rooms = Rooms(app.router.routes)
    install_error_handlers(app)
    app.origins = [*_ORIGINS, *(each.strip() for each in settings.acceptable_origins.split(",") if each.strip())]
    app.trusted_proxies = _trusted_proxies(settings)
    _add_middleware(app, settings)
    return app


def _add_middleware(app: _Application, settings: Settings) -> None:
    """What a request passes on its way to the operations; what is added first stands next to them."""

    def opened_server() -> SyncServer:
        opened: SyncServer = app.state.server
        return opened

    attempts = LoginAttempts()
    further = {"/", CALLBACK_PATH, *({metrics.PATH} if settings.metrics_public else ())}
    open_paths = OpenPaths(OPEN_PATHS | further, prefixes=(CONSOLE_FILES,))
    app.add_middleware(metrics.RouteNoted)
    app.add_middleware(Scopes)
    app.add_middleware(RoomsOnFirstUse, rooms=app.rooms)
    app.add_middleware(SoundJson, room=2 * settings.max_body_bytes)
    app.add_middleware(NoNul)
    if settings.server_password:
        password = settings.server_password.get_secret_value()
        app.add_middleware(PasswordAuth, password=password, attempts=attempts, open_paths=open_paths)
    else:
        any_host = settings.allow_no_password
        app.add_middleware(ThisMachineOnly, origins=app.origins, any_host=any_host, open_paths=open_paths)
    app.add_middleware(Keys, server=opened_server, attempts=attempts, open_paths=open_paths)
    app.add_middleware(NormalizePath)
    app.add_middleware(UnknownErrors)


def _is_untold(scope: Scope) -> bool:
    """Whether it is a request that monitors repeat day and night, or one whose address is secret."""
    return scope["path"].rstrip("/").replace("/latest/", "/v1/") in {*OPEN_PATHS, metrics.PATH, CALLBACK_PATH}


def _trusted_proxies(settings: Settings) -> int:
    if settings.trusted_proxies is not None:
        return settings.trusted_proxies
    return RENDER_PROXIES if settings.render else 0
