"""The transactions that a step ends with: its tools' effects, its messages, its usage, the state of the run.

Each may be run again after a failure: the turn itself is changed by `letta.turn.loop` afterwards, not here.
"""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from letta.json_types import JsonObject
from letta.messages.message import Message, text_content
from letta.messages.repository import messages_of_step
from letta.system_message.current import Seen, find_seen, look_around
from letta.system_message.times import format_time
from letta.turn import repository as turn_repository
from letta.turn import step_repository
from letta.turn.approvals import request_id_beside, settled_returns
from letta.turn.ending import status_of
from letta.turn.step_repository import StepCommit
from letta.turn.styles import style_of
from letta.turn.styles.style import Conclusion
from letta.turn.tools import Effect, MemoryTransaction, ToolReturn, failed, run_in_transaction, tool_message
from letta.turn.turn import Committed, Decision, Turn


class LeaseLostError(Exception):
    """Another process has taken the run over; nothing of this step was stored."""


@dataclass(slots=True)
class StepAnswer:
    """What a model answered, made ready to be stored.

    Attributes:
        message: the row of the answer, with all calls that are kept.
        refused: returns of calls that may not be carried out, by call id.
        gated: ids of calls that wait for a decision. If there are any, no call of the step is carried out yet.
        done: returns of calls that were carried out before the transaction, by call id.
        breaks_off: whether the turn ends because a call can't be made as the rules want it.
        streamed: whether the answer was shown while it was written.
        recorded: whether its row is stored already.
        keep_open: whether the run stays open although the turn ends, because something follows the step.
    """

    message: Message
    step: JsonObject
    trace: bytes | None
    finish_reason: str = "stop"
    refused: dict[str, ToolReturn] = field(default_factory=dict)
    gated: list[str] = field(default_factory=list)
    done: dict[str, ToolReturn] = field(default_factory=dict)
    breaks_off: bool = False
    streamed: bool = False
    recorded: bool = False
    keep_open: bool = False

    @property
    def calls(self) -> list[JsonObject]:
        """All calls that are kept."""
        return self.message.tool_calls or []


@dataclass(slots=True)
class StepOutcome:
    """What the transaction stored.

    Attributes:
        returns: those of calls that were carried out.
        seen: what it saw, if it looked for what the next step is to see.
    """

    messages: list[Message]
    returns: list[ToolReturn]
    stop_reason: str | None
    committed: Committed
    seen: Seen | None = None


def commit_answer(connection: Connection, turn: Turn, answer: StepAnswer) -> StepOutcome:
    """Carry out the calls that only touch the database, and store everything that the step produced.

    Raises:
        LeaseLostError: the lease is another process's by now.
    """
    if answer.gated:
        return _hold_up(connection, turn, answer)
    returns, effect = _carry_out(connection, turn, answer.calls, answer.refused | answer.done)
    conclusion, goes_on = _conclude(turn, answer, returns)
    stop_reason = conclusion.stop_reason
    seen = _seen_after(connection, turn, effect, stop_reason)
    messages = _placed(_rows(turn, answer, returns, conclusion, goes_on=goes_on), turn.next_position)
    step = answer.step | {"stop_reason": stop_reason, "tools_used": _tools_used(turn, returns)}
    committed = _store(
        connection, turn, messages, stop_reason, seen, step=step, trace=answer.trace, keep_open=answer.keep_open
    )
    return StepOutcome(messages, _without(returns, answer.refused), stop_reason, committed, seen)


def find_outcome(connection: Connection, turn: Turn, answer: StepAnswer) -> StepOutcome | None:
    """What `commit_answer` stored, where its COMMIT may or may not have arrived; None if it did not."""
    if not step_repository.step_exists(connection, answer.step["id"]):
        return None
    messages = messages_of_step(connection, answer.step["id"])
    messages = _placed([m for m in messages if not answer.recorded or m.role != "assistant"], turn.next_position)
    committed, seen = _found(connection, turn)
    if answer.gated:
        return StepOutcome(messages, [], "requires_approval", committed, seen)
    returns = _returns_in(messages, answer.calls)
    conclusion, _ = _conclude(turn, answer, returns)
    return StepOutcome(messages, _without(returns, answer.refused), conclusion.stop_reason, committed, seen)


def record_calls(connection: Connection, turn: Turn, answer: StepAnswer) -> Message:
    """Store the row of an answer before its calls take effect outside of the database.

    Raises:
        LeaseLostError: the lease is another process's by now.
    """
    expected = [ToolReturn(call, "success", "") for call in answer.calls]
    _, goes_on = _conclude(turn, answer, expected)
    (message,) = _placed([_answer_row(turn, answer, goes_on=goes_on)], turn.next_position)
    _store(connection, turn, [message], None, None)
    return message


def find_recorded(connection: Connection, turn: Turn, answer: StepAnswer) -> Message | None:
    """What `record_calls` stored, where its COMMIT may or may not have arrived; None if it did not."""
    messages = _placed(messages_of_step(connection, answer.step["id"]), turn.next_position)
    return messages[0] if messages else None


def commit_decision(
    connection: Connection, turn: Turn, decision: Decision, done: Mapping[str, ToolReturn], message_id: str
) -> StepOutcome:
    """Carry out what was decided about a step that was held up, and store the returns of all its calls.

    What came along with the decision gets its place behind them. ``message_id`` is that of the row to be made.

    Raises:
        LeaseLostError: the lease is another process's by now.
    """
    settled = settled_returns(turn, decision)
    returns, effect = _carry_out(connection, turn, decision.calls, {**settled, **done})
    stop_reason, rows = _decided_rows(turn, decision, returns, settled.keys(), message_id)
    seen = _seen_after(connection, turn, effect, stop_reason)
    committed = _store(connection, turn, rows, stop_reason, seen)
    turn_repository.move_to_end(connection, [message.id for message in _followers(turn, decision)])
    return StepOutcome(rows, _without(returns, settled), stop_reason, committed, seen)


def find_decided(connection: Connection, turn: Turn, decision: Decision, message_id: str) -> StepOutcome | None:
    """What `commit_decision` stored, where its COMMIT may or may not have arrived; None if it did not."""
    stored = [m for m in messages_of_step(connection, decision.request.step_id or "") if m.id == message_id]
    if not stored:
        return None
    calls = {call["id"]: call for call in decision.calls}
    returns = [
        ToolReturn(calls[r["tool_call_id"]], r["status"], r["tool_return"]) for r in stored[0].tool_returns or ()
    ]
    settled = settled_returns(turn, decision).keys()
    stop_reason, rows = _decided_rows(turn, decision, returns, settled, message_id)
    messages = [replace(stored[0], position=decision.position), *rows[1:]]
    committed, seen = _found(connection, turn)
    return StepOutcome(messages, _without(returns, settled), stop_reason, committed, seen)


def commit_as_holder(connection: Connection, turn: Turn, commit: StepCommit) -> Committed:
    """Store what a step produced, or the end of a turn.

    Raises:
        LeaseLostError: the lease is another process's by now.
    """
    committed = step_repository.commit_step(connection, turn, commit)
    if committed is None:
        raise LeaseLostError
    return committed


def _carry_out(
    connection: Connection, turn: Turn, calls: Sequence[JsonObject], finished: Mapping[str, ToolReturn]
) -> tuple[list[ToolReturn], Effect]:
    """The returns of all calls: those that are finished, and those of calls that belong into the transaction.

    Also tells what these have changed.
    """
    transaction = MemoryTransaction(connection, turn)
    tools = {tool.name: tool for tool in turn.tools}
    returns = []
    for call in calls:
        tool = tools.get(call["name"])
        if call["id"] in finished:
            returns.append(finished[call["id"]])
        elif tool is None:
            returns.append(failed(call, f"There is no tool {call['name']}."))
        else:
            returns.append(run_in_transaction(transaction, tool, call))
    return returns, transaction.store()


def _hold_up(connection: Connection, turn: Turn, answer: StepAnswer) -> StepOutcome:
    """Store a step whose calls wait for a decision."""
    stop_reason = "requires_approval"
    messages = _placed(_held_up(answer), turn.next_position)
    step = answer.step | {"stop_reason": stop_reason, "tools_used": []}
    committed = _store(
        connection, turn, messages, stop_reason, None, step=step, trace=answer.trace, keep_open=answer.keep_open
    )
    return StepOutcome(messages, [], stop_reason, committed)


def _seen_after(connection: Connection, turn: Turn, effect: Effect, stop_reason: str | None) -> Seen | None:
    """What there is to see now. Nobody looks where the turn ends, and has changed nothing itself."""
    if effect.shown or stop_reason is None:
        folders, first = turn.has_folders, effect.first_passages
        return look_around(connection, turn.agent, turn.conversation, turn.context, with_folders=folders, recount=first)
    return None


def _found(connection: Connection, turn: Turn) -> tuple[Committed, Seen]:
    """What a transaction has stored and seen whose result was lost."""
    place, folders = (turn.actor, turn.agent, turn.conversation, turn.context[0]), turn.has_folders
    return step_repository.find_committed(connection, turn), find_seen(connection, *place, with_folders=folders)


def _store(
    connection: Connection,
    turn: Turn,
    messages: list[Message],
    stop_reason: str | None,
    seen: Seen | None,
    *,
    step: JsonObject | None = None,
    trace: bytes | None = None,
    keep_open: bool = False,
) -> Committed:
    commit = StepCommit(
        messages=messages,
        step=step,
        trace=trace,
        status="running" if stop_reason is None or keep_open else status_of(stop_reason),
        stop_reason=stop_reason,
        duration_ns=time.monotonic_ns() - turn.started_ns,
        digest=seen.digest if seen is not None and seen.rewritten else None,
    )
    return commit_as_holder(connection, turn, commit)


def _conclude(turn: Turn, answer: StepAnswer, returns: Sequence[ToolReturn]) -> tuple[Conclusion, bool]:
    """What follows from a step, and whether the turn would go on if there were no end of steps."""
    if answer.breaks_off:
        return Conclusion("invalid_tool_call"), False
    style = style_of(turn.agent.agent_type)
    conclusion = style.conclude(turn, returns, answer.refused.keys(), answer.finish_reason)
    goes_on = conclusion.stop_reason is None
    if goes_on and turn.steps + 1 >= turn.options.max_steps:
        return Conclusion("max_steps"), goes_on
    return conclusion, goes_on


def _rows(
    turn: Turn, answer: StepAnswer, returns: Sequence[ToolReturn], conclusion: Conclusion, *, goes_on: bool
) -> list[Message]:
    message = answer.message
    rows = []
    if not answer.recorded and (message.content or message.tool_calls):
        rows.append(_answer_row(turn, answer, goes_on=goes_on))
    if returns:
        rows.append(tool_message(turn, returns, message.step_id, message.model))
    if conclusion.reminder:
        rows.append(_reminder(turn, conclusion.reminder, message.step_id))
    return rows


def _answer_row(turn: Turn, answer: StepAnswer, *, goes_on: bool) -> Message:
    calls = style_of(turn.agent.agent_type).stored_calls(answer.calls, goes_on=goes_on)
    return replace(answer.message, tool_calls=calls or None)


def _held_up(answer: StepAnswer) -> list[Message]:
    """The row that asks for approval, and beside it one with what needs none."""
    message = answer.message
    gated = [call for call in answer.calls if call["id"] in answer.gated]
    free = [_with_refusal(call, answer.refused) for call in answer.calls if call["id"] not in answer.gated]
    if not free and not answer.streamed:
        return [replace(message, role="approval", tool_calls=gated)]
    beside = [replace(message, tool_calls=free or None)] if free or message.content else []
    request = replace(message, id=request_id_beside(message.id), role="approval", content=[], tool_calls=gated)
    return [*beside, request]


def _with_refusal(call: JsonObject, refused: Mapping[str, ToolReturn]) -> JsonObject:
    return call | {"refusal": refused[call["id"]].text} if call["id"] in refused else call


def _decided_rows(
    turn: Turn, decision: Decision, returns: Sequence[ToolReturn], settled: Collection[str], message_id: str
) -> tuple[str | None, list[Message]]:
    by_client = {item["tool_call_id"] for item in decision.response.approvals or () if item["type"] == "tool"}
    refused = set(settled) - by_client
    conclusion = style_of(turn.agent.agent_type).conclude(turn, returns, refused, "stop")
    row = tool_message(turn, returns, decision.request.step_id, decision.request.model)
    row.id, row.position = message_id, decision.position
    if _followers(turn, decision):
        return None, [row]
    if conclusion.reminder is None:
        return conclusion.stop_reason, [row]
    reminder = _reminder(turn, conclusion.reminder, decision.request.step_id)
    return None, [row, *_placed([reminder], turn.next_position)]


def _followers(turn: Turn, decision: Decision) -> list[Message]:
    return [m for m in turn.context if m.position is not None and m.position > decision.position]


def _reminder(turn: Turn, reason: str, step_id: str | None) -> Message:
    message = Message(
        role="user",
        agent_id=turn.agent.id,
        conversation_id=turn.conversation.id,
        run_id=turn.run_id,
        step_id=step_id,
    )
    time_ = format_time(message.created_at, turn.agent.timezone)
    envelope = {"type": "heartbeat", "reason": f"[This message is automatic] {reason}", "time": time_}
    message.content = text_content(json.dumps(envelope, ensure_ascii=False, indent=2))
    return message


def _placed(rows: Sequence[Message], first: int) -> list[Message]:
    return [replace(message, position=first + offset) for offset, message in enumerate(rows)]


def _returns_in(messages: Sequence[Message], calls: Sequence[JsonObject]) -> list[ToolReturn]:
    by_id = {call["id"]: call for call in calls}
    return [
        ToolReturn(by_id[stored["tool_call_id"]], stored["status"], stored["tool_return"])
        for message in messages
        for stored in message.tool_returns or ()
    ]


def _without(returns: Sequence[ToolReturn], refused: Collection[str]) -> list[ToolReturn]:
    return [returned for returned in returns if returned.call["id"] not in refused]


def _tools_used(turn: Turn, returns: Sequence[ToolReturn]) -> list[str]:
    ids = {tool.name: tool.id for tool in turn.tools if tool.id}
    return list(dict.fromkeys(ids[r.call["name"]] for r in returns if r.call["name"] in ids))
