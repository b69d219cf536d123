"""The one checker of all crash tests: the journal against every invariant, and the world against what the journal says.

``Facts`` is what a world did, recorded by the world itself (the pure one as it happens, the simulated one read over the
wire afterwards), never taken from a journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fittrack_dr.domain import Effect, Ending, Entry, Status
from fittrack_dr.domain.invariants import check_journal
from fittrack_dr.domain.progress import Progress


@dataclass
class Facts:
    """What cannot be taken back and really happened, by name; and each write of the name, with "was it serving?"."""

    destructions: Counter[str] = field(default_factory=Counter[str])
    unfenced: list[str] = field(default_factory=list[str])
    name_writes: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    dark: bool = False
    """What the latest look at the old primary found; only a dark (or stopped) one may be promoted against."""

    def destroyed(self, what: str) -> None:
        self.destructions[what] += 1
        if not self.dark:
            self.unfenced.append(what)

    def fence_read(self, *, dark: bool) -> None:
        self.dark = dark

    def pointed(self, region: str, *, serving: bool) -> None:
        self.name_writes.append((region, serving))


def problems(entries: Sequence[Entry], facts: Facts) -> tuple[str, ...]:
    """Everything that is wrong with a run and the world it left behind; empty when all is well."""
    progress = Progress.of(entries)
    return (
        *(f"{violation.invariant}: {violation.message}" for violation in check_journal(entries)),
        *(f"second-primary: {what} without a fence" for what in facts.unfenced),
        *(f"twice: {what} happened {count} times" for what, count in facts.destructions.items() if count > 1),
        *(f"name-at-nothing: {region} was not serving" for region, serving in facts.name_writes if not serving),
        *_unannounced(progress, facts),
    )


def _unannounced(progress: Progress, facts: Facts) -> tuple[str, ...]:
    """What happened must be in the journal, at least as an intent; what the journal calls done must have happened."""
    promotions = [step for step in progress.plan.steps if step.effect is Effect.PROMOTE]
    intended = any(progress.steps[step.id].attempts for step in promotions)
    done = any(progress.steps[step.id].took_effect for step in promotions)
    happened = bool(facts.destructions)
    found: list[str] = []
    if happened and not intended:
        found.append("unannounced: a promotion happened that no intent announced")
    if done and not happened:
        found.append("untrue: the journal says promoted, the world does not")
    if not _explains_itself(progress):
        found.append("silent: the run neither ended nor says what is unknown")
    return tuple(found)


def _explains_itself(progress: Progress) -> bool:
    """Closed; or left open with a result that says unknown, or the gate that an operator has to decide about."""
    if progress.closed is not None:
        return progress.closed.ending is not Ending.DONE or not [
            step for step in progress.plan.steps if not progress.passable(step)
        ]
    return any(progress.status(step.id) is Status.UNKNOWN or progress.refused_by(step) for step in progress.plan.steps)
