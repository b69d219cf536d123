"""A run as a report sees it, with something of everything, for the tests of the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fittrack_dr.report.model import (
    ApprovalRow,
    AvailabilitySlice,
    EntryRow,
    GateRow,
    Moment,
    Objective,
    PathPart,
    RunReport,
    StepRow,
    Verdict,
)

START = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment that many seconds after the sample's start."""
    return START + timedelta(seconds=seconds)


def sample() -> RunReport:
    """A finished failover: every table filled, one gate waived, one step unknown, hostile text in a detail."""
    return RunReport(
        run="20260301T030100Z-7f3a",
        procedure="region-failover",
        result="DONE",
        succeeded=True,
        rehearsal=True,
        operator="oncall",
        plan_digest="ab" * 32,
        opened=at(60),
        closed=at(2500),
        facts={"lost": "us-ashburn-1", "target": "us-phoenix-1"},
        objectives=(
            Objective("RTO", 612, 14400, "s", Verdict.MET, "until the last user was served"),
            Objective("RPO", None, 3600, "s", Verdict.NOT_MEASURED, "nobody asked the users"),
            Objective("Lost writes", 4, None, "writes", Verdict.MET, "of 1,204 acknowledged"),
        ),
        moments=(Moment(at(0), "us-ashburn-1 lost", "disaster"), Moment(at(612), "every user served", "users")),
        steps=(
            StepRow("fence", "Fence the old primary", "done", "asserted", at(70), at(130), {"probes": 12}),
            StepRow("promote", "Promote the standby", "unknown", "<script>alert(1)</script>", at(130), at(560)),
            StepRow("watch", "Watch", "skipped", "", None, None),
        ),
        gates=(
            GateRow("peer-lag", 3, 300, "s", True, "one minute before the loss"),
            GateRow("last-heartbeat", None, 60, "s", False, "no row", waived="the worker was stopped for the release"),
        ),
        approvals=(
            ApprovalRow("platform-lead", "region-failover", at(65), at(965), ("isolated:us-ashburn-1",), "aa:bb"),
        ),
        entries=tuple(EntryRow(n, "intent", "oncall", at(60 + n), f"{n:064x}") for n in range(1, 4)),
        chain_verified=True,
        availability=tuple(AvailabilitySlice(at(10 * n), 10, 0 if 0 <= n < 61 else 10) for n in range(-10, 80)),
        slice_seconds=10,
        critical_path=(PathPart("failover", 480, "Oracle states under ten minutes"), PathPart("DNS TTL", 60, "record")),
        figures={"rate": "10 world seconds a second"},
        not_measured=("loss on the way to the users",),
    )
