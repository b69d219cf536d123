"""How a run ends: why nothing new is begun, what is taken back, whether it is closed or left to be resumed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fittrack_dr.domain.entries import Closed, Ending, Intent, Result
from fittrack_dr.domain.outcome import Outcome, Status
from fittrack_dr.domain.plan import OnFailure, Step
from fittrack_dr.domain.progress import Progress
from fittrack_dr.errors import ExitCode
from fittrack_dr.runner.commands import Call, Command, Leave, Phase, Seen, Wait, Write, deadline, delay_of, forbids


@dataclass(frozen=True)
class Halt:
    """Why nothing new is begun."""

    ending: Ending
    steps: tuple[Step, ...]


def halted(progress: Progress) -> Halt | None:
    """What keeps the run from beginning anything new, the gravest reason first."""
    for status, ending in (
        (Status.UNKNOWN, Ending.UNKNOWN),
        (Status.FAILED, Ending.FAILED),
        (Status.REFUSED, Ending.REFUSED),
    ):
        steps = tuple(
            step
            for step in progress.plan.order
            if step.id in progress.finals and progress.status(step.id) is status and not progress.passable(step)
        )
        if steps:
            return Halt(ending, steps)
    return Halt(Ending.ABORTED, ()) if progress.abort is not None else None


def ending(progress: Progress, seen: Mapping[str, Seen], now: datetime) -> list[Command]:
    """Nothing is left to begin or to wait for: undo what the plan says, then close the run or leave it open."""
    halt = halted(progress)
    unknown = progress.unresolved
    if halt is None:
        return [Write(Closed(Ending.DONE, _summary(progress), unknown=unknown))]
    undo = _undo(progress, halt, seen, now)
    if undo is not None:
        return [undo]
    if halt.ending is Ending.UNKNOWN and progress.abort is None:
        return [Leave(ExitCode.UNKNOWN, _reasons(progress, halt), f"fittrack-dr runs resume {progress.run} --apply")]
    waivers = _waivers(progress, halt)
    if waivers and progress.changed and progress.abort is None:
        # Half of the recovery is done: the operator decides about the gate and goes on, without asking for all again.
        go_on = f"fittrack-dr runs resume {progress.run} --apply {waivers}"
        return [Leave(ExitCode.REFUSED, _reasons(progress, halt), go_on)]
    return [Write(_closing(progress, halt, unknown))]


def _closing(progress: Progress, halt: Halt, unknown: tuple[str, ...]) -> Closed:
    again = f"mend that, then begin again: what is already so is not done again (procedure {progress.plan.procedure})"
    if halt.ending is Ending.UNKNOWN:
        look = f"look what became of {', '.join(step.id for step in halt.steps)} before anything else is begun"
        return Closed(Ending.UNKNOWN, f"aborted; {_reasons(progress, halt)}", look, unknown)
    if progress.abort is not None and not halt.steps:
        ending = Ending.UNKNOWN if unknown else Ending.ABORTED
        return Closed(
            ending, f"aborted by {progress.abort.author.name}", "look at the run before beginning another", unknown
        )
    waivers = _waivers(progress, halt)
    return Closed(
        halt.ending, _reasons(progress, halt), f"{again}, to override: {waivers}" if waivers else again, unknown
    )


def _waivers(progress: Progress, halt: Halt) -> str:
    """The options that would waive the gates by which the run was refused; empty when it was no gate."""
    names = [gate.name for step in halt.steps for gate in progress.refused_by(step)]
    return " ".join([*(f"--force {name}" for name in dict.fromkeys(names)), "--reason '...'"]) if names else ""


def _reasons(progress: Progress, halt: Halt) -> str:
    results = [(step.id, progress.steps[step.id].result) for step in halt.steps]
    undone = [(f"undoing {name}", state.undone) for name, state in progress.steps.items()]
    return "; ".join(f"{name}: {result.outcome.detail}" for name, result in results + undone if result is not None)


def _summary(progress: Progress) -> str:
    ended = [step.id for step in progress.plan.order if not (progress.status(step.id) or Status.FAILED).settled]
    return f"done, though without {', '.join(ended)}" if ended else "done"


def _undo(progress: Progress, halt: Halt, seen: Mapping[str, Seen], now: datetime) -> Command | None:
    """The next command of taking back what the failed steps say, the latest step first; None when that is over."""
    wanted = {
        name
        for step in halt.steps
        if step.on_failure is OnFailure.UNDO and halt.ending is not Ending.REFUSED
        for name in (step.undoes or (step.id,))
    }
    for step in reversed(progress.plan.order):
        state = progress.steps[step.id]
        if step.id in wanted and state.undone is None and (state.took_effect or state.open is not None):
            return _undo_step(progress, step, seen.get(step.id), now)
    return None


def _undo_step(progress: Progress, step: Step, seen: Seen | None, now: datetime) -> Command:
    state = progress.steps[step.id]
    if state.undoing is None:
        intent = Intent(step.id, state.attempts, undo=True)
        forbidden = forbids(progress, intent, now)
        if forbidden is None:
            return Write(intent)
        return Write(Result(step.id, 0, Outcome(Status.SKIPPED, forbidden), undo=True))
    if seen is None or seen.phase is not Phase.UNDO or seen.after < state.last:
        return Call(step.id, Phase.UNDO, restart=True)
    if seen.outcome.status in {Status.RETRY, Status.UNKNOWN} and seen.at < deadline(step, seen):
        due = min(seen.at + delay_of(seen.outcome), deadline(step, seen))
        return Call(step.id, Phase.UNDO) if now >= due else Wait(due)
    return Write(Result(step.id, state.undoing.attempt, seen.outcome, undo=True))
