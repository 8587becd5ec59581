"""Queries on keys, and on which agents something belongs to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, union_all, update

from letta.access.key import BROWSER, StoredKey
from letta.access.tables import api_keys
from letta.agents.tables import agents, agents_blocks, agents_folders, agents_tools
from letta.archives.tables import archives_agents, passages
from letta.conversations.tables import conversations, conversations_blocks
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import NotFoundError
from letta.folders.tables import files
from letta.groups.tables import groups, groups_agents
from letta.identities.tables import identities_agents
from letta.json_types import JsonObject
from letta.messages.tables import messages
from letta.organizations.actor import Actor
from letta.runs.tables import runs
from letta.schedules.tables import scheduled_messages
from letta.steps.tables import steps

_COLUMNS = [api_keys.c[field.name] for field in fields(StoredKey)]
_KEPT_EXPIRED = timedelta(days=7)
"""How long tokens of browsers are listed after their end."""
_COARSE = timedelta(minutes=10)

_SAME_FOLDER = agents_folders.c.folder_id == files.c.folder_id
_SAME_ARCHIVE = archives_agents.c.archive_id == passages.c.archive_id
_OWNERS: Mapping[str, Sequence[tuple[Any, Any, Any]]] = {
    "agent": [(agents.c.id, agents.c.id, agents)],
    "run": [(runs.c.id, runs.c.agent_id, runs)],
    "job": [(runs.c.job_id, runs.c.agent_id, runs)],
    "step": [(steps.c.id, steps.c.agent_id, steps)],
    "message": [(messages.c.id, messages.c.agent_id, messages)],
    "conv": [(conversations.c.id, conversations.c.agent_id, conversations)],
    "block": [
        (agents_blocks.c.block_id, agents_blocks.c.agent_id, agents_blocks),
        (conversations_blocks.c.block_id, conversations.c.agent_id, conversations_blocks.join(conversations)),
    ],
    "tool": [(agents_tools.c.tool_id, agents_tools.c.agent_id, agents_tools)],
    "archive": [(archives_agents.c.archive_id, archives_agents.c.agent_id, archives_agents)],
    "passage": [
        (passages.c.id, archives_agents.c.agent_id, passages.join(archives_agents, _SAME_ARCHIVE)),
    ],
    "file": [(files.c.id, agents_folders.c.agent_id, files.join(agents_folders, _SAME_FOLDER))],
    "source": [(agents_folders.c.folder_id, agents_folders.c.agent_id, agents_folders)],
    "schedule": [(scheduled_messages.c.id, scheduled_messages.c.agent_id, scheduled_messages)],
    "group": [
        (groups_agents.c.group_id, groups_agents.c.agent_id, groups_agents),
        (groups.c.id, groups.c.manager_agent_id, groups),
    ],
    "identity": [(identities_agents.c.identity_id, identities_agents.c.agent_id, identities_agents)],
}
"""By the beginning of an id: where such things are told, with the agents that they belong to."""


OF_ALL = "job-"
"""The beginning of ids of things that are open where all of the agents are that they belong to, not one of them."""


def agents_of(connection: Connection, ids: Iterable[str]) -> set[tuple[str, str]]:
    """Pairs of things and the agents that they belong to, in one query. Of unknown kinds there are none.

    It takes no actor: the pairs are compared with agents that somebody has been granted.
    """
    by_kind: dict[str, list[str]] = {}
    for each in ids:
        by_kind.setdefault(each[: -len("-00000000-0000-4000-8000-000000000000")], []).append(each)
    queries = [
        select(thing, agent).select_from(source).where(thing.in_(named)).distinct()
        for kind, named in by_kind.items()
        for thing, agent, source in _OWNERS.get(kind, ())
    ]
    if not queries:
        return set()
    return {(row[0], row[1]) for row in connection.execute(union_all(*queries))}


def insert_key(connection: Connection, actor: Actor, token_digest: str, values: JsonObject) -> StoredKey:
    """Store a new key, of which the digest is all that is known."""
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    owner = {"organization_id": actor.organization_id, "user_id": actor.user_id}
    row = values | owner | author | {"id": new_id("key"), "token_digest": token_digest}
    return StoredKey(*connection.execute(insert(api_keys).values(row).returning(*_COLUMNS)).one())


def find_key(connection: Connection, token_digest: str) -> StoredKey | None:
    """The key with this digest, whoever's it is; None where there is none."""
    row = connection.execute(select(*_COLUMNS).where(api_keys.c.token_digest == token_digest)).first()
    return None if row is None else StoredKey(*row)


def get_key(connection: Connection, actor: Actor, key_id: str, kind: str) -> StoredKey:
    """The organization's key with this id.

    Raises:
        NotFoundError: there is none.
    """
    row = connection.execute(_select(actor, kind).where(api_keys.c.id == key_id)).first()
    if row is None:
        raise NotFoundError(f"There is no key {key_id}; it may have been revoked.")
    return StoredKey(*row)


def list_keys(connection: Connection, actor: Actor, kind: str, page: Page) -> list[StoredKey]:
    """A page of the organization's keys of a kind."""
    return [StoredKey(*row) for row in connection.execute(paginate(_select(actor, kind), api_keys, page))]


def list_tokens(
    connection: Connection, actor: Actor, agent_id: str | None, *, limit: int, offset: int
) -> list[StoredKey]:
    """Tokens of browsers, newest first; those of an agent if it is named."""
    query = _select(actor, BROWSER).order_by(api_keys.c.created_at.desc(), api_keys.c.id)
    if agent_id is not None:
        query = query.where(api_keys.c.policy.contains([{"id": agent_id}]))
    return [StoredKey(*row) for row in connection.execute(query.limit(limit).offset(offset))]


def delete_key(connection: Connection, actor: Actor, kind: str, *, key_id: str = "", token_digest: str = "") -> str:
    """Delete the organization's key with this id or digest. Returns its digest.

    Raises:
        NotFoundError: there is none.
    """
    condition = api_keys.c.id == key_id if key_id else api_keys.c.token_digest == token_digest
    owned = (api_keys.c.organization_id == actor.organization_id, api_keys.c.kind == kind)
    deleted = connection.scalar(delete(api_keys).where(condition, *owned).returning(api_keys.c.token_digest))
    if deleted is None:
        raise NotFoundError(f"There is no such key{f' {key_id}' if key_id else ''}; it may already have been revoked.")
    return str(deleted)


def delete_keys_elsewhere(connection: Connection, user_id: str, organization_id: str) -> None:
    """Delete the keys that a user has in other organizations than this one, which is theirs."""
    elsewhere = (api_keys.c.user_id == user_id, api_keys.c.organization_id != organization_id)
    connection.execute(delete(api_keys).where(*elsewhere))


def delete_expired_tokens(connection: Connection, actor: Actor) -> None:
    """Forget the organization's tokens of browsers that have long expired."""
    owned = (api_keys.c.organization_id == actor.organization_id, api_keys.c.kind == BROWSER)
    connection.execute(delete(api_keys).where(*owned, api_keys.c.expires_at < func.now() - _KEPT_EXPIRED))


def note_use(connection: Connection, key_id: str, now: datetime) -> None:
    """Note that a key was used, unless that was noted a short while ago."""
    due = api_keys.c.last_used_at.is_(None) | (api_keys.c.last_used_at < now - _COARSE)
    connection.execute(update(api_keys).where(api_keys.c.id == key_id, due).values(last_used_at=now))


def _select(actor: Actor, kind: str) -> Select[Any]:
    owned = (api_keys.c.organization_id == actor.organization_id, api_keys.c.kind == kind)
    return select(*_COLUMNS).where(*owned)
