"""Conversations on the wire."""

from datetime import datetime

from pydantic import Field, field_validator

from letta.agents.model_settings import ModelSettings
from letta.json_types import JsonObject
from letta.messages.schemas import LettaStreamingRequest
from letta.runs.schemas import ResumeRequest
from letta.schema import Schema, Timestamp


def _is_not_set(value: object) -> bool:
    """What older clients don't know is left out unless somebody uses it."""
    return not value


class ConversationResponse(Schema):
    """One of an agent's conversations."""

    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    id: str
    agent_id: str
    summary: str | None = None
    in_context_message_ids: list[str] = Field([], description="Only filled when a single conversation is retrieved.")
    isolated_block_ids: list[str] = Field([])
    model: str | None = None
    model_settings: JsonObject | None = None
    last_message_at: Timestamp | None = None
    description: str | None = Field(None, exclude_if=_is_not_set)
    context_window_limit: int | None = Field(None, exclude_if=_is_not_set)
    hidden: bool | None = Field(None, exclude_if=_is_not_set)
    archived: bool | None = Field(None, exclude_if=_is_not_set)
    archived_at: Timestamp | None = Field(None, exclude_if=_is_not_set)


class CreateConversation(Schema):
    """A new conversation."""

    summary: str | None = None
    description: str | None = None
    isolated_block_labels: list[str] | None = Field(
        None, description="Labels of blocks of which the conversation gets its own copies."
    )
    model: str | None = Field(None, description="Handle of a model to use instead of the agent's.")
    model_settings: ModelSettings | None = None
    context_window_limit: int | None = Field(None, gt=0)
    hidden: bool | None = Field(None, description="Omit the conversation from lists.")


class UpdateConversation(Schema):
    """Changes of a conversation. What isn't sent stays; null clears."""

    summary: str | None = None
    description: str | None = None
    model: str | None = None
    model_settings: ModelSettings | None = None
    context_window_limit: int | None = Field(None, gt=0)
    archived: bool | None = None
    last_message_at: datetime | None = None


class ConversationMessageRequest(LettaStreamingRequest):
    """A turn in a conversation."""

    streaming: bool = Field(True, description="Respond with server-sent events.")
    agent_id: str | None = Field(None, description="The agent, if the conversation is 'default'.")


class ConversationStreamRequest(ResumeRequest):
    """Which run's stream to read, and from where on. Without a run, it is the one that goes on."""

    agent_id: str | None = None
    run_id: str | None = None
    otid: str | None = Field(None, description="The otid of a message that the run was started with.")


class RecompileRequest(Schema):
    """Whose conversation to recompile."""

    agent_id: str | None = Field(None, description="The agent, if the conversation is 'default'.")
    compaction_settings: JsonObject | None = Field(
        None, description="Not accepted here: use the conversation's /compact."
    )

    @field_validator("compaction_settings")
    @classmethod
    def _without_effect(cls, given: JsonObject | None) -> None:
        if given is not None:
            raise ValueError("recompiling does not summarize; send these settings to the conversation's /compact")
