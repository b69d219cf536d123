"""What is next? A pure function of a run's journal, of what this session has seen since, and of the time.

Nothing is done here, so every interleaving of crashes, lost answers, late approvals and second operators can be tried
in virtual time. The executor carries out the commands and asks again after each journal entry and each answer.

The rule behind all of it: an answer that this session holds in memory counts only while nothing about its step has
been journaled since it was asked for. So a step is observed anew after a wait for an approval, after a failed attempt
and after a takeover, and an intent is always written on a fresh look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fittrack_dr.domain.entries import Asked, Intent, Judged, Result
from fittrack_dr.domain.outcome import Outcome, Status
from fittrack_dr.domain.plan import Step, StepKind
from fittrack_dr.domain.progress import Progress, StepProgress
from fittrack_dr.runner.commands import (
    DEFAULT_DELAY,
    EXIT_CODES,
    Call,
    Check,
    Command,
    Leave,
    Phase,
    Seen,
    Wait,
    Write,
    deadline,
    delay_of,
    forbids,
)
from fittrack_dr.runner.ending import ending, halted


def next_actions(
    progress: Progress, seen: Mapping[str, Seen], busy: frozenset[str], now: datetime
) -> tuple[Command, ...]:
    """Everything that may be done now; empty while the phases in ``busy`` have to be waited for.

    ``busy`` holds step ids and the keys (``check_key``) of approvals under examination. After each ``Write`` that is
    carried out the rest is out of date: ask again.
    """
    if progress.closed is not None:
        closed = progress.closed
        return (Leave(EXIT_CODES[closed.ending], closed.detail, closed.next_action),)
    commands = [*_approvals(progress, busy, now)]
    halting = halted(progress) is not None
    for step in progress.plan.order:
        if step.id not in busy:
            commands.extend(_Advance(progress, step, seen.get(step.id), now, halting).commands())
    if not commands and not busy:
        commands.extend(ending(progress, seen, now))
    return tuple(commands)


def check_key(number: int) -> str:
    """How an approval under examination is named in ``busy``."""
    return f"approval {number}"


def _approvals(progress: Progress, busy: frozenset[str], now: datetime) -> list[Command]:
    """Every approval is examined once per session: keys and groups may have changed since the last."""
    commands: list[Command] = []
    for signed in progress.signed:
        if signed.judged_session == progress.session:
            continue
        if not progress.may_count(signed, now):
            reason = "it is of another run, plan or person, of the run's holder, or out of date"
            commands.append(Write(Judged(signed.number, accepted=False, reason=reason)))
        elif check_key(signed.number) not in busy:
            commands.append(Check(signed.number))
    return commands


@dataclass(frozen=True)
class _Advance:
    """One step's next command."""

    progress: Progress
    step: Step
    seen: Seen | None
    now: datetime
    halting: bool
    """Nothing new is begun."""

    @property
    def state(self) -> StepProgress:
        return self.progress.steps[self.step.id]

    @property
    def fresh(self) -> Seen | None:
        """What was seen, unless the step's journal went on since it was asked for."""
        return self.seen if self.seen is not None and self.seen.after >= self.state.last else None

    def commands(self) -> list[Command]:
        if self.step.id in self.progress.finals:
            return []
        if self.state.open is not None:
            return [self._answer_open() if self.state.open_session == self.progress.session else self._resolve()]
        waits_for = (self.progress.plan.step(name) for name in self.step.after)
        if self.halting or not all(self.progress.passable(other) for other in waits_for):
            return []
        return [self._read() if self.step.kind is StepKind.READ else self._begin()]

    def _read(self) -> Command:
        """A READ step: `run` is its only phase."""
        approved = self._approval()
        if not isinstance(approved, int):
            return approved
        if self.fresh is None or self.fresh.after < approved:
            return Call(self.step.id, Phase.RUN, restart=True)
        return self._unless_settled(self.fresh) or self._result(self.fresh.outcome, attempt=0)

    def _begin(self) -> Command:
        """A step that changes the world, before its intent."""
        if self.fresh is None or self.fresh.phase is not Phase.OBSERVE:
            return self._observe_later()
        outcome = self.fresh.outcome
        if outcome.status is not Status.NEEDED:
            status = Status.ALREADY if outcome.status is Status.DONE else outcome.status
            return self._unless_settled(self.fresh) or self._result(_as(outcome, status), attempt=0)
        approved = self._approval()
        if not isinstance(approved, int):
            return approved
        if self.fresh.after < approved:
            return Call(self.step.id, Phase.OBSERVE, restart=True)
        return self._intend()

    def _unless_settled(self, seen: Seen) -> Command | None:
        """Before any attempt: look again while the answer is "not now" or "cannot tell"."""
        match seen.outcome.status:
            case Status.RETRY:
                return self._again(seen, seen.phase, Status.FAILED, attempt=0)
            case Status.UNKNOWN:
                return self._again(seen, seen.phase, Status.UNKNOWN, attempt=0)
            case _:
                return None

    def _observe_later(self) -> Command:
        """After an attempt that had no effect, look again once its delay is over; otherwise at once."""
        last = self.seen
        if last is None:
            return Call(self.step.id, Phase.OBSERVE, restart=True)
        if self.now >= deadline(self.step, last):
            late = f"not done within its deadline; last: {last.outcome.detail}"
            return self._result(Outcome(Status.FAILED, late), attempt=0)
        due = last.at + delay_of(last.outcome)
        return Call(self.step.id, Phase.OBSERVE) if self.now >= due else Wait(due)

    def _intend(self) -> Command:
        if self.step.kind is StepKind.DESTRUCTIVE and self.state.took_effect:
            gone = "this run did it and it is no longer so: someone has changed it back, and it is not done twice"
            return self._result(Outcome(Status.REFUSED, gone), attempt=0)
        intent = Intent(self.step.id, self.state.attempts + 1)
        forbidden = forbids(self.progress, intent, self.now)
        return Write(intent) if forbidden is None else self._result(Outcome(Status.REFUSED, forbidden), attempt=0)

    def _answer_open(self) -> Command:
        """An intent of this session: run, then verify; a lost answer is observed."""
        seen = self.fresh
        if seen is None:
            if not self.halting:
                return Call(self.step.id, Phase.RUN)
            return self._result(Outcome(Status.RETRY, "not begun: the run was stopped before"))
        if seen.phase is Phase.OBSERVE:
            return self._resolve()
        return self._ran(seen) if seen.phase is Phase.RUN else self._verified(seen)

    def _ran(self, seen: Seen) -> Command:
        match seen.outcome.status:
            case Status.DONE | Status.ALREADY:
                return Call(self.step.id, Phase.VERIFY)
            case Status.UNKNOWN:
                return Call(self.step.id, Phase.OBSERVE)
            case _:
                return self._result(seen.outcome)

    def _verified(self, seen: Seen) -> Command:
        match seen.outcome.status:
            case Status.RETRY | Status.UNKNOWN:
                return self._again(seen, Phase.VERIFY, Status.UNKNOWN)
            case Status.DONE | Status.ALREADY:
                return self._result(_as(seen.outcome, Status.DONE))
            case _:
                return self._result(_as(seen.outcome, Status.FAILED))

    def _resolve(self) -> Command:
        """An intent of which only observing can tell what became: it is never repeated on a guess."""
        seen = self.fresh
        if seen is None or seen.phase is not Phase.OBSERVE:
            return Call(self.step.id, Phase.OBSERVE, restart=self.seen is None)
        outcome = seen.outcome
        match outcome.status:
            case Status.RETRY | Status.UNKNOWN:
                return self._again(seen, Phase.OBSERVE, Status.UNKNOWN, observed=True)
            case Status.NEEDED:
                return self._result(Outcome(Status.RETRY, f"had no effect: {outcome.detail}"), observed=True)
            case Status.ALREADY | Status.DONE:
                return self._result(_as(outcome, Status.DONE), observed=True)
            case _:
                return self._result(outcome, observed=True)

    def _again(
        self, seen: Seen, phase: Phase, late: Status, *, attempt: int | None = None, observed: bool = False
    ) -> Command:
        """Repeat a look after its delay; at the deadline, or when the run is aborted, give up as ``late``."""
        due = min(seen.at + delay_of(seen.outcome), deadline(self.step, seen))
        aborted = self.progress.abort is not None
        if aborted or seen.at >= deadline(self.step, seen):
            why = "the run was aborted" if aborted else "its deadline has passed"
            return self._result(
                _as(seen.outcome, late, f"{seen.outcome.detail}; {why}"), attempt=attempt, observed=observed
            )
        return Call(self.step.id, phase) if self.now >= due else Wait(due)

    def _approval(self) -> Command | int:
        """The number of the entry that accepted the needed approval (0: none is needed), or what to do about it."""
        decision = self.step.decision
        if decision is None:
            return 0
        approved = self.progress.approval_of(decision, self.now)
        if approved is not None:
            return approved.judged_number
        if self.progress.unexamined(decision, self.now):
            return Wait(self.now + DEFAULT_DELAY)
        number, asked = self.progress.asked.get(decision, (0, None))
        if asked is None or number < self.progress.last_accepted(decision):
            return Write(Asked(decision, self.step.id, self.now + self.progress.plan.decision_budget))
        if self.now >= asked.until:
            late = f"nobody approved '{decision}' by {asked.until:%H:%M:%S}Z"
            return self._result(Outcome(Status.REFUSED, late), attempt=0)
        return Wait(asked.until)

    def _result(self, outcome: Outcome, *, attempt: int | None = None, observed: bool = False) -> Command:
        number = self.state.attempts if attempt is None else attempt
        return Write(Result(self.step.id, number, _gated(self.progress, outcome), observed=observed))


def _gated(progress: Progress, outcome: Outcome) -> Outcome:
    """A step that read a gate as not passed is refused, unless the operator waived that gate."""
    failed = [gate for gate in outcome.gates if not gate.passed and gate.name not in progress.waived]
    if not failed or not outcome.status.settled:
        return outcome
    gate = failed[0]
    return _as(outcome, Status.REFUSED, f"gate {gate.name}: {gate.reading}: {gate.detail}")


def _as(outcome: Outcome, status: Status, detail: str | None = None) -> Outcome:
    return Outcome(
        status, outcome.detail if detail is None else detail, outcome.evidence, 0.0, outcome.proofs, outcome.gates
    )
