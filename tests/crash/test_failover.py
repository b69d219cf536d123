"""The real failover, on the wire: resumed from a snapshot of the world at each of its entries, and killed at each.

One reference run leaves a snapshot after every entry: journal, databases, name and all, as a crash at that moment would
leave them. And one run whose process is killed again and again, each time at another entry, before and after it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import oci
import pytest

from fittrack_dr.cli.workbench import Workbench, workbench
from fittrack_dr.domain import Action, Plan, Status
from fittrack_dr.domain.progress import Progress
from fittrack_dr.errors import ExitCode
from fittrack_dr.runner.journal import read_entries
from fittrack_dr.scenarios import procedure
from tests.crash.checker import Facts, problems
from tests.crash.crashing import SPRUNG
from tests.estate import ASHBURN, PHOENIX, Command, Estate
from tests.worlds import wait_until

Item = TypeVar("Item")

pytestmark = [pytest.mark.crash, pytest.mark.wire, pytest.mark.timeout(900)]

FAILOVER = ("failover", "--to", PHOENIX, "--apply")
RATE = 300.0
POLICY = (
    ("rto: 4h", "rto: 24h"),
    ("duration: 30m", "duration: 150s"),
    ("approval_validity: 1h", "approval_validity: 8h"),
    ("switchover_deadline: 2m", "switchover_deadline: 10m"),
    ("promotion_deadline: 45m", "promotion_deadline: 4h"),
    ("readiness_deadline: 30m", "readiness_deadline: 4h"),
    ("cutover_deadline: 15m", "cutover_deadline: 4h"),
)
"""What differs from the real policy: wall time spent in requests weighs hundreds of times as much on this clock."""

EVERYWHERE = os.environ.get("FITTRACK_CRASH") == "all"
"""``make crash``: at every entry. Otherwise a few, drawn by ``FITTRACK_CRASH_SEED``, and ``ALWAYS``."""
DRAW = random.Random(os.environ.get("FITTRACK_CRASH_SEED", "1"))
DRAWN = 3

DEATHS = (
    "after:opened",
    "after:asked",
    "before:judged",
    "before:result:fence:done",
    "after:intent:switchover",
    "before:result:switchover:failed",
    "after:intent:promote",
    "before:result:promote:done",
    "after:result:promote:done",
    "before:result:application:done",
    "after:result:data:done",
    "after:intent:cutover",
    "before:result:cutover:done",
    "after:intent:record",
    "before:result:record:done",
    "before:result:watch:done",
    "before:closed",
    "after:closed",
)
"""Where the process is killed, in one and the same run, each trap once and in the order in which the run meets them."""
ALWAYS = {"after:opened", "after:intent:promote", "before:result:promote:done"}
SPARED = {"after:intent:switchover", "before:result:switchover:failed"}
"""Not met when the switchover's attempt ends while no process looks."""


@pytest.fixture
def lost(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """us-ashburn-1 is dark, and the health checks have seen it. The clock is fast, and the policy made for that."""
    policy = Path("recovery.yaml").read_text()
    for usual, here in POLICY:
        assert f"  {usual}" in policy, usual
        policy = policy.replace(f"  {usual}", f"  {here}", 1)
    (tmp_path / "recovery.yaml").write_text(policy)
    monkeypatch.setenv("FITTRACK_POLICY", str(tmp_path / "recovery.yaml"))
    for name, value in estate.box.environment("oncall").items():
        monkeypatch.setenv(name, value)
    estate.lose(ASHBURN)
    estate.pass_time(timedelta(minutes=2))
    estate.set_rate(RATE)
    return estate


@contextmanager
def on_call(policy: Path) -> Generator[Workbench]:
    """The on-call engineer's tools, in this process: new connections, as a new process would make."""
    with workbench(policy) as bench:
        yield bench


def trapped(estate: Estate, traps: str, *arguments: str) -> Command:
    """``fittrack-dr`` by the on-call engineer, in a process with traps in its journal store."""
    command = [sys.executable, "-m", "tests.crash.crashing", traps, "fittrack_dr.cli:main", *arguments]
    return Command(command, estate.environment("oncall"))


def approval(estate: Estate, run: str) -> Command:
    """The platform lead approves, in a process of their own."""
    return estate.begin("approve", run, "--assert-isolated", ASHBURN, user="platform-lead")


def attend(estate: Estate, operator: Command, run: str) -> int:
    """Wait for an operator's process to end, approving what it asks for; its exit code."""
    asked = operator.first_line("waits until", "closed: ")
    if asked is not None and "waits until" in asked:
        with approval(estate, run) as approved:
            assert approved.end() == 0, approved.lines
    return operator.end()


def resume(estate: Estate, run: str, policy: Path) -> tuple[ExitCode, list[str]]:
    """What ``runs resume --apply`` does, in this process; the exit code and the lines said."""
    lines: list[str] = []
    with ExitStack() as stack:
        bench = stack.enter_context(on_call(policy))

        def say(line: str) -> None:
            lines.append(line)
            if "waits until" in line:
                stack.enter_context(approval(estate, run))

        def actions(plan: Plan) -> Mapping[str, Action]:
            return procedure(plan.procedure).actions(bench.environment)

        return bench.runner(say).resume(run, actions).exit_code, lines


def await_application(estate: Estate, run: str, policy: Path) -> None:
    """A restored region starts its pods anew, which its users would notice: wait for them where they had been ready."""
    with on_call(policy) as bench:
        if Progress.of(read_entries(bench.store, run)).status("application") is not Status.DONE:
            return
        place = (estate.built.addresses[PHOENIX], bench.policy.dns.name, bench.policy.application.health_path)
        wait_until(lambda: bench.environment.web.application_at(*place).status == 200, timeout=60, what="readiness")


def facts(estate: Estate, bench: Workbench) -> Facts:
    """What really happened, asked over the wire: failovers that were begun, and what the name leads to."""
    seen = Facts()
    seen.fence_read(dark=True)
    requests = estate.box.client(oci.work_requests.WorkRequestClient, PHOENIX)
    compartment = estate.box.setting("fittrack_compartment")
    for work in requests.list_work_requests(compartment, resource_id=estate.built.databases[PHOENIX]).data:
        if work.operation_type == "Failover Autonomous Database":
            seen.destroyed(f"promote {PHOENIX}")
    answer = bench.environment.web.application(bench.policy.dns.name, bench.policy.application.health_path)
    seen.pointed(answer.address, serving=answer.status == 200)
    return seen


def assert_recovered(estate: Estate, run: str, policy: Path) -> None:
    with on_call(policy) as bench:
        seen = facts(estate, bench)
        assert problems(read_entries(bench.store, run), seen) == ()
        assert seen.name_writes == [(estate.built.addresses[PHOENIX], True)]
        state, _ = bench.environment.states.read()
        assert state is not None
        assert (state.active_region, state.run) == (PHOENIX, None)


def drawn(items: Sequence[Item], always: Collection[Item] = ()) -> list[Item]:
    """All of them, or the few of this shard, in their order."""
    if EVERYWHERE:
        return list(items)
    rest = [item for item in items if item not in always]
    chosen = {*always, *DRAW.sample(rest, min(DRAWN, len(rest)))}
    return [item for item in items if item in chosen]


def test_from_the_snapshot_at_each_entry_the_run_is_resumed_to_the_same_end(lost: Estate, tmp_path: Path) -> None:
    policy = tmp_path / "recovery.yaml"
    with trapped(lost, f"snapshot:{lost.box.directory.resolve()}", *FAILOVER) as reference:
        run = reference.run
        assert attend(lost, reference, run) == 0, reference.lines
    assert_recovered(lost, run, policy)
    snapshots = sorted((lost.box.directory / "snapshots").glob("entry-*"))
    with on_call(policy) as bench:
        assert len(snapshots) == len(bench.store.numbers(run)) - 1  # all but the approval, which another process wrote
    for snapshot in drawn(snapshots):
        lost.box.simulator("snapshot", "restore", snapshot.name)
        await_application(lost, run, policy)
        code, lines = resume(lost, run, policy)
        assert code is ExitCode.DONE, (snapshot.name, lines)
        assert_recovered(lost, run, policy)


def test_killed_at_entry_after_entry_the_run_still_ends_recovered(lost: Estate, tmp_path: Path) -> None:
    policy = tmp_path / "recovery.yaml"
    arguments: tuple[str, ...] = FAILOVER
    run = ""
    traps = drawn(DEATHS, ALWAYS)
    while traps:
        with trapped(lost, ",".join(traps), *arguments) as operator:
            if attend(lost, operator, run) != -signal.SIGKILL:
                break
            sprung = operator.await_line(SPRUNG).removeprefix(SPRUNG)
        traps.remove(sprung)
        with on_call(policy) as bench:
            (run,) = bench.store.list_runs()
        if sprung == "after:intent:promote":
            standing = lost.operate("runs", "resume", run).out
            assert "not known what became of: " in standing
            assert f"to go on: fittrack-dr runs resume {run} --apply" in standing
        arguments = ("runs", "resume", run, "--apply")
    assert set(traps) <= SPARED
    assert lost.operate(*arguments).code == 0
    assert_recovered(lost, run, policy)
    shown = lost.operate("runs", "show", run)
    assert shown.code == 0, shown.err
    assert "taken over by oncall" in shown.out
    assert "chain intact" in shown.out
    assert f"{run}  oncall  " in lost.operate("runs", "list").out
