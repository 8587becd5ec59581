"""The HTTP application: every room's operations under ``/v1``."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse
from starlette.types import ASGIApp

import letta
from letta.agent_files import endpoints as agent_files
from letta.agents import block_endpoints, folder_endpoints, tool_endpoints
from letta.agents import endpoints as agents
from letta.archives import agent_endpoints as archival_memory
from letta.archives import endpoints as archives
from letta.blocks import endpoints as blocks
from letta.completions import endpoints as completions
from letta.conversations import endpoints as conversations
from letta.folders import endpoints as folders
from letta.http import health
from letta.http.error_handlers import install_error_handlers
from letta.http.json_bodies import SoundJson
from letta.http.middleware import DeclaredSize, NoNul, NormalizePath, PasswordAuth, RequestIds, UnknownErrors
from letta.http.openapi import with_errors
from letta.messages import compaction_endpoints
from letta.messages import endpoints as messages
from letta.messages import search_endpoints as message_search
from letta.providers import endpoints as providers
from letta.runs import endpoints as runs
from letta.server.server import SyncServer
from letta.server.startup import open_server
from letta.settings import Settings
from letta.steps import endpoints as steps
from letta.tags import endpoints as tags
from letta.tools import endpoints as tools

_ORIGINS = [
    "http://letta.localhost",
    "http://localhost:8283",
    "http://localhost:8083",
    "http://localhost:3000",
    "http://localhost:4200",
    "https://app.letta.com",
]
_ROUTERS = (
    agent_files.router,
    agents.router,
    block_endpoints.router,
    folder_endpoints.router,
    tool_endpoints.router,
    archival_memory.router,
    archives.router,
    archives.passages_router,
    blocks.router,
    compaction_endpoints.router,
    completions.router,
    conversations.router,
    folders.router,
    folders.sources_router,
    health.router,
    messages.router,
    message_search.router,
    providers.router,
    runs.router,
    runs.internal_router,
    steps.router,
    tags.router,
    tools.router,
)


class _Application(FastAPI):
    """Refuses what is too large before the framework does, with an explanation; describes errors as they are."""

    def build_middleware_stack(self) -> ASGIApp:
        return DeclaredSize(super().build_middleware_stack(), self.max_body_size or 0)

    def openapi(self) -> dict[str, Any]:
        """The description of the API; made when it is first asked for."""
        return super().openapi() if self.openapi_schema else with_errors(super().openapi())


def create_app(settings: Settings, server: SyncServer | None = None) -> FastAPI:
    """The application. Without a server that is open already, one is opened when the application starts."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = server or open_server(settings)
        app.state.server = opened
        try:
            await opened.start()
            yield
        finally:
            await opened.stop()

    max_body_size = settings.max_body_mb * 1024 * 1024
    app = _Application(
        title="Letta server for Render",
        version=letta.__version__,
        summary="Stateful AI agents over the Letta V1 REST API",
        lifespan=lifespan,
        redirect_slashes=False,
        max_body_size=max_body_size,
    )
    for router in _ROUTERS:
        app.router.routes.extend(router.routes)  # include_router would build every route, and its models, once more
    app.add_route("/", _to_description, include_in_schema=False)
    install_error_handlers(app)
    password = settings.server_password.get_secret_value() if settings.server_password else None
    app.add_middleware(SoundJson)
    app.add_middleware(NoNul)
    app.add_middleware(PasswordAuth, password=password)
    app.add_middleware(NormalizePath)
    app.add_middleware(UnknownErrors)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[*_ORIGINS, *(origin for origin in settings.acceptable_origins.split(",") if origin)],
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
    )
    app.add_middleware(RequestIds)
    return app


async def _to_description(_request: Request) -> RedirectResponse:
    """Who opens the server's address in a browser sees what it can do."""
    return RedirectResponse("/docs")
