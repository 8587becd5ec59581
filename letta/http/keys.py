"""Requests with a key: whom it stands for. What is open to it, `letta.http.scopes` looks at.

Keys of programs, tokens of browsers and the keys of tools' runs all come in here, and need no password then.
"""

import logging
from collections.abc import Callable, Container
from datetime import UTC, datetime
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from letta.access.grants import OF_AGENTS, Grants
from letta.access.key import StoredKey
from letta.access.tokens import is_stored_key
from letta.errors import ForbiddenError, LettaError
from letta.http.answering import answer
from letta.http.auth import PRINCIPAL
from letta.http.login_attempts import LoginAttempts
from letta.http.proxies import client_network
from letta.organizations.actor import Actor, Principal
from letta.sandbox.run_tokens import PREFIX as OF_A_RUN
from letta.server.server import SyncServer
from letta.telemetry import metrics

logger = logging.getLogger(__name__)

_BEARER = "bearer "


class Keys:
    """Finds out whom a request's key stands for. It stands before the check of the password, which a key replaces."""

    def __init__(
        self, app: ASGIApp, server: Callable[[], SyncServer], attempts: LoginAttempts, open_paths: Container[str]
    ) -> None:
        self._app = app
        self._open_paths = open_paths
        self._server = server
        self._attempts = attempts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = key_of(scope) if scope["type"] == "http" and scope["path"] not in self._open_paths else None
        if token is None:
            await self._app(scope, receive, send)
            return
        seconds = self._attempts.seconds_to_wait(client_network(scope))
        if seconds:
            detail = (
                f"Too many wrong keys were sent from {client_network(scope)}. Wait {seconds} s, then send the right "
                "one."
            )
            await answer(send, 429, {"detail": detail}, {"Retry-After": str(seconds)})
            return
        try:
            principal = self._of_a_run(token) if token.startswith(OF_A_RUN) else await self._stored(token, scope)
        except LettaError as error:
            await answer(send, error.status, error.body(), error.headers)
            return
        await self._app({**scope, PRINCIPAL: principal}, receive, send)

    def _of_a_run(self, token: str) -> Principal:
        holder = self._server().sandbox.tokens.holder_of(token)
        if holder is None:
            raise _RefusedError("This key belonged to a tool call that has ended. Use another key.")
        return Principal(holder.actor, Grants(agents={holder.agent_id: OF_AGENTS}))

    async def _stored(self, token: str, scope: Scope) -> Principal:
        key = await self._server().key_cache.find(token)
        if key is None:
            self._count_wrong(scope)
            raise _RefusedError("This key does not exist or was revoked. Use another key.")
        if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
            raise _RefusedError("The key has expired. Get a new one.")
        if key.hostname is not None and not _comes_from(key.hostname, Headers(scope=scope)):
            raise _ElsewhereError(key)
        return Principal(Actor(key.user_id, key.organization_id), key.grants, key)

    def _count_wrong(self, scope: Scope) -> None:
        metrics.wrong_passwords.add()
        address = client_network(scope)
        if self._attempts.was_wrong(address):
            logger.warning("too many wrong keys from %s; further attempts from there are refused for a while", address)


def key_of(scope: Scope) -> str | None:
    """The key that a request carries, if it carries one."""
    given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
    token = given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""
    return token if is_stored_key(token) or token.startswith(OF_A_RUN) else None


class _RefusedError(LettaError):
    """A key that isn't valid, or not any more."""

    status = 401


class _ElsewhereError(ForbiddenError):
    """A browser's token, shown by a page of another site."""

    def __init__(self, key: StoredKey) -> None:
        super().__init__(
            f"This token is only for pages of {key.hostname}, but the request has another Origin header, or none. "
            "Create a token with the hostname of your pages."
        )


def _comes_from(hostname: str, headers: Headers) -> bool:
    """Whether a browser says that a page of this site asks. Of its own site's pages, browsers tell it otherwise."""
    origin = headers.get("origin")
    if origin is None and headers.get("sec-fetch-site") == "same-origin":
        origin = f"//{headers.get('host', '')}"
    try:
        asking, wanted = urlsplit(origin or ""), urlsplit(hostname if "//" in hostname else f"//{hostname}")
        same_port = wanted.port is None or wanted.port == asking.port
    except ValueError:
        return False
    same_scheme = not wanted.scheme or asking.scheme in ("", wanted.scheme)
    return asking.hostname is not None and asking.hostname == wanted.hostname and same_port and same_scheme
