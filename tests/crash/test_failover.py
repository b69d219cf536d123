"""The real failover, on the wire: resumed from a snapshot of the world at each of its entries, and killed at each.

One reference run leaves a snapshot after every entry: journal, databases, name and all, as a crash at that moment would
leave them. And one run whose process is killed again and again, each time at another entry, before and after it.
"""

from __future__ import annotations

import json
import signal
import sys
from datetime import timedelta
from pathlib import Path

import oci
import pytest

from fittrack_dr.domain import Entry
from fittrack_dr.domain.values import canonical
from tests.crash.checker import Facts, problems
from tests.crash.crashing import SPRUNG
from tests.estate import ASHBURN, PHOENIX, Command, Estate

pytestmark = [pytest.mark.crash, pytest.mark.wire, pytest.mark.timeout(900)]

FAILOVER = ("failover", "--to", PHOENIX, "--apply")
RATE = 150.0
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
SPARED = {"after:intent:switchover", "before:result:switchover:failed"}
"""Not met when the switchover's attempt ends while no process looks."""


@pytest.fixture
def lost(estate: Estate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Estate:
    """us-ashburn-1 is dark, and the health checks have seen it. The clock is fast, and the policy made for that."""
    policy = Path("recovery.yaml").read_text()
    for usual, here in (
        ("  duration: 30m\n", "  duration: 150s\n"),
        ("approval_validity: 1h", "approval_validity: 8h"),
    ):
        assert usual in policy
        policy = policy.replace(usual, here)
    (tmp_path / "recovery.yaml").write_text(policy)
    monkeypatch.setenv("FITTRACK_POLICY", str(tmp_path / "recovery.yaml"))
    estate.lose(ASHBURN)
    estate.pass_time(timedelta(minutes=2))
    estate.set_rate(RATE)
    return estate


def trapped(estate: Estate, traps: str, *arguments: str) -> Command:
    """``fittrack-dr`` by the on-call engineer, in a process with traps in its journal store."""
    command = [sys.executable, "-m", "tests.crash.crashing", traps, "fittrack_dr.cli:main", *arguments]
    return Command(command, estate.environment("oncall"))


def attend(estate: Estate, operator: Command, run: str) -> int:
    """Wait for an operator's process to end, approving what it asks for; its exit code."""
    asked = operator.first_line("waits until", "closed: ")
    if asked is not None and "waits until" in asked:
        assert estate.operate("approve", run, "--assert-isolated", ASHBURN, user="platform-lead").code == 0
    return operator.end()


def entries_of(estate: Estate, run: str) -> list[Entry]:
    """The journal as ``runs show`` hands it out, which also checks chain and invariants."""
    shown = estate.operate("runs", "show", run, "--json")
    assert shown.code == 0, shown.err
    return [Entry.decode(canonical(document) + b"\n") for document in json.loads(shown.out)]


def facts(estate: Estate) -> Facts:
    """What really happened, asked over the wire: failovers that were begun, and what the name points at."""
    seen = Facts()
    seen.fence_read(dark=True)
    requests = estate.box.client(oci.work_requests.WorkRequestClient, PHOENIX)
    compartment = estate.box.setting("fittrack_compartment")
    for work in requests.list_work_requests(compartment, resource_id=estate.built.databases[PHOENIX]).data:
        if work.operation_type == "Failover Autonomous Database":
            seen.destroyed(f"promote {PHOENIX}")
    status = json.loads(estate.operate("status", "--json").out)
    if PHOENIX in status["name"]:
        seen.pointed(PHOENIX, serving=status["regions"][PHOENIX]["application"] == "ready")
    return seen


def assert_recovered(estate: Estate, run: str) -> None:
    seen = facts(estate)
    assert problems(entries_of(estate, run), seen) == ()
    assert seen.name_writes == [(PHOENIX, True)]
    state = json.loads(estate.operate("status", "--json").out)["state"]
    assert (state["active_region"], state["run"]) == (PHOENIX, None)


def test_from_the_snapshot_at_each_entry_the_run_is_resumed_to_the_same_end(lost: Estate) -> None:
    with trapped(lost, f"snapshot:{lost.box.directory.resolve()}", *FAILOVER) as reference:
        run = reference.run
        assert attend(lost, reference, run) == 0, reference.lines
    assert_recovered(lost, run)
    snapshots = sorted((lost.box.directory / "snapshots").glob("entry-*"))
    assert len(snapshots) >= len(entries_of(lost, run)) - 1  # all but the approval, which another process wrote
    for snapshot in snapshots:
        lost.box.simulator("snapshot", "restore", snapshot.name)
        with lost.begin("runs", "resume", run, "--apply") as resumed:
            assert attend(lost, resumed, run) == 0, (snapshot.name, resumed.lines)
        assert_recovered(lost, run)


def test_killed_at_entry_after_entry_the_run_still_ends_recovered(lost: Estate) -> None:
    arguments: tuple[str, ...] = FAILOVER
    run = ""
    traps: list[str] = list(DEATHS)
    while traps:
        with trapped(lost, ",".join(traps), *arguments) as operator:
            if attend(lost, operator, run) != -signal.SIGKILL:
                break
            sprung = operator.await_line(SPRUNG).removeprefix(SPRUNG)
        traps.remove(sprung)
        run = run or json.loads(lost.operate("runs", "list", "--json").out)[0]["run"]
        arguments = ("runs", "resume", run, "--apply")
    assert set(traps) <= SPARED
    assert lost.operate(*arguments).code == 0
    assert_recovered(lost, run)
