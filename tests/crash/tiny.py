"""A real program over a real journal in a directory: fence, promotion, readiness and cutover of things that are files.

    tests.crash.tiny:main ROOT

Begins a run, or resumes the one there is, on the clock in ROOT. The promotion is deliberately not idempotent: each call
of it adds a line, so calling it twice shows.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from fittrack_dr.domain import (
    Action,
    Context,
    Effect,
    Outcome,
    Person,
    Plan,
    Proof,
    ProofKind,
    Reading,
    RecoveryState,
    Status,
    Step,
    StepKind,
)
from fittrack_dr.runner.clock import AnchorClock
from fittrack_dr.runner.directory import DirectoryJournalStore, DirectoryStateStore
from fittrack_dr.runner.session import Runner, is_open
from fittrack_dr.runner.state import Claims
from tests.crash.checker import Facts

OLD, NEW = "old", "new"
PLAN = Plan(
    "tiny",
    (
        Step("fence", "Fence", "fence", kind=StepKind.READ, effect=Effect.FENCE, subject=OLD),
        Step(
            "promote",
            "Promote",
            "promote",
            after=("fence",),
            kind=StepKind.DESTRUCTIVE,
            effect=Effect.PROMOTE,
            subject=NEW,
            against=OLD,
            deadline=timedelta(seconds=20),
        ),
        Step("ready", "Ready", "ready", after=("promote",), kind=StepKind.READ, subject=NEW),
        Step(
            "cutover",
            "Point the name",
            "cutover",
            after=("promote", "ready"),
            effect=Effect.CUTOVER,
            subject=NEW,
            against=OLD,
        ),
    ),
)


class Appending:
    """A step whose effect is a line in a file."""

    def __init__(self, file: Path, line: str, proofs: tuple[Proof, ...] = ()) -> None:
        self._file = file
        self._line = line
        self._proofs = proofs

    def observe(self, step: Step, context: Context) -> Outcome:
        if self._file.exists():
            return Outcome(Status.ALREADY, "so", proofs=self._proofs)
        return Outcome(Status.NEEDED, "not so")

    def run(self, step: Step, context: Context) -> Outcome:
        with self._file.open("a") as file:
            file.write(self._line + "\n")
        return Outcome(Status.DONE, "written")

    def verify(self, step: Step, context: Context) -> Outcome:
        return self.observe(step, context)

    def undo(self, step: Step, context: Context) -> Outcome | None:
        return None


def actions(root: Path) -> Mapping[str, Action]:
    fenced = Outcome(Status.DONE, "stopped", proofs=(Proof(ProofKind.FENCE_PROVEN, OLD),))
    return {
        "fence": Reading(lambda step, context: fenced),
        "promote": Appending(root / "promoted", NEW, (Proof(ProofKind.PRIMARY, NEW),)),
        "ready": Reading(lambda step, context: ready(root)),
        "cutover": Appending(root / "name", NEW),
    }


def ready(root: Path) -> Outcome:
    serving = (root / "promoted").exists()
    return Outcome(Status.DONE if serving else Status.FAILED, "ready", proofs=(Proof(ProofKind.READY, NEW),))


def facts(root: Path) -> Facts:
    """What really happened, read from the files."""
    seen = Facts()
    seen.fence_read(dark=True)
    promoted = root / "promoted"
    for _ in promoted.read_text().splitlines() if promoted.exists() else []:
        seen.destroyed("promote")
    if (root / "name").exists():
        seen.pointed(NEW, serving=promoted.exists())
    return seen


class Nobody:
    """No step of this plan needs a decision, so nobody is ever asked about."""

    def public_key(self, user: str, fingerprint: str) -> str | None:
        return None

    def groups(self, user: str) -> frozenset[str]:
        return frozenset()

    def name(self, user: str) -> str:
        return user


def main() -> int:
    root = Path(sys.argv[1])
    store = DirectoryJournalStore(root)
    initial = RecoveryState(OLD, {}, epoch=1)
    runner = Runner(
        store=store,
        claims=Claims(DirectoryStateStore(root), initial, lambda run: is_open(store, run)),
        clock=AnchorClock(root / "clock.json"),
        identities=Nobody(),
        allowed={},
        operator=Person("ocid1.user.oc1..oncall", "oncall"),
        policy_digest="0" * 64,
        version="0",
        gates=frozenset(),
        say=lambda line: None,
    )
    runs = store.list_runs()
    if runs:
        return runner.resume(runs[0], lambda plan: actions(root)).exit_code
    return runner.start(PLAN, actions(root), replan=lambda: PLAN).exit_code
