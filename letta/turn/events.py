"""What happens in a turn, as its subscribers are told."""

from dataclasses import dataclass

from letta.errors import LettaError
from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.messages.schemas import UsageStatistics


@dataclass(frozen=True, slots=True)
class PartDelta:
    """A piece of a message that is being written: a message of the API with part of its content."""

    wire: JsonObject


@dataclass(frozen=True, slots=True)
class StepCommitted:
    """Messages that are now stored. ``streamed`` tells whether the assistant's came as deltas before."""

    messages: list[Message]
    streamed: bool


@dataclass(frozen=True, slots=True)
class Compacting:
    """The context is being compacted: an event message of the API, for those who asked to be told."""

    wire: JsonObject


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The turn is over and stored."""

    stop_reason: str
    usage: UsageStatistics


@dataclass(frozen=True, slots=True)
class TurnFailed:
    """The turn could not be finished; what was committed before stays."""

    error: LettaError
    usage: UsageStatistics

    @property
    def stop_reason(self) -> str:
        """Why it is over."""
        return self.error.stop_reason


TurnEvent = PartDelta | StepCommitted | Compacting | TurnEnded | TurnFailed
