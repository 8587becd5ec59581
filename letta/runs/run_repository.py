"""Queries on runs for the API: listed, retrieved, measured, deleted, and those that are to be cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select

from letta.agents.tables import agents
from letta.conversations.tables import conversations
from letta.database.pagination import Page, paginate
from letta.errors import ConflictError, no_such
from letta.organizations.actor import Actor
from letta.runs.repository import ACTIVE
from letta.runs.schemas import Run, RunMetrics, RunUsage
from letta.runs.tables import runs
from letta.runs.waiting_repository import waiting_runs
from letta.steps.tables import steps


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Conditions of a run list; those that are None don't count."""

    agent_ids: Sequence[str] | None = None
    statuses: Sequence[str] | None = None
    background: bool | None = None
    stop_reason: str | None = None
    conversation_id: str | None = None
    active: bool = False


def list_runs(connection: Connection, actor: Actor, condition: RunFilter, page: Page) -> list[Run]:
    """Runs of the organization that meet the condition."""
    query = paginate(filtered(select_runs(actor), condition), runs, page)
    return [to_run(row) for row in connection.execute(query)]


def retrieve_run(connection: Connection, actor: Actor, run_id: str) -> Run:
    """One run."""
    row = connection.execute(select_runs(actor).where(runs.c.id == run_id)).first()
    if row is None:
        raise no_such("run", run_id)
    return to_run(row)


def delete_run(connection: Connection, actor: Actor, run_id: str) -> Run:
    """Delete a run and its steps; its messages stay.

    Raises:
        ConflictError: the run is still going on.
    """
    run = retrieve_run(connection, actor, run_id)
    if run.status in ACTIVE:
        raise ConflictError(f"Run {run_id} is still running. Cancel it first.")
    connection.execute(delete(runs).where(runs.c.id == run_id))
    return run


def runs_to_cancel(
    connection: Connection, actor: Actor, agent_id: str, conversation_id: str | None = None
) -> list[str]:
    """Ids of those runs of an agent, or of one of its conversations, that go on or wait for a decision.

    If there are none, that of the agent's last run: whoever wanted to stop it comes too late, which is no error.

    Raises:
        NotFoundError: there is no such agent.
        ConflictError: there is none; in a conversation, none that goes on or waits.
    """
    if connection.scalar(_agent(actor, agent_id)) is None:
        raise no_such("agent", agent_id)
    query = select(runs.c.id).where(
        runs.c.agent_id == agent_id, runs.c.organization_id == actor.organization_id, runs.c.status.in_(ACTIVE)
    )
    if conversation_id is not None:
        query = query.where(runs.c.conversation_id == conversation_id)
    found = [*connection.scalars(query), *waiting_runs(connection, actor, agent_id, conversation_id)]
    if not found and conversation_id is None:
        ended = select(runs.c.id).where(runs.c.agent_id == agent_id).order_by(runs.c.created_at.desc()).limit(1)
        found = list(connection.scalars(ended))
    if not found:
        where = f"conversation {conversation_id}" if conversation_id else f"agent {agent_id}"
        raise ConflictError(f"No active runs to cancel for {where}")
    return found


def ended_among(connection: Connection, actor: Actor, run_ids: Sequence[str]) -> set[str]:
    """Those of these runs that are over, however they ended."""
    query = select(runs.c.id).where(
        runs.c.organization_id == actor.organization_id, runs.c.id.in_(list(run_ids)), runs.c.status.not_in(ACTIVE)
    )
    return set(connection.scalars(query))


def usage_of_run(connection: Connection, actor: Actor, run_id: str) -> RunUsage:
    """Tokens that the run's steps used, summed."""
    retrieve_run(connection, actor, run_id)
    names = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_input_tokens", "reasoning_tokens")
    sums = [func.coalesce(func.sum(steps.c[name]), 0).label(name) for name in names]
    row = connection.execute(select(*sums).where(steps.c.run_id == run_id)).one()
    return RunUsage(
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        total_tokens=row.total_tokens,
        prompt_tokens_details={"cached_tokens": row.cached_input_tokens},
        completion_tokens_details={"reasoning_tokens": row.reasoning_tokens},
    )


def metrics_of_run(connection: Connection, actor: Actor, run_id: str) -> RunMetrics:
    """How long the run took and what it did."""
    row = connection.execute(select_runs(actor).where(runs.c.id == run_id)).first()
    if row is None:
        raise no_such("run", run_id)
    used = connection.execute(select(steps.c.tools_used).where(steps.c.run_id == run_id)).scalars().all()
    return RunMetrics(
        id=row.id,
        organization_id=actor.organization_id,
        agent_id=row.agent_id,
        project_id=row.project_id,
        base_template_id=row.base_template_id,
        run_start_ns=int(row.created_at.timestamp() * 1_000_000_000),
        run_ns=row.total_duration_ns,
        num_steps=len(used),
        tools_used=list(dict.fromkeys(tool_id for step in used for tool_id in step)),
    )


def steps_of_run(connection: Connection, actor: Actor, run_id: str) -> list[Row[Any]]:
    """The rows of a run's steps, oldest first."""
    query = select(steps).where(steps.c.run_id == run_id, steps.c.organization_id == actor.organization_id)
    return list(connection.execute(query.order_by(steps.c.created_at, steps.c.id)))


def _agent(actor: Actor, agent_id: str) -> Select[tuple[str]]:
    return select(agents.c.id).where(agents.c.id == agent_id, agents.c.organization_id == actor.organization_id)


def select_runs(actor: Actor) -> Select[Any]:
    """A query for runs of the organization, in the form that `to_run` takes."""
    query = select(*runs.c, conversations.c.is_default).join(
        conversations, runs.c.conversation_id == conversations.c.id
    )
    return query.where(runs.c.organization_id == actor.organization_id)


def filtered(query: Select[Any], condition: RunFilter) -> Select[Any]:
    """The query, limited to runs that meet the condition."""
    if condition.agent_ids is not None:
        query = query.where(runs.c.agent_id.in_(condition.agent_ids))
    statuses = list(ACTIVE) if condition.active else condition.statuses
    if statuses is not None:
        query = query.where(runs.c.status.in_(statuses))
    if condition.background is not None:
        query = query.where(runs.c.background.is_(condition.background))
    if condition.stop_reason is not None:
        query = query.where(runs.c.stop_reason == condition.stop_reason)
    if condition.conversation_id == "default":
        query = query.where(conversations.c.is_default)
    elif condition.conversation_id is not None:
        query = query.where(runs.c.conversation_id == condition.conversation_id)
    return query


def to_run(row: Row[Any]) -> Run:
    """The run in a row."""
    metadata = dict(row.metadata) if row.error is None else dict(row.metadata) | {"error": row.error}
    return Run(
        id=row.id,
        status=row.status,
        created_at=row.created_at,
        completed_at=row.completed_at,
        agent_id=row.agent_id,
        conversation_id=None if row.is_default else row.conversation_id,
        base_template_id=row.base_template_id,
        background=row.background,
        metadata=metadata,
        request_config=row.request.get("request_config"),
        stop_reason=row.stop_reason,
        callback_url=row.callback_url,
        callback_sent_at=row.callback_sent_at,
        callback_status_code=row.callback_status_code,
        callback_error=row.callback_error,
        ttft_ns=row.ttft_ns,
        total_duration_ns=row.total_duration_ns,
    )
