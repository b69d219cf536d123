"""What a report shows, as plain data: here the journal's reading and the measurements meet.

Times are aware UTC, in the clock of the run (world time in a rehearsal). Durations are seconds.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


class Verdict(enum.Enum):
    """How a measured value stands to its objective."""

    MET = "met"
    MISSED = "missed"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Objective:
    """One objective beside what was measured: both in ``unit``; ``note`` says how the figure is counted."""

    name: str
    measured: float | None
    limit: float | None
    unit: str
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True)
class Moment:
    """A point in time worth a mark in the charts."""

    at: datetime
    label: str
    source: str


@dataclass(frozen=True)
class StepRow:
    """One step as it went; ``started`` is None for a step that never began."""

    id: str
    title: str
    status: str
    detail: str
    started: datetime | None
    ended: datetime | None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GateRow:
    """A gate's reading; ``waived`` carries the reason when an operator waived it."""

    name: str
    value: float | None
    limit: float | None
    unit: str
    passed: bool
    detail: str
    waived: str = ""


@dataclass(frozen=True)
class ApprovalRow:
    """Who gave which decision, when, until when, and what they vouched for."""

    approver: str
    decision: str
    issued: datetime
    expires: datetime
    claims: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class EntryRow:
    """One journal entry: its number, kind, author, time and the digest that the next entry names."""

    number: int
    kind: str
    author: str
    at: datetime
    digest: str


@dataclass(frozen=True)
class AvailabilitySlice:
    """Users' attempts in one stretch of time, and how many were served."""

    start: datetime
    attempted: int
    served: int


@dataclass(frozen=True)
class PathPart:
    """One simulated cloud operation on the longest chain, and where its duration comes from."""

    name: str
    seconds: float
    source: str


@dataclass(frozen=True)
class RunReport:
    """Everything one page says about one run."""

    run: str
    procedure: str
    result: str
    succeeded: bool
    rehearsal: bool
    operator: str
    plan_digest: str
    opened: datetime
    closed: datetime | None
    facts: Mapping[str, Any]
    objectives: tuple[Objective, ...]
    moments: tuple[Moment, ...]
    steps: tuple[StepRow, ...]
    gates: tuple[GateRow, ...]
    approvals: tuple[ApprovalRow, ...]
    entries: tuple[EntryRow, ...]
    chain_verified: bool
    availability: tuple[AvailabilitySlice, ...] = ()
    slice_seconds: float = 0
    critical_path: tuple[PathPart, ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    not_measured: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same as a JSON-ready mapping; times in ISO 8601."""
        return _plain(asdict(self))


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case enum.Enum():
            return value.value
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
