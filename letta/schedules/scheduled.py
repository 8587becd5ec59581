"""Scheduled messages."""

from dataclasses import dataclass
from datetime import datetime

from letta.json_types import JsonObject


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Messages that an agent is sent at a moment, or at all moments that a cron expression names."""

    id: str
    agent_id: str
    messages: list[JsonObject]
    options: JsonObject
    scheduled_at: float | None
    cron_expression: str | None
    occurs_at: datetime | None
    sent_at: datetime | None = None
    last_run_id: str | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """One that is due, and that nobody else looks at for a while.

    Attributes:
        user_id: who has scheduled it, in whose name it is sent.
        timezone: that of the agent, in which a cron expression is read.
        attempts: how often it couldn't be sent at that moment.
    """

    id: str
    agent_id: str
    messages: list[JsonObject]
    options: JsonObject
    cron_expression: str | None
    occurs_at: datetime
    attempts: int
    organization_id: str
    user_id: str
    timezone: str
