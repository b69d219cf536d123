"""Puts a report together from a run's journal, the policy, and what users measured, if they did. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from fittrack_dr.domain.entries import Closed, Entry, Intent, Judged, Opened, Result, Waived
from fittrack_dr.domain.plan import Effect, Step
from fittrack_dr.domain.progress import Progress
from fittrack_dr.recovery import RecoveryPolicy
from fittrack_dr.report.measurements import Measurements
from fittrack_dr.report.model import (
    ApprovalRow,
    EntryRow,
    GateRow,
    Moment,
    Objective,
    RunReport,
    StepRow,
    Verdict,
)

_MARKED = {Effect.PROMOTE: "promoted", Effect.SWITCHOVER: "roles changed", Effect.CUTOVER: "name moved"}


def assemble(
    entries: Sequence[Entry], policy: RecoveryPolicy, measured: Measurements | None, *, intact: bool
) -> RunReport:
    """The report of the run whose journal ``entries`` are; ``intact``: chain and invariants were verified."""
    progress = Progress.of(entries)
    opened, closed = progress.opened, progress.closed
    objectives = tuple(_objectives(policy, measured))
    missed = any(objective.verdict is Verdict.MISSED for objective in objectives)
    return RunReport(
        run=progress.run,
        procedure=progress.plan.procedure,
        result=_result(closed, missed=missed),
        succeeded=closed is not None and closed.ending.value == "done" and not missed,
        rehearsal=opened.rehearsal,
        operator=entries[0].author.name,
        plan_digest=progress.plan.digest,
        opened=entries[0].time,
        closed=entries[-1].time if closed is not None else None,
        facts=progress.plan.facts,
        objectives=objectives,
        moments=tuple(sorted(_moments(entries, progress, measured), key=lambda moment: moment.at)),
        steps=tuple(_step_row(step, entries, progress) for step in progress.plan.order),
        gates=tuple(_gates(entries, progress)),
        approvals=tuple(_approvals(entries, progress)),
        entries=tuple(EntryRow(e.number, e.body.kind, e.author.name, e.time, e.digest) for e in entries),
        chain_verified=intact,
        availability=measured.availability if measured else (),
        slice_seconds=measured.slice_seconds if measured else 0,
        critical_path=measured.critical_path if measured else (),
        figures=measured.figures if measured else {},
        not_measured=tuple(_not_measured(measured)),
    )


def _result(closed: Closed | None, *, missed: bool) -> str:
    if closed is None:
        return "OPEN"
    if closed.ending.value == "done" and missed:
        return "DONE, OBJECTIVE MISSED"
    return closed.ending.value.upper()


def _objectives(policy: RecoveryPolicy, measured: Measurements | None) -> Iterator[Objective]:
    rto, rpo = policy.objectives.rto.total_seconds(), policy.objectives.rpo.total_seconds()
    if measured is None:
        note = "nobody measured what users had; give the measurements to the report"
        yield Objective("RTO", None, rto, "s", Verdict.NOT_MEASURED, note)
        yield Objective("RPO", None, rpo, "s", Verdict.NOT_MEASURED, note)
        return
    budgets = (policy.budgets.detection + policy.budgets.decision).total_seconds()
    counted = None if measured.outage is None else measured.outage + budgets
    yield Objective(
        "Outage as measured",
        measured.outage,
        None,
        "s",
        _verdict(measured.outage, rto),
        "from the loss to the last user",
    )
    yield Objective(
        "RTO",
        counted,
        rto,
        "s",
        _verdict(counted, rto),
        "the outage, and on top the budgets for detection and decision",
    )
    yield Objective(
        "RPO",
        measured.lost_seconds,
        rpo,
        "s",
        _verdict(measured.lost_seconds, rpo),
        "from the oldest lost write to the loss",
    )
    note = f"of {measured.acknowledged:,} that {measured.users} users were told are kept"
    yield Objective("Lost writes", float(measured.lost_writes), None, "writes", Verdict.MET, note)


def _verdict(value: float | None, limit: float) -> Verdict:
    if value is None:
        return Verdict.MISSED  # still not served: whatever the limit, it is not met
    return Verdict.MET if value <= limit else Verdict.MISSED


def _moments(entries: Sequence[Entry], progress: Progress, measured: Measurements | None) -> Iterator[Moment]:
    if measured is not None:
        lost = str(progress.plan.facts.get("lost", "the region"))
        for at, label in (
            (measured.lost_at, f"{lost} lost"),
            (measured.detected_at, "health checks report it"),
            (measured.first_served_at, "first user served again"),
            (measured.all_served_at, "every user served again"),
        ):
            if at is not None:
                yield Moment(at, label, "users" if "user" in label else "drill")
    for entry in entries:
        body = entry.body
        if isinstance(body, Opened):
            yield Moment(entry.time, "run opened", "journal")
        elif isinstance(body, Judged) and body.accepted:
            yield Moment(entry.time, "approved", "journal")
        elif isinstance(body, Result) and body.outcome.status.settled:
            label = _MARKED.get(progress.plan.step(body.step).effect)
            if label is not None:
                yield Moment(entry.time, label, "journal")


def _step_row(step: Step, entries: Sequence[Entry], progress: Progress) -> StepRow:
    state = progress.steps[step.id]
    results = [e for e in entries if isinstance(e.body, Result) and e.body.step == step.id and not e.body.undo]
    intents = [e for e in entries if isinstance(e.body, Intent) and e.body.step == step.id and not e.body.undo]
    ended = results[-1].time if results and state.open is None else None
    if state.result is None:
        status, detail, evidence = ("unfinished" if intents else "not begun"), "", {}
    else:
        outcome = state.result.outcome
        status, detail, evidence = outcome.status.value, outcome.detail, outcome.evidence
    started = intents[0].time if intents else (_could_begin(step, entries) if results else None)
    return StepRow(step.id, step.title, status, detail, started, ended, evidence)


def _could_begin(step: Step, entries: Sequence[Entry]) -> datetime:
    """When a step without an intent began: as soon as what it waits for had ended and its decision was accepted."""
    begun = entries[0].time
    for entry in entries:
        body = entry.body
        ended = isinstance(body, Result) and body.step == step.id and not body.undo
        if ended:
            break
        waited = isinstance(body, Result) and body.step in step.after
        decided = step.decision is not None and isinstance(body, Judged) and body.accepted
        if waited or decided:
            begun = entry.time
    return begun


def _gates(entries: Sequence[Entry], progress: Progress) -> Iterator[GateRow]:
    waived = {e.body.gate: f"{e.body.reason} ({e.author.name})" for e in entries if isinstance(e.body, Waived)}
    for gate in progress.gates:
        yield GateRow(gate.name, gate.value, gate.limit, gate.unit, gate.passed, gate.detail, waived.get(gate.name, ""))


def _approvals(entries: Sequence[Entry], progress: Progress) -> Iterator[ApprovalRow]:
    names = {entry.number: entry.author.name for entry in entries}
    for signed in progress.signed:
        approval = signed.approval
        accepted = "" if signed.judged is not None and signed.judged.accepted else " (not accepted)"
        yield ApprovalRow(
            approver=names[signed.number] + accepted,
            decision=approval.decision,
            issued=approval.issued,
            expires=approval.expires,
            claims=approval.claims,
            fingerprint=approval.fingerprint,
        )


def _not_measured(measured: Measurements | None) -> Iterator[str]:
    if measured is None:
        yield "Since when users were not served, and which acknowledged writes are missing"
        return
    yield from measured.not_measured
