"""Serving until SIGTERM."""

import asyncio
import gc
import math
import resource
import secrets
import signal
import socket
import sys
from types import FrameType

import uvicorn
from pydantic import SecretStr

from letta.config import LettaConfig
from letta.http.app import create_app
from letta.log import configure_logging
from letta.redaction import remember_settings
from letta.server.http_protocol import patient_protocol
from letta.server.listening import bound
from letta.server.policy import check_settings
from letta.server.server import SyncServer
from letta.server.startup import open_server
from letta.server.summary import print_summary
from letta.settings import Settings

_KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep idle connections, so that it's never we who close one that is about to be used."""
_LAST_SECONDS = 10
"""Of the grace after SIGTERM, what is left for handing over and closing once turns have had their time."""
_OPEN_FILES = 8192
_OBJECTS_TO_COLLECT = 10_000
"""How many new objects garbage is looked for after. A turn holds thousands at a time, which all go by themselves."""


def serve(settings: Settings, *, debug: bool = False) -> None:
    """Open the server and serve in this process, with one worker whatever WEB_CONCURRENCY says.

    Raises:
        ConfigurationError: the server must not, or can't, start as it is configured.
    """
    remember_settings(settings)
    configure_logging("DEBUG" if debug else settings.log_level, log_format=settings.log_format)
    LettaConfig.load()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    settings = with_password(settings)
    allow_open_files()
    with bound(settings.bind_host, settings.bind_port) as sockets:
        settings = settings.model_copy(update={"port": sockets[0].getsockname()[1]})
        server = open_server(settings)
        asyncio.run(_serve(settings, server, sockets))


def allow_open_files() -> None:
    """Many hosts allow a process 1,024 open files unless it asks for more: fewer than readers, slow and idle clients
    take together, and with none left not even a health check gets through."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end(_number: int, _frame: FrameType | None) -> None:
    """While starting, end at once, as process 1 of a container wouldn't; after serving, make the exit code 0."""
    sys.exit(0)


def with_password(settings: Settings) -> Settings:
    """On loopback, a secure server that was given no password gets a random one, which is printed."""
    check_settings(settings)
    if not settings.server_secure or settings.server_password is not None:
        return settings
    password = secrets.token_urlsafe(24)
    print(f"Password of this server (set LETTA_SERVER_PASSWORD to choose one): {password}", flush=True)  # noqa: T201
    return settings.model_copy(update={"server_password": SecretStr(password)})


class _Uvicorn(uvicorn.Server):
    """Lets turns end, or hands them over, as soon as the process is told to stop."""

    def __init__(self, config: uvicorn.Config, server: SyncServer, grace_seconds: float) -> None:
        super().__init__(config)
        self._letta = server
        self._grace_seconds = grace_seconds
        self._stopping: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then tell the person who started us."""
        await super().startup(sockets)
        if self.started:
            gc.collect()
            gc.freeze()  # what is here now stays: no later collection needs to look at it
            gc.set_threshold(_OBJECTS_TO_COLLECT)
            print_summary(self._letta)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called on SIGTERM and SIGINT."""
        super().handle_exit(sig, frame)
        if self._stopping is None:
            self._stopping = asyncio.ensure_future(self._letta.executor.stop(self._grace_seconds))


async def _serve(settings: Settings, server: SyncServer, sockets: list[socket.socket]) -> None:
    grace = settings.graceful_shutdown_seconds
    config = uvicorn.Config(
        create_app(settings, server),
        workers=1,
        access_log=False,
        log_config=None,
        http=patient_protocol(settings.client_timeout_seconds, settings.stalled_reader_seconds),
        proxy_headers=False,  # they are `letta.http.proxies`' matter, which lets nobody make an address up
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(grace),
    )
    uvicorn_server = _Uvicorn(config, server, max(grace - _LAST_SECONDS, grace / 2))
    await uvicorn_server.serve(sockets)
