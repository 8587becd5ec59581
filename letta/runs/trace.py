"""What a run spent its time with, as the spans of a trace."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from letta.organizations.actor import Actor
from letta.runs.run_repository import metrics_of_run, retrieve_run, steps_of_run
from letta.runs.schemas import Run, Span
from letta.steps.trace_ids import trace_id_of


def trace_of_run(connection: Connection, actor: Actor, run_id: str, limit: int) -> list[Span]:
    """The span of the run, and below it those of its steps with their model calls and tools, in order.

    Raises:
        NotFoundError: there is no such run.
    """
    run = retrieve_run(connection, actor, run_id)
    duration = metrics_of_run(connection, actor, run_id).run_ns
    spans = [_of_run(run, duration)]
    for row in steps_of_run(connection, actor, run_id):
        spans += _of_step(run, row)
    return spans[:limit]


def _of_run(run: Run, duration: int | None) -> Span:
    attributes = {"agent.id": run.agent_id, "conversation.id": run.conversation_id, "stop_reason": run.stop_reason}
    return Span(
        trace_id=trace_id_of(run.id),
        span_id=trace_id_of(run.id)[:16],
        parent_span_id=None,
        span_name="run",
        timestamp=run.created_at,
        duration_ns=duration,
        status=run.status,
        attributes=attributes,
    )


def _of_step(run: Run, row: Any) -> list[Span]:
    """A step's row is written at its end; in it, the model comes first and the tools follow."""
    took = (row.llm_request_ns or 0) + (row.tool_execution_ns or 0)
    start = row.created_at - timedelta(microseconds=max(row.step_ns or 0, took) / 1000)
    step_id = row.id.partition("-")[2].replace("-", "")[:16]
    attributes = {
        "step.id": row.id,
        "llm.model": row.model,
        "llm.provider": row.provider_name,
        "llm.prompt_tokens": row.prompt_tokens,
        "llm.completion_tokens": row.completion_tokens,
        "stop_reason": row.stop_reason,
        "tools": row.tools_used,
        "error": row.error_type,
    }

    def span(name: str, span_id: str, parent: str, begun: datetime, duration: int | None, **more: Any) -> Span:
        return Span(
            trace_id=trace_id_of(run.id),
            span_id=span_id,
            parent_span_id=parent,
            span_name=name,
            timestamp=begun.astimezone(UTC),
            duration_ns=duration,
            status=row.status,
            attributes=more,
        )

    spans = [span("step", step_id, trace_id_of(run.id)[:16], start, row.step_ns, **attributes)]
    if row.llm_request_ns is not None:
        spans.append(span("llm_request", _child(step_id, 1), step_id, start, row.llm_request_ns))
    if row.tool_execution_ns is not None:
        begun = start + timedelta(microseconds=(row.llm_request_ns or 0) / 1000)
        spans.append(span("tool_execution", _child(step_id, 2), step_id, begun, row.tool_execution_ns))
    return spans


def _child(span_id: str, number: int) -> str:
    return f"{int(span_id, 16) ^ number:016x}"
