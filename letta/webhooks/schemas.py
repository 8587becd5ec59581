"""Webhooks on the wire."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from letta.database.ids import id_pattern
from letta.json_types import JsonObject
from letta.schema import Schema, Timestamp

Event = Literal["run.completed", "run.failed", "run.cancelled", "run.requires_approval"]
Events = Annotated[list[Event], Field(min_length=1, max_length=20)]
WebAddress = Annotated[
    str, Field(min_length=1, max_length=2000, description="Public URL that receives the POST requests.")
]
AgentFilter = Annotated[
    str | None, Field(pattern=id_pattern("agent"), description="Only runs of this agent; by default, of all agents.")
]


class CreateWebhook(Schema):
    """A new webhook."""

    url: WebAddress
    events: Events = Field(default_factory=lambda: [*get_args(Event)], description="Events to report; by default, all.")
    agent_id: AgentFilter = None
    description: str | None = Field(None, max_length=500)
    include_messages: bool = Field(False, description="Whether to include what the agent said.")
    enabled: bool = True


class UpdateWebhook(Schema):
    """Changes of a webhook. What isn't sent stays."""

    url: WebAddress | None = None
    events: Events | None = None
    agent_id: AgentFilter = None
    description: str | None = Field(None, max_length=500)
    include_messages: bool | None = None
    enabled: bool | None = None


class RotateSecret(Schema):
    """How a webhook's secret is replaced."""

    overlap_seconds: int = Field(
        86_400,
        ge=0,
        le=7 * 86_400,
        description="How long deliveries are also signed with the old secret; 0 stops using it at once.",
    )


class WebhookResponse(Schema):
    """A webhook."""

    id: str
    url: str
    events: list[str]
    agent_id: str | None
    description: str | None
    include_messages: bool
    enabled: bool = Field(
        description="False if the webhook was disabled, by a user or because its URL returned status 410."
    )
    former_secret_until: Timestamp | None = Field(
        description="Until when deliveries are also signed with the old secret, if the secret was replaced."
    )
    created_at: Timestamp
    updated_at: Timestamp
    created_by_id: str | None


class CreatedWebhook(WebhookResponse):
    """A webhook with its new secret, which its deliveries are signed with. It is shown here only."""

    secret: str


class DeliveryResponse(Schema):
    """One event that a webhook is told, and what came of it so far."""

    id: str = Field(description="Also sent as the header webhook-id.")
    webhook_id: str
    event_type: str
    run_id: str | None
    payload: JsonObject = Field(description="The payload, without what the agent said.")
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    status_code: int | None = Field(description="Status of the last response.")
    error: str | None = Field(description="Why the last attempt failed.")
    next_attempt_at: Timestamp | None
    delivered_at: Timestamp | None
    created_at: Timestamp
