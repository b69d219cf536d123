"""A small pure world of two regions in virtual time, and a failover's plan and actions for it.

Nothing here shares code with the real failover: it has the same shape (fence, switchover attempt, promotion, readiness,
cutover, record, watch), so that the machine can be interrupted at every event of it a few thousand times per second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fittrack_dr.domain import (
    Action,
    Context,
    Effect,
    OnFailure,
    Outcome,
    Plan,
    Proof,
    ProofKind,
    Reading,
    Status,
    Step,
    StepKind,
    isolation_claim,
)
from fittrack_dr.errors import OutcomeUnknownError
from tests.crash.checker import Facts
from tests.crash.memory import VirtualClock

OLD, NEW = "us-ashburn-1", "us-phoenix-1"
DECISION = "region-failover"
PROMOTION_SECONDS = 120.0
READY_SECONDS = 60.0


@dataclass
class PureWorld:
    """What is so, whatever any journal says. ``faults`` are consumed in order: (action, phase) -> what goes wrong."""

    clock: VirtualClock
    reachable: bool = False
    roles: dict[str, str] = field(default_factory=lambda: {OLD: "PRIMARY", NEW: "STANDBY"})
    name: str = OLD
    active: str = OLD
    promotion_due: datetime | None = None
    switchover_asked: datetime | None = None
    tokens: set[str] = field(default_factory=set[str])
    requests: Counter[str] = field(default_factory=Counter[str])
    facts: Facts = field(default_factory=Facts)
    faults: dict[tuple[str, str], list[str]] = field(default_factory=dict[tuple[str, str], list[str]])

    def settle(self) -> None:
        """Let what is due come about."""
        if self.promotion_due is not None and self.clock.now() >= self.promotion_due:
            self.roles[NEW] = "PRIMARY"

    def ready(self) -> bool:
        self.settle()
        due = self.promotion_due
        return due is not None and self.clock.now() >= due + timedelta(seconds=READY_SECONDS)

    def promote(self, token: str) -> None:
        """The far side's idempotency: one token, one promotion."""
        self.requests["promote"] += 1
        if token not in self.tokens:
            self.tokens.add(token)
            self.facts.destroyed(f"promote {NEW}")
            self.promotion_due = self.clock.now() + timedelta(seconds=PROMOTION_SECONDS)

    def point(self, region: str) -> None:
        self.settle()
        serving = region == NEW and self.roles[NEW] == "PRIMARY" and self.ready()
        self.facts.pointed(region, serving=serving)
        self.name = region

    def fault(self, action: str, phase: str) -> str | None:
        planned = self.faults.get((action, phase))
        return planned.pop(0) if planned else None


def failover_plan(decision_budget: timedelta = timedelta(minutes=30)) -> Plan:
    """The runbook's third scenario in small."""
    steps = (
        Step("fence", "Fence the old primary", "fence", kind=StepKind.READ, decision=DECISION, effect=Effect.FENCE),
        Step(
            "switchover",
            "Try a switchover",
            "switchover",
            decision=DECISION,
            deadline=timedelta(seconds=60),
            on_failure=OnFailure.CONTINUE,
            effect=Effect.SWITCHOVER,
            subject=NEW,
            against=OLD,
        ),
        Step(
            "promote",
            "Fail over",
            "promote",
            after=("fence", "switchover"),
            kind=StepKind.DESTRUCTIVE,
            decision=DECISION,
            effect=Effect.PROMOTE,
            subject=NEW,
            against=OLD,
        ),
        Step("application", "Wait until ready", "application", after=("promote",), kind=StepKind.READ, subject=NEW),
        Step("data", "Ask the tables", "data", after=("promote",), kind=StepKind.READ, subject=NEW),
        Step(
            "cutover",
            "Point the name",
            "cutover",
            after=("promote", "application", "data"),
            effect=Effect.CUTOVER,
            subject=NEW,
            against=OLD,
        ),
        Step("record", "Record the active region", "record", after=("cutover",), subject=NEW),
        Step("watch", "Watch", "watch", after=("record",), kind=StepKind.READ, subject=NEW),
    )
    return Plan(DECISION, steps, {"lost": OLD, "target": NEW}, (), decision_budget)


def failover_actions(world: PureWorld) -> Mapping[str, Action]:
    return {
        "fence": Reading(lambda step, context: fence(world, context)),
        "switchover": Switchover(world),
        "promote": Promote(world),
        "application": Reading(lambda step, context: application(world)),
        "data": Reading(lambda step, context: Outcome(Status.DONE, "five queries answered")),
        "cutover": Cutover(world),
        "record": Record(world),
        "watch": Reading(lambda step, context: watch(world, context)),
    }


def fence(world: PureWorld, context: Context) -> Outcome:
    """Asserted, if the region is dark and an approval says so; refused while the old primary answers."""
    if world.reachable:
        world.facts.fence_read(dark=False)
        return Outcome(Status.REFUSED, "the old primary answers; a switchover loses nothing")
    if isolation_claim(OLD) not in context.claims(DECISION):
        return Outcome(Status.REFUSED, "nobody asserts the isolation")
    world.facts.fence_read(dark=True)
    return Outcome(Status.DONE, "dark, and asserted", proofs=(Proof(ProofKind.FENCE_ASSERTED, OLD),))


def application(world: PureWorld) -> Outcome:
    if not world.ready():
        return Outcome(Status.RETRY, "not ready", delay=30)
    return Outcome(Status.DONE, "ready", proofs=(Proof(ProofKind.READY, NEW),))


def watch(world: PureWorld, context: Context) -> Outcome:
    context.sleep(60)
    return Outcome(Status.DONE if world.name == NEW else Status.FAILED, f"users get {world.name}")


def send(world: PureWorld, action: str, apply: Callable[..., None], *arguments: str) -> Outcome:
    """Apply a request, unless its fault says that it, or only its answer, is lost."""
    fault = world.fault(action, "run")
    if fault == "busy":
        return Outcome(Status.RETRY, "409: try later", delay=7)
    if fault == "lost-request":
        raise OutcomeUnknownError("no answer")
    apply(*arguments)
    if fault == "lost-answer":
        raise OutcomeUnknownError("no answer")
    return Outcome(Status.DONE, "accepted")


class Writing:
    """What the writing actions of the pure world share."""

    def __init__(self, world: PureWorld) -> None:
        self.world = world

    def undo(self, step: Step, context: Context) -> Outcome | None:
        return None


class Switchover(Writing):
    """Accepted by the standby's region and then stuck, since the old primary is dark."""

    def observe(self, step: Step, context: Context) -> Outcome:
        if self.world.switchover_asked is not None:
            return self._progress()
        return Outcome(Status.NEEDED, "both roles are as they were")

    def run(self, step: Step, context: Context) -> Outcome:
        return send(self.world, "switchover", self._ask)

    def verify(self, step: Step, context: Context) -> Outcome:
        return self._progress()

    def _ask(self) -> None:
        self.world.switchover_asked = self.world.switchover_asked or self.world.clock.now()

    def _progress(self) -> Outcome:
        asked = self.world.switchover_asked
        if asked is not None and self.world.clock.now() < asked + timedelta(seconds=30):
            return Outcome(Status.RETRY, "the old primary does not answer", delay=15)
        return Outcome(Status.FAILED, "the old primary did not answer in time")


class Promote(Writing):
    """Asynchronous, and once per token."""

    def observe(self, step: Step, context: Context) -> Outcome:
        if self.world.fault("promote", "observe") == "unclear":
            raise OutcomeUnknownError("no answer")
        self.world.settle()
        if self.world.roles[NEW] == "PRIMARY":
            return Outcome(Status.ALREADY, "role PRIMARY", proofs=(Proof(ProofKind.PRIMARY, NEW),))
        if self.world.promotion_due is not None:
            return Outcome(Status.RETRY, "role change in progress", delay=60)
        if self.world.reachable:
            return Outcome(Status.REFUSED, "the old primary answers")
        return Outcome(Status.NEEDED, "role STANDBY")

    def run(self, step: Step, context: Context) -> Outcome:
        return send(self.world, "promote", self.world.promote, context.token(step))

    def verify(self, step: Step, context: Context) -> Outcome:
        seen = self.observe(step, context)
        return Outcome(Status.FAILED, seen.detail) if seen.status in {Status.NEEDED, Status.REFUSED} else seen


class Cutover(Writing):
    """Compare-and-swap of the name."""

    def observe(self, step: Step, context: Context) -> Outcome:
        if self.world.name == NEW:
            return Outcome(Status.ALREADY, f"the name points at {NEW}")
        return Outcome(Status.NEEDED, f"the name points at {self.world.name}")

    def run(self, step: Step, context: Context) -> Outcome:
        return send(self.world, "cutover", self.world.point, NEW)

    def verify(self, step: Step, context: Context) -> Outcome:
        done = self.world.name == NEW
        return Outcome(Status.DONE if done else Status.FAILED, f"the name points at {self.world.name}")


class Record(Writing):
    """The recovery state."""

    def observe(self, step: Step, context: Context) -> Outcome:
        return Outcome(Status.ALREADY if self.world.active == NEW else Status.NEEDED, f"active: {self.world.active}")

    def run(self, step: Step, context: Context) -> Outcome:
        return send(self.world, "record", self._set)

    def verify(self, step: Step, context: Context) -> Outcome:
        return Outcome(Status.DONE, "recorded")

    def _set(self) -> None:
        self.world.active = NEW
