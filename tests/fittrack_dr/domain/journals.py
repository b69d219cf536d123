"""A valid journal of a small failover, as lines that a test can drop, change or add to before they are chained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from fittrack_dr.domain import (
    Approval,
    Effect,
    Ending,
    Entry,
    OnFailure,
    Outcome,
    Person,
    Plan,
    Proof,
    ProofKind,
    Status,
    Step,
    StepKind,
    isolation_claim,
)
from fittrack_dr.domain.entries import Approved, Asked, Body, Closed, Intent, Judged, Opened, Result

RUN = "20260301T120000Z-region-failover-000000"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ONCALL = Person("ocid1.user.oc1..oncall", "oncall")
LEAD = Person("ocid1.user.oc1..lead", "platform-lead")
OLD, NEW = "us-ashburn-1", "us-phoenix-1"
DECISION = "region-failover"

PLAN = Plan(
    DECISION,
    (
        Step("fence", "Fence", "fence", kind=StepKind.READ, decision=DECISION, effect=Effect.FENCE, subject=OLD),
        Step(
            "promote",
            "Fail over",
            "promote",
            after=("fence",),
            kind=StepKind.DESTRUCTIVE,
            decision=DECISION,
            effect=Effect.PROMOTE,
            subject=NEW,
            against=OLD,
        ),
        Step("application", "Ready", "application", after=("promote",), kind=StepKind.READ),
        Step(
            "cutover",
            "Point the name",
            "cutover",
            after=("promote", "application"),
            on_failure=OnFailure.UNDO,
            effect=Effect.CUTOVER,
            subject=NEW,
            against=OLD,
        ),
    ),
    {"lost": OLD, "target": NEW},
)

APPROVAL = Approval(
    run=RUN,
    plan_digest=PLAN.digest,
    decision=DECISION,
    approver=LEAD.user,
    fingerprint="20:3b",
    claims=(isolation_claim(OLD),),
    issued=START,
    expires=START + timedelta(minutes=30),
    signature="c2lnbmVk",
)


@dataclass(frozen=True)
class Line:
    """An entry before it is numbered and chained. ``at`` is minutes after the start."""

    body: Body
    author: Person = ONCALL
    session: str = "one"
    at: float = 1.0


def done(detail: str = "done", *proofs: Proof) -> Outcome:
    return Outcome(Status.DONE, detail, proofs=proofs)


VALID: tuple[Line, ...] = (
    Line(Opened(PLAN, "0" * 64, rehearsal=True, version="0.1.0"), at=0),
    Line(Asked(DECISION, "fence", START + timedelta(minutes=30)), at=0),
    Line(Approved(APPROVAL), LEAD, "lead"),
    Line(Judged(3, accepted=True, reason="holds", groups=("FitTrackPlatformLeads",))),
    Line(Result("fence", 0, done("asserted", Proof(ProofKind.FENCE_ASSERTED, OLD)))),
    Line(Intent("promote", 1)),
    Line(Result("promote", 1, done("role PRIMARY", Proof(ProofKind.PRIMARY, NEW)))),
    Line(Result("application", 0, done("ready", Proof(ProofKind.READY, NEW)))),
    Line(Intent("cutover", 1)),
    Line(Result("cutover", 1, done())),
    Line(Closed(Ending.DONE, "done")),
)


def chain(lines: Sequence[Line]) -> list[Entry]:
    """Number the lines and link each to its predecessor."""
    entries: list[Entry] = []
    for number, line in enumerate(lines, start=1):
        previous = entries[-1].digest if entries else ""
        moment = START + timedelta(minutes=line.at)
        entries.append(Entry(RUN, number, previous, moment, line.author, line.session, line.body))
    return entries


def index(kind: str, step: str = "") -> int:
    """The first valid line of a kind (about a step)."""
    for position, line in enumerate(VALID):
        if line.body.kind == kind and (not step or getattr(line.body, "step", "") == step):
            return position
    raise LookupError(f"no {kind} {step}")


def upto(kind: str, step: str = "") -> list[Line]:
    """The valid lines before the first one of a kind."""
    return list(VALID[: index(kind, step)])


def without(kind: str, step: str = "") -> list[Line]:
    return [line for position, line in enumerate(VALID) if position != index(kind, step)]


def changed(kind: str, step: str, change: Callable[[Line], Line]) -> list[Line]:
    at = index(kind, step)
    return [change(line) if position == at else line for position, line in enumerate(VALID)]


def with_plan(plan: Plan, *lines: Line) -> list[Line]:
    return [Line(replace(VALID[0].body, plan=plan), at=0), *lines] if isinstance(VALID[0].body, Opened) else []
