"""Queries on identities, and on what is theirs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, Table, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, no_such
from letta.identities.identity import Identity
from letta.identities.tables import identities, identities_agents, identities_blocks
from letta.json_types import JsonObject
from letta.organizations.actor import Actor

AnyRow = Row[*tuple[Any, ...]]

_NAMES = ("id", "organization_id", "identifier_key", "name", "identity_type", "project_id", "properties")
_COLUMNS = [identities.c[name] for name in _NAMES]


@dataclass(frozen=True, slots=True)
class IdentityFilter:
    """Conditions of an identity list; those that are None don't count."""

    name: str | None = None
    project_id: str | None = None
    identifier_key: str | None = None
    identity_type: str | None = None


def insert_identity(connection: Connection, actor: Actor, values: JsonObject) -> str:
    """Store a new identity, and return its id.

    Raises:
        ConflictError: another one has its key.
    """
    identity_id = new_id("identity")
    statement = upsert(identities).values(_complete(actor, values) | {"id": identity_id}).on_conflict_do_nothing()
    if connection.execute(statement).rowcount == 0:
        raise _taken(values["identifier_key"])
    return identity_id


def upsert_identity(connection: Connection, actor: Actor, values: JsonObject) -> str:
    """Store an identity, or change that which has its key, and return its id."""
    complete = _complete(actor, values)
    changes = {name: complete[name] for name in ("name", "identity_type", "properties") if name in values}
    statement = upsert(identities).values(complete | {"id": new_id("identity")})
    statement = statement.on_conflict_do_update(
        index_elements=["organization_id", "identifier_key", "project_id"],
        set_=changes | {"last_updated_by_id": actor.user_id, "updated_at": func.now()},
    )
    return str(connection.execute(statement.returning(identities.c.id)).scalar_one())


def update_identity(connection: Connection, actor: Actor, identity_id: str, changes: Mapping[str, Any]) -> None:
    """Apply changes to an identity. It is locked until the transaction ends.

    Raises:
        NotFoundError: no such identity.
        ConflictError: another one has the new key.
    """
    values = {**changes, "last_updated_by_id": actor.user_id, "updated_at": func.now()}
    try:
        found = connection.execute(update(identities).where(*_own(actor, identity_id)).values(values))
    except IntegrityError as error:
        raise _taken(changes["identifier_key"]) from error
    if found.rowcount == 0:
        raise no_such("identity", identity_id, "/v1/identities")


def delete_identity(connection: Connection, actor: Actor, identity_id: str) -> None:
    """Delete an identity. What was attached to it stays.

    Raises:
        NotFoundError: no such identity.
    """
    if connection.execute(delete(identities).where(*_own(actor, identity_id))).rowcount == 0:
        raise no_such("identity", identity_id, "/v1/identities")


def get_identity(connection: Connection, actor: Actor, identity_id: str) -> Identity:
    """The identity with this id.

    Raises:
        NotFoundError: no such identity.
    """
    row = connection.execute(_select(actor).where(identities.c.id == identity_id)).first()
    if row is None:
        raise no_such("identity", identity_id, "/v1/identities")
    return _identity(row)


def list_identities(connection: Connection, actor: Actor, condition: IdentityFilter, page: Page) -> list[Identity]:
    """Identities of the organization that meet the condition."""
    query = _select(actor)
    for name in ("name", "project_id", "identifier_key", "identity_type"):
        wanted = getattr(condition, name)
        if wanted is not None:
            query = query.where(identities.c[name] == wanted)
    return [_identity(row) for row in connection.execute(paginate(query, identities, page))]


def count_identities(connection: Connection, actor: Actor) -> int:
    """How many identities the organization has."""
    query = select(func.count()).where(identities.c.organization_id == actor.organization_id)
    return connection.scalar(query) or 0


def identities_of_agents(connection: Connection, agent_ids: Sequence[str]) -> dict[str, list[Identity]]:
    """The identities of several agents, by agent id."""
    joined = identities_agents.alias()  # apart from that of the lists of ids
    query = (
        select(*_COLUMNS, *_members(), joined.c.agent_id.label("of_agent"))
        .join(joined, joined.c.identity_id == identities.c.id)
        .where(joined.c.agent_id.in_(agent_ids))
        .order_by(identities.c.created_at, identities.c.id)
    )
    found: dict[str, list[Identity]] = {}
    for row in connection.execute(query):
        found.setdefault(row.of_agent, []).append(_identity(row))
    return found


def require_identities(connection: Connection, actor: Actor, identity_ids: Iterable[str]) -> list[str]:
    """These ids without doubles, if there is an identity for each; they stay there until the transaction ends.

    Raises:
        NotFoundError: there is none for one of them.
    """
    wanted = sorted(set(identity_ids))
    if not wanted:
        return []
    query = select(identities.c.id).where(
        identities.c.id.in_(wanted), identities.c.organization_id == actor.organization_id
    )
    found = set(connection.scalars(query.order_by(identities.c.id).with_for_update(read=True, key_share=True)))
    for identity_id in wanted:
        if identity_id not in found:
            raise no_such("identity", identity_id, "/v1/identities")
    return wanted


def replace_agents(connection: Connection, identity_id: str, agent_ids: Iterable[str]) -> None:
    """Attach exactly these agents, which exist, to an identity."""
    _replace(connection, identities_agents, {"identity_id": identity_id}, "agent_id", agent_ids)


def replace_blocks(connection: Connection, identity_id: str, block_ids: Iterable[str]) -> None:
    """Attach exactly these blocks, which exist, to an identity."""
    _replace(connection, identities_blocks, {"identity_id": identity_id}, "block_id", block_ids)


def replace_identities_of_agent(connection: Connection, agent_id: str, identity_ids: Iterable[str]) -> None:
    """Attach an agent to exactly these identities, which exist."""
    _replace(connection, identities_agents, {"agent_id": agent_id}, "identity_id", identity_ids)


def attach_agent(connection: Connection, identity_id: str, agent_id: str) -> None:
    """Attach an agent to an identity, both of which exist. Doing it twice changes nothing."""
    _attach(connection, identities_agents, {"identity_id": identity_id, "agent_id": agent_id})


def detach_agent(connection: Connection, identity_id: str, agent_id: str) -> None:
    """Detach an agent from an identity."""
    _detach(connection, identities_agents, {"identity_id": identity_id, "agent_id": agent_id})


def attach_block(connection: Connection, identity_id: str, block_id: str) -> None:
    """Attach a block to an identity, both of which exist. Doing it twice changes nothing."""
    _attach(connection, identities_blocks, {"identity_id": identity_id, "block_id": block_id})


def detach_block(connection: Connection, identity_id: str, block_id: str) -> None:
    """Detach a block from an identity."""
    _detach(connection, identities_blocks, {"identity_id": identity_id, "block_id": block_id})


def holds(
    members: Column[Any], identity_id: str | None, identifier_keys: Sequence[str] | None
) -> ColumnElement[Any] | None:
    """The ids of all that is attached to an identity with this id or one of these keys; None where no matter what.

    Args:
        members: the column of agents' or of blocks' ids.
    """
    if identity_id is None and not identifier_keys:
        return None
    attached = select(members)
    if identity_id is not None:
        attached = attached.where(members.table.c.identity_id == identity_id)
    if identifier_keys:
        named = select(identities.c.id).where(identities.c.identifier_key.in_(identifier_keys))
        attached = attached.where(members.table.c.identity_id.in_(named))
    return attached.scalar_subquery()


def _complete(actor: Actor, values: JsonObject) -> JsonObject:
    owner = {"organization_id": actor.organization_id, "created_by_id": actor.user_id}
    return values | owner | {"last_updated_by_id": actor.user_id, "project_id": values.get("project_id") or ""}


def _own(actor: Actor, identity_id: str) -> tuple[ColumnElement[bool], ...]:
    return (identities.c.id == identity_id, identities.c.organization_id == actor.organization_id)


def _select(actor: Actor) -> Select[Any]:
    return select(*_COLUMNS, *_members()).where(identities.c.organization_id == actor.organization_id)


def _members() -> tuple[ColumnElement[Any], ...]:
    return (
        _ids(identities_agents, identities_agents.c.agent_id).label("agent_ids"),
        _ids(identities_blocks, identities_blocks.c.block_id).label("block_ids"),
    )


def _ids(table: Table, column: Column[Any]) -> ColumnElement[Any]:
    query = select(func.array_agg(aggregate_order_by(column, column))).where(table.c.identity_id == identities.c.id)
    return query.correlate(identities).scalar_subquery()


def _identity(row: AnyRow) -> Identity:
    values = {name: row._mapping[name] for name in _NAMES}
    values["project_id"] = values["project_id"] or None
    return Identity(**values, agent_ids=row.agent_ids or [], block_ids=row.block_ids or [])


def _replace(connection: Connection, table: Table, kept: dict[str, str], column: str, members: Iterable[str]) -> None:
    ((name, value),) = kept.items()
    connection.execute(delete(table).where(table.c[name] == value))
    rows = [kept | {column: member} for member in sorted(set(members))]
    if rows:
        connection.execute(insert(table), rows)


def _attach(connection: Connection, table: Table, pair: dict[str, str]) -> None:
    connection.execute(upsert(table).values(pair).on_conflict_do_nothing())


def _detach(connection: Connection, table: Table, pair: dict[str, str]) -> None:
    connection.execute(delete(table).where(*(table.c[name] == value for name, value in pair.items())))


def _taken(key: str) -> ConflictError:
    return ConflictError(
        f"An identity with the identifier_key '{key}' already exists. Choose another key, or use PUT /v1/identities, "
        "which creates an identity or updates the one with that key."
    )
