"""What is done with keys, each function one transaction."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from letta.access import repository
from letta.access.grants import Grants, of_policy, of_scopes
from letta.access.key import BROWSER, PROGRAM, StoredKey
from letta.access.schemas import CreateAccessToken, CreateApiKey
from letta.access.tokens import API_KEY, BROWSER_TOKEN, digest, hint, new_token
from letta.agents.repository import require_agents
from letta.errors import ForbiddenError, InvalidArgumentError
from letta.organizations.actor import Principal

_AN_HOUR = timedelta(hours=1)


def create_key(connection: Connection, principal: Principal, body: CreateApiKey) -> tuple[StoredKey, str]:
    """A new key of a program, and the key itself.

    Raises:
        InvalidArgumentError: it would end before it begins, or is to manage keys for some agents only.
        ForbiddenError: it would open more, or last longer, than the key that asks for it.
        NotFoundError: there is no such agent.
    """
    if body.agent_ids is not None and "admin" in body.scopes:
        raise InvalidArgumentError(
            "scopes: 'admin' applies to the whole organization and can't be combined with agent_ids. Leave out one of "
            "them."
        )
    grants = of_scopes(body.scopes, body.agent_ids)
    _check(principal, grants, body.expires_at)
    require_agents(connection, principal.actor, body.agent_ids or ())
    token = new_token(API_KEY)
    agent_ids = None if body.agent_ids is None else list(dict.fromkeys(body.agent_ids))
    values = {
        "kind": PROGRAM,
        "name": body.name,
        "hint": hint(token),
        "scopes": list(dict.fromkeys(body.scopes)),
        "agent_ids": agent_ids,
        "expires_at": body.expires_at,
    }
    return repository.insert_key(connection, principal.actor, digest(token), values), token


def create_token(connection: Connection, principal: Principal, body: CreateAccessToken) -> tuple[StoredKey, str]:
    """A new token of a browser, and the token itself. Those of the organization that have long expired are forgotten.

    Raises:
        InvalidArgumentError: it would end before it begins.
        ForbiddenError: it would open more, or last longer, than the key that asks for it.
        NotFoundError: there is no such agent.
    """
    policy = [entry.model_dump() for entry in body.policy]
    expires_at = body.expires_at or _an_hour_from_now(principal)
    _check(principal, of_policy(policy), expires_at)
    require_agents(connection, principal.actor, [entry.id for entry in body.policy])
    repository.delete_expired_tokens(connection, principal.actor)
    token = new_token(BROWSER_TOKEN)
    values = {
        "kind": BROWSER,
        "name": body.hostname,
        "hint": hint(token),
        "policy": policy,
        "hostname": body.hostname,
        "expires_at": expires_at,
    }
    return repository.insert_key(connection, principal.actor, digest(token), values), token


def _an_hour_from_now(principal: Principal) -> datetime:
    end = datetime.now(UTC) + _AN_HOUR
    last = principal.key.expires_at if principal.key is not None else None
    return end if last is None else min(end, last)


def _check(principal: Principal, grants: Grants, expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise InvalidArgumentError("expires_at is in the past. Choose a later time.")
    if principal.grants is None:
        return
    if not principal.grants.cover(grants):
        raise ForbiddenError(
            "A key can't grant permissions it doesn't have. Request fewer permissions, or use another key."
        )
    last = principal.key.expires_at if principal.key is not None else None
    if last is not None and (expires_at is None or expires_at > last):
        raise ForbiddenError(
            f"expires_at: this key expires at {last.isoformat()} and can't create a token that outlives it. Choose an "
            "earlier time."
        )
