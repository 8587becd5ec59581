"""Points in time, as agents are told of them."""

from datetime import datetime
from zoneinfo import ZoneInfo

_TIME = "%Y-%m-%d %I:%M:%S %p %Z%z"


def format_time(moment: datetime, timezone: str) -> str:
    """A point in time as agents read it, such as ``2026-01-31 02:05:09 PM CET+0100``."""
    return moment.astimezone(ZoneInfo(timezone)).strftime(_TIME)
