"""Keeping the clients of providers, whose connections are worth keeping."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Generic, Protocol, TypeVar

from letta.llm.provider import Provider

CONNECT_SECONDS = 10.0
"""Longest time to open a connection to a provider."""

_KEPT = 32


class Closable(Protocol):
    """A client with connections."""

    async def close(self) -> None:
        """Close its connections."""


ClientT = TypeVar("ClientT", bound=Closable)

_closers: list[Callable[[], Coroutine[None, None, None]]] = []


class ClientCache(Generic[ClientT]):
    """The clients used last, one for each provider and key."""

    def __init__(self, make: Callable[[Provider], ClientT]) -> None:
        self._make = make
        self._clients: OrderedDict[Provider, ClientT] = OrderedDict()
        _closers.append(self.close)

    def of(self, provider: Provider) -> ClientT:
        """The client for this provider."""
        client = self._clients.get(provider)
        if client is None:
            client = self._clients[provider] = self._make(provider)
            # One that was dropped may still be in use: its connections go when the last answer has ended.
            while len(self._clients) > _KEPT:
                self._clients.popitem(last=False)
        self._clients.move_to_end(provider)
        return client

    async def close(self) -> None:
        """Close all clients."""
        clients = [self._clients.popitem()[1] for _ in range(len(self._clients))]
        await asyncio.gather(*(client.close() for client in clients))


async def close_clients() -> None:
    """Close the connections to all providers, as at the end of the process."""
    await asyncio.gather(*(close() for close in _closers))
