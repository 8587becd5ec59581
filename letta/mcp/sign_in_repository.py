"""Queries on sign-ins to MCP servers. Of the state that a browser brings back only a digest is stored."""

from dataclasses import fields
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update

from letta.database.ids import new_id
from letta.errors import NotFoundError
from letta.json_types import JsonObject
from letta.mcp.mcp_server import McpServer
from letta.mcp.sign_in import AUTHORIZED, ERROR, EXCHANGING, PENDING, Begun, SignIn, Tokens
from letta.mcp.tables import mcp_oauth
from letta.organizations.actor import Actor

_COLUMNS = [mcp_oauth.c[field.name] for field in fields(SignIn)]
_REFRESH_SECONDS = 60
_UNOWNED = timedelta(days=1)
"""How long a sign-in is kept for a server that isn't stored yet."""


def insert_sign_in(connection: Connection, actor: Actor, server: McpServer, begun: Begun, seconds: float) -> str:
    """Remember a sign-in that begins, for so many seconds, and forget those that were given up. Returns its id."""
    connection.execute(delete(mcp_oauth).where(mcp_oauth.c.organization_id == actor.organization_id, _given_up()))
    sign_in_id = new_id("mcp-oauth")
    values = {
        "id": sign_in_id,
        "organization_id": actor.organization_id,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
        "server_id": server.id or None,
        "server_name": server.server_name,
        "server_url": server.server_url,
        "state": _digest(begun.state),
        "status": PENDING,
        "expires_at": func.now() + timedelta(seconds=seconds),
        "redirect_uri": begun.redirect_uri,
        "code_verifier": begun.code_verifier,
        "client": begun.client,
        "client_secret": begun.client_secret,
        "metadata": begun.metadata,
    }
    connection.execute(insert(mcp_oauth).values(values))
    return sign_in_id


def claim_sign_in(connection: Connection, state: str) -> SignIn | None:
    """Take up the sign-in that a browser comes back from, once and in time. (It knows no actor, but the state.)"""
    query = (
        update(mcp_oauth)
        .where(
            mcp_oauth.c.state == _digest(state),
            mcp_oauth.c.status == PENDING,
            mcp_oauth.c.expires_at > func.now(),
        )
        .values(status=EXCHANGING, updated_at=func.now())
        .returning(*_COLUMNS)
    )
    row = connection.execute(query).first()
    return SignIn(**row._mapping) if row else None


def finish_sign_in(connection: Connection, actor: Actor, sign_in: SignIn, tokens: Tokens) -> None:
    """Store what a sign-in came to. Earlier ones to the same server are forgotten."""
    same = mcp_oauth.c.server_id == sign_in.server_id if sign_in.server_id else _unowned(sign_in.server_url)
    own = mcp_oauth.c.organization_id == actor.organization_id
    connection.execute(delete(mcp_oauth).where(own, same, mcp_oauth.c.id != sign_in.id))
    write_tokens(connection, actor, sign_in.id, tokens)


def fail_sign_in(connection: Connection, actor: Actor, sign_in_id: str, problem: str) -> None:
    """Note why nothing came of a sign-in, or why it counts no longer."""
    gone = {"code_verifier": None, "access_token": None, "refresh_token": None, "refreshing_until": None}
    _write(connection, actor, sign_in_id, {"status": ERROR, "problem": problem} | gone)


def write_tokens(connection: Connection, actor: Actor, sign_in_id: str, tokens: Tokens) -> None:
    """Store new tokens. A refresh token that isn't renewed stays."""
    values: JsonObject = {
        "status": AUTHORIZED,
        "problem": None,
        "code_verifier": None,
        "access_token": tokens.access_token,
        "token_expires_at": tokens.expires_at,
        "scope": tokens.scope,
        "refreshing_until": None,
        "renewals": mcp_oauth.c.renewals + 1,
    }
    if tokens.refresh_token:
        values["refresh_token"] = tokens.refresh_token
    _write(connection, actor, sign_in_id, values)


def get_sign_in(connection: Connection, actor: Actor, sign_in_id: str) -> SignIn:
    """The sign-in with this id.

    Raises:
        NotFoundError: there is none, or a later one has replaced it.
    """
    own = (mcp_oauth.c.id == sign_in_id, mcp_oauth.c.organization_id == actor.organization_id)
    row = connection.execute(select(*_COLUMNS).where(*own)).first()
    if row is None:
        raise NotFoundError("This sign-in was cancelled or replaced by a later one. Connect again.")
    return SignIn(**row._mapping)


def signed_in(connection: Connection, actor: Actor, server: McpServer) -> SignIn | None:
    """The sign-in that counts for a server, if there is one; it goes with the address that it was made for."""
    mine = mcp_oauth.c.server_id == server.id if server.id else _unowned(server.server_url)
    query = (
        select(*_COLUMNS)
        .where(
            mcp_oauth.c.organization_id == actor.organization_id,
            mine,
            mcp_oauth.c.server_url == server.server_url,
            mcp_oauth.c.status == AUTHORIZED,
        )
        .order_by(mcp_oauth.c.updated_at.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return SignIn(**row._mapping) if row else None


def signed_in_servers(connection: Connection, actor: Actor) -> set[str]:
    """Ids of the servers that somebody has signed in to."""
    own = (mcp_oauth.c.organization_id == actor.organization_id, mcp_oauth.c.status == AUTHORIZED)
    return {row[0] for row in connection.execute(select(mcp_oauth.c.server_id).where(*own)) if row[0]}


def adopt_sign_ins(connection: Connection, actor: Actor, server: McpServer) -> None:
    """Give a server that is stored now the sign-in that was made while it was tried out."""
    query = update(mcp_oauth).where(
        mcp_oauth.c.organization_id == actor.organization_id,
        _unowned(server.server_url),
        mcp_oauth.c.status == AUTHORIZED,
    )
    connection.execute(query.values(server_id=server.id, server_name=server.server_name))


def delete_sign_ins(connection: Connection, actor: Actor, server_id: str) -> None:
    """Forget all sign-ins to a server."""
    own = (mcp_oauth.c.organization_id == actor.organization_id, mcp_oauth.c.server_id == server_id)
    connection.execute(delete(mcp_oauth).where(*own))


def claim_refresh(connection: Connection, actor: Actor, sign_in: SignIn) -> bool:
    """Whether it is up to us to renew a token; others then wait. A process that dies over it blocks it for a minute."""
    free = or_(mcp_oauth.c.refreshing_until.is_(None), mcp_oauth.c.refreshing_until < func.now())
    query = update(mcp_oauth).where(
        mcp_oauth.c.id == sign_in.id,
        mcp_oauth.c.organization_id == actor.organization_id,
        mcp_oauth.c.status == AUTHORIZED,
        mcp_oauth.c.renewals == sign_in.renewals,
        free,
    )
    until = func.now() + timedelta(seconds=_REFRESH_SECONDS)
    return connection.execute(query.values(refreshing_until=until)).rowcount == 1


def release_refresh(connection: Connection, actor: Actor, sign_in_id: str) -> None:
    """Let others try to renew a token."""
    _write(connection, actor, sign_in_id, {"refreshing_until": None})


def _write(connection: Connection, actor: Actor, sign_in_id: str, values: JsonObject) -> None:
    own = (mcp_oauth.c.id == sign_in_id, mcp_oauth.c.organization_id == actor.organization_id)
    changed = values | {"updated_at": func.now(), "last_updated_by_id": actor.user_id}
    connection.execute(update(mcp_oauth).where(*own).values(changed))


def _unowned(server_url: str | None) -> ColumnElement[bool]:
    return and_(mcp_oauth.c.server_id.is_(None), mcp_oauth.c.server_url == server_url)


def _given_up() -> ColumnElement[bool]:
    return or_(
        and_(mcp_oauth.c.status != AUTHORIZED, mcp_oauth.c.expires_at < func.now()),
        and_(mcp_oauth.c.server_id.is_(None), mcp_oauth.c.updated_at < func.now() - _UNOWNED),
    )


def _digest(state: str) -> str:
    return sha256(state.encode()).hexdigest()
