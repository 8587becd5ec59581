"""Which run holds a conversation: it alone may change the conversation's context as long as its lease lasts."""

from dataclasses import dataclass
from datetime import UTC, datetime

from letta.errors import BusyError

_MOST_SECONDS = 5
"""A run may end long before its lease does, so whoever waits for it is told to try again soon."""


class RunLostError(BusyError):
    """The conversation is held by a run whose process seems to be gone; somebody has to take it over first."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id, retry_after_seconds=1)
        self.run_id = run_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The run that holds a conversation, whose row is locked, if one does."""

    active_run_id: str | None
    lease_expires_at: datetime | None

    def raise_if_busy(self) -> None:
        """Make sure that no run holds it.

        Raises:
            BusyError: one does; tells the run and when to try again.
            RunLostError: one does, but its lease has expired.
        """
        if self.active_run_id is None:
            return
        expires_at, now = self.lease_expires_at, datetime.now(UTC)
        if expires_at is None or expires_at <= now:
            raise RunLostError(self.active_run_id)
        raise BusyError(self.active_run_id, min(_MOST_SECONDS, round((expires_at - now).total_seconds())))
