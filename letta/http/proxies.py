"""Where a request comes from, and under which scheme, when proxies stand in between.

Each proxy appends to X-Forwarded-For the address that spoke to it. What stands left of what our own proxies appended is
whatever the client liked to send, so it is counted from the right.
"""

from ipaddress import IPv6Address, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

RENDER_PROXIES = 2
"""Render's own, and the edge of the network in front of it."""

_SCHEMES = {b"http": "http", b"https": "https"}


class ThroughProxies:
    """Gives requests the client's scheme and address instead of those of the nearest proxy."""

    def __init__(self, app: ASGIApp, trusted: int) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            forwarded: list[bytes] = []
            for name, value in scope["headers"]:
                if name == b"x-forwarded-proto" and value in _SCHEMES:
                    scope["scheme"] = _SCHEMES[value]  # only what is answered to this request follows from it
                elif name == b"x-forwarded-for":
                    forwarded.append(value)
            if forwarded and self._trusted:
                chain = b",".join(forwarded).decode("latin-1").split(",")
                scope["client"] = (chain[-min(self._trusted, len(chain))].strip(), 0)
        await self._app(scope, receive, send)


def client_network(scope: Scope) -> str:
    """The address that a request comes from; of IPv6 addresses the network, since a client has many of a network."""
    client = scope.get("client")
    host = str(client[0]) if client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:45]
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))
    return host
