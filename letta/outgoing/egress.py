"""Requests to addresses that users give: never to this machine, its network, or the host's metadata service.

A name is resolved once, every address that it stands for is checked, and the connection goes to one of those, so that
an answer of the name server that changes in between has no effect. Hosts in LETTA_ALLOW_PRIVATE_URLS are exempt.
"""

import asyncio
import socket
import ssl
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpx2

from letta.errors import InvalidArgumentError, LettaError
from letta.settings import settings

_NAT64 = IPv6Network("64:ff9b::/96")
_FURTHER_PRIVATE = (
    IPv4Network("192.0.0.0/24"),  # the metadata service of a large host is in it
    IPv6Network("64:ff9b:1::/48"),
    IPv6Network("fec0::/10"),
)
"""Networks that not every version of Python's library counts among the private ones."""
_REDIRECTS = {301, 302, 303, 307, 308}
_MEGABYTE = 1024 * 1024


class EgressError(LettaError):
    """An address that may be asked could not be reached, or gave no usable answer."""

    status = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address answered."""

    url: str
    status: int
    headers: httpx2.Headers
    body: bytes


async def request(
    method: str,
    url: str,
    *,
    json: Any = None,
    content: bytes | None = None,
    headers: dict[str, str] | None = None,
    seconds: float = 20,
    max_bytes: int | None = _MEGABYTE,
    redirects: int = 0,
) -> Answer:
    """Send a request to an address that a user gave.

    Args:
        content: a body that is sent as it is, in place of ``json``.
        seconds: the longest that all of it may take.
        max_bytes: largest body that is read; with None, none is, and the answer ends with its headers.
        redirects: how many are followed; each is checked like the first address.

    Raises:
        InvalidArgumentError: the address isn't one that may be asked.
        EgressError: it can't be reached, takes too long or answers too much.
    """
    try:
        async with asyncio.timeout(seconds):
            answer = await _send(method, url, json, headers, max_bytes, content)
            for _ in range(redirects):
                if answer.status not in _REDIRECTS or "location" not in answer.headers:
                    break
                target = str(httpx2.URL(answer.url).join(answer.headers["location"]))
                answer = await _send("GET", target, None, headers, max_bytes)
            return answer
    except TimeoutError:
        raise EgressError(f"{shown(url)} did not respond within {seconds:g} s. Check the address.") from None


async def check(url: str | None) -> None:
    """Refuse an address that will be asked later, if one is given, as far as it can be told now.

    Raises:
        InvalidArgumentError: it isn't one that may be asked.
    """
    if url is None:
        return
    parsed = parse(url)
    with suppress(EgressError):
        await addresses_of(parsed)


async def _send(
    method: str,
    url: str,
    json: Any,
    headers: dict[str, str] | None,
    max_bytes: int | None,
    content: bytes | None = None,
) -> Answer:
    parsed = parse(url)
    problem = "it has no IP address"
    for address in await addresses_of(parsed):
        try:
            async with httpx2.AsyncClient(verify=tls(), trust_env=False, timeout=None) as client:
                request = client.build_request(method, parsed, json=json, content=content, headers=headers)
                response = await client.send(pinned(request, address), stream=True)
                async with aclosing(response):
                    body = b"" if max_bytes is None else await _body(response, url, max_bytes)
                    return Answer(url, response.status_code, response.headers, body)
        except httpx2.ConnectError as error:
            problem = str(error) or type(error).__name__
        except httpx2.HTTPError as error:
            raise EgressError(
                f"The connection to {shown(url)} was closed before the response was complete ({type(error).__name__}). "
                "Try again."
            ) from error
    raise EgressError(f"{shown(url)} can't be reached ({problem}). Check the address.")


def parse(url: str) -> httpx2.URL:
    """A web address, taken apart.

    Raises:
        InvalidArgumentError: it is none.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise InvalidArgumentError(
            f"The URL is malformed ({error}). Enter a complete URL, beginning with https://."
        ) from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InvalidArgumentError("The URL is incomplete. Enter a complete URL, beginning with https://.")
    return parsed


async def addresses_of(url: httpx2.URL) -> list[str]:
    """Where a URL leads to, all of it allowed; IPv4 first, since many hosts have no route for the other.

    Raises:
        InvalidArgumentError: it isn't one that may be asked.
        EgressError: nobody knows the host.
    """
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise EgressError(f"The host {url.host} could not be resolved ({error}). Check the address.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    if url.host.lower() not in _exempt():
        for address in addresses:
            if not is_public(address):
                raise InvalidArgumentError(
                    f"{shown(str(url))} is not allowed: {url.host} is this machine or in a private network. Use a "
                    "public address, or list the host in LETTA_ALLOW_PRIVATE_URLS."
                )
    return sorted(addresses, key=lambda address: ":" in address)


def pinned(request: httpx2.Request, address: str) -> httpx2.Request:
    """The same request to one address of its host, whatever the name stands for by then."""
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers={**dict(request.headers), "host": request.url.netloc.decode()},
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


def is_public(address: str) -> bool:
    """Whether an IP address, or the one that is wrapped in it, is one of the public internet."""
    ip: IPv4Address | IPv6Address = ip_address(address)
    if isinstance(ip, IPv6Address):
        wrapped = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            wrapped = IPv4Address(int(ip) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    if any(ip.version == network.version and ip in network for network in _FURTHER_PRIVATE):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _exempt() -> set[str]:
    return {host.strip().lower() for host in settings.allow_private_urls.split(",") if host.strip()}


async def _body(response: httpx2.Response, url: str, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise EgressError(
                f"The response from {shown(url)} is larger than {max_bytes} bytes. Use an address with less content."
            )
    return bytes(body)


def shown(url: str) -> str:
    """A URL without what may be secret in it."""
    parsed = httpx2.URL(url)
    return f"{parsed.scheme}://{parsed.host}{parsed.path[:100]}"


@cache
def tls() -> ssl.SSLContext:
    """What connections are encrypted with."""
    return httpx2.create_ssl_context()
