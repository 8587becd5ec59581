"""Sending scheduled messages when their time has come: one process each of them, whichever is first.

It sleeps until the next one is due. What other processes have scheduled meanwhile, it hears from the look that every
process takes at the database now and then anyway, so that nothing more is asked while nothing is due.
"""

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from letta.background import Worker
from letta.constants import DEFAULT_MAX_STEPS
from letta.database.engine import Database
from letta.errors import UNKNOWN, ConflictError, LettaError, UnavailableError
from letta.messages.schemas import MessageCreate
from letta.organizations.actor import Actor
from letta.runs.executor import RunExecutor
from letta.schedules import repository
from letta.schedules.scheduled import ClaimedMessage
from letta.schedules.timing import last_missed, next_moment, otid_of
from letta.turn.request import RunOptions, RunRequest

logger = logging.getLogger(__name__)

RUN_TYPE = "scheduled_message"
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """How long the scheduler waits, in seconds.

    Attributes:
        claim: how long a process may take to begin a run before another one does it.
        busy: before it asks a busy agent again; each time as much longer, up to the longest.
        patience: how long a busy agent is asked for what is sent once; else until the next moment.
    """

    claim: float = 60.0
    busy: float = 5.0
    longest: float = 60.0
    patience: float = 24 * 3600.0


class Scheduler(Worker):
    """Begins the runs of scheduled messages."""

    def __init__(self, database: Database, executor: RunExecutor, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        super().__init__("sending scheduled messages", after_failure=self._pace.longest)
        self._database = database
        self._executor = executor
        self._found: float | None = None  # when the next one is due, of the monotonic clock
        self._told: float | None = None

    def heard(self, seconds: float | None) -> None:
        """After so many seconds something is due; None if nothing is. That may be older than what is known here."""
        if seconds is not None:
            self._told = _earlier(self._told, time.monotonic() + max(0.0, seconds))
            super().wake()

    def wake(self) -> None:
        """Something was scheduled here: look when it is due."""
        self.heard(0.0)

    async def look(self) -> float | None:
        pause = self._until_due()
        if pause is None or pause > 0:
            return pause
        self._told = None
        self._found = time.monotonic() + self._pace.longest  # if this fails
        self._found = await self._send_due()
        return self._until_due()

    def _until_due(self) -> float | None:
        due = _earlier(self._found, self._told)
        return None if due is None else due - time.monotonic()

    async def _send_due(self) -> float | None:
        """Send what is due. Returns when the next one is. A process that ends leaves it to the others."""
        if self._executor.is_stopping:
            return None
        while claimed := await self._database.run(repository.claim_due, _AT_ONCE, self._pace.claim):
            await asyncio.gather(*(self._send(each) for each in claimed))
        seconds = await self._database.read(repository.seconds_to_next)
        return None if seconds is None else time.monotonic() + max(0.05, seconds)

    async def _send(self, claimed: ClaimedMessage) -> None:
        now = datetime.now(UTC)
        moment: datetime | None = claimed.occurs_at
        if claimed.cron_expression is not None:
            moment = last_missed(claimed.cron_expression, claimed.timezone, claimed.occurs_at, now)
        if moment is None:
            logger.info("scheduled message %s is overdue and was skipped", claimed.id)
            await self._go_on(claimed, now, error="The message was skipped, because no server was running at the time.")
            return
        try:
            actor = Actor(claimed.user_id, claimed.organization_id)
            view = await self._executor.start(actor, _request(claimed, moment))
        except (ConflictError, UnavailableError) as error:
            await self._put_off(claimed, moment, now, error)
        except LettaError as error:
            logger.warning("scheduled message %s could not be sent: %s", claimed.id, error.detail)
            await self._go_on(claimed, max(now, moment), error=error.detail)
        except Exception:
            logger.exception("scheduled message %s could not be sent", claimed.id)
            await self._go_on(claimed, max(now, moment), error=UNKNOWN)
        else:
            logger.info("scheduled message %s is sent with run %s", claimed.id, view.run_id)
            await self._go_on(claimed, max(now, moment), run_id=view.run_id)

    async def _put_off(self, claimed: ClaimedMessage, moment: datetime, now: datetime, error: LettaError) -> None:
        """The agent is busy, or waits for a decision, or this process can't: try again, until it makes no sense."""
        attempts = claimed.attempts + 1
        last = moment + timedelta(seconds=self._pace.patience)
        if claimed.cron_expression is not None:
            last = min(last, next_moment(claimed.cron_expression, claimed.timezone, max(now, moment)))
        due = now + timedelta(seconds=min(self._pace.longest, self._pace.busy * attempts))
        if claimed.cron_expression is None and due > last:
            await self._go_on(claimed, now, error=error.detail)
        else:
            await self._database.run(repository.put_off, claimed, min(due, last), error.detail, attempts=attempts)

    async def _go_on(
        self, claimed: ClaimedMessage, after: datetime, *, run_id: str | None = None, error: str | None = None
    ) -> None:
        following = None
        if claimed.cron_expression is not None:
            following = next_moment(claimed.cron_expression, claimed.timezone, after)
        await self._database.run(repository.go_on, claimed, following, run_id=run_id, error=error)


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _request(claimed: ClaimedMessage, moment: datetime) -> RunRequest:
    """The run of a moment. Its messages' ids tell whoever begins it again, after a crash, that it has begun."""
    messages = [MessageCreate.model_validate(each) for each in claimed.messages]
    for index, message in enumerate(messages):
        if message.otid is None or claimed.cron_expression is not None:
            message.otid = otid_of(claimed.id, moment, index)
    steps = claimed.options.get("max_steps")
    options = RunOptions(
        max_steps=DEFAULT_MAX_STEPS if steps is None else steps,
        run_type=RUN_TYPE,
        background=True,
        callback_url=claimed.options.get("callback_url"),
        request_config={"include_return_message_types": claimed.options.get("include_return_message_types")},
        scheduled_message_id=claimed.id,
    )
    return RunRequest(claimed.agent_id, None, list(messages), options)
