"""What the vantage points' results say: since when a region fails, and who has not looked since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fittrack_dr.domain.cloud import VantageResult
from fittrack_dr.scenarios.failover.scout import vantage_view

START = datetime(2026, 3, 1, 4, tzinfo=UTC)


def results(**seen: str) -> tuple[VantageResult, ...]:
    """``a="..x"``: vantage point a succeeded at 0 and 30 s and failed at 60 s; a space is a round left out."""
    return tuple(
        VantageResult(name, "192.0.2.1", START + timedelta(seconds=30 * turn), mark == ".", 200, "said")
        for name, marks in seen.items()
        for turn, mark in enumerate(marks)
        if mark != " "
    )


def test_a_region_fails_since_the_first_failure_that_nothing_follows() -> None:
    probes, since = vantage_view(results(a=".x.xx", b="...xx", c="....x"))
    assert since == START + timedelta(seconds=90)
    assert [probe.answered for probe in probes] == [False, False, False]


def test_a_vantage_point_that_has_not_looked_since_says_nothing() -> None:
    probes, since = vantage_view(results(a="...x", b="...x", c="..  "))
    assert [probe.answered for probe in probes] == [False, False, None]
    assert since == START + timedelta(seconds=90)


def test_a_success_since_the_first_failure_speaks_for_the_region() -> None:
    probes, since = vantage_view(results(a="..xx", b="....", c="..xx"))
    assert [probe.answered for probe in probes] == [False, True, False]
    assert since is None


def test_nobody_looked() -> None:
    assert vantage_view(()) == ((), None)
