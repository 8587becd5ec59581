"""Queries on webhooks."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from letta.database.pagination import Page, paginate
from letta.errors import no_such
from letta.organizations.actor import Actor
from letta.webhooks.tables import webhooks
from letta.webhooks.webhook import Webhook

_COLUMNS = [webhooks.c[field.name] for field in fields(Webhook)]
_GENERATED = {"created_at", "updated_at", "created_by_id"}


def insert_webhook(connection: Connection, actor: Actor, webhook: Webhook) -> Webhook:
    """Store a new webhook."""
    values = {field.name: getattr(webhook, field.name) for field in fields(Webhook) if field.name not in _GENERATED}
    author = {"created_by_id": actor.user_id, "last_updated_by_id": actor.user_id}
    row = values | author | {"organization_id": actor.organization_id}
    return Webhook(*connection.execute(insert(webhooks).values(row).returning(*_COLUMNS)).one())


def count_webhooks(connection: Connection, actor: Actor) -> int:
    """How many the organization has."""
    counted = select(func.count()).select_from(webhooks).where(webhooks.c.organization_id == actor.organization_id)
    return connection.scalar(counted) or 0


def list_webhooks(connection: Connection, actor: Actor, page: Page) -> list[Webhook]:
    """A page of the organization's."""
    return [Webhook(*row) for row in connection.execute(paginate(_select(actor), webhooks, page))]


def get_webhook(connection: Connection, actor: Actor, webhook_id: str, *, lock: bool = False) -> Webhook:
    """The webhook with this id, locked until the transaction ends if that is wanted.

    Raises:
        NotFoundError: there is none.
    """
    query = _select(actor).where(webhooks.c.id == webhook_id)
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise no_such("webhook", webhook_id)
    return Webhook(*row)


def update_webhook(connection: Connection, actor: Actor, webhook_id: str, changes: Mapping[str, Any]) -> Webhook:
    """Store changes of a webhook.

    Raises:
        NotFoundError: there is none with this id.
    """
    values = {**changes, "updated_at": func.now(), "last_updated_by_id": actor.user_id}
    changed = update(webhooks).where(*_owned(actor, webhook_id)).values(values)
    row = connection.execute(changed.returning(*_COLUMNS)).first()
    if row is None:
        raise no_such("webhook", webhook_id)
    return Webhook(*row)


def delete_webhook(connection: Connection, actor: Actor, webhook_id: str) -> None:
    """Delete a webhook, with what it hasn't been told yet.

    Raises:
        NotFoundError: there is none with this id.
    """
    if connection.execute(delete(webhooks).where(*_owned(actor, webhook_id))).rowcount == 0:
        raise no_such("webhook", webhook_id)


def _select(actor: Actor) -> Select[Any]:
    return select(*_COLUMNS).where(webhooks.c.organization_id == actor.organization_id)


def _owned(actor: Actor, webhook_id: str) -> tuple[Any, ...]:
    return webhooks.c.id == webhook_id, webhooks.c.organization_id == actor.organization_id
