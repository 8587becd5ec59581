"""What an agent's style decides; the loop itself is the same for all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from letta.json_types import JsonObject
from letta.llm.chat import ChatResult
from letta.messages.message import Message
from letta.tools.tool import Tool
from letta.turn.deltas import DeltaWriter
from letta.turn.tools import ToolReturn
from letta.turn.turn import Turn


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a model's answer says, in the form in which it's stored."""

    content: list[JsonObject]
    calls: list[JsonObject]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Whether a turn ends after a step.

    Attributes:
        stop_reason: why it ends; None if it goes on.
        reminder: what the model is told before it goes on, if anything.
    """

    stop_reason: str | None
    reminder: str | None = None


def unfinished(turn: Turn, done: Sequence[ToolReturn]) -> Conclusion | None:
    """What follows where a turn is about to end although tools are to be called before; None if there are none.

    Those that no further calls can make allowed aren't waited for: the turn would go on until its steps are used up.
    """
    missing = turn.rules.still_required(turn.tool_names, [returned.call["name"] for returned in done])
    if not missing:
        return None
    possible = turn.rules.reachable(turn.tool_names, [(returned.call["name"], returned.text) for returned in done])
    due = [name for name in missing if name in possible]
    if not due:
        return Conclusion("no_tool_call")
    return Conclusion(None, f"Your turn can't end yet: you still have to call {', '.join(due)}.")


class Style(Protocol):
    """How agents of a type speak, and what makes their turns go on.

    Attributes:
        counts_context: whether usage tells the size of the context.
    """

    counts_context: bool

    def schemas(self, turn: Turn, config: JsonObject, tools: Sequence[Tool]) -> list[JsonObject]:
        """What the model is told of its tools."""
        ...

    def tool_choice(self, turn: Turn, schemas: Sequence[JsonObject]) -> str:
        """Whether the model has to call a tool: ``auto``, ``required``, or the name of the one to call."""
        ...

    def several_calls(self, config: JsonObject) -> bool:
        """Whether more than the first call of an answer is kept."""
        ...

    def response_format(self, turn: Turn, config: JsonObject) -> JsonObject | None:
        """The format that the provider is to hold the model's text to."""
        ...

    def replay(self, messages: list[Message], config: JsonObject) -> list[Message]:
        """The history in the form in which the model wrote it."""
        ...

    def read(self, result: ChatResult, *, had_tools: bool) -> Spoken:
        """What an answer says.

        Raises:
            LlmError: it isn't an answer in this style.
        """
        ...

    def delta_writer(self, turn: Turn, message: Message, config: JsonObject, *, had_tools: bool) -> DeltaWriter:
        """What turns the pieces of an answer into messages of the API."""
        ...

    def stored_calls(self, calls: list[JsonObject], *, goes_on: bool) -> list[JsonObject]:
        """The calls of a step as they are kept."""
        ...

    def conclude(
        self, turn: Turn, returns: Sequence[ToolReturn], refused: Collection[str], finish_reason: str
    ) -> Conclusion:
        """What follows from a step with these returns. ``refused`` are ids of calls that weren't carried out."""
        ...
