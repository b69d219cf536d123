"""What the machine may say, what a session has seen, and the little arithmetic that both need."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fittrack_dr.domain import invariants
from fittrack_dr.domain.entries import Body, Ending, Entry
from fittrack_dr.domain.outcome import Outcome
from fittrack_dr.domain.plan import Step
from fittrack_dr.domain.progress import Progress
from fittrack_dr.errors import ExitCode

DEFAULT_DELAY: Final = timedelta(seconds=5)
"""World time before the next look when an outcome names none."""


class Phase(enum.StrEnum):
    """The methods of an action."""

    OBSERVE = "observe"
    RUN = "run"
    VERIFY = "verify"
    UNDO = "undo"


@dataclass(frozen=True)
class Seen:
    """The latest answer about a step in this session.

    ``after`` is the number of the journal's last entry when the phase was begun. ``since`` is when the session began to
    work on the step: its deadline counts from there.
    """

    phase: Phase
    outcome: Outcome
    after: int
    since: datetime
    at: datetime


@dataclass(frozen=True)
class Call:
    """Begin a phase of a step; ``restart``: its deadline counts anew from here."""

    step: str
    phase: Phase
    restart: bool = False


@dataclass(frozen=True)
class Check:
    """Check the approval in entry ``number`` against IAM, then journal a ``Judged`` entry."""

    number: int


@dataclass(frozen=True)
class Write:
    """Append an entry."""

    body: Body


@dataclass(frozen=True)
class Wait:
    """Nothing more to do for this step before ``until``."""

    until: datetime


@dataclass(frozen=True)
class Leave:
    """Stop working on the run: it is closed, or has to be resumed."""

    exit_code: ExitCode
    detail: str
    next_action: str = ""


Command = Call | Check | Write | Wait | Leave

EXIT_CODES: Final[Mapping[Ending, ExitCode]] = {
    Ending.DONE: ExitCode.DONE,
    Ending.FAILED: ExitCode.FAILED,
    Ending.REFUSED: ExitCode.REFUSED,
    Ending.UNKNOWN: ExitCode.UNKNOWN,
    Ending.ABORTED: ExitCode.ABORTED,
}


def deadline(step: Step, seen: Seen) -> datetime:
    """When the session gives up on a step."""
    return seen.since + step.deadline


def delay_of(outcome: Outcome) -> timedelta:
    """How long to wait before the next look."""
    return timedelta(seconds=outcome.delay) if outcome.delay > 0 else DEFAULT_DELAY


def forbids(progress: Progress, body: Body, now: datetime) -> str | None:
    """Why the invariants would not let the run's holder write ``body`` next, or None."""
    last = progress.last
    entry = Entry(progress.run, last.number + 1, last.digest, now, progress.holder, progress.session, body)
    return next((violation.message for violation in invariants.violations(progress, entry)), None)
