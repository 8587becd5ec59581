"""Queries on steps and their traces."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from letta.database.pagination import Page, paginate
from letta.errors import no_such
from letta.llm.cost import cost_usd
from letta.llm.usage import Usage
from letta.organizations.actor import Actor
from letta.steps.schemas import Feedback, ProviderTrace, Step, StepMetrics
from letta.steps.tables import provider_traces, steps
from letta.steps.trace_ids import run_id_of, trace_id_of


@dataclass(frozen=True, slots=True)
class StepFilter:
    """Conditions of a step list; those that are None don't count."""

    run_id: str | None = None
    agent_id: str | None = None
    model: str | None = None
    project_id: str | None = None
    feedback: str | None = None
    has_feedback: bool | None = None
    tags: Sequence[str] | None = None
    trace_ids: Sequence[str] | None = None
    start: datetime | None = None
    end: datetime | None = None


def list_steps(
    connection: Connection, actor: Actor, condition: StepFilter, page: Page, *, with_cost: bool = False
) -> list[Step]:
    """Steps of the organization that meet the condition; with what each cost, where that is wanted and known."""
    query = paginate(_filtered(_select(actor), condition), steps, page)
    rows = connection.execute(query).all()
    if not with_cost:
        return [_to_step(row) for row in rows]
    return [_to_step(row).model_copy(update={"cost_usd": _cost(row)}) for row in rows]


def get_step(connection: Connection, actor: Actor, step_id: str) -> Step:
    """One step."""
    return _to_step(_row(connection, actor, step_id))


def metrics_of_step(connection: Connection, actor: Actor, step_id: str) -> StepMetrics:
    """How long a step took, and what it cost."""
    row = _row(connection, actor, step_id)
    return StepMetrics(
        id=row.id,
        organization_id=actor.organization_id,
        run_id=row.run_id,
        agent_id=row.agent_id,
        llm_request_ns=row.llm_request_ns,
        tool_execution_ns=row.tool_execution_ns,
        step_ns=row.step_ns,
        project_id=row.project_id,
        cost_usd=_cost(row),
    )


def _cost(row: Row[Any]) -> float | None:
    used = Usage(
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        cached_input_tokens=row.cached_input_tokens,
        cache_write_tokens=row.cache_write_tokens,
    )
    return cost_usd(row.provider_name or "", row.model or "", used, at=row.created_at)


def trace_of_step(connection: Connection, actor: Actor, step_id: str) -> ProviderTrace | None:
    """The exchange with the provider; None where it isn't kept (any more)."""
    step = _row(connection, actor, step_id)
    trace = connection.execute(select(provider_traces).where(provider_traces.c.step_id == step_id)).first()
    if trace is None:
        return None
    exchange = json.loads(zlib.decompress(trace.exchange))
    return ProviderTrace(
        id=step_id.replace("step-", "provider_trace-"),
        step_id=step_id,
        request_json=exchange["request"],
        response_json=exchange["response"],
        dropped_tool_calls=exchange.get("dropped_tool_calls"),
        agent_id=step.agent_id,
        run_id=step.run_id,
        call_type="agent_step",
        org_id=actor.organization_id,
        created_at=trace.created_at,
    )


def drop_old_traces(connection: Connection, days: float) -> int:
    """Delete the traces that are older than some days. Returns how many."""
    oldest = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, days * 86_400)
    return connection.execute(delete(provider_traces).where(provider_traces.c.created_at < oldest)).rowcount


def drop_traces_beyond(connection: Connection, most_bytes: int) -> int:
    """Delete the oldest traces until the newest that together take ``most_bytes`` are left. Returns how many."""
    size = func.length(provider_traces.c.exchange)
    newest_first = (provider_traces.c.created_at.desc(), provider_traces.c.step_id.desc())
    ranked = select(provider_traces.c.step_id, func.sum(size).over(order_by=newest_first).label("total")).subquery()
    too_many = select(ranked.c.step_id).where(ranked.c.total > most_bytes)
    return connection.execute(delete(provider_traces).where(provider_traces.c.step_id.in_(too_many))).rowcount


def set_feedback(connection: Connection, actor: Actor, step_id: str, feedback: Feedback) -> Step:
    """Store what a user thinks of a step."""
    values: dict[str, Any] = {"feedback": feedback.feedback, "updated_at": func.now()}
    if feedback.tags is not None:
        values["tags"] = feedback.tags
    connection.execute(
        update(steps).where(steps.c.id == step_id, steps.c.organization_id == actor.organization_id).values(values)
    )
    return get_step(connection, actor, step_id)


def set_transaction(connection: Connection, actor: Actor, step_id: str, transaction_id: str) -> Step:
    """Note under which id another system accounts for a step."""
    own = (steps.c.id == step_id, steps.c.organization_id == actor.organization_id)
    connection.execute(update(steps).where(*own).values(transaction_id=transaction_id, updated_at=func.now()))
    return get_step(connection, actor, step_id)


def _row(connection: Connection, actor: Actor, step_id: str) -> Row[Any]:
    row = connection.execute(_select(actor).where(steps.c.id == step_id)).first()
    if row is None:
        raise no_such("step", step_id)
    return row


def _select(actor: Actor) -> Select[Any]:
    return select(steps).where(steps.c.organization_id == actor.organization_id)


def _filtered(query: Select[Any], condition: StepFilter) -> Select[Any]:
    for name in ("run_id", "agent_id", "model", "project_id", "feedback"):
        if (value := getattr(condition, name)) is not None:
            query = query.where(steps.c[name] == value)
    if condition.has_feedback is not None:
        query = query.where(steps.c.feedback.is_not(None) if condition.has_feedback else steps.c.feedback.is_(None))
    if condition.tags:
        query = query.where(steps.c.tags.overlap(list(condition.tags)))
    if condition.trace_ids:
        query = query.where(steps.c.run_id.in_([run_id_of(trace_id) for trace_id in condition.trace_ids]))
    if condition.start is not None:
        query = query.where(steps.c.created_at >= condition.start)
    if condition.end is not None:
        query = query.where(steps.c.created_at <= condition.end)
    return query


def _to_step(row: Row[Any]) -> Step:
    step = Step.model_validate(row)
    step.trace_id = trace_id_of(row.run_id)
    step.tid = row.transaction_id
    step.prompt_tokens_details = {
        "cached_input_tokens": row.cached_input_tokens,
        "cache_write_tokens": row.cache_write_tokens,
    }
    step.completion_tokens_details = {"reasoning_tokens": row.reasoning_tokens}
    return step
