"""Signing in to MCP servers by OAuth: the steps of the protocol's official SDK, with a pause for the browser between.

The SDK asks for a code while it waits; here the wait may end in another process. So its flow is stopped where the
browser's address is known, what it has found out is handed to whoever remembers it, and the exchange of the code is
taken up from that. Every address it asks, whoever named it, goes through the guard of `letta.outgoing.egress`.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider, OAuthFlowError, OAuthRegistrationError, OAuthTokenError, PKCEParameters
from mcp.client.auth.utils import validate_authorization_response_iss
from mcp.shared.auth import (
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from pydantic import AnyUrl, ValidationError

from letta import __version__
from letta.errors import LettaError
from letta.json_types import JsonObject
from letta.mcp.client import Target, open_client
from letta.mcp.errors import SignInEndedError, SignInError
from letta.mcp.mcp_server import SSE, STREAMABLE_HTTP
from letta.mcp.sign_in import Begun, SignIn, Tokens
from letta.outgoing import egress
from letta.outgoing.guarded_transport import GuardedTransport
from letta.redaction import redacted

_MOST_BYTES = 1024 * 1024
_REASON_CHARACTERS = 300
_REFUSED = {400, 401}
_PROTOCOL_ERRORS = (OAuthFlowError, OAuthRegistrationError, OAuthTokenError, ValidationError)
_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "letta", "version": __version__},
    },
}


class _BrowserNeededError(Exception):
    """The SDK's flow has come to where a person has to do something."""

    def __init__(self, url: str) -> None:
        self.url = url


class _Memory:
    """What the SDK stores, for the time of one step."""

    def __init__(self, tokens: OAuthToken | None = None, client: OAuthClientInformationFull | None = None) -> None:
        self.tokens = tokens
        self.client = client

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


class _Flow(OAuthClientProvider):
    """The SDK's flow, whose later steps can be taken by themselves."""

    async def exchange(self, http: httpx2.AsyncClient, code: str, code_verifier: str) -> None:
        """Get tokens for the code that a browser brought back."""
        request = await self._exchange_token_authorization_code(code, code_verifier)
        await self._handle_token_response(await http.send(request))

    async def refresh(self, http: httpx2.AsyncClient) -> int:
        """Get new tokens for the refresh token. Returns the status of the answer."""
        response = await http.send(await self._refresh_token())
        await self._handle_refresh_response(response)
        return response.status_code


async def begin(target: Target, redirect_uri: str, seconds: float) -> Begun:
    """Find out where somebody has to sign in to use a server, and register this one as a client there.

    Raises:
        SignInError: the server doesn't offer it, or does it wrongly.
    """
    memory = _Memory()
    flow = _flow(target.url, redirect_uri, memory)
    pkce, state = PKCEParameters.generate(), secrets.token_urlsafe(32)
    async with _http(target.name, seconds) as http:
        try:
            await _provoke(http, target, flow)
        except _BrowserNeededError as needed:
            url = str(httpx2.URL(needed.url).copy_merge_params({"state": state, "code_challenge": pkce.code_challenge}))
        else:
            raise SignInError(f"The MCP server '{target.name}' did not ask for a sign-in this time. Connect again.")
        await egress.check(url)
    client = memory.client.model_dump(mode="json", exclude_none=True) if memory.client else {}
    return Begun(
        authorization_url=url,
        state=state,
        redirect_uri=redirect_uri,
        code_verifier=pkce.code_verifier,
        client=client,
        client_secret=client.pop("client_secret", None),
        metadata=_remembered(flow),
    )


async def exchange(sign_in: SignIn, code: str, issuer: str | None, seconds: float) -> Tokens:
    """Get tokens for the code that a browser brought back.

    Args:
        issuer: who gave the code, as far as that is told.

    Raises:
        SignInError: none were given.
    """
    flow = _taken_up(sign_in)
    async with _http(sign_in.server_name, seconds) as http:
        validate_authorization_response_iss(issuer, flow.context.oauth_metadata)
        await flow.exchange(http, code, sign_in.code_verifier or "")
    return _tokens(flow)


async def refresh(sign_in: SignIn, seconds: float) -> Tokens:
    """Get new tokens in place of those that expire.

    Raises:
        SignInEndedError: the sign-in counts no longer.
        SignInError: it didn't work this time.
    """
    flow = _taken_up(sign_in)
    async with _http(sign_in.server_name, seconds) as http:
        if flow.context.oauth_metadata is None:
            await _find_issuer(http, sign_in, flow)
        status = await flow.refresh(http)
    if flow.context.current_tokens is None:
        problem = f"The sign-in to the MCP server '{sign_in.server_name}' could not be renewed (status {status})."
        raise SignInEndedError(problem) if status in _REFUSED else SignInError(problem)
    return _tokens(flow)


def _flow(server_url: str, redirect_uri: str, memory: _Memory) -> _Flow:
    is_here = urlsplit(redirect_uri).hostname in {"localhost", "127.0.0.1", "::1"}
    metadata = OAuthClientMetadata(
        client_name="Letta",
        redirect_uris=[AnyUrl(redirect_uri)],
        application_type="native" if is_here else "web",
    )
    return _Flow(server_url, metadata, memory, redirect_handler=_to_browser, callback_handler=_never)


async def _find_issuer(http: httpx2.AsyncClient, sign_in: SignIn, flow: _Flow) -> None:
    """Find out who gives out tokens, which sign-ins that were brought over from elsewhere don't tell."""
    asking = _flow(sign_in.server_url, sign_in.redirect_uri, _Memory(client=flow.context.client_info))
    with suppress(_BrowserNeededError):
        await _provoke(http, Target(sign_in.server_name, STREAMABLE_HTTP, sign_in.server_url), asking)
    flow.context.oauth_metadata = asking.context.oauth_metadata
    flow.context.protected_resource_metadata = asking.context.protected_resource_metadata
    flow.context.auth_server_url = asking.context.auth_server_url


async def _to_browser(url: str) -> None:
    raise _BrowserNeededError(url)


async def _never() -> Any:
    raise AssertionError("the flow stops before")


async def _provoke(http: httpx2.AsyncClient, target: Target, flow: _Flow) -> None:
    """Ask a server something without a token."""
    headers = {name: value for name, value in target.headers.items() if name.lower() != "authorization"}
    if target.server_type == SSE:
        asked = http.build_request("GET", target.url, headers=headers | {"Accept": "text/event-stream"})
    else:
        accept = {"Accept": "application/json, text/event-stream"}
        asked = http.build_request("POST", target.url, headers=headers | accept, json=_INITIALIZE)
    response = await http.send(asked, auth=flow, stream=True)
    await response.aclose()


@asynccontextmanager
async def _http(server_name: str, seconds: float) -> AsyncIterator[httpx2.AsyncClient]:
    """A guarded client. Whatever goes wrong with it is told as a failed sign-in."""
    guard = GuardedTransport(_MOST_BYTES)
    try:
        async with asyncio.timeout(seconds), open_client(guard, None) as http:
            yield http
    except TimeoutError:
        raise SignInError(
            f"Signing in to the MCP server '{server_name}' took more than {seconds:g} s. {guard.problem or ''}".strip()
        ) from None
    except LettaError as error:
        raise error if isinstance(error, SignInError) else SignInError(error.detail) from error
    except (*_PROTOCOL_ERRORS, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        told = guard.problem if isinstance(error, httpx2.HTTPError) else None
        reason = redacted(told or str(error) or type(error).__name__)[:_REASON_CHARACTERS]
        raise SignInError(f"Signing in to the MCP server '{server_name}' failed: {reason}") from error


def _remembered(flow: _Flow) -> JsonObject:
    """Who gives out tokens for what, as it was found out."""
    context = flow.context
    known = {"server": context.oauth_metadata, "resource": context.protected_resource_metadata}
    found: JsonObject = {
        name: each.model_dump(mode="json", exclude_none=True) for name, each in known.items() if each is not None
    }
    return found | {"issuer": context.auth_server_url, "scope": context.client_metadata.scope}


def _taken_up(sign_in: SignIn) -> _Flow:
    """The flow as it was when it was stored."""
    client = OAuthClientInformationFull(**sign_in.client | {"client_secret": sign_in.client_secret or None})
    token = None
    if sign_in.access_token:
        token = OAuthToken(
            access_token=sign_in.access_token, refresh_token=sign_in.refresh_token or None, scope=sign_in.scope
        )
    flow = _flow(sign_in.server_url, sign_in.redirect_uri, _Memory(token, client))
    context, known = flow.context, sign_in.metadata
    context.client_info, context.current_tokens = client, token
    context.client_metadata.scope = known.get("scope")
    context.auth_server_url = known.get("issuer")
    if "server" in known:
        context.oauth_metadata = OAuthMetadata.model_validate(known["server"])
    if "resource" in known:
        context.protected_resource_metadata = ProtectedResourceMetadata.model_validate(known["resource"])
    return flow


def _tokens(flow: _Flow) -> Tokens:
    current, until = flow.context.current_tokens, flow.context.token_expiry_time
    if current is None:
        raise SignInError("No token was given. Connect again.")
    return Tokens(
        access_token=current.access_token,
        refresh_token=current.refresh_token,
        scope=current.scope,
        expires_at=None if until is None else datetime.fromtimestamp(until, UTC),
    )
