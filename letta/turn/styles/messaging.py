"""Agents that speak through a tool, and think in the arguments of their calls."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from letta.json_types import JsonObject
from letta.llm.chat import ChatResult
from letta.llm.errors import LlmError
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import HEARTBEAT, THINKING, read_arguments
from letta.messages.message import Message
from letta.tools.tool import Tool
from letta.turn.deltas import DeltaWriter
from letta.turn.messaging_deltas import MessagingDeltaWriter
from letta.turn.schemas import parameters_of, plain_schema, with_response_format
from letta.turn.styles.style import Conclusion, Spoken, unfinished
from letta.turn.tools import ToolReturn
from letta.turn.turn import Turn

_THINKING = {
    "type": "string",
    "description": "Your thoughts before you act, for yourself alone: nobody else reads them.",
}
_HEARTBEAT = {
    "type": "boolean",
    "description": "Whether you want to go on right after this call: true to act again once you have seen its result, "
    "false to wait for the next message.",
}


class NoToolCallError(LlmError):
    """The model said something that can't be shown to anybody."""

    stop_reason = "no_tool_call"

    def __init__(self, *, cut: bool) -> None:
        remedy = (
            "Raise the agent's max_tokens." if cut else "Try again, or choose a model that is good at calling tools."
        )
        super().__init__(f"No tool calls found in response, model must make a tool call. {remedy}")


class Messaging:
    """Every step is one call; the turn goes on while the model asks for it or a rule does."""

    counts_context = False

    def schemas(self, turn: Turn, config: JsonObject, tools: Sequence[Tool]) -> list[JsonObject]:
        """The tools' schemas with parameters for thoughts, and for the wish to go on."""
        format_ = turn.agent.response_format or config.get("response_format")
        thinks = bool(config.get("put_inner_thoughts_in_kwargs"))
        schemas = (with_response_format(plain_schema(tool), turn.rules, format_) for tool in tools)
        return [
            _extended(schema, thinks=thinks, may_go_on=not turn.rules.ends_turn(schema["name"])) for schema in schemas
        ]

    def tool_choice(self, turn: Turn, schemas: Sequence[JsonObject]) -> str:
        """Always a call; of the one tool where a rule leaves no other."""
        if len(schemas) == 1 and turn.rules.forced(turn.tool_names):
            return str(schemas[0]["name"])
        return "required"

    def several_calls(self, config: JsonObject) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def response_format(self, turn: Turn, config: JsonObject) -> JsonObject | None:  # noqa: ARG002
        """None: the format is asked of the tool that delivers the words."""
        return None

    def replay(self, messages: list[Message], config: JsonObject) -> list[Message]:
        """Thoughts go back to where the model wrote them."""
        if not config.get("put_inner_thoughts_in_kwargs"):
            return messages
        return [_with_thinking(m) if m.tool_calls and m.role in {"assistant", "approval"} else m for m in messages]

    def read(self, result: ChatResult, *, had_tools: bool) -> Spoken:
        """Text beside a call is a thought. Without any tool to speak through, it is the answer."""
        if not result.tool_calls and not had_tools:
            return Spoken(result.content, [])
        if not result.tool_calls:
            raise NoToolCallError(cut=result.finish_reason == "length")
        content = [_thought(part["text"]) if part["type"] == "text" else part for part in result.content]
        calls: list[JsonObject] = []
        for call in result.tool_calls:
            thinking, stored = _read_call(call)
            calls.append(stored)
            if thinking and len(calls) == 1:
                content.append(_thought(thinking))
        return Spoken(content, calls)

    def delta_writer(self, turn: Turn, message: Message, config: JsonObject, *, had_tools: bool) -> DeltaWriter:
        """Words sent to the user become assistant messages while they are written."""
        thinks = bool(config.get("put_inner_thoughts_in_kwargs"))
        return MessagingDeltaWriter(turn, message, thinks=thinks, had_tools=had_tools)

    def stored_calls(self, calls: list[JsonObject], *, goes_on: bool) -> list[JsonObject]:
        """With what came of the wish to go on."""
        return [_with_heartbeat(call, goes_on=goes_on) for call in calls]

    def conclude(
        self,
        turn: Turn,
        returns: Sequence[ToolReturn],
        refused: Collection[str],
        finish_reason: str,  # noqa: ARG002
    ) -> Conclusion:
        """Ends after a call that ends the turn; goes on if the model, a rule or a failure asks for it."""
        done = [r for r in returns if r.call["id"] not in refused]
        ran = [r.call["name"] for r in done]
        asked = any(_asked_to_go_on(r.call) for r in returns)
        held = unfinished(turn, done) if returns else None
        ends = any(turn.rules.ends_turn(name) for name in ran)
        if ends and held is None:
            return Conclusion("tool_rule" if asked else "end_turn")
        reason = None if ends else _reason_to_go_on(turn, returns, ran, refused, asked=asked)
        return Conclusion(None, reason) if reason else held or Conclusion("end_turn")


def _extended(schema: JsonObject, *, thinks: bool, may_go_on: bool) -> JsonObject:
    parameters = parameters_of(schema)
    first = {THINKING: _THINKING} if thinks else {}
    last = {HEARTBEAT: _HEARTBEAT} if may_go_on else {}
    properties = first | {n: p for n, p in parameters["properties"].items() if n != HEARTBEAT} | last
    required = [*first, *(name for name in parameters["required"] if name not in {*first, HEARTBEAT}), *last]
    return schema | {"parameters": parameters | {"properties": properties, "required": required}}


def _read_call(call: JsonObject) -> tuple[str, JsonObject]:
    try:
        arguments = read_arguments(call["arguments"])
    except ToolError:
        return "", call
    thinking = arguments.pop(THINKING, None)
    text = thinking if isinstance(thinking, str) else ""
    return text, call | {"arguments": json.dumps(arguments, ensure_ascii=False)}


def _thought(text: str) -> JsonObject:
    return {"type": "reasoning", "is_native": False, "reasoning": text, "signature": None}


def _with_heartbeat(call: JsonObject, *, goes_on: bool) -> JsonObject:
    try:
        arguments = read_arguments(call["arguments"])
    except ToolError:
        return call
    arguments.pop(HEARTBEAT, None)
    return call | {"arguments": json.dumps(arguments | {HEARTBEAT: goes_on}, ensure_ascii=False)}


def _asked_to_go_on(call: JsonObject) -> bool:
    try:
        return read_arguments(call["arguments"]).get(HEARTBEAT) in {True, "true", "True"}
    except ToolError:
        return False


def _with_thinking(message: Message) -> Message:
    thoughts = [part["reasoning"] for part in message.content if part["type"] == "reasoning" and not part["is_native"]]
    calls = message.tool_calls or []
    if not thoughts or not calls:
        return message
    try:
        arguments = read_arguments(calls[0]["arguments"])
    except ToolError:
        return message
    written = json.dumps({THINKING: "\n".join(thoughts)} | arguments, ensure_ascii=False, indent=2)
    others = [part for part in message.content if part["type"] != "reasoning" or part["is_native"]]
    return replace(message, content=others, tool_calls=[calls[0] | {"arguments": written}, *calls[1:]])


def _reason_to_go_on(
    turn: Turn, returns: Sequence[ToolReturn], ran: Sequence[str], refused: Collection[str], *, asked: bool
) -> str | None:
    if any(r.call["id"] in refused for r in returns):
        return "The call was refused. Read why, and go on."
    if any(r.status == "error" for r in returns):
        return "The call failed. Read why, and go on."
    if asked:
        return "You asked to go on after this call."
    if any(turn.rules.continues_turn(name) for name in ran):
        return "A rule says that you go on after this call."
    return None
