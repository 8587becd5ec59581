"""The sockets that the server listens on, bound before anything else is begun."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from letta.errors import ConfigurationError


@contextmanager
def bound(host: str, port: int) -> Iterator[list[socket.socket]]:
    """Sockets on all addresses of a host, not listening yet. With port 0 the system chooses one, the same for all.

    Raises:
        ConfigurationError: that isn't possible; the message says why, and what to do.
    """
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        absent: OSError | None = None
        for family, address in _addresses(host, port):
            # asyncio turns delays off (TCP_NODELAY, 40 ms an answer) only on sockets that are said to be TCP.
            opened = stack.enter_context(socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP))
            try:
                _bind(opened, (address[0], port, *address[2:]))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise _refusal(error, host, port) from error
                absent = error  # as ::1 of localhost, where there is no IPv6
                continue
            port = int(opened.getsockname()[1])
            sockets.append(opened)
        if absent is not None and not sockets:
            raise _no_such_address(host) from absent
        yield sockets


_Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, _Address]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise _no_such_address(host) from None
    return list(dict.fromkeys((family, address) for family, *_, address in found))


def _bind(opened: socket.socket, address: tuple[object, ...]) -> None:
    if os.name == "posix":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    opened.bind(address)


def _refusal(problem: OSError, host: str, port: int) -> ConfigurationError:
    if problem.errno == errno.EADDRINUSE:
        return ConfigurationError(
            f"Port {port} of {host} is in use, perhaps by another instance of this server. Stop it, or set PORT (or "
            "--port) to another port."
        )
    if problem.errno == errno.EACCES:
        return ConfigurationError(f"User id {os.geteuid()} may not use port {port}. Set PORT to a port above 1023.")
    return ConfigurationError(
        f"The server can't listen on port {port} of {host}: {problem.strerror}. Set HOST or PORT."
    )


def _no_such_address(host: str) -> ConfigurationError:
    return ConfigurationError(f"{host} is not an address of this machine. Set HOST to one, such as 127.0.0.1.")
