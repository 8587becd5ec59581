"""Runs on the wire."""

from pydantic import Field

from letta.json_types import JsonObject
from letta.schema import Schema, Timestamp


class Run(Schema):
    """One turn of an agent."""

    id: str
    status: str
    created_at: Timestamp
    completed_at: Timestamp | None = None
    agent_id: str
    conversation_id: str | None = Field(None, description="None for the agent's default conversation.")
    base_template_id: str | None = None
    background: bool | None = None
    metadata: JsonObject | None = None
    request_config: JsonObject | None = None
    stop_reason: str | None = None
    callback_url: str | None = None
    callback_sent_at: Timestamp | None = None
    callback_status_code: int | None = None
    callback_error: str | None = None
    ttft_ns: int | None = None
    total_duration_ns: int | None = None


class CancelRequest(Schema):
    """Which runs to cancel; without ids, all active ones."""

    run_ids: list[str] | None = None


class ResumeRequest(Schema):
    """From where on to read a stream."""

    starting_after: int = Field(0, ge=0, description="The seq_id of the last message that was received.")
    include_pings: bool | None = True
    poll_interval: float | None = Field(None, description="Accepted and ignored: new messages are sent at once.")
    batch_size: int | None = Field(None, description="Accepted and ignored.")


class RunUsage(Schema):
    """Tokens that a run used."""

    completion_tokens: int = 0
    prompt_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: JsonObject | None = None
    completion_tokens_details: JsonObject | None = None


class RunMetrics(Schema):
    """How long a run took and what it did."""

    id: str
    organization_id: str | None = None
    agent_id: str | None = None
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    run_start_ns: int | None = None
    run_ns: int | None = None
    num_steps: int | None = None
    tools_used: list[str] | None = None


class Span(Schema):
    """A stretch of time within a run."""

    trace_id: str
    span_id: str
    parent_span_id: str | None = None
    span_name: str
    timestamp: Timestamp = Field(description="When it began.")
    duration_ns: int | None = None
    status: str
    attributes: JsonObject
