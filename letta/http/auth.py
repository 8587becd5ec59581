"""Who may use the server: those who know its password; without one, programs on this machine."""

import hmac
import logging
from collections.abc import Collection, Container
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from letta.http.answering import answer
from letta.http.login_attempts import LoginAttempts
from letta.http.proxies import client_network
from letta.telemetry import metrics

logger = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/v1/health", "/v1/ready"})
"""What everybody may ask of the API."""
PRINCIPAL = "letta.principal"
"""Where a request's scope tells for whom `letta.http.keys` has let it in."""


class OpenPaths:
    """What is answered to everybody: some paths, and all that begin with one of some prefixes."""

    def __init__(self, paths: Collection[str], prefixes: tuple[str, ...]) -> None:
        self._paths = frozenset(paths)
        self._prefixes = prefixes

    def __contains__(self, path: object) -> bool:
        return path in self._paths or (isinstance(path, str) and path.startswith(self._prefixes))


_BEARER = b"bearer "
_BARE = b"password "
_HARMLESS = {"GET", "HEAD", "OPTIONS"}


class PasswordAuth:
    """Nothing but what is open, health and readiness, is answered without the server's password or a key."""

    def __init__(
        self,
        app: ASGIApp,
        password: str,
        attempts: LoginAttempts,
        open_paths: Container[str] = OPEN_PATHS,
    ) -> None:
        self._app = app
        self._open_paths = open_paths
        self._digest = sha256(password.encode()).digest()
        self._attempts = attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in self._open_paths or PRINCIPAL in scope:
            await self._app(scope, receive, send)
            return
        address = client_network(scope)
        seconds = self._attempts.seconds_to_wait(address)
        given = _given(scope)
        if seconds and given:
            detail = f"Too many wrong passwords were sent from {address}. Wait {seconds} s, then send the right one."
            await answer(send, 429, {"detail": detail}, {"Retry-After": str(seconds)})
        elif any(hmac.compare_digest(sha256(password).digest(), self._digest) for password in given):
            await self._app(scope, receive, send)
        else:
            if given:
                metrics.wrong_passwords.add()
            if given and self._attempts.was_wrong(address):
                logger.warning(
                    "too many wrong passwords from %s; further attempts from there are refused for a while", address
                )
            await answer(send, 401, {"detail": "Unauthorized"})


def _given(scope: Scope) -> list[bytes]:
    """The passwords that a request carries."""
    headers = dict(scope["headers"])
    bearer: bytes = headers.get(b"authorization", b"")
    bare: bytes = headers.get(b"x-bare-password", b"")
    given = [bearer[len(_BEARER) :]] if bearer.lower().startswith(_BEARER) else []
    if bare.startswith(_BARE):
        given.append(bare.removeprefix(_BARE))
    return given


class ThisMachineOnly:
    """Keeps other sites' pages, open in a browser on this machine, from using a server without a password.

    A page can send requests to any address, and can make its own name stand for 127.0.0.1: so the name that is asked
    for, and the site of a page that wants to change something, are looked at.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Collection[str],
        any_host: bool,
        open_paths: Container[str] = OPEN_PATHS,
    ) -> None:
        self._app = app
        self._open_paths = open_paths
        self._origins = set(origins)
        self._hosts = {urlsplit(origin).hostname for origin in origins}
        self._any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        looked_at = scope["type"] == "http" and scope["path"] not in self._open_paths and PRINCIPAL not in scope
        problem = self._problem(scope) if looked_at else None
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await answer(send, 403, {"detail": problem})

    def _problem(self, scope: Scope) -> str | None:
        headers = dict(scope["headers"])
        host = _hostname(headers.get(b"host", b"").decode("latin-1"))
        if not (self._any_host or host in self._hosts or _is_this_machine(host)):
            return (
                "This server has no password and only serves its own machine, but the request used another host name. "
                "Use localhost, or set LETTA_SERVER_PASSWORD."
            )
        origin = headers.get(b"origin", b"").decode("latin-1")
        if not origin or scope["method"] in _HARMLESS or origin in self._origins or urlsplit(origin).hostname == host:
            return None
        return (
            "This server has no password, so pages of other sites may not change anything on it. Add the site to "
            "ACCEPTABLE_ORIGINS, or set LETTA_SERVER_PASSWORD."
        )


def _hostname(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return host


def _is_this_machine(host: str) -> bool:
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
