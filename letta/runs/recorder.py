"""Writing the event log of a background run to the database while the run goes on."""

import asyncio
import logging
from contextlib import suppress

from letta.background import tell
from letta.database.engine import Database
from letta.runs import event_repository
from letta.runs.event_log import Entry, EventLog
from letta.runs.frames import Batch, Show, in_batches

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_BATCHES = 0.2
_SECONDS_AFTER_FAILURE = 2.0
_FAILURES_AT_THE_END = 3


class Recorder:
    """Writes in batches: at most five a second, or sooner when much has come together or messages are whole.

    Pieces of messages that are being written are replaced by the whole messages once those are stored.
    """

    def __init__(self, database: Database, log: EventLog, show: Show, take_overs: int) -> None:
        self._database = database
        self._log = log
        self._show = show
        self._take_overs = take_overs
        self._written = self._settled = log.settled
        self._unsure = False  # whether what was written last may be stored, although its COMMIT was not answered

    async def run(self) -> None:
        """Record until the log is closed and what is whole of it written. A failing database costs the log, no run."""
        failures = 0
        while not (self._log.closed and self._settled == self._log.settled):
            await self._until_due()
            try:
                if not await self._write():
                    return
                failures = 0
            except Exception as error:
                failures += 1
                tell(f"storing the event log of run {self._show.run_id}", error)
                if self._log.closed and failures >= _FAILURES_AT_THE_END:
                    logger.warning("the end of run %s's event log was not stored", self._show.run_id)
                    return
                await asyncio.sleep(_SECONDS_AFTER_FAILURE)

    async def _until_due(self) -> None:
        while self._log.last == self._written and self._log.settled == self._settled and not self._log.closed:
            await self._log.changed()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._log.urgent.wait(), _SECONDS_BETWEEN_BATCHES)
        self._log.urgent.clear()

    async def _write(self) -> bool:
        """Write what there is. Returns whether to go on."""
        settled, last = self._log.settled, self._log.last
        entries = self._log.after(self._settled)
        whole = [entry for entry in entries if entry.last <= settled]
        loose = [entry for entry in entries if entry.first > max(settled, self._written)]
        batches = [*self._batches(whole, settled=True), *self._batches(loose, settled=False)]
        if not batches:
            return True
        first = self._settled + 1 if whole else batches[0].frames[0].first
        replaced = (first, last) if self._unsure or (whole and self._written > self._settled) else None
        self._unsure = True
        kept = await self._database.run(
            event_repository.append_batches, self._show.run_id, self._take_overs, batches, replaced
        )
        self._unsure = False
        self._written, self._settled = last, max(settled, self._settled)
        return kept

    def _batches(self, entries: list[Entry], *, settled: bool) -> list[Batch]:
        return in_batches((frame for entry in entries for frame in self._show.frames(entry)), settled=settled)
