"""Runs: one turn each, from the request to its end; and what background runs have told so far."""

from sqlalchemy import BigInteger, Boolean, Column, Identity, Index, Integer, LargeBinary, Table, Text, func

from letta.database.base import Json, entity_table, metadata, reference, timestamp

runs = entity_table(
    "runs",
    reference("agent_id", "agents", nullable=False),
    reference("conversation_id", "conversations", nullable=False),
    reference("job_id", "jobs", ondelete="SET NULL"),
    Column("status", Text, nullable=False),  # created | running | completed | failed | cancelled
    Column("stop_reason", Text),
    Column("background", Boolean, nullable=False, server_default="false"),
    Column("request", Json, nullable=False),
    # What a run is to begin with that waits for its conversation and a process to be free. Null once it has begun.
    Column("queued", Json),
    Column("request_hash", Text),
    Column("usage", Json),
    Column("error", Json),
    Column("metadata", Json, nullable=False, server_default="{}"),
    Column("callback_url", Text),
    timestamp("callback_sent_at"),
    Column("callback_status_code", Integer),
    Column("callback_error", Text),
    Column("take_overs", Integer, nullable=False, server_default="0"),
    Column("base_template_id", Text),
    Column("project_id", Text),
    timestamp("completed_at"),
    Column("ttft_ns", BigInteger),
    Column("total_duration_ns", BigInteger),
)
Index("ix_runs_organization_id_created_at_id", runs.c.organization_id, runs.c.created_at, runs.c.id)
Index(
    "ix_runs_not_completed",
    runs.c.organization_id,
    runs.c.created_at,
    runs.c.id,
    postgresql_where=runs.c.status != "completed",
)
Index("ix_runs_agent_id_created_at_id", runs.c.agent_id, runs.c.created_at, runs.c.id)
Index("ix_runs_conversation_id_created_at", runs.c.conversation_id, runs.c.created_at)
Index("ix_runs_job_id", runs.c.job_id, runs.c.status, postgresql_where=runs.c.job_id.is_not(None))
Index(
    "ix_runs_queued_of_conversation",
    runs.c.conversation_id,
    runs.c.created_at,
    runs.c.id,
    postgresql_where=runs.c.queued.is_not(None),
)
Index("ix_runs_queued", runs.c.created_at, runs.c.id, postgresql_where=runs.c.queued.is_not(None))
Index(
    "ix_runs_callback_due",
    runs.c.completed_at,
    postgresql_where=runs.c.callback_url.is_not(None)
    & runs.c.callback_status_code.is_(None)
    & runs.c.callback_error.is_(None),
)

run_events = Table(
    "run_events",
    metadata,
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    reference("organization_id", "organizations", nullable=False, index=True),
    reference("run_id", "runs", nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("frames", LargeBinary, nullable=False),
    timestamp("created_at", nullable=False, server_default=func.now()),
)
"""The event log of background runs: one row a batch. ``frames`` is zlib-compressed JSON (`letta.runs.frames`)."""
Index("ix_run_events_run_id_last_seq", run_events.c.run_id, run_events.c.last_seq)
