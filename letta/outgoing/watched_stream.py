"""Bodies of answers that are looked at while they are read."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable

import httpx2


class WatchedStream(httpx2.AsyncByteStream, ABC):
    """A body of which every piece is looked at before it is handed on."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for received in self._stream:
            for piece in self.pieces(received):
                yield piece

    async def aclose(self) -> None:
        """Close the connection, or give it back."""
        await self._stream.aclose()

    @abstractmethod
    def pieces(self, received: bytes) -> Iterable[bytes]:
        """What becomes of a piece that came. Whatever is raised ends the reading."""
