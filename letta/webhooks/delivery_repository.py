"""Queries on what webhooks are told. A delivery is claimed for a minute; what a dead process had is then others'."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from letta.agents.tables import agents
from letta.database.ids import new_id
from letta.database.pagination import Page, paginate
from letta.errors import NotFoundError
from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.messages.repository import COLUMNS as MESSAGE_COLUMNS
from letta.messages.repository import to_message
from letta.messages.tables import messages
from letta.messages.wire import PLAIN, for_agent, to_wire
from letta.organizations.actor import Actor
from letta.webhooks.tables import webhook_deliveries, webhooks
from letta.webhooks.webhook import TEST_EVENT, Delivery, Webhook

_COLUMNS = [webhook_deliveries.c[field.name] for field in fields(Delivery)]
_SECRETS = (
    webhooks.c.secret,
    webhooks.c.former_secret,
    (webhooks.c.former_secret_until > func.now()).label("former_secret_counts"),
)
_UNDER_WAY = timedelta(minutes=1)
_KEPT = timedelta(days=7)
"""How long what is over is still listed."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that the caller alone attempts now, and where it goes.

    Attributes:
        secrets: what it is signed with: the webhook's secret, and the former one as long as that counts.
        said: what the agent said, where the webhook is told.
    """

    organization_id: str
    delivery: Delivery
    url: str
    secrets: list[str]
    said: list[JsonObject] | None = None


def claim_due(connection: Connection, limit: int, but_of: Collection[str]) -> list[ClaimedDelivery]:
    """Deliveries to attempt now, for the caller alone; none of these organizations."""
    due = (
        select(webhook_deliveries.c.id)
        .where(webhook_deliveries.c.next_attempt_at <= func.now())
        .where(webhook_deliveries.c.organization_id.not_in(but_of))
        .order_by(webhook_deliveries.c.next_attempt_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = (
        update(webhook_deliveries)
        .where(webhook_deliveries.c.id.in_(due), webhooks.c.id == webhook_deliveries.c.webhook_id)
        .values(attempts=webhook_deliveries.c.attempts + 1, next_attempt_at=func.now() + _UNDER_WAY)
        .returning(*_COLUMNS, webhooks.c.organization_id, webhooks.c.url, webhooks.c.include_messages, *_SECRETS)
    )
    rows = connection.execute(claimed).all()
    said = _said_in(connection, [row.run_id for row in rows if row.include_messages and row.run_id])
    return [
        ClaimedDelivery(
            row.organization_id,
            Delivery(*row[: len(_COLUMNS)]),
            row.url,
            _secrets(row),
            said.get(row.run_id, []) if row.include_messages and row.run_id else None,
        )
        for row in rows
    ]


def note_received(connection: Connection, delivery_id: str, status_code: int | None) -> None:
    """Note that a delivery was received."""
    _note(connection, delivery_id, status_code, None, next_attempt_at=None, delivered_at=func.now())


def note_failure(
    connection: Connection, delivery: Delivery, status_code: int | None, error: str, pause: float | None, *, gone: bool
) -> None:
    """Note that an attempt failed, and when the next one is due: never without a pause.

    Args:
        gone: the receiver wants to be told nothing more, so the webhook is switched off.
    """
    due = None if pause is None else func.now() + timedelta(seconds=pause)
    _note(connection, delivery.id, status_code, error, next_attempt_at=due)
    if gone:
        connection.execute(update(webhooks).where(webhooks.c.id == delivery.webhook_id).values(enabled=False))


def insert_test(connection: Connection, actor: Actor, webhook: Webhook, payload: JsonObject) -> ClaimedDelivery:
    """A delivery of no run, for the caller alone to attempt, once."""
    values = {
        "id": new_id("delivery"),
        "organization_id": actor.organization_id,
        "webhook_id": webhook.id,
        "event_type": TEST_EVENT,
        "payload": payload,
        "attempts": 1,
    }
    row = connection.execute(insert(webhook_deliveries).values(values).returning(*_COLUMNS)).one()
    secrets = connection.execute(select(*_SECRETS).where(webhooks.c.id == webhook.id)).one()
    return ClaimedDelivery(actor.organization_id, Delivery(*row), webhook.url, _secrets(secrets))


def get_delivery(connection: Connection, actor: Actor, delivery_id: str) -> Delivery:
    """The delivery with this id.

    Raises:
        NotFoundError: there is none; its webhook may have been deleted.
    """
    query = select(*_COLUMNS).where(
        webhook_deliveries.c.id == delivery_id, webhook_deliveries.c.organization_id == actor.organization_id
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"There is no delivery {delivery_id}. Its webhook may have been deleted.")
    return Delivery(*row)


def list_deliveries(connection: Connection, actor: Actor, webhook_id: str, page: Page) -> list[Delivery]:
    """A page of a webhook's deliveries."""
    query = select(*_COLUMNS).where(
        webhook_deliveries.c.webhook_id == webhook_id, webhook_deliveries.c.organization_id == actor.organization_id
    )
    return [Delivery(*row) for row in connection.execute(paginate(query, webhook_deliveries, page))]


def delete_old(connection: Connection) -> None:
    """Delete what has been over for some days."""
    connection.execute(
        delete(webhook_deliveries).where(
            webhook_deliveries.c.next_attempt_at.is_(None), webhook_deliveries.c.created_at < func.now() - _KEPT
        )
    )


def _secrets(row: Row[Any]) -> list[str]:
    return [row.secret, row.former_secret] if row.former_secret_counts else [row.secret]


def _note(connection: Connection, delivery_id: str, status_code: int | None, error: str | None, **values: Any) -> None:
    changed = {"status_code": status_code, "error": error, **values}
    connection.execute(update(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id).values(changed))


def _said_in(connection: Connection, run_ids: Sequence[str]) -> dict[str, list[JsonObject]]:
    """What agents said in runs, by run id, as messages of the API."""
    if not run_ids:
        return {}
    query = (
        select(*MESSAGE_COLUMNS, agents.c.agent_type)
        .join(agents, agents.c.id == messages.c.agent_id)
        .where(messages.c.run_id.in_(run_ids), messages.c.role == "assistant")
        .order_by(messages.c.sequence_id)
    )
    found: dict[str, list[JsonObject]] = {}
    for row in connection.execute(query):
        message: Message = to_message(row[: len(MESSAGE_COLUMNS)])
        wires = to_wire([message], for_agent(PLAIN, row.agent_type))
        found.setdefault(message.run_id or "", []).extend(w for w in wires if w["message_type"] == "assistant_message")
    return found
