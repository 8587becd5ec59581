"""Calls that wait for a person's decision, or for a tool that runs at the client."""

import json
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from letta.constants import DEFAULT_RETURN_CHAR_LIMIT
from letta.errors import ApprovalError, PendingApprovalError
from letta.json_types import JsonObject
from letta.messages.message import Message, text_content
from letta.messages.schemas import ApprovalCreate, ToolReturnCreate
from letta.settings import settings
from letta.turn import repository
from letta.turn.tools import CLIENT_TOOL, ToolReturn, refused, shortened
from letta.turn.turn import Decision, Turn

_RETRY_WINDOW = 10
"""So many messages back, an answer that comes twice is recognised."""
_CANCELLED = "The run was cancelled before anybody decided."
_EXPIRED = "Nobody decided in time, so the request has expired."
_DECIDED_ELSEWHERE = "Another conversation, which shares this step, has decided about it before; the call is its alone."
_KEEP_ALIVE = (
    "<system-alert>This message is automatic: the last decision was sent twice. Go on from where you stopped, and "
    "don't speak of it.</system-alert>"
)
_OF_ANOTHER_CLIENT = "{name} is run by the client, so it can't be approved. Send its result instead."


def is_gated(turn: Turn, name: str) -> bool:
    """Whether calls of this tool wait: for a person, or for the client that brought the tool along."""
    return turn.rules.needs_approval(name) or any(
        tool.tool_type == CLIENT_TOOL and tool.name == name for tool in turn.tools
    )


def request_id_beside(message_id: str) -> str:
    """The id of a request for approval that stands beside an assistant row with this id: one less."""
    prefix, _, value = message_id.partition("-")
    return f"{prefix}-{uuid.UUID(int=uuid.UUID(value).int - 1)}"


def open_request(context: Sequence[Message]) -> Message | None:
    """The request for approval that a conversation waits on, if it does."""
    last = context[-1] if context else None
    return last if last is not None and last.role == "approval" and last.approvals is None else None


def response_row(turn: Turn, answers: Sequence[ApprovalCreate | ToolReturnCreate]) -> Message | None:
    """The row of a client's answer; None for one that was given before and is merely sent again.

    Raises:
        ApprovalError: nothing is pending, or the answer is about other calls.
    """
    items = [item for answer in answers for item in _items(answer)]
    request = open_request(turn.context)
    if request is None:
        if items and {item["tool_call_id"] for item in items} <= _returned_lately(turn):
            return None
        raise ApprovalError(
            "Cannot process approval response: No tool call is currently awaiting approval. "
            "Please send a regular message to interact with the agent."
        )
    settled = _settled(request, items)
    row = _response(turn.agent.id, turn.conversation.id, settled, turn.run_id)
    row.otid = next((answer.otid for answer in answers if answer.otid), None)
    row.group_id = next((answer.group_id for answer in answers if answer.group_id), None)
    row.approval_request_id = _asked_about(answers, settled)
    return row


def expired_row(turn: Turn, request: Message) -> Message:
    """The row that denies a request which waited for too long.

    Raises:
        PendingApprovalError: it may wait longer.
    """
    waited = (datetime.now(UTC) - request.created_at).total_seconds()
    if not 0 < settings.approval_ttl <= waited:
        raise PendingApprovalError(request.id, [call["id"] for call in request.tool_calls or ()])
    return _denial(request, turn.conversation.id, turn.run_id, _EXPIRED)


def keep_alive(turn: Turn) -> Message:
    """What starts a step when an answer comes twice, and nothing with it."""
    return Message(
        role="user",
        agent_id=turn.agent.id,
        conversation_id=turn.conversation.id,
        run_id=turn.run_id,
        content=text_content(_KEEP_ALIVE),
        otid=str(uuid.uuid4()),
    )


def decide(turn: Turn, request: Message, response: Message) -> None:
    """Let the turn begin with what was decided. The returns of the calls get the place behind the response."""
    free = _free_calls(turn.context)
    turn.append([response])
    turn.decision = Decision(request, response, free, turn.next_position)
    turn.next_position += 1


def claim_calls(connection: Connection, turn: Turn) -> None:
    """See to it that a call which several conversations wait to decide about is carried out in one of them alone.

    A fork shares the request for approval. What another conversation has approved before is denied here, and so are
    the calls of the step that needed no approval: the first decision, whatever it was, has set them going.
    """
    decision = turn.decision
    items = (decision.response.approvals or []) if decision is not None else []
    if decision is None or not (decision.free or any(item.get("approve") for item in items)):
        return
    others = repository.lock_decisions(connection, decision.request, turn.conversation.id)
    taken = {item["tool_call_id"] for other in others for item in other if item.get("approve")}
    kept = [
        _denial_of(item["tool_call_id"]) if item.get("approve") and item["tool_call_id"] in taken else item
        for item in items
    ]
    decision.response.approvals = [*kept, *(_denial_of(call["id"]) for call in decision.free if others)]


def _denial_of(call_id: str) -> JsonObject:
    return {"type": "approval", "tool_call_id": call_id, "approve": False, "reason": _DECIDED_ELSEWHERE}


def undone_decision(turn: Turn) -> Decision | None:
    """What the turn's own input decides about calls that wait, where it hasn't been carried out yet."""
    for place, message in enumerate(turn.context):
        if message.run_id != turn.run_id or message.approvals is None:
            continue
        request, following = open_request(turn.context[:place]), turn.context[place + 1 : place + 2]
        if request is None or any(row.role == "tool" for row in following):
            return None
        return Decision(request, message, _free_calls(turn.context[:place]), (message.position or 0) + 1)
    return None


def settled_returns(turn: Turn, decision: Decision) -> dict[str, ToolReturn]:
    """Returns of the calls that are not carried out any more, by call id."""
    brought = {tool.name for tool in turn.tools if tool.tool_type == CLIENT_TOOL}
    items = {item["tool_call_id"]: item for item in decision.response.approvals or ()}
    returns: dict[str, ToolReturn] = {}
    for call in decision.request.tool_calls or ():
        item = items[call["id"]]
        if item["type"] == "tool":
            returns[call["id"]] = _client_return(call, item)
        elif not item["approve"]:
            returns[call["id"]] = _denied(call, item.get("reason"))
        elif call["name"] in brought:
            returns[call["id"]] = refused(call, _OF_ANOTHER_CLIENT.format(name=call["name"]))
    for call in decision.free:
        if "refusal" in call:
            returns[call["id"]] = refused(call, call["refusal"])
        elif call["id"] in items:
            returns[call["id"]] = _denied(call, items[call["id"]].get("reason"))
    return returns


def cancelled_rows(end: Sequence[Message], request: Message) -> list[Message]:
    """The rows that deny a request at the end of a context, since its run was cancelled, and answer its calls."""
    response = _denial(request, request.conversation_id, request.run_id, _CANCELLED)
    calls = [*(request.tool_calls or ()), *_free_calls(end)]
    returns = Message(
        role="tool",
        agent_id=request.agent_id,
        conversation_id=request.conversation_id,
        run_id=request.run_id,
        step_id=request.step_id,
        model=request.model,
        tool_returns=[_denied(call, _CANCELLED).stored() for call in calls],
    )
    return [response, returns]


def _items(answer: ApprovalCreate | ToolReturnCreate) -> list[JsonObject]:
    if isinstance(answer, ToolReturnCreate):
        return [item.model_dump() for item in answer.tool_returns]
    if answer.approvals is not None:
        return [item.model_dump() for item in answer.approvals]
    if answer.approve is None:
        raise ApprovalError(
            "The approval contains no decision. Send `approvals` with an item for each pending tool call."
        )
    item = {"type": "approval", "approve": answer.approve, "reason": answer.reason}
    return [item | {"tool_call_id": answer.approval_request_id}]


def _settled(request: Message, items: Sequence[JsonObject]) -> list[JsonObject]:
    """One item for each call of the request, in the request's order. The request's own id stands for all its calls."""
    expected = [call["id"] for call in request.tool_calls or ()]
    settled: dict[str, JsonObject] = {}
    for item in items:
        for call_id in expected if item["tool_call_id"] in {request.id, None} else [item["tool_call_id"]]:
            decided = item | {"tool_call_id": call_id}
            if settled.setdefault(call_id, decided) != decided:
                raise ApprovalError(f"Tool call {call_id} has conflicting decisions. Send one decision per call.")
    if set(settled) != set(expected):
        received = list(dict.fromkeys(item["tool_call_id"] for item in items))
        raise ApprovalError(f"Invalid tool call IDs. Expected '{expected}', but received '{received}'.")
    return [settled[call_id] for call_id in expected]


def _asked_about(answers: Sequence[ApprovalCreate | ToolReturnCreate], settled: Sequence[JsonObject]) -> str | None:
    for answer in answers:
        if isinstance(answer, ApprovalCreate) and answer.approval_request_id is not None:
            return answer.approval_request_id
    return next((item["tool_call_id"] for item in settled if item["type"] == "approval"), None)


def _returned_lately(turn: Turn) -> set[str]:
    lately = turn.context[-_RETRY_WINDOW:]
    return {returned["tool_call_id"] for message in lately for returned in message.tool_returns or ()}


def _response(agent_id: str, conversation_id: str, items: list[JsonObject], run_id: str | None) -> Message:
    return Message("approval", agent_id, conversation_id, run_id=run_id, approvals=items)


def _denial(request: Message, conversation_id: str, run_id: str | None, reason: str) -> Message:
    items = [
        {"type": "approval", "tool_call_id": call["id"], "approve": False, "reason": reason}
        for call in request.tool_calls or ()
    ]
    row = _response(request.agent_id, conversation_id, items, run_id)
    row.approval_request_id = items[0]["tool_call_id"] if items else None
    return row


def _free_calls(context: Sequence[Message]) -> list[JsonObject]:
    """Calls of the step that is held up which needed no approval: they stand in the row before the request."""
    if len(context) < 2 or context[-2].role != "assistant" or context[-2].step_id != context[-1].step_id:
        return []
    return context[-2].tool_calls or []


def _denied(call: JsonObject, reason: str | None) -> ToolReturn:
    told = f" User reason: {reason}" if reason else ""
    return ToolReturn(call, "error", f"Error: request to call tool denied.{told}", by_server=False)


def _client_return(call: JsonObject, item: JsonObject) -> ToolReturn:
    text = shortened(_as_text(item["tool_return"]), DEFAULT_RETURN_CHAR_LIMIT)
    return ToolReturn(call, item["status"], text, item.get("stdout"), item.get("stderr"), by_server=False)


def _as_text(returned: str | Iterable[JsonObject]) -> str:
    if isinstance(returned, str):
        return returned
    parts = list(returned)
    if all(part.get("type") == "text" for part in parts):
        return "\n".join(str(part.get("text") or "") for part in parts)
    return json.dumps(parts, ensure_ascii=False)
