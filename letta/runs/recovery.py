"""Going on with runs whose process is gone: from their last committed step, or to an orderly end.

A run is taken over at most twice, so that one which brings processes down doesn't do so for ever. It isn't continued
when a tool whose effects are out of our reach may have been running: nobody knows what it did.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from letta.messages.schemas import UsageStatistics
from letta.runs import event_repository, lease_repository, replay
from letta.runs.frames import first_number, in_batches, show_of
from letta.runs.lease_repository import LostRun
from letta.turn.approvals import undone_decision
from letta.turn.begin import Claim, load_turn
from letta.turn.ending import OpenCalls, broken_off, ended
from letta.turn.failures import TurnInterruptedError
from letta.turn.outside_tools import decision_reaches_outside
from letta.turn.place_repository import lock_place
from letta.turn.request import RunOptions, RunRequest
from letta.turn.step_repository import commit_step
from letta.turn.turn import Turn

MOST_TAKE_OVERS = 2


@dataclass(frozen=True, slots=True)
class Resumed:
    """A run that was taken over.

    Attributes:
        first_number: that of the next event in its log.
    """

    turn: Turn
    take_overs: int
    first_number: int


def recover_run(connection: Connection, claim: Claim, run_id: str) -> Resumed | str | None:
    """Take a lost run over, or end it.

    Returns:
        The run to be carried on, or the status that it was ended with. None if it isn't lost, or somebody else is
        taking care of it.
    """
    lost = lease_repository.lock_lost_run(connection, run_id)
    if lost is None:
        return None
    turn = _turn_of(connection, claim, lost)
    lease_repository.take(connection, turn)
    problem = _reason_to_give_up(turn, lost)
    if problem is not None:
        return _end(connection, turn, "error", problem)
    stop_reason = _end_of(turn, lost)
    if stop_reason is not None:
        return _end(connection, turn, stop_reason)
    take_overs = lost.take_overs + 1
    return Resumed(turn, take_overs, _reopen_log(connection, turn, take_overs))


def give_up_run(connection: Connection, run_id: str, detail: str) -> None:
    """End a lost run that can't even be loaded."""
    lost = lease_repository.lock_lost_run(connection, run_id)
    if lost is not None:
        lease_repository.abandon_run(connection, lost.conversation_id, run_id, detail)
        lease_repository.give_back(connection, lost.conversation_id)


def _turn_of(connection: Connection, claim: Claim, lost: LostRun) -> Turn:
    request = RunRequest(None, lost.conversation_id, [], RunOptions.from_json(lost.request))
    locked = lock_place(connection, lost.actor, request)
    turn = load_turn(connection, lost.actor, request, locked, claim, run_id=lost.id)
    turn.steps = lost.steps
    turn.usage = UsageStatistics.model_validate(lost.usage or {})
    turn.first_token_ns = lost.ttft_ns
    turn.started_ns = time.monotonic_ns() - round((datetime.now(UTC) - lost.created_at).total_seconds() * 1e9)
    for message in turn.context:
        if message.run_id == lost.id:
            for returned in message.tool_returns or ():
                turn.rules.record(returned["name"], returned["tool_return"])
    turn.decision = undone_decision(turn)
    if turn.decision is not None:
        turn.next_position = max(turn.next_position, turn.decision.position + 1)
    return turn


def _reason_to_give_up(turn: Turn, lost: LostRun) -> str | None:
    if lost.take_overs >= MOST_TAKE_OVERS:
        return f"The run was interrupted {lost.take_overs + 1} times. See the server log for the reason."
    if _tool_may_have_run(turn):
        return "The run was interrupted during a tool call, which may have taken effect."
    return None


def _tool_may_have_run(turn: Turn) -> bool:
    """Calls that take effect elsewhere are stored before they are carried out: open ones may have been."""
    if turn.decision is None:
        return _open_calls(turn) is not None
    return decision_reaches_outside(turn, turn.decision)


def _open_calls(turn: Turn) -> OpenCalls | None:
    """Calls that are stored last, and so may have been under way."""
    last = turn.context[-1] if turn.context else None
    if last is None or last.run_id != turn.run_id or last.role != "assistant" or not last.tool_calls:
        return None
    return OpenCalls(last, last.tool_calls, {})


def _end_of(turn: Turn, lost: LostRun) -> str | None:
    """The stop reason of a run whose work was done, so that only its end is missing; None if it has to go on."""
    if lost.cancel_requested and lost.last_stop_reason in {None, "requires_approval"}:
        return "cancelled"
    if lost.last_stop_reason is not None:
        return lost.last_stop_reason
    compacted = turn.options.compaction is not None and any(m.run_id == turn.run_id for m in turn.context)
    return "end_turn" if compacted else None


def _end(connection: Connection, turn: Turn, stop_reason: str, problem: str | None = None) -> str:
    """End a run here, with a history that is complete. Returns its status."""
    error = None if problem is None else TurnInterruptedError(problem)
    if error is None and stop_reason != "cancelled":
        commit = ended(turn, stop_reason)
    else:
        commit = broken_off(turn, stop_reason, _open_calls(turn), error)
    commit_step(connection, turn, commit)
    return commit.status


def _reopen_log(connection: Connection, turn: Turn, take_overs: int) -> int:
    """Bring a run's event log up to what is stored of the run. Returns the number of its next event."""
    first = first_number(take_overs)
    if not turn.options.background:
        return first
    show = show_of(turn)
    event_repository.delete_loose(connection, turn.run_id)
    missing = replay.missing_frames(connection, show, first)
    if missing:
        batches = in_batches(missing, settled=True)
        event_repository.append_batches(connection, turn.run_id, take_overs, batches, None)
    return missing[-1].last + 1 if missing else first
