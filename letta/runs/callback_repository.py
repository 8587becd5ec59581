"""Queries on the callbacks of runs."""

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from letta.runs.tables import runs

_UNDER_WAY = timedelta(minutes=1)
"""After that time, a process that began to send a callback has gone without telling what came of it."""
_DUE = (
    runs.c.callback_url.is_not(None)
    & runs.c.callback_status_code.is_(None)
    & runs.c.callback_error.is_(None)
    & runs.c.completed_at.is_not(None)
    & or_(runs.c.callback_sent_at.is_(None), runs.c.callback_sent_at < func.now() - _UNDER_WAY)
)


@dataclass(frozen=True, slots=True)
class Callback:
    """What is to be sent, and whereto."""

    url: str
    payload: dict[str, Any]


def due(connection: Connection, limit: int) -> list[str]:
    """Ids of runs that are over and whose callback nobody seems to be sending."""
    return list(connection.scalars(select(runs.c.id).where(_DUE).order_by(runs.c.completed_at).limit(limit)))


def claim(connection: Connection, run_id: str) -> Callback | None:
    """The callback of a run, for the caller alone to send; None if there is nothing to send."""
    row = connection.execute(
        update(runs).where(runs.c.id == run_id, _DUE).values(callback_sent_at=func.now()).returning(runs)
    ).first()
    if row is None:
        return None
    metadata = row.metadata if row.error is None else row.metadata | {"error": row.error}
    completed_at = row.completed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    payload = {"run_id": row.id, "status": row.status, "completed_at": completed_at, "metadata": metadata}
    return Callback(row.callback_url, payload)


def note_result(connection: Connection, run_id: str, status: int | None, error: str | None) -> None:
    """Note what came of a callback."""
    connection.execute(
        update(runs).where(runs.c.id == run_id).values(callback_status_code=status, callback_error=error)
    )
