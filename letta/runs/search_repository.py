"""Looking runs up by what they did and how long they took."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, Connection, Select, func, select

from letta.database.pagination import Page, paginate
from letta.organizations.actor import Actor
from letta.runs.run_repository import RunFilter, filtered, select_runs, to_run
from letta.runs.schemas import Run
from letta.runs.tables import runs
from letta.steps.tables import steps

CountOperator = Literal["eq", "gte", "lte"]
DurationOperator = Literal["gt", "lt", "eq"]


@dataclass(frozen=True, slots=True)
class RunSearch:
    """Conditions of a search; those that are None don't count.

    Attributes:
        tools_used: ids of tools; a run that has used one of them is found.
        duration: nanoseconds.
        duration_percentile: only runs that took at least as long as this percentage of those that meet the rest.
    """

    condition: RunFilter
    run_id: str | None = None
    project_id: str | None = None
    template_family: str | None = None
    step_count: int | None = None
    step_count_operator: CountOperator = "eq"
    tools_used: Sequence[str] | None = None
    start: datetime | None = None
    end: datetime | None = None
    duration: int | None = None
    duration_operator: DurationOperator | None = None
    duration_percentile: int | None = None


def search_runs(
    connection: Connection, actor: Actor, search: RunSearch, page: Page, *, by_duration: bool = False
) -> list[Run]:
    """Runs of the organization that meet all conditions."""
    query = _found(filtered(select_runs(actor), search.condition), search)
    if search.duration_percentile is not None:
        query = query.where(runs.c.total_duration_ns >= _percentile(query, search.duration_percentile))
    sort: Column[Any] = runs.c.total_duration_ns if by_duration else runs.c.created_at
    rows = connection.execute(paginate(query, runs, page, sort=sort, nulls_last=by_duration))
    return [to_run(row) for row in rows]


def _found(query: Select[Any], search: RunSearch) -> Select[Any]:
    exact = {"id": search.run_id, "project_id": search.project_id, "base_template_id": search.template_family}
    for name, value in exact.items():
        if value is not None:
            query = query.where(runs.c[name] == value)
    if search.step_count is not None:
        count = select(func.count()).where(steps.c.run_id == runs.c.id).scalar_subquery()
        query = query.where(_compared(count, search.step_count_operator, search.step_count))
    if search.tools_used:
        used = select(steps.c.id).where(
            steps.c.run_id == runs.c.id, steps.c.tools_used.overlap(list(search.tools_used))
        )
        query = query.where(used.exists())
    if search.start is not None:
        query = query.where(runs.c.created_at >= search.start)
    if search.end is not None:
        query = query.where(runs.c.created_at <= search.end)
    if search.duration is not None:
        query = query.where(_compared(runs.c.total_duration_ns, search.duration_operator or "eq", search.duration))
    return query


def _compared(left: ColumnElement[int], operator: str, right: int) -> ColumnElement[bool]:
    match operator:
        case "gte":
            return left >= right
        case "lte":
            return left <= right
        case "gt":
            return left > right
        case "lt":
            return left < right
    return left == right


def _percentile(query: Select[Any], percentile: int) -> ColumnElement[Any]:
    durations = query.with_only_columns(runs.c.total_duration_ns).subquery()
    value = func.percentile_disc(percentile / 100).within_group(durations.c.total_duration_ns)
    return select(value).scalar_subquery()
