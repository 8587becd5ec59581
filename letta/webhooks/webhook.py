"""Webhooks and their deliveries as the rest of the server knows them."""

from dataclasses import dataclass, field
from datetime import datetime

from letta.json_types import JsonObject

RUN_EVENTS = ("run.completed", "run.failed", "run.cancelled", "run.requires_approval")
"""What a webhook is told of. A run that waits for a person's decision has the last one, instead of the first."""
TEST_EVENT = "webhook.test"


@dataclass(slots=True)
class Webhook:
    """An address that is told of the ends of runs.

    Attributes:
        agent_id: the agent whose runs it is told of; all agents' without one.
        include_messages: whether it is told what the agent said.
        former_secret_until: until then deliveries are signed with the former secret as well.
    """

    id: str
    url: str
    events: list[str] = field(default_factory=lambda: list(RUN_EVENTS))
    agent_id: str | None = None
    description: str | None = None
    include_messages: bool = False
    enabled: bool = True
    secret: str | None = None
    former_secret: str | None = None
    former_secret_until: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by_id: str | None = None


@dataclass(slots=True)
class Delivery:
    """One event that one webhook is told, and what came of it so far."""

    id: str
    webhook_id: str
    event_type: str
    run_id: str | None
    payload: JsonObject
    attempts: int
    status_code: int | None
    error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime

    @property
    def status(self) -> str:
        """Where it stands."""
        if self.delivered_at is not None:
            return "delivered"
        return "pending" if self.next_attempt_at is not None else "failed"
