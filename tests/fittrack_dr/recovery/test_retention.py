"""Retention arithmetic: never shorter than promised, never without an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fittrack_dr.recovery.quantities import LONGEST, YEAR
from fittrack_dr.recovery.retention import (
    DAY,
    LIMITS,
    Storage,
    kept_until,
    limit_problem,
    may_delete,
    time_amount,
    whole_days,
)

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2069, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
KEEPS = st.timedeltas(timedelta(seconds=1), LONGEST)


def _anniversary(created: datetime, years: int) -> datetime:
    try:
        return created.replace(year=created.year + years)
    except ValueError:  # the 29th of February
        return created.replace(year=created.year + years, month=3, day=1)


@given(KEEPS)
def test_whole_days_round_up_by_less_than_a_day(keep: timedelta) -> None:
    assert timedelta(0) <= whole_days(keep) * DAY - keep < DAY


@given(MOMENTS, st.integers(1, 30))
def test_years_end_on_their_anniversary_or_a_day_or_two_later(created: datetime, years: int) -> None:
    over = kept_until(created, years * YEAR) - _anniversary(created, years)
    assert timedelta(0) <= over <= timedelta(days=2)


@given(MOMENTS, KEEPS, KEEPS)
def test_once_deletable_always_deletable(created: datetime, keep: timedelta, later: timedelta) -> None:
    end = kept_until(created, keep)
    assert not may_delete(created, keep, end - timedelta(microseconds=1))
    assert may_delete(created, keep, end)
    assert may_delete(created, keep, end + later)


@given(KEEPS)
def test_a_retention_rule_is_exact_in_years_and_never_short_in_days(keep: timedelta) -> None:
    amount, unit = time_amount(keep)
    assert amount * (YEAR if unit == "YEARS" else DAY) >= keep


def test_amounts_as_object_storage_takes_them() -> None:
    assert time_amount(7 * YEAR) == (7, "YEARS")
    assert time_amount(timedelta(days=90)) == (90, "DAYS")
    assert time_amount(timedelta(days=365)) == (365, "DAYS")


@given(st.sampled_from(Storage), st.integers(1, 10_000))
def test_limits_are_those_of_the_services(storage: Storage, days: int) -> None:
    limits = LIMITS.get(storage)
    allowed = limits is None or days in range(limits.shortest, limits.longest + 1, limits.step)
    assert (limit_problem(storage, days * DAY) is None) == allowed


def test_limits_at_their_edges() -> None:
    def refused(storage: Storage, days: int) -> bool:
        return limit_problem(storage, days * DAY) is not None

    assert [refused(Storage.AUTOMATIC_BACKUP, days) for days in (1, 60, 61)] == [False, False, True]
    assert [refused(Storage.LONG_TERM_BACKUP, days) for days in (89, 90, 3650, 3651)] == [True, False, False, True]
    assert [refused(Storage.LOGGING, days) for days in (30, 90, 100, 180, 210)] == [False, False, True, False, True]
    assert not refused(Storage.OBJECT_STORAGE, 1)
