"""The HTTP application: every room's operations under ``/v1``."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

import letta
from letta.access import endpoints as access
from letta.agent_files import endpoints as agent_files
from letta.agents import block_endpoints, file_endpoints, folder_endpoints, tool_endpoints
from letta.agents import endpoints as agents
from letta.archives import agent_endpoints as archival_memory
from letta.archives import deleted_endpoints as deleted_passages
from letta.archives import endpoints as archives
from letta.archives import storage_endpoints as embeddings
from letta.blocks import endpoints as blocks
from letta.blocks import history_endpoints as block_history
from letta.completions import endpoints as completions
from letta.completions import openai_endpoints as openai
from letta.completions.errors import ErrorsInOpenAIForm
from letta.console import endpoints as console
from letta.console.site import PREFIX as CONSOLE_FILES
from letta.conversations import endpoints as conversations
from letta.doctor import endpoints as doctor
from letta.folders import endpoints as folders
from letta.groups import endpoints as groups
from letta.http import health
from letta.http import metrics as figures
from letta.http.auth import OPEN_PATHS, OpenPaths, PasswordAuth, ThisMachineOnly
from letta.http.cors import Cors
from letta.http.error_handlers import install_error_handlers
from letta.http.json_bodies import SoundJson
from letta.http.keys import Keys
from letta.http.login_attempts import LoginAttempts
from letta.http.middleware import DeclaredSize, NoNul, NormalizePath, RequestIds, UnknownErrors
from letta.http.openapi import with_errors
from letta.http.proxies import RENDER_PROXIES, ThroughProxies
from letta.http.scopes import Scopes
from letta.identities import attaching_endpoints as identity_attaching
from letta.identities import endpoints as identities
from letta.internals import endpoints as internals
from letta.jobs import batch_endpoints as batches
from letta.jobs import endpoints as jobs
from letta.mcp import endpoints as mcp
from letta.mcp import oauth_endpoints as mcp_oauth
from letta.mcp import older_endpoints as older_mcp
from letta.mcp.signing_in import CALLBACK_PATH
from letta.mcp_endpoint import endpoint as mcp_endpoint
from letta.mcp_endpoint.endpoint import McpEndpoint
from letta.messages import compaction_endpoints
from letta.messages import endpoints as messages
from letta.messages import search_endpoints as message_search
from letta.organizations import endpoints as organizations
from letta.providers import endpoints as models
from letta.providers import provider_endpoints as providers
from letta.runs import endpoints as runs
from letta.sandbox_configs import endpoints as sandbox_configs
from letta.schedules import endpoints as schedules
from letta.server.server import SyncServer
from letta.server.startup import open_server
from letta.settings import Settings
from letta.steps import endpoints as steps
from letta.tags import endpoints as tags
from letta.telemetry.tracing import start_tracing, stop_tracing
from letta.templates import endpoints as templates
from letta.tools import endpoints as tools
from letta.webhooks import endpoints as webhooks

_ORIGINS = [
    "http://letta.localhost",
    "http://localhost:8283",
    "http://localhost:8083",
    "http://localhost:3000",
    "http://localhost:4200",
    "https://app.letta.com",
]
_ROUTERS = (
    batches.router,  # before messages, among whose ids it would be looked for
    messages.router,  # what is asked for most comes first: routes are tried one after the other
    health.router,
    access.router,
    agent_files.router,
    agents.router,
    block_endpoints.router,
    file_endpoints.router,
    folder_endpoints.router,
    tool_endpoints.router,
    archival_memory.router,
    archives.router,
    archives.passages_router,
    embeddings.router,
    deleted_passages.router,
    blocks.router,
    block_history.router,
    compaction_endpoints.router,
    completions.router,
    conversations.router,
    doctor.router,
    folders.router,
    folders.sources_router,
    groups.router,
    groups.agents_router,
    identities.router,
    identity_attaching.router,
    internals.router,
    jobs.router,
    mcp.router,
    mcp_oauth.router,
    older_mcp.router,
    message_search.router,
    openai.router,
    organizations.router,
    models.router,
    providers.router,
    runs.router,
    runs.internal_router,
    schedules.router,
    sandbox_configs.router,
    steps.router,
    tags.router,
    templates.router,
    tools.router,
    webhooks.router,
)


class _Application(FastAPI):
    """Refuses what is too large before the framework does, with an explanation; describes errors as they are."""

    trusted_proxies = 0
    origins: Sequence[str] = ()

    def build_middleware_stack(self) -> ASGIApp:
        app: ASGIApp = DeclaredSize(super().build_middleware_stack(), self.max_body_size or 0)
        app = ErrorsInOpenAIForm(app)
        app = Cors(app, self.origins)  # around all that answers, so that pages can read every refusal
        return ThroughProxies(RequestIds(figures.Measured(app)), self.trusted_proxies)

    def openapi(self) -> dict[str, Any]:
        """The description of the API; made when it is first asked for."""
        return super().openapi() if self.openapi_schema else with_errors(super().openapi())


def create_app(settings: Settings, server: SyncServer | None = None) -> FastAPI:
    """The application. Without a server that is open already, one is opened when the application starts."""
    max_body_size = settings.max_body_mb * 1024 * 1024
    offered = McpEndpoint(max_body_size)

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

    def opened_server() -> SyncServer:
        opened: SyncServer = app.state.server
        return opened

    tracer_provider = start_tracing(settings)
    app = _Application(
        title="Letta server for Render",
        version=letta.__version__,
        summary="Stateful AI agents over the Letta V1 REST API",
        lifespan=lifespan,
        redirect_slashes=False,
        max_body_size=max_body_size,
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
    for router in _ROUTERS:
        app.router.routes.extend(router.routes)  # include_router would build every route, and its models, once more
    app.router.routes.extend(console.ROUTES)
    app.add_route(figures.PATH, figures.show_metrics, include_in_schema=False)
    app.router.routes.append(Route(mcp_endpoint.PATH, offered, methods=["POST"], include_in_schema=False))
    install_error_handlers(app)
    origins = [*_ORIGINS, *(origin.strip() for origin in settings.acceptable_origins.split(",") if origin.strip())]
    attempts = LoginAttempts()
    app.add_middleware(figures.RouteNoted)
    app.add_middleware(Scopes)
    app.add_middleware(SoundJson, room=2 * max_body_size)
    app.add_middleware(NoNul)
    further = {"/", CALLBACK_PATH, *({figures.PATH} if settings.metrics_public else ())}
    open_paths = OpenPaths(OPEN_PATHS | further, prefixes=(CONSOLE_FILES,))
    if settings.server_password:
        password = settings.server_password.get_secret_value()
        app.add_middleware(PasswordAuth, password=password, attempts=attempts, open_paths=open_paths)
    else:
        app.add_middleware(ThisMachineOnly, origins=origins, any_host=settings.allow_no_password, open_paths=open_paths)
    app.add_middleware(Keys, server=opened_server, attempts=attempts, open_paths=open_paths)
    app.add_middleware(NormalizePath)
    app.add_middleware(UnknownErrors)
    app.origins = origins
    app.trusted_proxies = _trusted_proxies(settings)
    return app


def _is_untold(scope: Scope) -> bool:
    """Whether it is a request that monitors repeat day and night, or one whose address is secret."""
    return scope["path"].rstrip("/").replace("/latest/", "/v1/") in {*OPEN_PATHS, figures.PATH, CALLBACK_PATH}


def _trusted_proxies(settings: Settings) -> int:
    if settings.trusted_proxies is not None:
        return settings.trusted_proxies
    return RENDER_PROXIES if settings.render else 0
