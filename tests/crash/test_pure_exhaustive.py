"""The machine, interrupted after every event of a small failover in virtual time.

Whatever is interrupted, the next session reaches the same end, the promotion happens once, and the checker of all crash
tests finds nothing.
"""

from __future__ import annotations

import contextlib
from itertools import islice

import pytest

from fittrack_dr.domain import Ending
from fittrack_dr.errors import ExitCode
from fittrack_dr.runner.journal import LostRunError
from tests.crash.checker import problems
from tests.crash.driver import abort, approve_when_asked, finish, intents
from tests.crash.memory import DBA, LEAD, OTHER_LEAD
from tests.crash.pure import NEW, OLD
from tests.crash.stage import Stage

pytestmark = pytest.mark.crash


def reference() -> int:
    stage = Stage()
    session = stage.open()
    count = len(finish(session, stage.store))
    stage.assert_recovered(session)
    return count


EVENTS = reference()


def test_interrupted_after_every_event_the_run_resumes_to_the_same_end() -> None:
    for first in range(EVENTS):
        stage = Stage()
        stage.work(stage.open(), first)
        session = stage.resume()
        finish(session, stage.store)
        stage.assert_recovered(session)


def test_interrupted_twice_the_run_still_reaches_the_same_end() -> None:
    for first in range(EVENTS):
        for second in range(first % 13, EVENTS, 13):
            stage = Stage()
            stage.work(stage.open(), first)
            stage.work(stage.resume(), second)
            session = stage.resume()
            finish(session, stage.store)
            stage.assert_recovered(session)


def test_another_engineer_takes_over_at_any_event_and_the_sleeper_wakes_at_any_later_one() -> None:
    """The first session is stopped, not dead: it wakes while, or after, the second one works, and must do no harm."""
    for first in range(1, EVENTS):
        for wakes in range(first % 13, EVENTS, 13):
            stage = Stage()
            sleeper = stage.open()
            sleeping = sleeper.events()
            for _ in islice(sleeping, first):
                approve_when_asked(sleeper, stage.store)
            second = stage.resume(DBA)
            stage.work(second, wakes)
            with contextlib.suppress(LostRunError):
                for _ in sleeping:
                    pass
            finish(second, stage.store)
            stage.assert_recovered(second)


@pytest.mark.parametrize("fault", ["lost-request", "lost-answer", "busy"])
@pytest.mark.parametrize("action", ["promote", "cutover", "record", "switchover"])
def test_a_lost_or_refused_request_is_observed_and_never_repeated_blindly(action: str, fault: str) -> None:
    for first in range(0, EVENTS, 2):
        stage = Stage()
        stage.world.faults[action, "run"] = [fault]
        stage.work(stage.open(), first)
        session = stage.resume()
        finish(session, stage.store)
        stage.assert_recovered(session)


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_lost_answer_of_the_journal_store_writes_no_entry_twice(fault: str) -> None:
    reference_entries = Stage()
    finish(reference_entries.open(), reference_entries.store)
    for broken in range(2, len(reference_entries.store.objects) + 1):
        stage = Stage()
        faults = {broken: [fault, fault]}
        stage.store.fault = lambda number, faults=faults: faults[number].pop() if faults.get(number) else None
        session = stage.open()
        finish(session, stage.store)
        stage.assert_recovered(session)
        assert len(stage.store.objects) == len(reference_entries.store.objects)


def test_an_abort_at_any_event_closes_the_run_and_names_what_is_unknown() -> None:
    endings: set[Ending] = set()
    for first in range(EVENTS - 1):
        stage = Stage()
        session = stage.open()
        stage.work(session, first)
        abort(stage.store, stage.clock, DBA)
        resumed = stage.resume()
        finish(resumed, stage.store)
        closed = resumed.journal.progress.closed
        assert closed is not None
        assert set(resumed.journal.progress.unresolved) <= set(closed.unknown)
        assert problems(resumed.journal.entries, stage.world.facts) == ()
        endings.add(closed.ending)
    assert endings == {Ending.ABORTED, Ending.UNKNOWN}


def test_the_old_primary_returning_before_the_promotion_ends_refused_and_promotes_nothing() -> None:
    refused = 0
    for first in range(EVENTS - 1):
        stage = Stage()
        stage.work(stage.open(), first)
        stage.world.reachable = True
        session = stage.resume()
        finish(session, stage.store)
        assert session.leave is not None
        assert problems(session.journal.entries, stage.world.facts) == ()
        promoted = stage.world.facts.destructions[f"promote {NEW}"]
        assert session.leave.exit_code is (ExitCode.DONE if promoted else ExitCode.REFUSED)
        refused += not promoted
        if not promoted:
            assert (stage.world.name, stage.world.active) == (OLD, OLD)
    assert refused > EVENTS // 4


def test_what_stays_unknown_is_said_and_a_later_session_resolves_it() -> None:
    """The promotion's answer is lost and its database cannot be asked until long after the deadline."""
    stage = Stage()
    stage.world.faults["promote", "run"] = ["lost-answer"]
    stage.world.faults["promote", "observe"] = [""] + ["unclear"] * 1000
    session = stage.open()
    finish(session, stage.store)
    assert session.leave is not None
    assert session.leave.exit_code is ExitCode.UNKNOWN
    assert "promote" in session.leave.detail
    assert "runs resume" in session.leave.next_action
    assert session.journal.progress.closed is None
    assert problems(session.journal.entries, stage.world.facts) == ()

    stage.world.faults.clear()
    resumed = stage.resume()
    finish(resumed, stage.store)
    stage.assert_recovered(resumed)
    assert intents(resumed.journal, "promote") == 1


def test_an_approver_who_takes_the_run_over_needs_someone_else() -> None:
    """The lead approved while on-call operated, then takes over: for what has not begun that no longer counts."""
    for first in range(EVENTS):
        stage = Stage()
        stage.work(stage.open(), first)
        begun = stage.world.facts.destructions.total() > 0
        session = stage.resume(LEAD)
        finish(session, stage.store, approver=None)
        assert session.leave is not None
        assert problems(session.journal.entries, stage.world.facts) == ()
        if not begun:
            assert session.leave.exit_code is ExitCode.REFUSED
            continue
        assert session.leave.exit_code is ExitCode.DONE
    stage = Stage()
    stage.work(stage.open(), 5)
    session = stage.resume(LEAD)
    finish(session, stage.store, approver=OTHER_LEAD)
    stage.assert_recovered(session)
