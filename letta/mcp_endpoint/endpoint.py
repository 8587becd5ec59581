"""``/mcp``: agents as tools of other programs, by the Model Context Protocol over streamable HTTP."""

import asyncio
from importlib import import_module
from typing import Any

from starlette.types import Receive, Scope, Send

PATH = "/mcp"


class McpEndpoint:
    """Answers the protocol's requests. What it needs for that is loaded when the first one comes."""

    def __init__(self, max_body_size: int) -> None:
        self._max_body_size = max_body_size
        self._opening: asyncio.Task[Any] | None = None
        self._running: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        manager = await self._opened()
        await manager.handle_request(scope, receive, send)

    async def stop(self) -> None:
        """End what is being answered."""
        self._ended.set()
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=5)

    async def _opened(self) -> Any:
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> Any:
        await asyncio.to_thread(import_module, "letta.mcp_endpoint.protocol")  # which takes a second or more
        from letta.mcp_endpoint.protocol import session_manager

        manager = session_manager(self._max_body_size)
        opened = asyncio.Event()
        self._running = asyncio.create_task(self._run(manager, opened))
        await opened.wait()
        return manager

    async def _run(self, manager: Any, opened: asyncio.Event) -> None:
        async with manager.run():
            opened.set()
            await self._ended.wait()
