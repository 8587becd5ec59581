"""Queries on added providers."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, no_such
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.providers.added_provider import AddedProvider
from letta.providers.tables import providers

_COLUMNS = [providers.c[field.name] for field in fields(AddedProvider)]
_WRITTEN = ("name", "provider_type", "base_url", "api_key", "access_key", "region", "api_version", "models", "has_list")


@dataclass(frozen=True, slots=True)
class ProviderFilter:
    """Conditions of a list; those that are None don't count."""

    name: str | None = None
    provider_type: str | None = None


def insert_provider(connection: Connection, actor: Actor, provider: AddedProvider) -> AddedProvider:
    """Store a new provider.

    Raises:
        ConflictError: another one has its name.
    """
    values = {name: getattr(provider, name) for name in ("id", *_WRITTEN)} | {
        "organization_id": actor.organization_id,
        "created_by_id": actor.user_id,
        "last_updated_by_id": actor.user_id,
    }
    try:
        return _provider(connection.execute(insert(providers).values(values).returning(*_COLUMNS)).one())
    except IntegrityError as error:
        raise ConflictError(
            f"A provider named '{provider.name}' already exists. Choose another name, or update that provider."
        ) from error


def write_provider(connection: Connection, actor: Actor, provider: AddedProvider) -> AddedProvider:
    """Store the new state of a provider.

    Raises:
        NotFoundError: it isn't there any more.
    """
    values = {name: getattr(provider, name) for name in _WRITTEN}
    return _changed(connection, actor, provider.id, values | {"updated_at": func.now()})


def write_models(
    connection: Connection, actor: Actor, provider_id: str, models: Sequence[JsonObject], *, has_list: bool
) -> AddedProvider:
    """Store what a provider lists now.

    Raises:
        NotFoundError: it isn't there any more.
    """
    values = {"models": list(models), "has_list": has_list, "last_synced": func.now(), "asked_at": func.now()}
    return _changed(connection, actor, provider_id, values)


def claim_asking(connection: Connection, actor: Actor, provider_id: str, pause: float) -> bool:
    """Whether a provider may be asked again, as nobody has within so many seconds. If so, it counts as asked."""
    rested = or_(providers.c.asked_at.is_(None), providers.c.asked_at < func.now() - timedelta(seconds=pause))
    query = update(providers).where(*_own(actor, provider_id), rested).values(asked_at=func.now())
    return connection.execute(query).rowcount == 1


def get_provider(connection: Connection, actor: Actor, provider_id: str, *, lock: bool = False) -> AddedProvider:
    """The provider with this id.

    Raises:
        NotFoundError: there is none.
    """
    query = _select().where(*_own(actor, provider_id))
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise no_such("provider", provider_id)
    return _provider(row)


def list_providers(connection: Connection, actor: Actor, condition: ProviderFilter, page: Page) -> list[AddedProvider]:
    """Providers of the organization that meet the condition."""
    query = _select().where(providers.c.organization_id == actor.organization_id)
    if condition.name is not None:
        query = query.where(providers.c.name == condition.name)
    if condition.provider_type is not None:
        query = query.where(providers.c.provider_type == condition.provider_type)
    return [_provider(row) for row in connection.execute(paginate(query, providers, page))]


def providers_of(connection: Connection, organization_id: str) -> list[AddedProvider]:
    """All providers of an organization, by name."""
    query = _select().where(providers.c.organization_id == organization_id).order_by(providers.c.name)
    return [_provider(row) for row in connection.execute(query)]


def delete_provider(connection: Connection, actor: Actor, provider_id: str) -> None:
    """Delete a provider.

    Raises:
        NotFoundError: there is none.
    """
    if connection.execute(delete(providers).where(*_own(actor, provider_id))).rowcount == 0:
        raise no_such("provider", provider_id)


def _select() -> Select[Any]:
    return select(*_COLUMNS)


def _own(actor: Actor, provider_id: str) -> tuple[Any, Any]:
    return providers.c.id == provider_id, providers.c.organization_id == actor.organization_id


def _changed(connection: Connection, actor: Actor, provider_id: str, values: JsonObject) -> AddedProvider:
    changed = values | {"last_updated_by_id": actor.user_id}
    query = update(providers).where(*_own(actor, provider_id)).values(changed).returning(*_COLUMNS)
    row = connection.execute(query).first()
    if row is None:
        raise no_such("provider", provider_id)
    return _provider(row)


def _provider(row: Row[Any]) -> AddedProvider:
    return AddedProvider(**row._mapping)
