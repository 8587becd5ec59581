"""Which operations there are, room by room. What many servers never use is loaded when it is first asked for."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True)
class Room:
    """A module with routers. It is loaded with the first request whose path has one of the words; without, at once."""

    module: str
    words: frozenset[str] = frozenset()
    routers: tuple[str, ...] = ("router",)

    def routes(self) -> list[BaseRoute]:
        """The operations; building them and their models is what takes memory and time."""
        module = import_module(f"letta.{self.module}")
        return [route for name in self.routers for route in getattr(module, name).routes]


def _room(module: str, words: str = "", *routers: str) -> Room:
    return Room(module, frozenset(words.split()), routers or ("router",))


_ROOMS = (
    _room("jobs.batch_endpoints", "batches"),  # before messages, among whose ids it would be looked for
    _room("messages.endpoints"),  # what is asked for most comes first: routes are tried one after the other
    _room("http.health"),
    _room("access.endpoints", "api-keys client-side-access-tokens"),
    _room("agent_files.endpoints", "export import"),
    _room("agents.endpoints"),
    _room("agents.block_endpoints", "core-memory"),
    _room("agents.file_endpoints", "files"),
    _room("agents.folder_endpoints", "folders sources"),
    _room("agents.tool_endpoints", "tools"),
    _room("archives.agent_endpoints", "archives archival-memory"),
    _room("archives.endpoints", "archives passages", "router", "passages_router"),
    _room("archives.storage_endpoints", "embeddings"),
    _room("archives.deleted_endpoints", "deleted-passages"),
    _room("blocks.endpoints"),
    _room("blocks.history_endpoints", "history revert"),
    _room("messages.compaction_endpoints", "summarize compact"),
    _room("completions.endpoints", "generate"),
    _room("conversations.endpoints", "conversations"),
    _room("doctor.endpoints", "doctor"),
    _room("folders.endpoints", "folders sources", "router", "sources_router"),
    _room("folders.file_endpoints", "folders sources", "router", "sources_router"),
    _room("groups.endpoints", "groups", "router", "agents_router"),
    _room("identities.endpoints", "identities"),
    _room("identities.attaching_endpoints", "identities"),
    _room(
        "internals.endpoints",
        "_internal_blocks _internal_agents _internal_search _internal_templates auth voice-beta environments",
    ),
    _room("jobs.endpoints", "jobs"),
    _room("mcp.endpoints", "mcp-servers"),
    _room("mcp.oauth_endpoints", "oauth"),
    _room("mcp.older_endpoints", "mcp"),
    _room("messages.search_endpoints", "search"),
    _room("completions.openai_endpoints", "openai chat responses"),
    _room("organizations.endpoints", "orgs users"),
    _room("providers.endpoints", "models"),
    _room("providers.provider_endpoints", "providers"),
    _room("runs.endpoints", "", "router", "internal_router"),
    _room("schedules.endpoints", "schedule"),
    _room("sandbox_configs.endpoints", "sandbox-config"),
    _room("steps.endpoints", "steps telemetry"),
    _room("tags.endpoints", "tags"),
    _room("templates.endpoints", "templates"),
    _room("tools.endpoints", "tools"),
    _room("webhooks.endpoints", "webhooks"),
)


_DESCRIPTION = "openapi.json"
"""What describes all operations needs all rooms; loading them takes too long for the event loop."""


class Rooms:
    """The operations of an application, in the list in which its router looks for them."""

    def __init__(self, routes: list[BaseRoute]) -> None:
        self._routes = routes
        self._others: list[BaseRoute] = list(routes)
        self._loaded: dict[Room, list[BaseRoute]] = {}
        self._loading = asyncio.Lock()
        self._open(room for room in _ROOMS if not room.words)

    def wanted(self, path: str) -> list[Room]:
        """The rooms that a request for the path may be meant for, and that are not loaded yet."""
        if len(self._loaded) == len(_ROOMS):
            return []
        words = set(path.split("/"))
        if _DESCRIPTION in words:
            return [room for room in _ROOMS if room not in self._loaded]
        return [room for room in _ROOMS if not words.isdisjoint(room.words) and room not in self._loaded]

    async def load(self, rooms: Iterable[Room]) -> None:
        """Load rooms beside what else the server does."""
        async with self._loading:
            missing = [room for room in rooms if room not in self._loaded]
            for room in missing:
                await asyncio.to_thread(import_module, f"letta.{room.module}")
            self._open(missing)

    def load_all(self) -> None:
        """Load what is not loaded yet, for who wants to know all operations."""
        self._open(room for room in _ROOMS if room not in self._loaded)

    def _open(self, rooms: Iterable[Room]) -> None:
        self._loaded |= {room: room.routes() for room in rooms}
        in_order = (route for room in _ROOMS for route in self._loaded.get(room, ()))
        self._routes[:] = [*in_order, *self._others]


class RoomsOnFirstUse:
    """Sees to it that the operations that a request can mean are there before they are looked for."""

    def __init__(self, app: ASGIApp, rooms: Rooms) -> None:
        self._app = app
        self._rooms = rooms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            wanted = self._rooms.wanted(scope["path"])
            if wanted:
                await self._rooms.load(wanted)
        await self._app(scope, receive, send)
