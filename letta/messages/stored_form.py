"""Messages in the form in which older clients know them: one for each row."""

from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.schema import Schema, Timestamp


class StoredMessage(Schema):
    """A message as it is stored, in the form that older clients know."""

    id: str
    agent_id: str
    conversation_id: str | None
    role: str
    content: list[JsonObject]
    name: str | None
    model: str | None
    tool_calls: list[JsonObject] | None
    tool_call_id: str | None
    tool_returns: list[JsonObject]
    approvals: list[JsonObject]
    approval_request_id: str | None
    approve: bool | None = None
    denial_reason: str | None = None
    step_id: str | None
    run_id: str | None
    otid: str | None
    group_id: str | None
    sender_id: str | None
    batch_item_id: str | None = None
    is_err: bool | None
    created_at: Timestamp


def stored_form(message: Message) -> StoredMessage:
    """A message in the form in which it is stored."""
    returns = [_tool_return(returned) for returned in message.tool_returns or ()]
    return StoredMessage(
        id=message.id,
        agent_id=message.agent_id,
        conversation_id=message.conversation_id,
        role=message.role,
        content=message.content,
        name=message.name,
        model=message.model,
        tool_calls=[_tool_call(call) for call in message.tool_calls] if message.tool_calls else None,
        tool_call_id=returns[0]["tool_call_id"] if returns else None,
        tool_returns=returns,
        approvals=message.approvals or [],
        approval_request_id=message.approval_request_id,
        step_id=message.step_id,
        run_id=message.run_id,
        otid=message.otid,
        group_id=message.group_id,
        sender_id=message.sender_id,
        is_err=message.is_err,
        created_at=message.created_at,
    )


def _tool_call(call: JsonObject) -> JsonObject:
    function = {"name": call["name"], "arguments": call["arguments"]}
    return {"id": call["id"], "type": "function", "function": function}


def _tool_return(returned: JsonObject) -> JsonObject:
    same = {name: returned.get(name) for name in ("tool_call_id", "status", "stdout", "stderr")}
    return same | {"func_response": returned["tool_return"]}
