"""Making a history acceptable to providers, whatever interrupted it.

Providers refuse a call without its return and a return without its call. What is missing is made up for the request
only; the stored history stays as it is.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from letta.messages.message import Message

JsonObject = dict[str, Any]

INTERRUPTED = "The call was interrupted before its result was stored; it may have taken effect."


def repair(messages: Iterable[Message]) -> list[Message]:
    """The messages with every call answered right after it, once, and no other returns."""
    repaired: list[Message] = []
    open_calls: dict[str, str] = {}
    for message in messages:
        if message.role == "tool":
            returns = [r for r in message.tool_returns or () if open_calls.pop(r["tool_call_id"], None) is not None]
            if returns:
                repaired.append(replace(message, tool_returns=returns))
            continue
        if message.role == "approval" and message.approvals is not None:
            continue
        if _is_another_call_row_of_the_step(repaired, message, open_calls):
            repaired[-1] = _joined(repaired[-1], message)
        else:
            _close(repaired, open_calls)
            repaired.append(message)
        open_calls |= {call["id"]: call["name"] for call in message.tool_calls or ()}
    _close(repaired, open_calls)
    return repaired


def _is_another_call_row_of_the_step(repaired: list[Message], message: Message, open_calls: dict[str, str]) -> bool:
    """An approval request may follow the assistant row with the calls that needed none; to a provider they are one."""
    return bool(
        open_calls
        and message.role == "approval"
        and repaired
        and repaired[-1].role == "assistant"
        and repaired[-1].step_id == message.step_id
    )


def _joined(first: Message, second: Message) -> Message:
    calls = [*(first.tool_calls or ()), *(second.tool_calls or ())]
    return replace(first, content=[*first.content, *second.content], tool_calls=calls)


def _close(repaired: list[Message], open_calls: dict[str, str]) -> None:
    if not open_calls:
        return
    last = repaired[-1]
    made_up = [interrupted_return(call_id, name) for call_id, name in open_calls.items()]
    repaired.append(
        Message(
            role="tool",
            agent_id=last.agent_id,
            conversation_id=last.conversation_id,
            tool_returns=made_up,
            created_at=last.created_at,
        )
    )
    open_calls.clear()


def interrupted_return(call_id: str, name: str) -> JsonObject:
    """The return of a call whose own is lost."""
    return {
        "tool_call_id": call_id,
        "name": name,
        "status": "error",
        "tool_return": INTERRUPTED,
        "stdout": None,
        "stderr": None,
    }
