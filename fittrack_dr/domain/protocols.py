"""The adapters and actions that the runner works with, as it sees them.

The runner knows no cloud, no database and no file: scenarios hand it actions, the command line hands it stores, clock
and identities. Everything here is synchronous and called from threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from fittrack_dr.domain.approval import Approval
from fittrack_dr.domain.outcome import Outcome
from fittrack_dr.domain.plan import Step
from fittrack_dr.domain.state import RecoveryState
from fittrack_dr.domain.values import canonical, digest


class Clock(Protocol):
    """World time."""

    def now(self) -> datetime:
        """The world's time, aware, in UTC."""
        ...

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Return once ``seconds`` of world time have passed, or as soon as ``stop`` is set."""
        ...

    @property
    def rate(self) -> float:
        """World seconds per wall second; 1 for the wall clock, 0 for a clock that only jumps."""
        ...


class JournalStore(Protocol):
    """Where runs are kept: numbered objects, written once.

    Raises FittrackError when the store cannot be reached; OutcomeUnknownError when an answer to ``create`` was lost
    (the caller then reads the number back).
    """

    def create(self, run: str, number: int, data: bytes) -> bool:
        """Write the entry durably. False when the number is taken; then nothing was changed."""
        ...

    def read(self, run: str, number: int) -> bytes | None:
        """The stored bytes, or None when there is no such entry."""
        ...

    def numbers(self, run: str) -> tuple[int, ...]:
        """The numbers that exist, ascending; empty for an unknown run."""
        ...

    def list_runs(self) -> tuple[str, ...]:
        """The ids of all runs, ascending."""
        ...


class StateStore(Protocol):
    """Where the recovery state is kept."""

    def read(self) -> tuple[RecoveryState | None, str | None]:
        """The state and its entity tag; (None, None) when there is none yet."""
        ...

    def compare_and_swap(self, state: RecoveryState, etag: str | None) -> bool:
        """Replace the state that had ``etag`` (None: create the first). False when it has changed meanwhile."""
        ...


class Identities(Protocol):
    """What IAM knows of people; every method may raise FittrackError when IAM cannot be asked."""

    def public_key(self, user: str, fingerprint: str) -> str | None:
        """The PEM public key of the API key that ``user`` (OCID) holds under ``fingerprint``, or None."""
        ...

    def groups(self, user: str) -> frozenset[str]:
        """The names of the groups that the user is an active member of."""
        ...

    def name(self, user: str) -> str:
        """The user's name; the OCID itself for a user IAM does not know."""
        ...


class StoppedError(Exception):
    """Raised by ``Context.sleep`` and ``Context.check`` when the run is asked to stop; only the runner catches it."""


@dataclass(frozen=True)
class Context:
    """What an action may use while it works on one step; made anew for each phase.

    ``results`` are the outcomes of the steps that have ended, by id. ``approvals`` are the accepted ones that are still
    valid. ``waived`` are the gates that the operator overrode. ``deadline`` is this step's, in world time.
    """

    clock: Clock
    run_id: str
    results: Mapping[str, Outcome]
    approvals: tuple[Approval, ...]
    waived: frozenset[str]
    deadline: datetime
    say: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Leave the phase if the run is asked to stop. Only call it where nothing is half done. Raises StoppedError."""
        if self.stop.is_set():
            raise StoppedError

    def sleep(self, seconds: float) -> None:
        """Sleep world seconds. Raises StoppedError when the run is asked to stop."""
        self.clock.sleep(seconds, self.stop)
        self.check()

    @property
    def remaining(self) -> float:
        """World seconds until the step's deadline, never negative."""
        return max(0.0, (self.deadline - self.clock.now()).total_seconds())

    def token(self, step: Step) -> str:
        """An idempotency token, the same for every attempt at this step of this run (``opc_retry_token``, 64 chars)."""
        return digest(canonical({"run": self.run_id, "step": step.id}))

    def claims(self, decision: str) -> frozenset[str]:
        """What the accepted approvals of ``decision`` assert, such as ``isolated:us-ashburn-1``."""
        return frozenset(
            claim for approval in self.approvals if approval.decision == decision for claim in approval.claims
        )


class Action(Protocol):
    """The code behind ``Step.action``. Each method is called in a worker thread.

    A phase may also end by raising: RetryableError counts as RETRY, RefusedError as REFUSED, OutcomeUnknownError as
    UNKNOWN, any other FittrackError as FAILED (in ``observe`` of an attempt whose fate is open: as UNKNOWN). Anything
    else is a defect: the run stops where it is, to be resumed.
    """

    def observe(self, step: Step, context: Context) -> Outcome:
        """Look, change nothing. Never called for READ steps.

        NEEDED: not as the step wants it, and nothing of ours is under way, so ``run`` may be called.
        ALREADY: as the step wants it. RETRY: under way or unsettled, look again after ``delay``.
        SKIPPED: does not apply. REFUSED: must not be done as things stand. FAILED: cannot be done any more.
        UNKNOWN: cannot be told now (asked again until the deadline).
        After an intent whose result is missing this alone decides: ALREADY means it was done, NEEDED that it was not.
        """
        ...

    def run(self, step: Step, context: Context) -> Outcome:
        """Do it once, or for a READ step read it.

        DONE: accepted by the far side (``verify`` follows; for a READ step: this is the result). RETRY: the far side
        definitely did nothing; try again after ``delay``. UNKNOWN: the answer was lost (``observe`` follows).
        """
        ...

    def verify(self, step: Step, context: Context) -> Outcome:
        """Look whether what ``run`` began has come about. Never called for READ steps.

        DONE: yes, with the evidence and the proofs. RETRY: not yet, look again after ``delay``. FAILED: it will not.
        """
        ...

    def undo(self, step: Step, context: Context) -> Outcome | None:
        """Take back what the step did. None: nothing can be taken back, or it must stay."""
        ...


class Reading:
    """An ``Action`` for READ steps made of one function."""

    def __init__(self, read: Callable[[Step, Context], Outcome]) -> None:
        self._read = read

    def run(self, step: Step, context: Context) -> Outcome:
        return self._read(step, context)

    def observe(self, step: Step, context: Context) -> Outcome:
        return self._read(step, context)

    def verify(self, step: Step, context: Context) -> Outcome:
        return self._read(step, context)

    def undo(self, step: Step, context: Context) -> Outcome | None:
        del step, context
        return None
