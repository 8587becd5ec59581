"""What can be done with webhooks, beside storing them."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from letta.agents.repository import require_agent
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import InvalidArgumentError
from letta.organizations.actor import Actor
from letta.webhooks import delivery_repository, repository
from letta.webhooks.delivery_repository import ClaimedDelivery
from letta.webhooks.schemas import CreateWebhook, UpdateWebhook
from letta.webhooks.signing import new_secret
from letta.webhooks.webhook import TEST_EVENT, Delivery, Webhook

MOST_WEBHOOKS = 50
"""Of an organization, as the end of each run looks at all of them."""


def create(connection: Connection, actor: Actor, body: CreateWebhook) -> Webhook:
    """Register a webhook with a secret of its own.

    Raises:
        NotFoundError: no such agent.
        InvalidArgumentError: there are as many as there may be.
    """
    if body.agent_id is not None:
        require_agent(connection, actor, body.agent_id)
    if repository.count_webhooks(connection, actor) >= MOST_WEBHOOKS:
        raise InvalidArgumentError(
            f"There are already {MOST_WEBHOOKS} webhooks, which is the limit. Delete one that is no longer needed."
        )
    return repository.insert_webhook(
        connection, actor, Webhook(id=new_id("webhook"), secret=new_secret(), **body.model_dump())
    )


def update(connection: Connection, actor: Actor, webhook_id: str, body: UpdateWebhook) -> Webhook:
    """Change a webhook. Null clears its agent and description, and leaves the rest as it is.

    Raises:
        NotFoundError: no such webhook or agent.
    """
    if body.agent_id is not None:
        require_agent(connection, actor, body.agent_id)
    clearable = ("agent_id", "description")
    changes = {name: value for name, value in body.given().items() if value is not None or name in clearable}
    return repository.update_webhook(connection, actor, webhook_id, changes)


def rotate_secret(connection: Connection, actor: Actor, webhook_id: str, overlap_seconds: int) -> Webhook:
    """Give a webhook a new secret. One that was replaced earlier counts no more.

    Raises:
        NotFoundError: no such webhook.
    """
    former = repository.get_webhook(connection, actor, webhook_id, lock=True)
    changes = {
        "secret": new_secret(),
        "former_secret": former.secret if overlap_seconds else None,
        "former_secret_until": datetime.now(UTC) + timedelta(seconds=overlap_seconds) if overlap_seconds else None,
    }
    return repository.update_webhook(connection, actor, webhook_id, changes)


def begin_test(connection: Connection, actor: Actor, webhook_id: str) -> ClaimedDelivery:
    """A test delivery of a webhook, to be attempted by the caller.

    Raises:
        NotFoundError: no such webhook.
    """
    webhook = repository.get_webhook(connection, actor, webhook_id)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    payload = {"type": TEST_EVENT, "timestamp": now, "data": {"webhook_id": webhook.id}}
    return delivery_repository.insert_test(connection, actor, webhook, payload)


def list_deliveries(connection: Connection, actor: Actor, webhook_id: str, page: Page) -> list[Delivery]:
    """A page of a webhook's deliveries.

    Raises:
        NotFoundError: no such webhook.
    """
    repository.get_webhook(connection, actor, webhook_id)
    return delivery_repository.list_deliveries(connection, actor, webhook_id, page)
