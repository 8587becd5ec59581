"""A job as the rest of the server knows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

BATCH = "batch"


@dataclass(frozen=True, slots=True)
class Job:
    """Many runs together. Its status is told by theirs, unless it was cancelled."""

    id: str
    job_type: str
    status: str
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    callback_url: str | None = None
    callback_sent_at: datetime | None = None
    callback_status_code: int | None = None
    callback_error: str | None = None

    @property
    def user_id(self) -> str | None:
        """Who made it."""
        return self.created_by_id

    @property
    def total_duration_ns(self) -> int | None:
        """From its making to the end of its last run."""
        if self.completed_at is None:
            return None
        return round((self.completed_at - self.created_at).total_seconds() * 1_000_000_000)

    @property
    def is_over(self) -> bool:
        """Whether none of its runs will change any more."""
        return self.completed_at is not None
