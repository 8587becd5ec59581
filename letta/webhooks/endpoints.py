"""Operations on webhooks."""

from typing import Annotated

from fastapi import APIRouter

from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import WebhookId, page_parameters
from letta.outgoing import egress
from letta.webhooks import delivery_repository, repository, service
from letta.webhooks.schemas import (
    CreatedWebhook,
    CreateWebhook,
    DeliveryResponse,
    RotateSecret,
    UpdateWebhook,
    WebhookResponse,
)
from letta.webhooks.webhook import Delivery, Webhook

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])

Newest = Annotated[Page, page_parameters(limit=50, order="desc")]


@router.post("", response_model=CreatedWebhook)
async def create_webhook(actor: ActorDep, database: DatabaseDep, body: CreateWebhook) -> Webhook:
    """Register a URL that is called when runs end. The response contains the secret for checking signatures."""
    await egress.check(body.url)
    return await database.run(service.create, actor, body)


@router.get("", response_model=list[WebhookResponse])
async def list_webhooks(actor: ActorDep, database: DatabaseDep, page: Newest) -> list[Webhook]:
    """Webhooks, newest first."""
    return await database.read(repository.list_webhooks, actor, page)


@router.get("/{webhook_id}", response_model=WebhookResponse)
async def retrieve_webhook(actor: ActorDep, database: DatabaseDep, webhook_id: WebhookId) -> Webhook:
    """One webhook."""
    return await database.read(repository.get_webhook, actor, webhook_id)


@router.patch("/{webhook_id}", response_model=WebhookResponse)
async def update_webhook(actor: ActorDep, database: DatabaseDep, webhook_id: WebhookId, body: UpdateWebhook) -> Webhook:
    """Change a webhook. What isn't sent stays, and so does its secret."""
    await egress.check(body.url)
    return await database.run(service.update, actor, webhook_id, body)


@router.delete("/{webhook_id}", status_code=204)
async def delete_webhook(actor: ActorDep, database: DatabaseDep, webhook_id: WebhookId) -> None:
    """Delete a webhook. Pending deliveries are dropped."""
    await database.run(repository.delete_webhook, actor, webhook_id)


@router.post("/{webhook_id}/rotate-secret", response_model=CreatedWebhook)
async def rotate_webhook_secret(
    actor: ActorDep, database: DatabaseDep, webhook_id: WebhookId, body: RotateSecret | None = None
) -> Webhook:
    """Give a webhook a new secret, which the response contains. For a while, the old secret is still used, too."""
    overlap = (body or RotateSecret()).overlap_seconds
    return await database.run(service.rotate_secret, actor, webhook_id, overlap)


@router.post("/{webhook_id}/test", response_model=DeliveryResponse)
async def test_webhook(actor: ActorDep, server: ServerDep, webhook_id: WebhookId) -> Delivery:
    """Send a test delivery to a webhook, once, and return the result."""
    claimed = await server.database.run(service.begin_test, actor, webhook_id)
    await server.executor.webhooks.attempt(claimed, last=True)
    return await server.database.read(delivery_repository.get_delivery, actor, claimed.delivery.id)


@router.get("/{webhook_id}/deliveries", response_model=list[DeliveryResponse])
async def list_webhook_deliveries(
    actor: ActorDep, database: DatabaseDep, webhook_id: WebhookId, page: Newest
) -> list[Delivery]:
    """Deliveries of a webhook in the last days, and pending ones, newest first."""
    return await database.read(service.list_deliveries, actor, webhook_id, page)
