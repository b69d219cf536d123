"""Durations and times of day: what people write, and what is refused because it could mean two things."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fittrack_dr.recovery import describe_duration, parse_duration
from fittrack_dr.recovery.quantities import LONGEST, YEAR, parse_time_of_day


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("30 minutes", timedelta(minutes=30)),
        ("4h", timedelta(hours=4)),
        ("1h30m", timedelta(minutes=90)),
        ("1 hour 30 min", timedelta(minutes=90)),
        ("60 days", timedelta(days=60)),
        ("2 weeks", timedelta(days=14)),
        ("1 year", YEAR),
        ("7 years", 7 * YEAR),
    ],
)
def test_durations(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text", ["", "60", "h", "4 fortnights", "-4h", "4.5h", "1j", "4H", "0s", "4h and", "31 years", "9" * 9 + "d", "٤h"]
)
def test_what_is_no_duration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it like|check the unit"):
        parse_duration(text)


@given(st.integers(1, 10_000_000) | st.integers(1, 30).map(lambda years: round(years * YEAR.total_seconds())))
def test_a_described_duration_reads_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)
    assert parse_duration(describe_duration(duration)) == duration


@given(st.text(max_size=20))
def test_any_text_is_a_duration_within_bounds_or_a_value_error(text: str) -> None:
    try:
        duration = parse_duration(text)
    except ValueError:
        return
    assert timedelta(0) < duration <= 3 * LONGEST


def test_descriptions_are_short() -> None:
    assert describe_duration(timedelta(hours=4)) == "4h"
    assert describe_duration(timedelta(minutes=90)) == "1h30m"
    assert describe_duration(timedelta(seconds=0.5)) == "0.5s"
    assert describe_duration(7 * YEAR) == "7y"
    assert describe_duration(timedelta(0)) == "0s"


def test_times_of_day_are_utc() -> None:
    assert parse_time_of_day("02:30Z").tzinfo is UTC
    for text, reason in [
        ("02:30", "not in UTC"),
        ("02:30+02:00", "not in UTC"),
        ("24:00Z", "not a time of day"),
        ("2:30Z", "not a time of day"),
    ]:
        with pytest.raises(ValueError, match=reason):
            parse_time_of_day(text)
