"""The end of a turn without a further step: what is stored with it, whether it was expected or broke the turn off."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from letta.errors import LettaError
from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.turn.approvals import cancelled_rows, open_request, settled_returns
from letta.turn.failures import message_of
from letta.turn.history import INTERRUPTED
from letta.turn.outside_tools import is_undone
from letta.turn.step_repository import StepCommit
from letta.turn.tools import ToolReturn, refused, tool_message
from letta.turn.turn import Turn

_STATUS = {
    "end_turn": "completed",
    "max_steps": "completed",
    "tool_rule": "completed",
    "requires_approval": "completed",
    "cancelled": "cancelled",
}


@dataclass(frozen=True, slots=True)
class OpenCalls:
    """Calls that were stored before they were carried out, and have no returns yet.

    Attributes:
        origin: the row that they are stored in.
        known: returns that are known nevertheless, by call id.
    """

    origin: Message
    calls: list[JsonObject]
    known: Mapping[str, ToolReturn]


def status_of(stop_reason: str) -> str:
    """The status that a run ends with."""
    return _STATUS.get(stop_reason, "failed")


def ended(turn: Turn, stop_reason: str, error: LettaError | None = None) -> StepCommit:
    """The end of a turn whose work is done."""
    return StepCommit(
        status=status_of(stop_reason),
        stop_reason=stop_reason,
        error=None if error is None else message_of(turn.run_id, error),
        duration_ns=time.monotonic_ns() - turn.started_ns,
    )


def broken_off(
    turn: Turn, stop_reason: str, open_calls: OpenCalls | None, error: LettaError | None = None
) -> StepCommit:
    """The end of a turn that was under way. Open calls are answered, and unanswered input leaves the context.

    A decision of which nothing has come is left open where the turn failed, so that it can be made again. What a turn
    that was cancelled asked to be decided is denied.
    """
    decision = None if error is not None and is_undone(turn) else turn.decision
    commit = ended(turn, stop_reason, error)
    answered: set[str] = set()
    if decision is not None:
        decided = OpenCalls(decision.request, decision.calls, settled_returns(turn, decision))
        commit.messages = [_returns(turn, decided, decision.position)]
        answered = {decision.response.id}
    elif open_calls is not None:
        commit.messages = [_returns(turn, open_calls, turn.next_position)]
    elif error is None:
        commit.messages = _denial(turn)
    commit.dropped = [message.id for message in turn.unanswered() if message.id not in answered]
    return commit


def _denial(turn: Turn) -> list[Message]:
    """The rows that deny what the turn has asked to be decided, if it has."""
    request = open_request(turn.context)
    if request is None or request.run_id != turn.run_id:
        return []
    rows = cancelled_rows(turn.context, request)
    return [replace(row, position=turn.next_position + number) for number, row in enumerate(rows)]


def _returns(turn: Turn, open_calls: OpenCalls, position: int) -> Message:
    """The row that answers calls which were under way: what they came to is not known."""
    returns = [open_calls.known.get(call["id"]) or refused(call, INTERRUPTED) for call in open_calls.calls]
    row = tool_message(turn, returns, open_calls.origin.step_id, open_calls.origin.model)
    row.position = position
    return row
