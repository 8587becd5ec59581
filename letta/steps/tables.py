"""Steps: one call of a model each, with what it used; and the traces of those calls."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, func
from sqlalchemy.dialects.postgresql import ARRAY

from letta.database.base import Json, entity_table, metadata, reference, timestamp

steps = entity_table(
    "steps",
    reference("agent_id", "agents", ondelete="SET NULL"),
    reference("run_id", "runs", nullable=False),
    Column("status", Text, nullable=False),  # pending | success | failed | cancelled
    Column("stop_reason", Text),
    Column("provider_name", Text),
    Column("provider_category", Text),
    Column("model", Text),
    Column("model_handle", Text),
    Column("model_endpoint", Text),
    Column("context_window_limit", Integer),
    Column("prompt_tokens", Integer, nullable=False, server_default="0"),
    Column("completion_tokens", Integer, nullable=False, server_default="0"),
    Column("total_tokens", Integer, nullable=False, server_default="0"),
    Column("cached_input_tokens", Integer),
    Column("cache_write_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("feedback", Text),
    Column("request_id", Text),
    Column("transaction_id", Text),
    Column("project_id", Text),
    Column("error_type", Text),
    Column("error_data", Json),
    Column("tools_used", ARRAY(Text), nullable=False, server_default="{}"),
    Column("step_ns", BigInteger),
    Column("llm_request_ns", BigInteger),
    Column("tool_execution_ns", BigInteger),
)
Index("ix_steps_organization_id_created_at_id", steps.c.organization_id, steps.c.created_at, steps.c.id)
Index("ix_steps_run_id", steps.c.run_id)
Index("ix_steps_agent_id_created_at_id", steps.c.agent_id, steps.c.created_at, steps.c.id)

provider_traces = Table(
    "provider_traces",
    metadata,
    reference("step_id", "steps", primary_key=True),
    reference("organization_id", "organizations", nullable=False, index=True),
    Column("exchange", LargeBinary, nullable=False),
    timestamp("created_at", nullable=False, server_default=func.now(), index=True),
)
"""Request and response of the step's model call: zlib-compressed JSON ``{"request": …, "response": …}``."""
