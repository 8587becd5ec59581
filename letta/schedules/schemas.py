"""Scheduled messages on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from letta.messages.schemas import MessageCreate, MessageType
from letta.schema import CallbackUrl, Schema, Timestamp

MAX_MESSAGES = 100


class OneTime(Schema):
    """At one moment."""

    type: Literal["one-time"] = "one-time"
    scheduled_at: float = Field(description="Milliseconds since 1970-01-01 UTC, or seconds.", allow_inf_nan=False)


class Recurring(Schema):
    """At all moments that a cron expression names, in the agent's time zone."""

    type: Literal["recurring"]
    cron_expression: str = Field(min_length=1, max_length=200, description="Minute, hour, day, month, weekday.")


Schedule = Annotated[Recurring | OneTime, Field(description="When.")]


class MessageToSend(Schema):
    """What the agent is sent, and how it is to answer."""

    messages: list[MessageCreate] = Field(min_length=1, max_length=MAX_MESSAGES)
    callback_url: CallbackUrl | None = Field(None, description="Public URL that is called when a turn has ended.")
    include_return_message_types: list[MessageType] | None = None
    max_steps: int | None = Field(None, ge=0, description="Most steps in a turn; 50 by default.")


class CreateSchedule(MessageToSend):
    """Messages to be sent later."""

    schedule: Schedule


class CreatedSchedule(Schema):
    """What was scheduled."""

    id: str
    next_scheduled_at: Timestamp | None


class ScheduledMessage(Schema):
    """Messages that are sent later."""

    id: str
    agent_id: str
    message: MessageToSend
    schedule: Schedule
    next_scheduled_time: Timestamp | None = Field(description="Null once no further message is due.")
    last_run_id: str | None = Field(description="The run of the last delivery.")
    last_sent_at: Timestamp | None
    last_error: str | None = Field(description="Why the last attempt to send the message failed, if it did.")


class ScheduledMessages(Schema):
    """A page of them."""

    scheduled_messages: list[ScheduledMessage]
    has_next_page: bool


class Deleted(Schema):
    """It is gone."""

    success: Literal[True] = True
