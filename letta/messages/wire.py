"""Stored messages as the messages of the V1 API. One row may expand to several, which share its id."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from letta.agents.agent_types import traits_of
from letta.database.ids import part_otid
from letta.json_types import JsonObject
from letta.messages.message import Message


@dataclass(frozen=True, slots=True)
class Presentation:
    """How a client wants messages shown.

    Attributes:
        message_types: only these types; None for all.
        use_assistant_message: show calls of the messaging tool as assistant messages.
        user_messages: show messages to the agent.
        summaries: give summaries a type of their own, as streams do; elsewhere they are messages to the agent.
    """

    message_types: frozenset[str] | None = None
    use_assistant_message: bool = True
    tool_name: str = "send_message"
    tool_argument: str = "message"
    user_messages: bool = True
    summaries: bool = False

    def wants(self, message: JsonObject) -> bool:
        """Whether a message of the wire is shown at all."""
        if message["message_type"] == "user_message" and not self.user_messages:
            return False
        return self.message_types is None or message["message_type"] in self.message_types


PLAIN = Presentation()


def for_agent(presentation: Presentation, agent_type: str) -> Presentation:
    """The presentation that applies: agents that answer with plain text have no messaging tool to translate."""
    if not traits_of(agent_type).speaks_plainly:
        return presentation
    return replace(presentation, use_assistant_message=False)


def for_answer(presentation: Presentation, agent_type: str) -> Presentation:
    """As `for_agent`, for the answer to a turn: what the loop tells agents that speak through a tool isn't shown."""
    shown = for_agent(presentation, agent_type)
    return shown if traits_of(agent_type).speaks_plainly else replace(shown, user_messages=False)


def to_wire(messages: Iterable[Message], presentation: Presentation = PLAIN) -> list[JsonObject]:
    """The messages of the API for stored ones, in order."""
    return [wire for message in messages for wire in expand(message, presentation) if presentation.wants(wire)]


def expand(message: Message, presentation: Presentation = PLAIN) -> Iterator[JsonObject]:
    """All messages of the API that one stored message stands for."""
    match message.role:
        case "system":
            yield head(message, "system_message", 0) | {"content": message.text}
        case "user":
            yield head(message, "user_message", 0) | {"content": _content(message)}
        case "summary":
            yield _summary(message) if presentation.summaries else _summary_for_the_agent(message)
        case "assistant":
            yield from _assistant(message, presentation)
        case "tool":
            yield from _tool_returns(message, presentation)
        case "approval":
            yield from _approval(message)


def head(message: Message, message_type: str, index: int) -> JsonObject:
    """The fields that every message of the API has, for a part of a stored one."""
    return bare_head(message_type, message.id, message.run_id, message.created_at) | {
        "name": message.name,
        "otid": _otid(message, index),
        "sender_id": message.sender_id,
        "step_id": message.step_id,
        "is_err": message.is_err,
    }


def bare_head(message_type: str, message_id: str, run_id: str | None, moment: datetime) -> JsonObject:
    """The fields that every message of the API has, for one that isn't stored."""
    return {
        "id": message_id,
        "date": moment.astimezone(UTC).isoformat(timespec="seconds"),
        "name": None,
        "message_type": message_type,
        "otid": None,
        "sender_id": None,
        "step_id": None,
        "is_err": None,
        "seq_id": None,
        "run_id": run_id,
    }


def _otid(message: Message, index: int) -> str | None:
    if message.role in {"user", "system"}:
        return message.otid
    return part_otid(message.id, index)


def _content(message: Message) -> str | list[JsonObject]:
    return message.text if message.is_plain else message.content


def _assistant(message: Message, presentation: Presentation) -> Iterator[JsonObject]:
    index = 0
    for part in message.content:
        wire = _part(message, part, index)
        if wire is not None:
            yield wire
            index += 1
    if message.tool_calls:
        yield _tool_calls(message, index, presentation)


def _part(message: Message, part: JsonObject, index: int) -> JsonObject | None:
    match part["type"]:
        case "text":
            return head(message, "assistant_message", index) | {"content": part["text"]}
        case "reasoning":
            source = "reasoner_model" if part.get("is_native", True) else "non_reasoner_model"
            fields = {"source": source, "reasoning": part["reasoning"], "signature": part.get("signature")}
            return head(message, "reasoning_message", index) | fields
        case "summarized_reasoning":
            text = "\n".join(piece.get("text", "") for piece in part.get("summary") or ())
            fields = {"source": "reasoner_model", "reasoning": text, "signature": None}
            return head(message, "reasoning_message", index) | fields
        case "redacted_reasoning":
            fields = {"state": "redacted", "hidden_reasoning": part.get("data")}
            return head(message, "hidden_reasoning_message", index) | fields
        case "omitted_reasoning":
            return head(message, "hidden_reasoning_message", index) | {"state": "omitted", "hidden_reasoning": None}
    return None


def wire_call(call: JsonObject) -> JsonObject:
    """A stored call in the form of the API."""
    return {"name": call["name"], "arguments": call["arguments"], "tool_call_id": call["id"]}


def _tool_calls(message: Message, index: int, presentation: Presentation) -> JsonObject:
    calls = message.tool_calls or []
    if presentation.use_assistant_message and calls[0]["name"] == presentation.tool_name:
        text = _argument(calls[0]["arguments"], presentation.tool_argument)
        if text is not None:
            return head(message, "assistant_message", index) | {"content": text}
    wired = [wire_call(call) for call in calls]
    return head(message, "tool_call_message", index) | {"tool_call": wired[0], "tool_calls": wired}


def _argument(arguments: str, name: str) -> str | None:
    try:
        value = json.loads(arguments).get(name)
    except (ValueError, AttributeError, RecursionError):
        return None
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tool_returns(message: Message, presentation: Presentation) -> Iterator[JsonObject]:
    returns = message.tool_returns or []
    if not returns:
        return
    hidden = presentation.use_assistant_message and all(r.get("name") == presentation.tool_name for r in returns)
    if hidden:
        return
    wired = [_tool_return(returned) for returned in returns]
    first = {key: value for key, value in wired[0].items() if key != "type"}
    yield head(message, "tool_return_message", 0) | first | {"tool_returns": wired}


def _tool_return(returned: JsonObject) -> JsonObject:
    return {
        "type": "tool",
        "tool_return": returned["tool_return"],
        "status": returned["status"],
        "tool_call_id": returned["tool_call_id"],
        "stdout": returned.get("stdout"),
        "stderr": returned.get("stderr"),
    }


def _approval(message: Message) -> Iterator[JsonObject]:
    if message.approvals is not None:
        decisions = [item for item in message.approvals if item.get("type", "approval") == "approval"]
        first = decisions[0] if len(decisions) == 1 else {}
        yield head(message, "approval_response_message", 0) | {
            "otid": message.otid,
            "approvals": message.approvals,
            "approve": first.get("approve"),
            "approval_request_id": message.approval_request_id,
            "reason": first.get("reason"),
        }
        return
    index = 0
    for part in message.content:
        wire = _part(message, part, index)
        if wire is not None:
            yield wire
            index += 1
    wired = [wire_call(call) for call in message.tool_calls or ()]
    request = head(message, "approval_request_message", index) | {"otid": message.id}
    yield request | {"tool_call": wired[0], "tool_calls": wired}


def _summary_for_the_agent(message: Message) -> JsonObject:
    return head(message, "user_message", 0) | {"otid": None, "content": message.text}


def _summary(message: Message) -> JsonObject:
    try:
        envelope = json.loads(message.text)
    except ValueError:
        envelope = {"message": message.text}
    return head(message, "summary_message", 0) | {
        "summary": envelope.get("message", message.text),
        "compaction_stats": envelope.get("compaction_stats"),
    }
