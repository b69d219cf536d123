"""Where a run stands: its journal folded, entry by entry, into one immutable value.

Nothing is decided here. ``runner.machine`` asks it what is next, ``invariants`` asks it what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from fittrack_dr.domain.approval import Approval
from fittrack_dr.domain.entries import (
    AbortRequested,
    Approved,
    Asked,
    Closed,
    Entry,
    Intent,
    Judged,
    Opened,
    Person,
    Result,
    TakenOver,
    Waived,
)
from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.outcome import Proof, Status
from fittrack_dr.domain.plan import OnFailure, Plan, Step, StepKind
from fittrack_dr.domain.values import MalformedError

CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead of ours an approver's clock may be."""


@dataclass(frozen=True)
class StepProgress:
    """One step's entries so far. ``open`` is an intent of which it is not known what became."""

    attempts: int = 0
    open: Intent | None = None
    open_session: str = ""
    result: Result | None = None
    result_session: str = ""
    took_effect: bool = False
    """An attempt of this run is known to have changed the world."""
    undoing: Intent | None = None
    undone: Result | None = None
    last: int = 0
    """The number of the step's latest entry."""

    def with_intent(self, intent: Intent, number: int, session: str) -> StepProgress:
        if intent.undo:
            return replace(self, undoing=intent, last=number)
        return replace(self, attempts=intent.attempt, open=intent, open_session=session, result=None, last=number)

    def with_result(self, result: Result, number: int, session: str) -> StepProgress:
        if result.undo:
            undoing = self.undoing if result.outcome.status is Status.UNKNOWN else None
            return replace(self, undoing=undoing, undone=result, last=number)
        status = result.outcome.status
        return replace(
            self,
            open=self.open if status is Status.UNKNOWN else None,
            result=None if status is Status.RETRY else result,
            result_session=session,
            last=number,
            took_effect=self.took_effect or (status is Status.DONE and result.attempt > 0),
        )


@dataclass(frozen=True)
class Signed:
    """An approval in the journal, and what the holder in ``judged_session`` found when checking it."""

    number: int
    author: Person
    approval: Approval
    judged: Judged | None = None
    judged_session: str = ""
    judged_number: int = 0


@dataclass(frozen=True)
class Progress:
    """A run as its entries tell it. ``session`` and ``holder`` are who may extend it."""

    last: Entry
    opened: Opened
    holder: Person
    session: str
    steps: Mapping[str, StepProgress]
    waived: frozenset[str] = frozenset()
    signed: tuple[Signed, ...] = ()
    asked: Mapping[str, tuple[int, Asked]] = field(default_factory=dict[str, tuple[int, Asked]])
    """Per decision the latest question of the current session, with its entry's number."""
    abort: Entry | None = None
    closed: Closed | None = None

    @classmethod
    def begin(cls, entry: Entry) -> Progress:
        """Raises MalformedError unless the entry opens a run."""
        if not isinstance(entry.body, Opened):
            raise MalformedError(f"run {entry.run}: its first entry is a '{entry.body.kind}', not 'opened'")
        steps = {step.id: StepProgress() for step in entry.body.plan.steps}
        return cls(last=entry, opened=entry.body, holder=entry.author, session=entry.session, steps=steps)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Progress:
        """Fold a whole journal. Raises MalformedError when it cannot be one."""
        iterator = iter(entries)
        first = next(iterator, None)
        if first is None:
            raise MalformedError("the journal is empty")
        progress = cls.begin(first)
        for entry in iterator:
            progress = progress.with_entry(entry)
        return progress

    def with_entry(self, entry: Entry) -> Progress:
        """The run after one more entry. Raises MalformedError for an entry that refers to nothing."""
        return replace(self._changed(entry), last=entry)

    def _changed(self, entry: Entry) -> Progress:
        changed = self
        match entry.body:
            case Intent() | Result() as body:
                changed = self._with_step(body, entry)
            case TakenOver():
                changed = replace(self, holder=entry.author, session=entry.session, asked={})
            case Waived(gate=gate):
                changed = replace(self, waived=self.waived | {gate})
            case Asked(decision=decision) as body:
                changed = replace(self, asked={**self.asked, decision: (entry.number, body)})
            case Approved() | Judged() as body:
                changed = self._with_decision(body, entry)
            case AbortRequested():
                changed = replace(self, abort=self.abort or entry)
            case Closed() as body:
                changed = replace(self, closed=body)
            case _:
                pass
        return changed

    def _with_step(self, body: Intent | Result, entry: Entry) -> Progress:
        if body.step not in self.steps:
            raise MalformedError(f"run {self.run}: entry {entry.number} names '{body.step}', which is no step")
        before = self.steps[body.step]
        after = (
            before.with_intent(body, entry.number, entry.session)
            if isinstance(body, Intent)
            else before.with_result(body, entry.number, entry.session)
        )
        return replace(self, steps={**self.steps, body.step: after})

    def _with_decision(self, body: Approved | Judged, entry: Entry) -> Progress:
        if isinstance(body, Approved):
            return replace(self, signed=(*self.signed, Signed(entry.number, entry.author, body.approval)))
        if all(signed.number != body.number for signed in self.signed):
            raise MalformedError(f"run {self.run}: entry {body.number}, which was judged, is no approval")
        signed = tuple(
            replace(item, judged=body, judged_session=entry.session, judged_number=entry.number)
            if item.number == body.number
            else item
            for item in self.signed
        )
        return replace(self, signed=signed)

    @property
    def run(self) -> str:
        return self.last.run

    @property
    def plan(self) -> Plan:
        return self.opened.plan

    @cached_property
    def finals(self) -> frozenset[str]:
        """The steps that need no more attention from the current session.

        After a takeover some results no longer count, because between the sessions the world went on: what was unknown
        and stops the run is observed again, what was read (or proves something) for the sake of a step that has not
        begun is read again, and so is what a gate refused.
        """
        finals: set[str] = set()
        for step in reversed(self.plan.order):
            if self._is_final(step, finals):
                finals.add(step.id)
        return frozenset(finals)

    def _is_final(self, step: Step, finals: set[str]) -> bool:
        state = self.steps[step.id]
        if state.result is None:
            return False
        if state.result_session == self.session:
            return True
        outcome = state.result.outcome
        if outcome.status is Status.UNKNOWN:
            return step.on_failure is OnFailure.CONTINUE
        if step.kind is StepKind.READ and self.refused_by(step):
            return False
        if not outcome.status.settled or not (step.kind is StepKind.READ or outcome.proofs):
            return True
        return not any(
            step.id in other.after and other.id not in finals and self._has_to_begin(other) for other in self.plan.steps
        )

    def refused_by(self, step: Step) -> tuple[GateReading, ...]:
        """The gates by which the step was refused, in their latest reading; empty for any other end of it."""
        result = self.steps[step.id].result
        if result is None or result.outcome.status is not Status.REFUSED:
            return ()
        return tuple(gate for gate in result.outcome.gates if not gate.passed)

    def _has_to_begin(self, step: Step) -> bool:
        """Whether a step that is not final relies on what it waits for; one that began or ended merely looks again."""
        state = self.steps[step.id]
        never_ended = state.result is None or state.result.outcome.status is Status.UNKNOWN
        return state.open is None and (never_ended or step.kind is StepKind.READ)

    def status(self, step: str) -> Status | None:
        """The status of the step's latest result, also when that no longer counts."""
        result = self.steps[step].result
        return None if result is None else result.outcome.status

    def passable(self, step: Step) -> bool:
        """Whether what comes after the step may begin."""
        status = self.status(step.id)
        if step.id not in self.finals or status is None:
            return False
        return status.settled or (step.on_failure is OnFailure.CONTINUE and status in {Status.FAILED, Status.UNKNOWN})

    @cached_property
    def proofs(self) -> frozenset[Proof]:
        """What the current session has read and not taken back since."""
        return frozenset(
            proof
            for state in self.steps.values()
            if state.result is not None
            and state.result_session == self.session
            and state.result.outcome.status.settled
            and (state.undone is None or state.undone.outcome.status is Status.SKIPPED)
            for proof in state.result.outcome.proofs
        )

    @cached_property
    def gates(self) -> tuple[GateReading, ...]:
        """Every gate's latest reading: of the plan, then of the steps in the plan's order."""
        readings = {gate.name: gate for gate in self.plan.gates}
        for step in self.plan.order:
            result = self.steps[step.id].result
            readings.update({} if result is None else {gate.name: gate for gate in result.outcome.gates})
        return tuple(readings.values())

    @cached_property
    def barred_by(self) -> tuple[GateReading, ...]:
        """The gates that neither passed nor were waived."""
        return tuple(gate for gate in self.gates if not gate.passed and gate.name not in self.waived)

    def valid_approvals(self, now: datetime) -> tuple[Approval, ...]:
        """The approvals that the current session has accepted and that hold at ``now``.

        The approver must not be the run's present holder: an approver who takes a run over needs someone else's word.
        """
        return tuple(
            signed.approval
            for signed in self.signed
            if signed.judged is not None
            and signed.judged.accepted
            and signed.judged_session == self.session
            and self.may_count(signed, now)
        )

    def may_count(self, signed: Signed, now: datetime) -> bool:
        """Whether an approval fits this run, plan, holder and moment; its signature and groups are judged apart."""
        approval = signed.approval
        return (
            approval.run == self.run
            and approval.plan_digest == self.plan.digest
            and approval.approver == signed.author.user
            and approval.approver != self.holder.user
            and approval.issued - CLOCK_SKEW <= now < approval.expires
        )

    def approval_of(self, decision: str, now: datetime) -> Signed | None:
        """The accepted approval of a decision that holds at ``now``; of several the one that holds longest."""
        valid = self.valid_approvals(now)
        candidates = [
            signed for signed in self.signed if signed.approval in valid and signed.approval.decision == decision
        ]
        return max(candidates, key=lambda signed: signed.approval.expires, default=None)

    def unexamined(self, decision: str, now: datetime) -> bool:
        """Whether an approval of ``decision`` that may count still has to be examined by the current session."""
        return any(
            signed.approval.decision == decision
            and signed.judged_session != self.session
            and self.may_count(signed, now)
            for signed in self.signed
        )

    def last_accepted(self, decision: str) -> int:
        """The number of the latest entry of this session that accepted an approval of ``decision``; 0 for none."""
        return max(
            (
                signed.judged_number
                for signed in self.signed
                if signed.judged is not None
                and signed.judged.accepted
                and signed.judged_session == self.session
                and signed.approval.decision == decision
            ),
            default=0,
        )

    @property
    def changed(self) -> bool:
        """Whether this run is known to have changed the world."""
        return any(state.took_effect for state in self.steps.values())

    @property
    def unresolved(self) -> tuple[str, ...]:
        """The steps of which it is not known what became, in the plan's order."""
        return tuple(
            step.id
            for step in self.plan.order
            if self.steps[step.id].open is not None or self.steps[step.id].undoing is not None
        )
