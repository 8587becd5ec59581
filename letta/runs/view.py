"""What somebody who wants to know of a run is given."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from letta.turn.events import TurnEvent


@dataclass(frozen=True, slots=True)
class RunView:
    """A run's id, whether its stream can be resumed, and its events from the first one on."""

    run_id: str
    agent_type: str
    background: bool
    events: AsyncIterator[TurnEvent]
