"""The guard of outgoing requests for libraries that bring their own client: below it, nothing private is reached."""

from collections.abc import Callable, Iterable
from typing import cast

import httpx2

from letta.errors import LettaError
from letta.outgoing import egress
from letta.outgoing.watched_stream import WatchedStream


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Checks the address of each request, redirects included, and connects to the address that was checked.

    ``problem`` tells what went wrong last, since libraries tend to replace the reason by one of their own;
    ``status`` is that of the last answer.
    """

    def __init__(self, max_bytes: int) -> None:
        self.problem: str | None = None
        self.status: int | None = None
        self._max_bytes = max_bytes
        self._inner = httpx2.AsyncHTTPTransport(verify=egress.tls(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request, to the first of its host's addresses that answers."""
        self.problem = self.status = None
        try:
            addresses = await egress.addresses_of(egress.parse(str(request.url)))
        except LettaError as error:
            raise self._failed(error.detail, request) from error
        for address in addresses:
            try:
                return await self._send(request, address)
            except httpx2.ConnectError as error:
                problem = str(error) or type(error).__name__
        raise self._failed(
            f"{egress.shown(str(request.url))} can't be reached ({problem}). Check the address.", request
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _send(self, request: httpx2.Request, address: str) -> httpx2.Response:
        request.headers["accept-encoding"] = "identity"  # what is counted below is what is kept in memory
        response = await self._inner.handle_async_request(egress.pinned(request, address))
        where = egress.shown(str(request.url))
        self.status = response.status_code
        if response.status_code >= 400:
            self.problem = f"{where} returned status {response.status_code}."
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise self._failed(f"{where} sent a compressed response that was not requested.", request)
        stream = cast(httpx2.AsyncByteStream, response.stream)
        response.stream = _Counted(
            stream, self._max_bytes, lambda: self._failed(f"The response from {where} is too large.", request)
        )
        return response

    def _failed(self, problem: str, request: httpx2.Request) -> httpx2.ConnectError:
        self.problem = problem
        return httpx2.ConnectError(problem, request=request)


class _Counted(WatchedStream):
    """A body that fails where it becomes too long."""

    def __init__(self, stream: httpx2.AsyncByteStream, most: int, failure: Callable[[], Exception]) -> None:
        super().__init__(stream)
        self._left = most
        self._failure = failure

    def pieces(self, received: bytes) -> Iterable[bytes]:
        self._left -= len(received)
        if self._left < 0:
            raise self._failure()
        return (received,)
