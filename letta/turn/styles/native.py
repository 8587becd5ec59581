"""Agents that answer in plain text, and call tools beside it."""

from collections.abc import Collection, Sequence

from letta.json_types import JsonObject
from letta.llm.chat import ChatResult
from letta.messages.message import Message
from letta.tools.tool import Tool
from letta.turn.deltas import DeltaWriter
from letta.turn.schemas import plain_schema, with_response_format
from letta.turn.styles.style import Conclusion, Spoken, unfinished
from letta.turn.tools import ToolReturn, normalised
from letta.turn.turn import Turn


class Native:
    """Text is what the user reads; a step without calls ends the turn."""

    counts_context = True

    def schemas(self, turn: Turn, config: JsonObject, tools: Sequence[Tool]) -> list[JsonObject]:
        """The tools' own schemas."""
        format_ = self.response_format(turn, config)
        return [with_response_format(plain_schema(tool), turn.rules, format_) for tool in tools]

    def tool_choice(self, turn: Turn, schemas: Sequence[JsonObject]) -> str:
        """Up to the model, unless a rule leaves it no choice."""
        if not turn.rules.forced(turn.tool_names):
            return "auto"
        return str(schemas[0]["name"]) if len(schemas) == 1 else "required"

    def several_calls(self, config: JsonObject) -> bool:
        """As the agent's settings say."""
        return bool(config.get("parallel_tool_calls"))

    def response_format(self, turn: Turn, config: JsonObject) -> JsonObject | None:
        """The agent's, else its model settings'."""
        return turn.agent.response_format or config.get("response_format")

    def replay(self, messages: list[Message], config: JsonObject) -> list[Message]:  # noqa: ARG002
        """As it is stored."""
        return messages

    def read(self, result: ChatResult, *, had_tools: bool) -> Spoken:  # noqa: ARG002
        """All of it."""
        return Spoken(result.content, [normalised(call) for call in result.tool_calls])

    def delta_writer(self, turn: Turn, message: Message, config: JsonObject, *, had_tools: bool) -> DeltaWriter:  # noqa: ARG002
        """Pieces as they come."""
        return DeltaWriter(turn, message, first_call_only=not self.several_calls(config))

    def stored_calls(self, calls: list[JsonObject], *, goes_on: bool) -> list[JsonObject]:  # noqa: ARG002
        """As the model made them."""
        return calls

    def conclude(
        self, turn: Turn, returns: Sequence[ToolReturn], refused: Collection[str], finish_reason: str
    ) -> Conclusion:
        """Goes on after calls, unless one of them ends the turn; ends without, unless a required one is missing."""
        done = [r for r in returns if r.call["id"] not in refused]
        if returns and not any(turn.rules.ends_turn(r.call["name"]) for r in done):
            return Conclusion(None)
        held = unfinished(turn, done)
        if held is not None:
            return held
        if returns:
            return Conclusion("tool_rule")
        return Conclusion("max_tokens_exceeded" if finish_reason == "length" else "end_turn")
