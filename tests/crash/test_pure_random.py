"""The machine under schedules nobody thought of: crashes, takeovers, aborts, approvals of every kind, jumping clocks.

Whatever the schedule, the checker finds nothing; and once the world is kind again the run ends, and ends as its journal
says.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fittrack_dr.domain import Ending, Person, isolation_claim
from fittrack_dr.errors import ExitCode
from fittrack_dr.runner.journal import LostRunError
from tests.crash.checker import problems
from tests.crash.driver import Session, abort, approve, approve_when_asked, finish
from tests.crash.memory import DBA, LEAD, ONCALL, OTHER_LEAD
from tests.crash.pure import NEW, OLD
from tests.crash.stage import Stage

pytestmark = pytest.mark.crash

Work = tuple[str, int]
WORK = st.tuples(st.just("work"), st.integers(1, 25))
ATTENDED = st.tuples(st.just("work with the lead at hand"), st.integers(1, 60))
CRASH = st.tuples(st.just("crash"), st.sampled_from([ONCALL, DBA, LEAD]))
SECOND = st.tuples(st.just("second operator"), st.sampled_from([ONCALL, DBA, LEAD]))
WAKE = st.tuples(st.just("wake the sleeper"), st.integers(1, 10))
APPROVE = st.tuples(
    st.just("approve"),
    st.tuples(
        st.sampled_from([LEAD, OTHER_LEAD, DBA, ONCALL]),
        st.sampled_from([1, 60, 1800, 7200]),
        st.sampled_from([(isolation_claim(OLD),), (), (isolation_claim(NEW),)]),
    ),
)
JUMP = st.tuples(st.just("jump"), st.sampled_from([-600.0, -5.0, 30.0, 900.0, 7200.0]))
ABORT = st.tuples(st.just("abort"), st.just(DBA))
FAULT = st.tuples(
    st.just("fault"),
    st.tuples(
        st.sampled_from(["promote", "cutover", "record", "switchover"]),
        st.sampled_from(["lost-request", "lost-answer", "busy"]),
    ),
)
RARELY = st.tuples(st.just("the old region returns"), st.none())
SCHEDULE = st.lists(
    st.one_of(WORK, ATTENDED, ATTENDED, APPROVE, CRASH, SECOND, WAKE, JUMP, FAULT, ABORT, RARELY), max_size=14
)


class Drama:
    """One schedule played out on a stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.session = stage.open()
        self.working: Iterator[str] = self.session.events()
        self.sleeping: Iterator[str] | None = None

    def play(self, kind: str, detail: object) -> None:
        match kind, detail:
            case "work", int(events):
                self._step(self.working, events)
            case "work with the lead at hand", int(events):
                self._step(self.working, events, attended=True)
            case "wake the sleeper", int(events):
                self._step(self.sleeping or iter(()), events)
            case "crash", Person() as person:
                self.replace(person)
            case "second operator", Person() as person:
                self.sleeping = self.working
                self.replace(person)
            case "approve", (Person() as person, int(seconds), tuple() as claims):
                approve(self.stage.store, self.stage.clock, person, validity=timedelta(seconds=seconds), claims=claims)
            case "jump", float(seconds):
                self.stage.clock.moment += timedelta(seconds=seconds)
            case "abort", Person() as person:
                abort(self.stage.store, self.stage.clock, person)
            case "fault", (str(action), str(fault)):
                self.stage.world.faults.setdefault((action, "run"), []).append(fault)
            case _:
                self.stage.world.reachable = True

    def replace(self, person: Person) -> None:
        self.session = self.stage.resume(person)
        self.working = self.session.events()

    def _step(self, events: Iterator[str], count: int, *, attended: bool = False) -> None:
        with contextlib.suppress(LostRunError):
            for _ in range(count):
                if next(events, None) is None:
                    return
                if attended and self.session.journal.progress.holder != LEAD:
                    approve_when_asked(self.session, self.stage.store)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(schedule=SCHEDULE, choices=st.lists(st.integers(0, 7), max_size=40))
def test_no_schedule_breaks_an_invariant_and_every_run_ends(
    schedule: list[tuple[str, object]], choices: list[int]
) -> None:
    remaining = list(choices)
    stage = Stage(choose=lambda count: remaining.pop() % count if remaining else 0)
    drama = Drama(stage)
    for kind, detail in schedule:
        drama.play(kind, detail)

    stage.world.faults.clear()
    drama.replace(ONCALL)
    finish(drama.session, stage.store)
    end_is_as_the_journal_says(stage, drama.session)


def end_is_as_the_journal_says(stage: Stage, session: Session) -> None:
    assert session.leave is not None
    assert problems(session.journal.entries, stage.world.facts) == ()
    closed = session.journal.progress.closed
    promoted = stage.world.facts.destructions[f"promote {NEW}"]
    if session.leave.exit_code is ExitCode.DONE:
        assert (stage.world.name, stage.world.active, promoted) == (NEW, NEW, 1)
    if closed is not None and closed.ending in {Ending.REFUSED, Ending.ABORTED} and not promoted:
        assert (stage.world.name, stage.world.active) == (OLD, OLD)


def test_an_approval_that_runs_out_before_the_step_begins_has_to_be_given_again() -> None:
    """It held for the fence; the switchover attempt took longer than it; the promotion needs a new one."""
    stage = Stage()
    session = stage.open()
    events = session.events()
    for event in events:
        if event == "wrote asked":
            break
    approve(stage.store, stage.clock, LEAD, validity=timedelta(seconds=20))
    asked = [event for event in events if event == "wrote asked"]
    assert asked
    assert session.leave is not None
    assert session.leave.exit_code is ExitCode.REFUSED
    assert "nobody approved 'region-failover'" in session.leave.detail
    assert stage.world.facts.destructions.total() == 0
    assert problems(session.journal.entries, stage.world.facts) == ()
