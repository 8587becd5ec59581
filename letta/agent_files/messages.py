"""Messages as agent files write them, and back."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from letta.agent_files.schemas import ApprovalInFile, MessageInFile, ToolCallInFile, ToolReturnInFile
from letta.database.ids import part_otid
from letta.json_types import JsonObject
from letta.llm.content import envelope_text
from letta.messages.message import Message, Role, text_content

_STATUS = {"OK", "Failed"}


def to_file(messages: Sequence[Message], ids: Mapping[str, str], agent_id: str) -> list[JsonObject]:
    """Stored messages in the form of the file. ``ids`` are their ids there, ``agent_id`` is their agent's."""
    return [_written(message, ids, agent_id) for message in messages]


def _written(message: Message, ids: Mapping[str, str], agent_id: str) -> JsonObject:
    calls = [_written_call(call) for call in message.tool_calls or ()]
    returns = [_written_return(returned, message) for returned in message.tool_returns or ()]
    request_id = message.approval_request_id
    return {
        "type": "message",
        "otid": message.otid or part_otid(message.id, 0),
        "group_id": None,
        "role": message.role,
        "content": [*message.content, *_return_parts(returns)],
        "name": message.name,
        "sender_id": message.sender_id,
        "batch_item_id": None,
        "id": ids[message.id],
        "model": message.model,
        "agent_id": agent_id,
        "tool_calls": calls or None,
        "tool_call_id": _first_call_id(message, calls, returns),
        "tool_returns": returns,
        "created_at": message.created_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "approve": None,
        "approval_request_id": ids.get(request_id, request_id) if request_id else None,
        "denial_reason": None,
        "approvals": [_written_approval(item) for item in message.approvals or ()],
    }


def _written_call(call: JsonObject) -> JsonObject:
    more = {name: value for name, value in call.items() if name not in {"id", "name", "arguments"}}
    function = {"arguments": call["arguments"], "name": call["name"]}
    return {"id": call["id"], "function": function, "type": "function"} | more


def _written_return(returned: JsonObject, message: Message) -> JsonObject:
    value = returned["tool_return"]
    return {
        "tool_call_id": returned["tool_call_id"],
        "status": returned["status"],
        "stdout": returned.get("stdout"),
        "stderr": returned.get("stderr"),
        "func_response": value if isinstance(value, list) else envelope_text(returned, message),
    }


def _return_parts(returns: Iterable[JsonObject]) -> list[JsonObject]:
    """Readers of the file that know no ``tool_returns`` find them in the content."""
    parts: list[JsonObject] = []
    for returned in returns:
        value = returned["func_response"]
        parts += value if isinstance(value, list) else text_content(value)
    return parts


def _first_call_id(message: Message, calls: Sequence[JsonObject], returns: Sequence[JsonObject]) -> str | None:
    if returns:
        return str(returns[0]["tool_call_id"])
    return str(calls[0]["id"]) if calls and message.role == "approval" else None


def _written_approval(item: JsonObject) -> JsonObject:
    if item.get("type", "approval") == "approval":
        return item
    others = {name: item.get(name) for name in ("tool_call_id", "status", "stdout", "stderr")}
    return others | {"func_response": item["tool_return"]}


class MessageReader:
    """Turns an agent's messages in a file into messages that can be stored."""

    def __init__(self, agent_id: str, conversation_id: str, *, thinks_in_text: bool) -> None:
        """``thinks_in_text`` tells that text beside a call is what the agent thought, as it speaks through a tool."""
        self._agent_id = agent_id
        self._conversation_id = conversation_id
        self._thinks_in_text = thinks_in_text
        self._names: dict[str, str] = {}

    def read(self, entry: MessageInFile) -> Message:
        """The message with a new id. Messages are read in the order of the file."""
        calls = [_call(call) for call in entry.tool_calls or ()]
        self._names |= {call["id"]: call["name"] for call in calls}
        role = _role(entry)
        return Message(
            role=role,
            agent_id=self._agent_id,
            conversation_id=self._conversation_id,
            content=[] if role == "tool" else self._content(entry, has_calls=bool(calls)),
            tool_calls=calls or None,
            tool_returns=self._returns(entry) if role == "tool" else None,
            approvals=_approvals(entry) if role == "approval" else None,
            approval_request_id=entry.approval_request_id,
            name=entry.name,
            model=entry.model,
            otid=entry.otid,
            sender_id=entry.sender_id,
            created_at=entry.created_at or datetime.now(UTC),
        )

    def _content(self, entry: MessageInFile, *, has_calls: bool) -> list[JsonObject]:
        parts = _parts(entry)
        if self._thinks_in_text and has_calls:
            return [_thought(part) if part["type"] == "text" else part for part in parts]
        return parts

    def _returns(self, entry: MessageInFile) -> list[JsonObject]:
        given = entry.tool_returns or [ToolReturnInFile(func_response=_text(entry))]
        return [self._return(returned, entry) for returned in given]

    def _return(self, returned: ToolReturnInFile, entry: MessageInFile) -> JsonObject:
        call_id = returned.tool_call_id or entry.tool_call_id or ""
        return {
            "tool_call_id": call_id,
            "name": self._names.get(call_id) or entry.name,
            "status": returned.status,
            "tool_return": _unwrapped(returned),
            "stdout": returned.stdout,
            "stderr": returned.stderr,
        }


def _role(entry: MessageInFile) -> Role:
    return "tool" if entry.role == "function" else entry.role


def _parts(entry: MessageInFile) -> list[JsonObject]:
    if isinstance(entry.content, str):
        return text_content(entry.content)
    return [part.model_dump() for part in entry.content or ()]


def _text(entry: MessageInFile) -> str:
    return "".join(part["text"] for part in _parts(entry) if part["type"] == "text")


def _thought(part: JsonObject) -> JsonObject:
    return {"type": "reasoning", "is_native": False, "reasoning": part["text"], "signature": None}


def _call(call: ToolCallInFile) -> JsonObject:
    arguments = call.function.arguments
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return {"id": call.id, "name": call.function.name, "arguments": text} | (call.model_extra or {})


def _approvals(entry: MessageInFile) -> list[JsonObject] | None:
    """What was decided; None for a message that asks for a decision."""
    if entry.approvals:
        return [_approval(item) for item in entry.approvals]
    if entry.approve is None:
        return None
    decision = {"approve": entry.approve, "reason": entry.denial_reason}
    return [{"type": "approval", "tool_call_id": entry.approval_request_id or ""} | decision]


def _approval(item: ApprovalInFile | ToolReturnInFile) -> JsonObject:
    if isinstance(item, ApprovalInFile):
        return item.model_dump()
    others = item.model_dump(include={"tool_call_id", "status", "stdout", "stderr"})
    return others | {"type": "tool", "tool_return": item.model_dump()["func_response"]}


def _unwrapped(returned: ToolReturnInFile) -> str | list[JsonObject]:
    """What the tool itself returned."""
    text = returned.func_response
    if not isinstance(text, str):
        return returned.model_dump()["func_response"] or ""
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if not isinstance(envelope, dict) or envelope.get("status") not in _STATUS or "message" not in envelope:
        return text
    message = envelope["message"]
    if message is None:
        return "None"
    return message if isinstance(message, str) and _is_text(message) else json.dumps(message)


def _is_text(value: str) -> bool:
    """Whether it is what UTF-8 can hold: escapes in JSON may spell halves of characters."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
