"""A run that this process carries out."""

import asyncio
from collections.abc import AsyncIterator

from letta.database.engine import Database
from letta.runs.event_log import EventLog
from letta.runs.frames import Frame, first_number, show_of
from letta.runs.recorder import Recorder
from letta.turn.cancellation import Cancellation
from letta.turn.turn import Turn


class ActiveRun:
    """A turn that is being carried out, what it has told so far, and the way to stop it."""

    def __init__(self, turn: Turn, take_overs: int = 0, first: int | None = None) -> None:
        self.turn = turn
        self.take_overs = take_overs
        self.first = first_number(0) if first is None else first
        self.cancellation = Cancellation()
        self.task: asyncio.Task[None] | None = None
        self.queued = False
        self._show = show_of(turn)
        self.log = EventLog(self._show.count, self.first) if turn.options.background else EventLog()

    async def record(self, database: Database) -> None:
        """Keep the event log in the database, where the run is a background one."""
        if self.turn.options.background:
            await Recorder(database, self.log, self._show, self.take_overs).run()

    async def frames(self, after: int) -> AsyncIterator[Frame]:
        """What a background run has told here after a number, until it ends or is interrupted."""
        async for entry in self.log.entries(after):
            for frame in self._show.frames(entry):
                if frame.last > after:
                    after = frame.last
                    yield frame
        if self.log.interruption is not None:
            for wire in self._show.wires(self.log.interruption):
                yield Frame(after, after, wire)
