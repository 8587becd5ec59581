"""Messages: their parts, the calls of tools and what came of them, and decisions about calls."""

import json
from typing import Any

from letta.json_types import JsonObject
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import default_conversation_id, parsed, parsed_list, timed
from letta.messages.message import text_content
from letta.messages.tables import messages
from letta.turn.styles import style_of
from letta.turn.styles.messaging import Messaging

_ROLES = {"system", "user", "assistant", "tool", "approval", "summary"}
_ENVELOPES = {"OK", "Failed"}
_SAME = (
    *("id", "organization_id", "agent_id", "sequence_id", "approval_request_id", "name", "model", "otid"),
    *("sender_id", "group_id", "batch_item_id", "run_id", "step_id", "is_err"),
)


def _messages(reading: Reading, rows: list[JsonObject]) -> Rows:
    types = _agent_types(reading, rows)
    there = {
        row["id"] for row in reading.related("conversations", ("id",), "id", _conversation_ids(rows), deleted=True)
    }
    known = [row for row in rows if row["agent_id"] in types]
    for row in rows:
        if row["agent_id"] not in types:
            reading.notes.add("Messages of agents that do not exist", row["agent_id"])
    calls = {row["id"]: _calls(row) for row in known}
    names = _Names(reading, known, calls)
    return [(messages, [_message(reading, row, calls[row["id"]], names, types, there) for row in known])]


def _message(
    reading: Reading,
    row: JsonObject,
    calls: list[JsonObject],
    names: "_Names",
    types: dict[str, str],
    there: set[str],
) -> JsonObject:
    role = _role(reading, row)
    thinks_in_text = isinstance(style_of(types[row["agent_id"]] or ""), Messaging)
    in_conversation = row["conversation_id"] in there
    return (
        {name: row[name] for name in _SAME}
        | timed(row["created_at"], row["updated_at"])
        | {
            "conversation_id": row["conversation_id"] if in_conversation else default_conversation_id(row["agent_id"]),
            "role": role,
            "content": [] if role == "tool" else _content(row, thinks_in_text=thinks_in_text and bool(calls)),
            "tool_calls": calls or None,
            "tool_returns": _returns(row, names) if role == "tool" else None,
            "approvals": _approvals(row) if role == "approval" else None,
        }
    )


def _role(reading: Reading, row: JsonObject) -> str:
    role = str(row["role"])
    if role in _ROLES:
        return role
    if role == "function":
        return "tool"
    reading.notes.add(f"Messages with the unknown role {role} became user messages", row["id"])
    return "user"


def _agent_types(reading: Reading, rows: list[JsonObject]) -> dict[str, str]:
    found = reading.related("agents", ("id", "agent_type"), "id", {row["agent_id"] for row in rows})
    return {row["id"]: row["agent_type"] for row in found}


def _conversation_ids(rows: list[JsonObject]) -> set[str]:
    return {row["conversation_id"] for row in rows if row["conversation_id"] is not None}


def _parts(row: JsonObject) -> list[JsonObject]:
    """The parts of the content. Very old rows have a text instead."""
    content = parsed(row["content"])
    if isinstance(content, list):
        return [part for part in content if _is_part(part)]
    text = content if isinstance(content, str) else row["text"]
    return text_content(text) if text else []


def _is_part(part: Any) -> bool:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str):
        return False
    return part["type"] != "text" or isinstance(part.get("text"), str)


def _content(row: JsonObject, *, thinks_in_text: bool) -> list[JsonObject]:
    """What was said and thought. Agents that speak through a tool think in the text beside their calls."""
    return [
        _thought(part) if thinks_in_text and part["type"] == "text" else part
        for part in _parts(row)
        if part["type"] not in {"tool_call", "tool_return"}
    ]


def _thought(part: JsonObject) -> JsonObject:
    return {"type": "reasoning", "is_native": False, "reasoning": part.get("text") or "", "signature": None}


def _calls(row: JsonObject) -> list[JsonObject]:
    """The calls of a row. Some older rows have them among the parts of the content."""
    calls = [
        _call(call, call.get("function") or {}) for call in parsed_list(row["tool_calls"]) if isinstance(call, dict)
    ]
    if calls or row["role"] not in {"assistant", "approval"}:
        return calls
    parts = parsed(row["content"])
    named = parts if isinstance(parts, list) else []
    return [_call(part, part) for part in named if isinstance(part, dict) and part.get("type") == "tool_call"]


def _call(call: JsonObject, function: JsonObject) -> JsonObject:
    arguments = function.get("arguments", function.get("input"))
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    more = {name: call[name] for name in ("thought_signature", "extra_content") if call.get(name) is not None}
    return {"id": call.get("id") or "", "name": function.get("name") or "", "arguments": text} | more


class _Names:
    """Names of the tools that returned something: that of the call, which stands in a row of the same step."""

    def __init__(self, reading: Reading, rows: list[JsonObject], calls: dict[str, list[JsonObject]]) -> None:
        self._names = {(row["agent_id"], call["id"]): call["name"] for row in rows for call in calls[row["id"]]}
        elsewhere = {
            row["step_id"]
            for row in rows
            if row["role"] in {"tool", "function"} and row["step_id"] and self._lacks(row)
        }
        columns = ("id", "agent_id", "role", "tool_calls", "content")
        for row in reading.related("messages", columns, "step_id", elsewhere):
            self._names |= {(row["agent_id"], call["id"]): call["name"] for call in _calls(row)}

    def of(self, row: JsonObject, call_id: str | None) -> str | None:
        """The name of the tool that was called."""
        name: str | None = self._names.get((row["agent_id"], call_id or "")) or row["name"]
        return name

    def _lacks(self, row: JsonObject) -> bool:
        ids = [returned.get("tool_call_id") for returned in parsed_list(row["tool_returns"])] or [row["tool_call_id"]]
        return any((row["agent_id"], call_id) not in self._names for call_id in ids)


def _returns(row: JsonObject, names: _Names) -> list[JsonObject]:
    given = [each for each in parsed_list(row["tool_returns"]) if isinstance(each, dict)]
    return [_return(row, each, names) for each in given or [{"func_response": _said(row)}]]


def _said(row: JsonObject) -> str:
    """What a row without returns has as its text."""
    texts = [part.get("text") or part.get("content") or "" for part in _parts(row)]
    return "".join(text for text in texts if isinstance(text, str))


def _return(row: JsonObject, returned: JsonObject, names: _Names) -> JsonObject:
    call_id = returned.get("tool_call_id") or row["tool_call_id"] or ""
    value, failed = unwrapped(returned.get("func_response"))
    return {
        "tool_call_id": call_id,
        "name": names.of(row, call_id),
        "status": returned.get("status") or ("error" if failed else "success"),
        "tool_return": value,
        "stdout": returned.get("stdout"),
        "stderr": returned.get("stderr"),
    }


def unwrapped(response: Any) -> tuple[str | list[JsonObject], bool]:
    """What a tool returned, out of the envelope that the former server put it in; and whether that says it failed."""
    if not isinstance(response, str):
        return response if isinstance(response, list) else "" if response is None else json.dumps(response), False
    try:
        envelope = parsed(response)
    except (ValueError, RecursionError):
        return response, False
    if not isinstance(envelope, dict) or envelope.get("status") not in _ENVELOPES or "message" not in envelope:
        return response, False
    message, failed = envelope["message"], envelope["status"] == "Failed"
    if message is None:
        return "None", failed
    return message if isinstance(message, str) else json.dumps(message, ensure_ascii=False), failed


def _approvals(row: JsonObject) -> list[JsonObject] | None:
    """What was decided; None for a row that asks for a decision."""
    given = [item for item in parsed_list(row["approvals"]) if isinstance(item, dict)]
    if given:
        return [_approval(item) for item in given]
    if row["approve"] is None:
        return None
    decision = {"approve": row["approve"], "reason": row["denial_reason"]}
    return [{"type": "approval", "tool_call_id": row["tool_call_id"] or row["approval_request_id"] or ""} | decision]


def _approval(item: JsonObject) -> JsonObject:
    """A decision about a call, or what a client's own tool returned."""
    if item.get("type") == "approval" or "approve" in item:
        return {"type": "approval", "reason": None} | item
    value, failed = unwrapped(item.get("func_response", item.get("tool_return")))
    return {
        "type": "tool",
        "tool_call_id": item.get("tool_call_id"),
        "status": item.get("status") or ("error" if failed else "success"),
        "stdout": item.get("stdout"),
        "stderr": item.get("stderr"),
        "tool_return": value,
    }


MESSAGES = Section(
    "messages",
    Table(
        "messages",
        (
            *_SAME,
            *("role", "content", "text", "tool_calls", "tool_call_id", "tool_returns", "approvals", "approve"),
            *("denial_reason", "conversation_id", "created_at", "updated_at"),
        ),
        key="sequence_id",
        large=("content", "text", "tool_calls", "tool_returns", "approvals"),
        rows=1000,
    ),
    _messages,
    derived={"messages": ("search",)},
)
