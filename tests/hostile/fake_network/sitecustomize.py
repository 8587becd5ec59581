"""A network of a test's own, for a server in a process of its own: its names, and where some addresses lead.

FAKE_NETWORK is JSON: `names` gives for a name the addresses of each look-up, the last of them from then on; `routes`
gives for an address of the internet the port of this machine that stands for it.
"""

import json
import os
import socket
from typing import Any

_network = json.loads(os.environ.get("FAKE_NETWORK", "{}"))
_names: dict[str, list[list[str]]] = _network.get("names", {})
_routes: dict[str, int] = _network.get("routes", {})
_look_up = socket.getaddrinfo
_connect = socket.socket.connect


def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
    """Addresses of the names that the test made up; of others as always."""
    name = host.decode() if isinstance(host, bytes) else host
    answers = _names.get(name.lower().rstrip(".") if isinstance(name, str) else "")
    if answers is None:
        return _look_up(host, port, *args, **kwargs)
    addresses = answers.pop(0) if len(answers) > 1 else answers[0]
    return [entry for address in addresses for entry in _look_up(address, port, *args, **kwargs)]


def connect(self: socket.socket, address: Any) -> Any:
    """Connect to what stands for the address."""
    port = _routes.get(address[0]) if isinstance(address, tuple) else None
    return _connect(self, address if port is None else ("127.0.0.1", port))


if _network:
    socket.getaddrinfo = getaddrinfo
    socket.socket.connect = connect  # type: ignore[assignment, method-assign]
