"""Letting runs begin that wait: those of agents that look after memory, of batches, and of agents' messages.

Whoever makes one nudges the queue of its process, and so does the end of a run while others wait; the sweeper, which
looks around anyway, nudges for what other processes left. Nothing is polled while nothing waits.
"""

from collections.abc import Awaitable, Callable

from letta.background import Task, tell
from letta.database.engine import Database
from letta.runs import queue_repository


class RunQueue:
    """Begins runs that wait, as long as there is room."""

    def __init__(self, database: Database, begin: Callable[[str], Awaitable[bool]], room: Callable[[], int]) -> None:
        """
        Args:
            begin: begins a run that waits; tells whether it could be dealt with.
            room: how many more may be carried out at the moment.
        """
        self._database = database
        self._begin = begin
        self._room = room
        self._again = False
        self._closed = False
        self._looking = Task(self._work)
        self._expects = False  # whether runs waited that could not begin when this process looked last

    def nudge(self) -> None:
        """Look soon."""
        self._again = True
        if not self._closed:
            self._looking.ensure()

    def one_ended(self) -> None:
        """A run has ended here. Look soon, if others wait, or may: whoever looks just now may not have seen the end."""
        if self._expects or self._looking.is_running:
            self.nudge()

    async def close(self) -> None:
        """Let nothing begin any more."""
        self._closed = True
        await self._looking.finish()

    async def _work(self) -> None:
        try:
            while self._again and not self._closed:
                self._again = False
                await self._look()
        except Exception as error:
            tell("beginning runs that wait", error)
            self._expects = True

    async def _look(self) -> None:
        room = self._room()
        if room <= 0:
            self._expects = True
            return
        found = await self._database.read(queue_repository.look, room)
        self._expects = found.others
        for run_id in found.ready:
            if self._closed:
                return
            if await self._begin(run_id):
                self._again = True
            else:
                self._expects = True
