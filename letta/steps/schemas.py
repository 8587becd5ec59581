"""Steps on the wire."""

from typing import Literal

from pydantic import Field

from letta.json_types import JsonObject
from letta.schema import Schema, Timestamp

_COST = "Price of the model call in US dollars, by the provider's price list."


class Step(Schema):
    """One call of a model and what followed from it."""

    id: str
    origin: str | None = None
    organization_id: str | None = None
    provider_id: str | None = None
    run_id: str | None = None
    agent_id: str | None = None
    provider_name: str | None = None
    provider_category: str | None = None
    model: str | None = None
    model_handle: str | None = None
    model_endpoint: str | None = None
    context_window_limit: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    completion_tokens_details: JsonObject | None = None
    prompt_tokens_details: JsonObject | None = None
    stop_reason: str | None = None
    tags: list[str] = Field(default_factory=list)
    tid: str | None = None
    trace_id: str | None = None
    request_id: str | None = None
    messages: list[JsonObject] = Field(default_factory=list)
    feedback: Literal["positive", "negative"] | None = None
    project_id: str | None = None
    error_type: str | None = None
    error_data: JsonObject | None = None
    status: str | None = None
    created_at: Timestamp | None = None
    cost_usd: float | None = Field(None, description=_COST, exclude_if=lambda value: value is None)


class StepMetrics(Schema):
    """How long a step took, and what it cost."""

    id: str
    organization_id: str | None = None
    provider_id: str | None = None
    run_id: str | None = None
    agent_id: str | None = None
    step_start_ns: int | None = None
    llm_request_start_ns: int | None = None
    llm_request_ns: int | None = None
    tool_execution_ns: int | None = None
    step_ns: int | None = None
    base_template_id: str | None = None
    template_id: str | None = None
    project_id: str | None = None
    cost_usd: float | None = Field(None, description=f"{_COST} Null if unknown.")


class ProviderTrace(Schema):
    """A step's request to the provider and the provider's answer."""

    id: str
    step_id: str
    request_json: JsonObject
    response_json: JsonObject
    dropped_tool_calls: list[JsonObject] | None = Field(
        None,
        description="Tool calls in the answer that were not carried out, because the agent makes only one call per "
        "step.",
    )
    agent_id: str | None = None
    run_id: str | None = None
    agent_tags: list[str] | None = None
    call_type: str | None = None
    source: str | None = None
    org_id: str | None = None
    user_id: str | None = None
    compaction_settings: JsonObject | None = None
    llm_config: JsonObject | None = None
    billing_context: JsonObject | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class Feedback(Schema):
    """What a user thinks of a step."""

    feedback: Literal["positive", "negative"] | None = None
    tags: list[str] | None = None
