"""The runbook beside our failover: what is made of two measured executions."""

from __future__ import annotations

import pytest

from benchmarks.figures import Verdict
from benchmarks.runbook import EXPORT, THAW, WITH_STANDBY, Execution, Step, figures, unmeasured

RATE = "8x"


def executions(export: float, standby: float) -> dict[str, Execution]:
    return {
        EXPORT: Execution(EXPORT, export, (Step(THAW, 3600, "120x"), Step("update DNS", 4, "8x")), 9, 50, 60_000),
        WITH_STANDBY: Execution(WITH_STANDBY, standby, (Step("fail the standby over", 300, "8x"),), 1, 50, None),
    }


def test_the_runbook_is_set_beside_our_own_outage() -> None:
    runbook, alone, rest = figures(executions(4000, 400), 500, RATE)
    assert runbook.value == pytest.approx(8)
    assert runbook.verdict is Verdict.MET
    assert "without which it would be 0.80" in runbook.detail
    assert alone.value == pytest.approx(10)
    assert rest.value == pytest.approx(0.8)


def test_a_runbook_that_is_nearly_as_fast_misses_the_goal() -> None:
    runbook, *factors = figures(executions(1000, 400), 500, RATE)
    assert runbook.verdict is Verdict.MISSED
    assert [factor.verdict for factor in factors] == [Verdict.SAID, Verdict.SAID]


def test_what_failed_is_said_once() -> None:
    verdicts = [figure.verdict for figure in unmeasured("the users were not served", broken=True)]
    assert verdicts == [Verdict.BROKEN, Verdict.UNMEASURED, Verdict.UNMEASURED]
