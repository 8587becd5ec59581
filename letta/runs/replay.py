"""The events of a run from what is stored of it: for runs of other processes, and for those that are over."""

import asyncio
from collections.abc import AsyncIterator

from letta.database.engine import Database
from letta.messages.schemas import UsageStatistics
from letta.organizations.actor import Actor
from letta.runs import repository
from letta.turn.events import StepCommitted, TurnEnded, TurnEvent, TurnFailed

_POLL_SECONDS = 0.5


async def follow(database: Database, actor: Actor, run_id: str) -> AsyncIterator[TurnEvent]:
    """The committed steps of a run as they come, and its end.

    Raises:
        NotFoundError: there is no such run.
    """
    last_sequence = 0
    while True:
        progress = await database.read(repository.progress_of_run, actor, run_id, last_sequence)
        if progress.messages:
            last_sequence = progress.messages[-1].sequence_id or last_sequence
            yield StepCommitted(progress.messages, streamed=False)
        if progress.status not in repository.ACTIVE:
            yield _end(progress)
            return
        await asyncio.sleep(_POLL_SECONDS)


def _end(progress: repository.RunProgress) -> TurnEvent:
    usage = UsageStatistics.model_validate(progress.usage or {})
    error = progress.error
    if error is None:
        return TurnEnded(progress.stop_reason or "end_turn", usage)
    return TurnFailed(
        stop_reason=progress.stop_reason or "error",
        error_type=error.get("error_type") or "internal_error",
        message=error.get("message") or "The run failed.",
        detail=error.get("detail") or "",
        status=500,
        body={"detail": error.get("detail") or error.get("message") or "The run failed."},
        usage=usage,
    )
