"""What somebody who wants to know of a run is given."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from letta.messages.message import Message
from letta.turn.events import StepCommitted, TurnEnded, TurnEvent, TurnFailed


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run came to: all that it stored, and its end."""

    messages: list[Message]
    end: TurnEnded


@dataclass(frozen=True, slots=True)
class RunView:
    """A run's id, whether its stream can be resumed, and its events from the first one on."""

    run_id: str
    agent_type: str
    background: bool
    events: AsyncIterator[TurnEvent]

    async def finish(self) -> Finished:
        """Wait for the end of the run.

        Raises:
            LettaError: its turn failed, with this error.
        """
        messages: list[Message] = []
        async for event in self.events:
            match event:
                case StepCommitted():
                    messages += event.messages
                case TurnFailed():
                    raise event.error.with_traceback(None)  # others may wait for the same end
                case TurnEnded():
                    return Finished(messages, event)
        raise AssertionError("a run's events end with its end")
