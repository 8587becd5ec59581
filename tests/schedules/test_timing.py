"""When scheduled messages are sent."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letta.errors import InvalidArgumentError
from letta.schedules.timing import LATEST, last_missed, moment_of, next_moment, otid_of

VIENNA = "Europe/Vienna"
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

expressions = st.sampled_from(["* * * * *", "*/7 * * * *", "30 2 * * *", "0 9 * * MON-FRI", "15 0 1 * *", "0 0 29 2 *"])
zones = st.sampled_from(["UTC", VIENNA, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def local(expression: str, zone: str, *after: int) -> list[str]:
    """The two moments after some local time, in local time."""
    first = next_moment(expression, zone, datetime(*after, tzinfo=ZoneInfo(zone)))  # type: ignore[arg-type, misc]
    second = next_moment(expression, zone, first)
    return [each.astimezone(ZoneInfo(zone)).isoformat() for each in (first, second)]


def test_an_hour_that_summer_time_skips() -> None:
    assert local("30 2 * * *", VIENNA, 2026, 3, 28, 12) == ["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]


def test_an_hour_that_comes_twice() -> None:
    assert local("30 2 * * *", VIENNA, 2026, 10, 24, 12) == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


def test_the_same_hour_of_the_day_in_summer_and_winter() -> None:
    assert local("0 9 * * *", VIENNA, 2026, 10, 24, 0) == ["2026-10-24T09:00:00+02:00", "2026-10-25T09:00:00+01:00"]


def test_an_unknown_zone_counts_as_utc() -> None:
    assert next_moment("0 13 * * *", "Middle/Earth", NOON) == NOON + timedelta(hours=1)


@given(expressions, zones, moments)
def test_the_next_moment_lies_ahead_and_is_the_next(expression: str, zone: str, after: datetime) -> None:
    following = next_moment(expression, zone, after)
    assert following > after
    assert following.tzinfo is UTC
    between = after + (following - after) / 2
    assert next_moment(expression, zone, between) == following


@given(expressions, zones, moments, st.timedeltas(timedelta(0), timedelta(days=40)))
def test_of_all_that_was_missed_the_last_is_made_up_for(
    expression: str, zone: str, before: datetime, away: timedelta
) -> None:
    occurs_at = next_moment(expression, zone, before)
    now = occurs_at + away
    found = last_missed(expression, zone, occurs_at, now)
    if found is None:
        assert next_moment(expression, zone, now - LATEST) > now
    else:
        assert max(occurs_at, now - LATEST) <= found <= now
        assert next_moment(expression, zone, found) > now


@pytest.mark.parametrize("factor", [1, 1000])
def test_seconds_and_milliseconds(factor: int) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
    assert moment_of(soon.timestamp() * factor) == soon


@pytest.mark.parametrize("number", [0, 1, -1, 1e30, 1_600_000_000, 1_600_000_000_000])
def test_what_has_passed_or_is_no_moment(number: float) -> None:
    with pytest.raises(InvalidArgumentError, match="scheduled_at"):
        moment_of(number)


@pytest.mark.parametrize(
    "expression", ["", "x", "@daily", "* * * *", "* * * * * *", "61 * * * *", "0 0 30 2 *", "0 0 31 4 *", "* * * * 9"]
)
def test_what_is_no_expression(expression: str) -> None:
    with pytest.raises(InvalidArgumentError, match="cron_expression"):
        next_moment(expression, "UTC", NOON)


def test_each_message_of_each_moment_has_an_id_of_its_own() -> None:
    ids = {otid_of(name, NOON + timedelta(minutes=n), index) for name in "ab" for n in range(3) for index in range(3)}
    assert len(ids) == 18
    assert otid_of("a", NOON, 0) == otid_of("a", NOON, 0)
