"""The transaction that a step ends with: its tools' effects, its messages, its usage, the state of the run."""

import time
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection

from letta.blocks.block import Block
from letta.messages.message import Message
from letta.messages.repository import messages_of_step
from letta.runs import repository
from letta.runs.repository import StepCommit
from letta.tools.tool import Tool
from letta.turn.refresh import refresh_system
from letta.turn.tools import MemoryTransaction, ToolReturn, failed, load_blocks, run_in_transaction
from letta.turn.turn import Turn

JsonObject = dict[str, Any]

STATUS = {
    "end_turn": "completed",
    "max_steps": "completed",
    "tool_rule": "completed",
    "requires_approval": "completed",
    "cancelled": "cancelled",
}
"""Status of a run by its stop reason; any other stop reason means failed."""


class LeaseLostError(Exception):
    """Another process has taken the run over; nothing of this step was stored."""


@dataclass(slots=True)
class StepAnswer:
    """What a model answered, made ready to be stored.

    Attributes:
        refused: returns of calls that may not be carried out, by call id.
        done: returns of calls that were carried out before the transaction, by call id.
        stop_reason: why the turn ends with this answer if no call says otherwise; None if it goes on.
        extra: further messages of the step.
        keep_open: whether the run stays open although the turn ends, because something follows the step.
    """

    message: Message
    step: JsonObject
    trace: bytes | None
    refused: dict[str, ToolReturn] = field(default_factory=dict)
    done: dict[str, ToolReturn] = field(default_factory=dict)
    stop_reason: str | None = None
    extra: list[Message] = field(default_factory=list)
    keep_open: bool = False


@dataclass(slots=True)
class StepOutcome:
    """What the transaction stored."""

    messages: list[Message]
    returns: list[ToolReturn]
    stop_reason: str | None
    blocks: list[Block] | None = None


def commit_answer(connection: Connection, turn: Turn, answer: StepAnswer) -> StepOutcome:
    """Carry out the calls that only touch the database, and store everything that the step produced.

    May be run again after a failure: the turn is changed by `letta.turn.loop` afterwards, not here (but for the system
    message, which is compiled from what the transaction sees).

    Raises:
        LeaseLostError: the lease is another process's by now.
    """
    transaction = MemoryTransaction(connection, turn)
    tools = {tool.name: tool for tool in turn.tools}
    returns = [_carry_out(transaction, tools, answer, call) for call in answer.message.tool_calls or ()]
    edited = transaction.store()
    stop_reason = answer.stop_reason or _stop_reason(turn, answer, returns)
    blocks = load_blocks(connection, turn) if edited or stop_reason is None else None
    if blocks is not None:
        turn.blocks = blocks
        refresh_system(connection, turn)
    messages = _messages(turn, answer, returns)
    stored = StepCommit(
        messages=messages,
        step=answer.step | {"stop_reason": stop_reason, "tools_used": _tools_used(tools, returns)},
        trace=answer.trace,
        status="running" if stop_reason is None or answer.keep_open else STATUS.get(stop_reason, "failed"),
        stop_reason=stop_reason,
        duration_ns=time.monotonic_ns() - turn.started_ns,
    )
    if not repository.commit_step(connection, turn, stored):
        raise LeaseLostError
    return StepOutcome(messages, returns, stop_reason, blocks)


def find_outcome(connection: Connection, turn: Turn, answer: StepAnswer) -> StepOutcome | None:
    """What `commit_answer` stored, where its COMMIT may or may not have arrived; None if it did not."""
    messages = messages_of_step(connection, answer.step["id"])
    if not messages and not repository.step_exists(connection, answer.step["id"]):
        return None
    calls = {call["id"]: call for call in answer.message.tool_calls or ()}
    returns = [
        ToolReturn(calls[stored["tool_call_id"]], stored["status"], stored["tool_return"])
        for message in messages
        for stored in message.tool_returns or ()
    ]
    for offset, message in enumerate(messages):
        message.position = turn.next_position + offset
    stop_reason = answer.stop_reason or _stop_reason(turn, answer, returns)
    return StepOutcome(messages, returns, stop_reason)


def _carry_out(
    transaction: MemoryTransaction, tools: dict[str, Tool], answer: StepAnswer, call: JsonObject
) -> ToolReturn:
    finished = answer.refused.get(call["id"]) or answer.done.get(call["id"])
    if finished is not None:
        return finished
    tool = tools.get(call["name"])
    return run_in_transaction(transaction, tool, call) if tool else failed(call, f"There is no tool {call['name']}.")


def _stop_reason(turn: Turn, answer: StepAnswer, returns: list[ToolReturn]) -> str | None:
    if any(turn.rules.ends_turn(r.call["name"]) for r in returns if r.call["id"] not in answer.refused):
        return "tool_rule"
    return "max_steps" if turn.steps + 1 >= turn.options.max_steps else None


def _messages(turn: Turn, answer: StepAnswer, returns: list[ToolReturn]) -> list[Message]:
    """The rows of the step: the answer, the returns of its calls, and what the loop adds, with their places."""
    message = answer.message
    messages = [message] if message.content or message.tool_calls else []
    if returns:
        messages.append(
            Message(
                role="tool",
                agent_id=message.agent_id,
                conversation_id=message.conversation_id,
                run_id=message.run_id,
                step_id=message.step_id,
                model=message.model,
                tool_returns=[returned.stored() for returned in returns],
            )
        )
    messages += answer.extra
    return [replace(m, position=turn.next_position + offset) for offset, m in enumerate(messages)]


def _tools_used(tools: dict[str, Tool], returns: list[ToolReturn]) -> list[str]:
    return list(dict.fromkeys(tools[r.call["name"]].id for r in returns if r.call["name"] in tools))
