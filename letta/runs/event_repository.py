"""Queries on what runs have told: the event log of background runs, the stored messages of all others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, column, delete, func, insert, select, true, values

from letta.agents.tables import agents
from letta.conversations.tables import conversations
from letta.errors import no_such
from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.messages.repository import COLUMNS as MESSAGE_COLUMNS
from letta.messages.repository import PRODUCED, to_message
from letta.messages.tables import messages
from letta.organizations.actor import Actor
from letta.runs.frames import Batch, Frame
from letta.runs.repository import ACTIVE
from letta.runs.tables import run_events, runs

KEPT = timedelta(hours=3)
"""How long the event log of a run is kept after its end."""
_BATCHES_AT_ONCE = 4
"""Of at most about 64 KB each, or one message that is larger."""
_MESSAGES_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class RunHead:
    """What must be known of a run before its events are shown.

    Attributes:
        expired: whether its event log is kept no longer.
        usage: tokens that it has used, as far as it was told when this was made.
    """

    id: str
    agent_type: str
    background: bool
    request: JsonObject
    expired: bool
    usage: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands.

    Attributes:
        over_for: seconds since its end; None while it is active.
        lost: whether it is active while its process seems to be gone.
    """

    status: str
    stop_reason: str | None
    usage: JsonObject | None
    error: JsonObject | None
    over_for: float | None
    lost: bool


@dataclass(frozen=True, slots=True)
class News:
    """What somebody who follows a run doesn't know yet: frames of a background run, else messages.

    Attributes:
        more: whether there may be some after these, so that it pays to look again at once.
    """

    state: RunState
    frames: list[Frame]
    messages: list[Message]
    more: bool = False


def head_of_run(connection: Connection, actor: Actor, run_id: str) -> RunHead:
    """What must be known of a run before its events are shown.

    Raises:
        NotFoundError: there is no such run.
    """
    row = connection.execute(
        select(agents.c.agent_type, runs.c.background, runs.c.request, runs.c.completed_at, runs.c.usage)
        .join(runs, runs.c.agent_id == agents.c.id)
        .where(runs.c.id == run_id, runs.c.organization_id == actor.organization_id)
    ).first()
    if row is None:
        raise no_such("run", run_id)
    expired = row.completed_at is not None and row.completed_at < datetime.now(UTC) - KEPT
    return RunHead(run_id, row.agent_type, row.background, row.request, expired, row.usage)


def append_batches(
    connection: Connection, run_id: str, take_overs: int, batches: Sequence[Batch], replaced: tuple[int, int] | None
) -> bool:
    """Store what a run told. ``replaced`` are numbers under which something may be stored that is among it again.

    Returns False, and stores nothing, when the run has been taken over by another process (or is gone).
    """
    owner = connection.scalar(
        select(runs.c.organization_id).where(runs.c.id == run_id, runs.c.take_overs == take_overs)
    )
    if owner is None:
        return False
    if replaced is not None:
        connection.execute(
            delete(run_events).where(run_events.c.run_id == run_id, run_events.c.last_seq.between(*replaced))
        )
    rows = [
        {
            "organization_id": owner,
            "run_id": run_id,
            "first_seq": batch.frames[0].first,
            "last_seq": batch.frames[-1].last,
            "frames": batch.encode(),
        }
        for batch in batches
    ]
    connection.execute(insert(run_events), rows)
    return True


def batches_of(connection: Connection, run_id: str) -> list[Batch]:
    """All that is stored of a run's log."""
    query = select(run_events.c.frames).where(run_events.c.run_id == run_id).order_by(run_events.c.first_seq)
    return [Batch.decode(stored) for stored in connection.scalars(query)]


def delete_loose(connection: Connection, run_id: str) -> None:
    """Remove the pieces of messages that never became whole."""
    query = select(run_events.c.id, run_events.c.frames).where(run_events.c.run_id == run_id)
    loose = [row.id for row in connection.execute(query) if not Batch.decode(row.frames).settled]
    if loose:
        connection.execute(delete(run_events).where(run_events.c.id.in_(loose)))


def messages_of_run(connection: Connection, run_id: str, after_sequence: int = 0) -> list[Message]:
    """The messages that the steps of a run stored, in order."""
    query = select(*MESSAGE_COLUMNS).where(
        messages.c.run_id == run_id, PRODUCED, messages.c.sequence_id > after_sequence
    )
    return [to_message(row) for row in connection.execute(query.order_by(messages.c.sequence_id))]


def frames_of_runs(connection: Connection, positions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], News]:
    """What background runs have told after these numbers: for each, a few batches, so that no reader holds a long log
    as a whole."""
    states = states_of_runs(connection, {run_id for run_id, _ in positions})
    wanted = _wanted(positions)
    first = (
        select(run_events.c.first_seq, run_events.c.frames)
        .where(run_events.c.run_id == wanted.c.run_id, run_events.c.last_seq > wanted.c.position)
        .order_by(run_events.c.first_seq)
        .limit(_BATCHES_AT_ONCE)
        .lateral("first_batches")
    )
    query = select(wanted.c.run_id, wanted.c.position, first.c.frames).join(first, true()).order_by(first.c.first_seq)
    found: dict[tuple[str, int], list[Batch]] = {}
    for run_id, position, stored in connection.execute(query):
        found.setdefault((run_id, position), []).append(Batch.decode(stored))
    return {key: _news(states[key[0]], key[1], found.get(key, [])) for key in positions if key[0] in states}


def _news(state: RunState, position: int, batches: Sequence[Batch]) -> News:
    rest = [frame.rest(position) for batch in batches for frame in batch.frames if frame.last > position]
    return News(state, rest, [], more=len(batches) == _BATCHES_AT_ONCE)


def messages_of_runs(connection: Connection, positions: Sequence[tuple[str, int]]) -> dict[tuple[str, int], News]:
    """What runs have stored after these places in the history: for each, a few messages, as above."""
    states = states_of_runs(connection, {run_id for run_id, _ in positions})
    wanted = _wanted(positions)
    first = (
        select(*MESSAGE_COLUMNS)
        .where(messages.c.run_id == wanted.c.run_id, messages.c.sequence_id > wanted.c.position, PRODUCED)
        .order_by(messages.c.sequence_id)
        .limit(_MESSAGES_AT_ONCE)
        .lateral("first_messages")
    )
    query = select(*first.c, wanted.c.run_id.label("wanted_id"), wanted.c.position).join(first, true())
    found: dict[tuple[str, int], list[Message]] = {}
    for row in connection.execute(query.order_by(first.c.sequence_id)):
        message = to_message(row[: len(MESSAGE_COLUMNS)])
        found.setdefault((row.wanted_id, row.position), []).append(message)
    return {
        key: News(states[key[0]], [], found.get(key, []), more=len(found.get(key, [])) == _MESSAGES_AT_ONCE)
        for key in positions
        if key[0] in states
    }


def _wanted(positions: Sequence[tuple[str, int]]) -> Any:
    return values(column("run_id", Text), column("position", BigInteger), name="wanted").data(list(positions))


def states_of_runs(connection: Connection, run_ids: set[str]) -> dict[str, RunState]:
    """Where runs stand, by id."""
    query = (
        select(runs, conversations.c.lease_expires_at, func.now().label("now"))
        .outerjoin(conversations, conversations.c.active_run_id == runs.c.id)
        .where(runs.c.id.in_(run_ids))
    )
    states: dict[str, RunState] = {}
    for row in connection.execute(query):
        over = row.status not in ACTIVE
        states[row.id] = RunState(
            status=row.status,
            stop_reason=row.stop_reason,
            usage=row.usage,
            error=row.error,
            over_for=(row.now - (row.completed_at or row.now)).total_seconds() if over else None,
            lost=not over and row.lease_expires_at is not None and row.lease_expires_at < row.now,
        )
    return states


def delete_expired(connection: Connection) -> int:
    """Remove the event logs of runs that ended long enough ago. Returns how many rows there were."""
    over = runs.c.completed_at < func.now() - KEPT
    found = connection.execute(delete(run_events).where(run_events.c.run_id == runs.c.id, over))
    return found.rowcount
