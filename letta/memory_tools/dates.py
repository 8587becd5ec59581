"""Dates as models write them, and as they read them best."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from letta.memory_tools.errors import ToolError


def moment(text: str | None, timezone: str, *, end: bool = False) -> datetime | None:
    """A point in time; without a zone it is meant in this one. As an end, a date alone includes that whole day.

    Raises:
        ToolError: it is no date.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise ToolError(f"'{text}' is not a date. Write it as 2025-01-31 or 2025-01-31T14:30.") from error
    if end and len(text) == len("2025-01-31"):
        found = datetime.combine(found.date(), time.max)
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(timezone))


def local(moment: datetime, timezone: str, timespec: str = "seconds") -> str:
    """A point in time in ISO form, in this time zone."""
    return moment.astimezone(ZoneInfo(timezone)).isoformat(timespec=timespec)


def time_ago(moment: datetime) -> str:
    """How long ago a point in time is, such as ``3 days ago``."""
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {name}{'s' if count > 1 else ''} ago"
    return "just now"
