"""The events of a run from what is stored of it: for runs of other processes, and for those that are over."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

from sqlalchemy import Connection

from letta.database.engine import Database
from letta.messages.message import Message
from letta.messages.schemas import UsageStatistics
from letta.runs import event_repository
from letta.runs.event_repository import RunState
from letta.runs.frames import Batch, Frame, Show, number
from letta.runs.poller import Poller
from letta.turn.events import StepCommitted, TurnEnded, TurnEvent, TurnFailed
from letta.turn.failures import restored

_SECONDS_FOR_THE_LOG = 2
"""How long after a run's end its log may still lack something that its process is about to write."""

Recover = Callable[[str], Awaitable[None]]
"""Takes care of a run that was lost."""


async def follow(poller: Poller, run_id: str, recover: Recover) -> AsyncIterator[TurnEvent]:
    """The committed messages of a run as they come, some at a time, and its end.

    Raises:
        NotFoundError: there is no such run.
    """
    last = 0
    news = await poller.look(run_id, last)
    while True:
        if news.messages:
            last = news.messages[-1].sequence_id or last
            yield StepCommitted(news.messages, streamed=False)
        if news.more:
            news = await poller.look(run_id, last)
            continue
        if news.state.over_for is not None:
            yield _end(news.state)
            return
        if news.state.lost:
            await recover(run_id)
        del news  # which may be large, and the next ones long in coming
        news = await poller.next(run_id, last)


async def follow_log(
    poller: Poller, database: Database, show: Show, after: int, recover: Recover
) -> AsyncIterator[Frame]:
    """The event log of a background run from a number on, and on while the run lasts."""
    news = await poller.look(show.run_id, after)
    while True:
        for frame in news.frames:
            after = frame.last
            yield frame
            if frame.is_end:
                return
        if news.more:
            news = await poller.look(show.run_id, after)
            continue
        if news.state.lost:
            await recover(show.run_id)
        elif news.state.over_for is not None and not news.frames and news.state.over_for > _SECONDS_FOR_THE_LOG:
            for frame in await database.read(end_of_log, show, news.state):
                if frame.last > after:
                    yield frame
            return
        del news  # as above
        news = await poller.next(show.run_id, after)


async def told_before(poller: Poller, run_id: str, after: int, first: int) -> AsyncIterator[Frame]:
    """What a run that was taken over told between two numbers, the second being where its present process began."""
    more = after < first - 1
    while more:
        news = await poller.look(run_id, after)
        more = news.more
        for frame in news.frames:
            if frame.last >= first:
                return
            after = frame.last
            yield frame


def end_of_log(connection: Connection, show: Show, state: RunState) -> list[Frame]:
    """What is missing of the log of a run that is over, since its process vanished: whole messages, and the end."""
    missing = missing_frames(connection, show)
    first = missing[-1].last + 1 if missing else last_number(event_repository.batches_of(connection, show.run_id)) + 1
    return [*missing, *number(show.wires(_end(state)), first)]


def missing_frames(connection: Connection, show: Show, first: int | None = None) -> list[Frame]:
    """The messages of a run that are stored, but not (or only in pieces) in its log. They are numbered from ``first``
    on, by default from where the log ends."""
    batches = event_repository.batches_of(connection, show.run_id)
    stored = event_repository.messages_of_run(connection, show.run_id)
    lacking = _lacking(stored, batches)
    if not lacking:
        return []
    wires = show.wires(StepCommitted(lacking, streamed=False))
    return number(wires, last_number(batches) + 1 if first is None else first)


def last_number(batches: Iterable[Batch]) -> int:
    """Where a log ends; that of a run without any has only the ping."""
    return max((frame.last for batch in batches for frame in batch.frames), default=1)


def _lacking(stored: Iterable[Message], batches: Iterable[Batch]) -> list[Message]:
    logged = {frame.wire.get("id") for batch in batches if batch.settled for frame in batch.frames}
    return [message for message in stored if message.id not in logged]


def _end(state: RunState) -> TurnEvent:
    usage = UsageStatistics.model_validate(state.usage or {})
    if state.error is None:
        return TurnEnded(state.stop_reason or "end_turn", usage)
    return TurnFailed(restored(state.error, state.stop_reason), usage)
