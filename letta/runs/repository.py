"""Queries that find runs again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, func, select

from letta.messages.tables import messages
from letta.runs.tables import runs
from letta.turn.request import RunRequest

RESEND_WINDOW = timedelta(minutes=10)
ACTIVE = ("created", "running")


@dataclass(frozen=True, slots=True)
class RunRow:
    """What is needed of a run to recognise and replay it."""

    id: str
    status: str
    conversation_id: str


def find_same_run(connection: Connection, conversation_id: str, request: RunRequest) -> RunRow | None:
    """The run that this request has started already, if it was sent before: by otid, or as a client's own retry."""
    if request.otids:
        same = find_run_by_otid(connection, conversation_id, request.otids)
        if same is not None:
            return same
    if not request.resent or request.body_hash is None:
        return None
    query = (
        select(
            runs.c.id,
            runs.c.status,
            runs.c.conversation_id,
            runs.c.request_hash,
            (runs.c.created_at >= func.now() - RESEND_WINDOW).label("is_recent"),
        )
        .where(runs.c.conversation_id == conversation_id)
        .order_by(runs.c.created_at.desc(), runs.c.id.desc())
    )
    last = connection.execute(query.limit(1)).first()
    if last is None or last.request_hash != request.body_hash or not last.is_recent:
        return None
    return RunRow(last.id, last.status, last.conversation_id)


def find_run_by_otid(connection: Connection, conversation_id: str, otids: Sequence[str]) -> RunRow | None:
    """The newest run in a conversation that messages with all of these otids have started."""
    query = (
        select(runs.c.id, runs.c.status, runs.c.conversation_id)
        .join(messages, messages.c.run_id == runs.c.id)
        .where(messages.c.conversation_id == conversation_id, messages.c.otid.in_(otids))
        .group_by(runs.c.id)
        .having(func.count(messages.c.otid.distinct()) == len(set(otids)))
        .order_by(runs.c.created_at.desc())
    )
    row = connection.execute(query.limit(1)).first()
    return None if row is None else RunRow(*row)


def has_run(connection: Connection, conversation_id: str, run_id: str) -> bool:
    """Whether a run was made in a conversation."""
    query = select(runs.c.id).where(runs.c.id == run_id, runs.c.conversation_id == conversation_id)
    return connection.scalar(query) is not None
