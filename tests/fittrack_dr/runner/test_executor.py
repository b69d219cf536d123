"""The executor with real threads, a real directory and a fast clock."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta

import pytest

from fittrack_dr.domain import Context, GateReading, OnFailure, Outcome, Plan, Reading, Status, Step, StepKind
from fittrack_dr.domain.entries import Closed, Intent, Result
from fittrack_dr.domain.invariants import check_journal
from fittrack_dr.errors import (
    ConfigError,
    ExitCode,
    OutcomeUnknownError,
    PermanentError,
    RefusedError,
    RetryableError,
)
from fittrack_dr.runner.session import request_abort
from tests.crash.memory import DBA, LEAD, ONCALL
from tests.fittrack_dr.runner.bench import Bench, Scripted

ONE = Plan("x", (Step("one", "Do one", "one"),))


def statuses(bench: Bench) -> list[str]:
    return [entry.body.outcome.status.value for entry in bench.entries() if isinstance(entry.body, Result)]


def test_a_step_is_observed_announced_run_verified_and_its_result_kept(bench: Bench) -> None:
    action = Scripted()
    leave = bench.start(ONE, {"one": action})
    assert leave.exit_code is ExitCode.DONE
    assert action.calls == ["observe", "run", "verify"]
    assert bench.kinds() == ["opened", "intent", "result", "closed"]
    assert "one: Do one" in bench.lines
    assert "one: done: so" in bench.lines


def test_what_is_already_so_is_not_done_again(bench: Bench) -> None:
    action = Scripted(observe=[Outcome(Status.ALREADY, "so")])
    assert bench.start(ONE, {"one": action}).exit_code is ExitCode.DONE
    assert action.calls == ["observe"]
    assert bench.kinds() == ["opened", "result", "closed"]


def test_independent_steps_run_side_by_side(bench: Bench) -> None:
    """Each waits inside its phase for the other one to be there too."""
    meeting = threading.Barrier(2, timeout=20)

    def meet(step: Step, context: Context) -> Outcome:
        meeting.wait()
        return Outcome(Status.DONE, "met")

    plan = Plan("x", tuple(Step(name, name, "meet", kind=StepKind.READ) for name in ("left", "right")))
    assert bench.start(plan, {"meet": Reading(meet)}).exit_code is ExitCode.DONE


def test_a_step_begins_only_after_those_it_waits_for(bench: Bench) -> None:
    steps = (Step("b", "B", "b", after=("a",)), Step("a", "A", "a"))
    second = Scripted()
    bench.start(Plan("x", steps), {"a": Scripted(), "b": second})
    assert [entry.body.step for entry in bench.entries() if isinstance(entry.body, Intent)] == ["a", "b"]
    assert second.contexts[0].results["a"].status is Status.DONE


def test_not_now_is_waited_for_on_the_world_clock(bench: Bench) -> None:
    busy = Outcome(Status.RETRY, "busy", delay=30)
    action = Scripted(
        observe=[busy, Outcome(Status.NEEDED, "not so")],
        run=[RetryableError("409", delay=40), Outcome(Status.DONE, "accepted")],
    )
    began = bench.clock.now()
    assert bench.start(ONE, {"one": action}).exit_code is ExitCode.DONE
    assert action.calls == ["observe", "observe", "run", "observe", "run", "verify"]
    assert bench.clock.now() - began >= timedelta(seconds=70)
    assert statuses(bench) == ["retry", "done"]


def test_not_now_until_the_deadline_is_a_failure(bench: Bench) -> None:
    plan = Plan("x", (Step("one", "Do one", "one", deadline=timedelta(seconds=60)),))
    leave = bench.start(plan, {"one": Scripted(observe=[Outcome(Status.RETRY, "busy", delay=25)])})
    assert leave.exit_code is ExitCode.FAILED
    assert "one: busy; its deadline has passed" in leave.detail


def test_an_accepted_change_that_never_shows_is_unknown_and_leaves_the_run_open(bench: Bench) -> None:
    plan = Plan("x", (Step("one", "Do one", "one", deadline=timedelta(seconds=60)),))
    leave = bench.start(plan, {"one": Scripted(verify=[Outcome(Status.RETRY, "in progress", delay=25)])})
    assert leave.exit_code is ExitCode.UNKNOWN
    assert leave.next_action == f"fittrack-dr runs resume {bench.run} --apply"
    assert bench.kinds()[-1] == "result"

    later = Scripted(observe=[Outcome(Status.ALREADY, "so after all")])
    resumed = bench.runner().resume(bench.run, lambda plan: {"one": later})
    assert resumed.exit_code is ExitCode.DONE
    assert later.calls == ["observe"]


@pytest.mark.parametrize("kind", [StepKind.WRITE, StepKind.DESTRUCTIVE])
def test_a_lost_answer_is_observed_and_not_repeated(bench: Bench, kind: StepKind) -> None:
    plan = Plan("x", (Step("one", "Do one", "one", kind=kind),))
    action = Scripted(
        observe=[
            Outcome(Status.NEEDED, "not so"),
            Outcome(Status.RETRY, "in progress", delay=5),
            Outcome(Status.ALREADY, "so"),
        ],
        run=[OutcomeUnknownError("no answer")],
    )
    assert bench.start(plan, {"one": action}).exit_code is ExitCode.DONE
    assert action.calls == ["observe", "run", "observe", "observe"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RefusedError("unsafe"), "refused", ExitCode.REFUSED),
        (PermanentError("400"), "failed", ExitCode.FAILED),
        (ConfigError("no key"), "failed", ExitCode.FAILED),
    ],
)
def test_an_error_of_the_package_is_an_outcome(bench: Bench, error: Exception, status: str, code: ExitCode) -> None:
    leave = bench.start(ONE, {"one": Scripted(run=[error])})
    assert leave.exit_code is code
    assert statuses(bench) == [status]
    assert str(error) in leave.detail
    assert bench.states.read()[0] is not None
    assert bench.states.read()[0].run is None  # pyright: ignore[reportOptionalMemberAccess]


def test_a_defect_stops_the_session_and_the_run_can_be_resumed(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError):
        bench.start(ONE, {"one": Scripted(run=[ZeroDivisionError()])})
    assert bench.kinds() == ["opened", "intent"]
    resumed = bench.runner().resume(bench.run, lambda plan: {"one": Scripted()})
    assert resumed.exit_code is ExitCode.DONE
    assert bench.kinds() == ["opened", "intent", "takeover", "result", "intent", "result", "closed"]
    assert check_journal(bench.entries()) == ()


def test_an_answer_that_a_phase_must_not_give_is_a_defect(bench: Bench) -> None:
    with pytest.raises(TypeError, match="answered 'needed' to run"):
        bench.start(ONE, {"one": Scripted(run=[Outcome(Status.NEEDED, "")])})


def test_a_failed_step_stops_what_has_not_begun_and_lets_the_rest_finish(bench: Bench) -> None:
    failed = threading.Event()

    def late(context: Context) -> Outcome:
        assert failed.wait(20)
        return Outcome(Status.DONE, "accepted")

    def fail(context: Context) -> Outcome:
        bench.await_line("slow: Slow")
        failed.set()
        return Outcome(Status.FAILED, "no")

    steps = (Step("slow", "Slow", "slow"), Step("bad", "Bad", "bad"), Step("next", "Next", "next", after=("slow",)))
    after = Scripted()
    leave = bench.start(Plan("x", steps), {"slow": Scripted(run=[late]), "bad": Scripted(run=[fail]), "next": after})
    assert leave.exit_code is ExitCode.FAILED
    assert leave.detail == "bad: no"
    assert after.calls == []
    assert sorted(statuses(bench)) == ["done", "failed"]


def test_a_failure_that_may_be_passed_over_is_named_at_the_end(bench: Bench) -> None:
    steps = (Step("try", "Try", "try", on_failure=OnFailure.CONTINUE), Step("do", "Do", "do", after=("try",)))
    leave = bench.start(Plan("x", steps), {"try": Scripted(run=[PermanentError("no")]), "do": Scripted()})
    assert leave.exit_code is ExitCode.DONE
    assert leave.detail == "done, though without try"


def undo_plan() -> Plan:
    steps = (
        Step("scale", "Scale down", "scale"),
        Step("stop", "Stop", "stop", after=("scale",)),
        Step(
            "check",
            "Check",
            "check",
            after=("stop",),
            kind=StepKind.READ,
            on_failure=OnFailure.UNDO,
            undoes=("scale", "stop"),
        ),
    )
    return Plan("x", steps)


def test_a_failure_undoes_what_the_plan_names_the_latest_first(bench: Bench) -> None:
    scale = Scripted(undo=Outcome(Status.DONE, "scaled up again"))
    actions = {"scale": scale, "stop": Scripted(undo=None), "check": Scripted(run=[Outcome(Status.FAILED, "bad")])}
    leave = bench.start(undo_plan(), actions)
    assert leave.exit_code is ExitCode.FAILED
    assert "undoing scale: scaled up again" in leave.detail
    undos = [
        (entry.body.step, entry.body.outcome.status)
        for entry in bench.entries()
        if isinstance(entry.body, Result) and entry.body.undo
    ]
    assert undos == [("stop", Status.SKIPPED), ("scale", Status.DONE)]
    assert check_journal(bench.entries()) == ()


def test_an_undo_whose_end_is_unknown_is_named_when_the_run_closes(bench: Bench) -> None:
    actions = {
        "scale": Scripted(undo=Outcome(Status.UNKNOWN, "no answer", delay=400)),
        "stop": Scripted(undo=None),
        "check": Scripted(run=[Outcome(Status.FAILED, "bad")]),
    }
    assert bench.start(undo_plan(), actions).exit_code is ExitCode.FAILED
    closed = bench.entries()[-1].body
    assert isinstance(closed, Closed)
    assert closed.unknown == ("scale",)


def test_a_gate_read_in_a_step_bars_what_comes_after(bench: Bench) -> None:
    lag = GateReading.at_most("peer-lag", None, 60, unit="s", detail="no datapoint")
    steps = (Step("look", "Look", "look", kind=StepKind.READ), Step("one", "One", "one", after=("look",)))
    action = Scripted()
    actions = {"look": Reading(lambda step, context: Outcome(Status.DONE, "read", gates=(lag,))), "one": action}
    leave = bench.start(Plan("x", steps), actions)
    assert leave.exit_code is ExitCode.REFUSED
    assert "peer-lag: unknown (limit 60 s)" in leave.detail
    assert "--force peer-lag --reason" in leave.next_action
    assert bench.kinds()[-1] == "closed"
    assert action.calls == []


def test_the_same_gate_waived_by_name_and_with_a_reason_is_passed(bench: Bench) -> None:
    lag = GateReading.at_most("peer-lag", None, 60, unit="s", detail="no datapoint")
    steps = (Step("look", "Look", "look", kind=StepKind.READ), Step("one", "One", "one", after=("look",)))
    actions = {"look": Reading(lambda step, context: Outcome(Status.DONE, "read", gates=(lag,))), "one": Scripted()}
    leave = bench.start(Plan("x", steps), actions, waivers={"peer-lag": "every minute costs more"})
    assert leave.exit_code is ExitCode.DONE
    assert "waived" in bench.kinds()


def test_a_gate_that_refuses_halfway_leaves_the_run_to_be_resumed_with_a_waiver(bench: Bench) -> None:
    """What was done and approved is not asked for again; the gate is read again, and waived by name."""
    lag = GateReading.at_most("peer-lag", None, 60, unit="s", detail="no datapoint")
    steps = (
        Step("one", "One", "one"),
        Step("look", "Look", "look", kind=StepKind.READ, after=("one",)),
        Step("two", "Two", "two", after=("look",)),
    )
    looks: list[str] = []

    def look(step: Step, context: Context) -> Outcome:
        looks.append(step.id)
        return Outcome(Status.DONE, "read", gates=(lag,))

    first, second = Scripted(), Scripted()
    actions = {"one": first, "look": Reading(look), "two": second}
    leave = bench.start(Plan("x", steps), actions)
    assert leave.exit_code is ExitCode.REFUSED
    assert leave.next_action == f"fittrack-dr runs resume {bench.run} --apply --force peer-lag --reason '...'"
    assert bench.kinds()[-1] == "result"

    assert bench.runner().resume(bench.run, lambda plan: actions).exit_code is ExitCode.REFUSED
    resumed = bench.runner().resume(bench.run, lambda plan: actions, waivers={"peer-lag": "users wait"})
    assert resumed.exit_code is ExitCode.DONE
    assert (first.calls.count("run"), second.calls.count("run"), len(looks)) == (1, 1, 3)
    assert check_journal(bench.entries()) == ()


DECIDED = Plan("x", (Step("one", "Do one", "one", decision="region-failover"),))


def test_a_decision_is_asked_for_and_the_step_looked_at_again_once_it_is_there(bench: Bench) -> None:
    action = Scripted()
    lead = threading.Thread(target=lambda: (bench.await_line("waits until"), bench.approve(claims=("isolated:x",))))
    lead.start()
    leave = bench.start(DECIDED, {"one": action})
    lead.join()
    assert leave.exit_code is ExitCode.DONE
    assert action.calls == ["observe", "observe", "run", "verify"]
    assert bench.kinds() == ["opened", "asked", "approval", "judged", "intent", "result", "closed"]
    assert action.contexts[-1].claims("region-failover") == {"isolated:x"}


def test_nobody_approving_within_the_budget_refuses(bench: Bench) -> None:
    leave = bench.start(DECIDED, {"one": Scripted()})
    assert leave.exit_code is ExitCode.REFUSED
    assert "nobody approved 'region-failover' by 13:" in leave.detail


@pytest.mark.parametrize(("approver", "reason"), [(DBA, "in no group that decides"), (ONCALL, "of the run's holder")])
def test_an_approval_by_the_wrong_person_does_not_count(bench: Bench, approver: object, reason: str) -> None:
    person = DBA if approver is DBA else ONCALL
    thread = threading.Thread(target=lambda: (bench.await_line("waits until"), bench.approve(person)))
    thread.start()
    leave = bench.start(DECIDED, {"one": Scripted()})
    thread.join()
    assert leave.exit_code is ExitCode.REFUSED
    assert any("NOT accepted" in line and reason in line for line in bench.lines)


def test_an_abort_by_another_person_ends_a_long_look(bench: Bench) -> None:
    def watch(step: Step, context: Context) -> Outcome:
        bench.say("watching")
        context.sleep(10_000_000)
        return Outcome(Status.DONE, "watched")

    plan = Plan("x", (Step("watch", "Watch", "watch", kind=StepKind.READ, deadline=timedelta(days=365)),))
    other = threading.Thread(
        target=lambda: (bench.await_line("watching"), request_abort(bench.journal(LEAD), "enough"))
    )
    other.start()
    leave = bench.start(plan, {"watch": Reading(watch)})
    other.join()
    assert leave.exit_code is ExitCode.ABORTED
    assert leave.detail == "aborted by platform-lead"
    assert bench.kinds() == ["opened", "abort", "closed"]


def test_an_interrupt_keeps_what_has_ended_and_leaves_the_run_to_be_resumed(bench: Bench) -> None:
    """Ctrl-C while a request is under way: its result is kept, nothing new is begun."""

    def interrupted(context: Context) -> Outcome:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        assert context.stop.wait(20)
        return Outcome(Status.FAILED, "400")

    steps = (Step("one", "One", "one"), Step("two", "Two", "two", after=("one",)))
    second = Scripted()
    leave = bench.start(Plan("x", steps), {"one": Scripted(run=[interrupted]), "two": second})
    assert leave.exit_code is ExitCode.ABORTED
    assert leave.next_action == f"fittrack-dr runs resume {bench.run} --apply"
    assert bench.kinds() == ["opened", "intent", "result"]
    assert second.calls == []


def test_a_version_that_does_not_know_an_action_refuses(bench: Bench) -> None:
    with pytest.raises(RefusedError, match="does not know the plan's actions one"):
        bench.start(ONE, {})
    assert bench.store.list_runs() == ()
