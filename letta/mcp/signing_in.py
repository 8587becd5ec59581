"""Signing in to MCP servers by OAuth: begun by whoever connects, finished by a browser, renewed when it is used.

Each step may happen in another process: what they share is in the table ``mcp_oauth``.
"""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from letta.database.engine import Database
from letta.database.text import storable
from letta.errors import NotFoundError
from letta.mcp import sign_in_repository as repository
from letta.mcp.errors import SignInEndedError, SignInError
from letta.mcp.mcp_server import McpServer
from letta.mcp.sign_in import AUTHORIZED, SignIn
from letta.organizations.actor import DEFAULT_ACTOR, Actor
from letta.settings import settings

if TYPE_CHECKING:
    from letta.mcp.client import Target


CALLBACK_PATH = "/v1/tools/mcp/oauth/callback"
"""Where browsers come back to."""
SECONDS = 600
"""How long somebody may take to sign in."""

_LONGEST_STATE = 200
_REASON_CHARACTERS = 300
_WAIT_SECONDS = 0.5
_WAITS = 40


async def begin(
    database: Database, actor: Actor, server: McpServer, target: "Target", base_url: str
) -> tuple[SignIn, str]:
    """Prepare a sign-in. Returns it, and the address at which a person signs in.

    Args:
        base_url: where this server is reached from that person's browser.

    Raises:
        SignInError: the server doesn't offer it, or does it wrongly.
    """
    from letta.mcp import oauth_client

    redirect_uri = base_url.rstrip("/") + CALLBACK_PATH
    begun = await oauth_client.begin(target, redirect_uri, settings.mcp_connect_seconds)
    sign_in_id = await database.run(repository.insert_sign_in, actor, server, begun, SECONDS)
    return await database.read(repository.get_sign_in, actor, sign_in_id), begun.authorization_url


async def finish(database: Database, state: str, code: str | None, issuer: str | None, error: str | None) -> SignIn:
    """Take in what a browser brings back. It counts once; whoever doesn't know the state gets nowhere.

    Raises:
        NotFoundError: nobody is waited for under this state, or not any more.
        SignInError: no tokens came of it.
    """
    found = await database.run(repository.claim_sign_in, state) if 0 < len(state) <= _LONGEST_STATE else None
    if found is None:
        raise NotFoundError("This sign-in has ended or was never started. Connect to the MCP server again.")
    actor = owner_of(found)
    try:
        if error or not code:
            raise SignInError(f"The sign-in was refused: {storable(error or 'no code was given')[:_REASON_CHARACTERS]}")
        await asyncio.to_thread(import_module, "letta.mcp.oauth_client")
        from letta.mcp import oauth_client

        tokens = await oauth_client.exchange(found, code, issuer, settings.mcp_connect_seconds)
    except SignInError as failure:
        await database.run(repository.fail_sign_in, actor, found.id, failure.detail)
        raise
    await database.run(repository.finish_sign_in, actor, found, tokens)
    return found


async def current(database: Database, actor: Actor, server: McpServer) -> SignIn | None:
    """The sign-in that a server is asked with, its token renewed where it is about to expire.

    Raises:
        SignInEndedError: it counts no longer.
        SignInError: it couldn't be renewed this time.
    """
    found = await database.read(repository.signed_in, actor, server)
    return await renewed(database, actor, found) if found is not None and found.is_due else found


async def renewed(database: Database, actor: Actor, known: SignIn) -> SignIn:
    """The sign-in with new tokens, made by us or by whoever was first, in whichever process.

    Raises:
        SignInEndedError: it counts no longer.
        SignInError: it didn't work this time.
    """
    for _ in range(_WAITS):
        if await database.run(repository.claim_refresh, actor, known):
            await _renew(database, actor, known)
        else:
            await asyncio.sleep(_WAIT_SECONDS)
        found = await database.read(repository.get_sign_in, actor, known.id)
        if found.status != AUTHORIZED:
            raise SignInEndedError(f"{found.problem or 'The sign-in has ended.'} {_again(known)}")
        if found.renewals != known.renewals:
            return found
    raise SignInError(f"The sign-in to the MCP server '{known.server_name}' is being renewed. Try again in a moment.")


async def _renew(database: Database, actor: Actor, known: SignIn) -> None:
    from letta.mcp import oauth_client

    try:
        tokens = await oauth_client.refresh(known, settings.mcp_connect_seconds)
    except SignInEndedError as ended:
        await database.run(repository.fail_sign_in, actor, known.id, ended.detail)
        return
    except SignInError:
        await database.run(repository.release_refresh, actor, known.id)
        raise
    await database.run(repository.write_tokens, actor, known.id, tokens)


def owner_of(sign_in: SignIn) -> Actor:
    """Who began a sign-in."""
    return Actor(sign_in.created_by_id or DEFAULT_ACTOR.user_id, sign_in.organization_id)


def _again(sign_in: SignIn) -> str:
    where = f"/v1/mcp-servers/connect/{sign_in.server_id}" if sign_in.server_id else "/v1/tools/mcp/servers/connect"
    return f"Sign in again: {where}."
