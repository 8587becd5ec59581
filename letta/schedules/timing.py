"""When scheduled messages are sent: moments of cron expressions, in a time zone with its summer time."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from letta.errors import InvalidArgumentError

LATEST = timedelta(hours=24)
"""How late a moment of a cron expression may be made up for. What is sent once is sent however late."""
_FIELDS = 5
_MILLISECONDS_FROM = 100_000_000_000
"""Numbers from here on are milliseconds since 1970, as JavaScript counts. As seconds, this is the year 5138."""
_LAST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
_PATIENCE = timedelta(minutes=5)


def moment_of(scheduled_at: float) -> datetime:
    """The moment that a client has named, in seconds or milliseconds since 1970.

    Raises:
        InvalidArgumentError: it has passed, or is none.
    """
    seconds = scheduled_at / 1000 if scheduled_at >= _MILLISECONDS_FROM else scheduled_at
    if not 0 <= seconds < _LAST:
        raise InvalidArgumentError(
            "schedule.scheduled_at must be a number of seconds or milliseconds since 1970-01-01 UTC."
        )
    moment = datetime.fromtimestamp(seconds, UTC)
    if moment < datetime.now(UTC) - _PATIENCE:
        raise InvalidArgumentError(
            f"schedule.scheduled_at: {moment:%Y-%m-%d %H:%M:%S} UTC has passed. Choose a later time."
        )
    return moment


def next_moment(expression: str, timezone: str, after: datetime) -> datetime:
    """The first moment of a cron expression after some other.

    Raises:
        InvalidArgumentError: the expression isn't one, or names no moment.
    """
    from cronsim import CronSim, CronSimError

    if len(expression.split()) != _FIELDS:
        raise _unknown(expression, "it must have five fields: minute, hour, day, month, weekday")
    try:
        return next(CronSim(expression, after.astimezone(_zone(timezone)))).astimezone(UTC)
    except CronSimError as error:
        raise _unknown(expression, str(error)) from error
    except (StopIteration, OverflowError) as error:
        raise _unknown(expression, "it never matches") from error


def last_missed(expression: str, timezone: str, occurs_at: datetime, now: datetime) -> datetime | None:
    """Of the moments from one on that have come, the last, unless that was too long ago to be made up for."""
    earliest = now - LATEST
    found = occurs_at if occurs_at >= earliest else None
    moment = next_moment(expression, timezone, max(occurs_at, earliest))
    while moment <= now:
        found, moment = moment, next_moment(expression, timezone, moment)
    return found


def otid_of(schedule_id: str, moment: datetime, index: int) -> str:
    """The id of a message of a schedule at one moment: whoever sends it again sends the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{schedule_id} {moment.timestamp():.3f} {index}"))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _unknown(expression: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"schedule.cron_expression: '{expression[:100]}' can't be used: {why[:200]}. An example: '0 9 * * MON-FRI'."
    )
