"""Beginning and resuming runs: what is refused before anything is changed, and who may go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fittrack_dr.domain import Ending, GateReading, Outcome, Plan, Status, Step
from fittrack_dr.domain.entries import Closed
from fittrack_dr.errors import ConfigError, ExitCode, RefusedError
from fittrack_dr.runner.session import is_open, new_run_id, request_abort
from tests.crash.memory import DBA, LEAD, ONCALL
from tests.fittrack_dr.runner.bench import INITIAL, START, Bench, Scripted

LAG = GateReading.at_most("peer-lag", 90, 60, unit="s", detail="PeerLag")
PLAN = Plan("x", (Step("one", "Do one", "one"),))
BARRED = Plan("x", PLAN.steps, gates=(LAG,))


def untouched(bench: Bench) -> bool:
    return bench.store.list_runs() == () and bench.states.read()[0] in (None, INITIAL)


def test_a_gate_that_did_not_pass_refuses_and_nothing_is_changed(bench: Bench) -> None:
    action = Scripted()
    with pytest.raises(RefusedError, match=r"peer-lag: 90 s \(limit 60 s\): PeerLag; nothing was changed"):
        bench.start(BARRED, {"one": action})
    assert untouched(bench)
    assert action.calls == []


def test_a_waived_gate_is_recorded_with_its_reason(bench: Bench) -> None:
    leave = bench.start(BARRED, {"one": Scripted()}, waivers={"peer-lag": "users wait"})
    assert leave.exit_code is ExitCode.DONE
    assert "gate peer-lag waived by oncall: users wait" in bench.lines


@pytest.mark.parametrize(
    ("waivers", "complaint"),
    [
        ({"peer-leg": "typo"}, "--force peer-leg: there is no such gate; the gates: peer-lag"),
        ({"peer-lag": " "}, "--force peer-lag needs --reason"),
    ],
)
def test_a_wrong_waiver_is_a_usage_error(bench: Bench, waivers: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        bench.start(BARRED, {"one": Scripted()}, waivers=waivers)
    assert untouched(bench)


def test_a_plan_made_for_another_situation_is_refused(bench: Bench) -> None:
    other = Plan("x", PLAN.steps, {"target": "elsewhere"})
    with pytest.raises(RefusedError, match="the situation is not what the plan was made for"):
        bench.runner().start(PLAN, {"one": Scripted()}, replan=lambda: other)
    assert untouched(bench)


def test_a_second_run_is_refused_and_told_which_is_the_first(bench: Bench) -> None:
    unknown = Plan("x", (Step("one", "Do one", "one", kind=PLAN.steps[0].kind),))
    with pytest.raises(ZeroDivisionError):
        bench.start(unknown, {"one": Scripted(run=[ZeroDivisionError()])})
    first = bench.run
    with pytest.raises(RefusedError, match=f"run {first} holds the recovery") as caught:
        bench.start(PLAN, {"one": Scripted()})
    assert caught.value.exit_code == 3
    assert bench.store.list_runs() == (first,)


def test_losing_the_race_for_the_claim_closes_the_run_that_lost_it(bench: Bench) -> None:
    """Two operators begin at once: both see no claim, one of them gets it."""
    runner = bench.runner()

    def replan() -> Plan:
        # The first operator's claim falls between our look and our own claim.
        bench.states.compare_and_swap(replace(INITIAL, run="20260301T000000Z-first"), bench.states.read()[1])
        return PLAN

    with pytest.raises(RefusedError, match="run 20260301T000000Z-first holds the recovery"):
        runner.start(PLAN, {"one": Scripted()}, replan=replan)
    closed = bench.entries()[-1].body
    assert isinstance(closed, Closed)
    assert closed.ending is Ending.REFUSED


def interrupted(bench: Bench) -> str:
    with pytest.raises(ZeroDivisionError):
        bench.start(PLAN, {"one": Scripted(run=[ZeroDivisionError()])})
    return bench.run


def test_someone_else_resumes_only_by_taking_over(bench: Bench) -> None:
    run = interrupted(bench)
    with pytest.raises(RefusedError, match=f"oncall holds run {run} .*add --takeover"):
        bench.runner(DBA).resume(run, lambda plan: {"one": Scripted()})
    assert bench.kinds() == ["opened", "intent"]
    leave = bench.runner(DBA).resume(run, lambda plan: {"one": Scripted()}, takeover=True)
    assert leave.exit_code is ExitCode.DONE
    assert bench.entries()[2].author == DBA


def test_a_closed_run_is_reported_as_it_ended_and_its_claim_let_go(bench: Bench) -> None:
    bench.start(PLAN, {"one": Scripted(observe=[Outcome(Status.FAILED, "no")])})
    bench.states.compare_and_swap(replace(INITIAL, run=bench.run), bench.states.read()[1])
    leave = bench.runner().resume(bench.run, lambda plan: {})
    assert leave.exit_code is ExitCode.FAILED
    assert leave.detail == "the run is closed: one: no"
    assert bench.states.read()[0] == INITIAL


def test_resuming_under_a_changed_policy_is_noted(bench: Bench) -> None:
    run = interrupted(bench)
    bench.runner(policy_digest="1" * 64).resume(run, lambda plan: {"one": Scripted()})
    assert "recovery.yaml has changed since the run was opened; its plan has not" in bench.lines


def test_an_aborted_run_that_nobody_works_on_is_closed_by_resuming_it(bench: Bench) -> None:
    run = interrupted(bench)
    request_abort(bench.journal(LEAD), "enough")
    action = Scripted()
    leave = bench.runner().resume(run, lambda plan: {"one": action})
    assert leave.exit_code is ExitCode.ABORTED
    assert action.calls == ["observe"]
    with pytest.raises(RefusedError, match="is closed already"):
        request_abort(bench.journal(LEAD), "again")


def test_a_run_that_is_not_known_here_counts_as_open(bench: Bench) -> None:
    assert is_open(bench.store, "elsewhere")
    bench.start(PLAN, {"one": Scripted()})
    assert not is_open(bench.store, bench.run)


def test_run_ids_sort_by_time_and_name_their_procedure() -> None:
    first, second = new_run_id(START, "region-failover"), new_run_id(START, "region-failover")
    assert first.startswith("20260301T120000Z-region-failover-")
    assert first != second


def test_an_unknown_run_is_refused(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="run nothing is not known"):
        bench.runner(ONCALL).resume("nothing", lambda plan: {})
