"""What came of one thing that was tried: a status, what was seen, and what that proves."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.values import JSON, Document


class Status(enum.StrEnum):
    """How a phase of a step ended. Code compares these; the prose beside them is for people.

    ``NEEDED`` is an answer of ``observe`` only, and never a step's result.
    """

    DONE = "done"
    ALREADY = "already"
    SKIPPED = "skipped"
    NEEDED = "needed"
    REFUSED = "refused"
    RETRY = "retry"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @property
    def settled(self) -> bool:
        """Whether what comes after the step may begin."""
        return self in {Status.DONE, Status.ALREADY, Status.SKIPPED}


class ProofKind(enum.StrEnum):
    """The facts that dangerous steps depend on (see ``invariants``). The subject is a region unless said otherwise."""

    FENCE_PROVEN = "fence-proven"
    """Read at its own endpoint: the subject's database is stopped, or a standby, or accepts no writes."""
    FENCE_ASSERTED = "fence-asserted"
    """The subject was unreachable over the whole isolation window, and an approval claims ``isolated:<subject>``."""
    PRIMARY = "primary"
    """The subject's database was read as PRIMARY at the subject's own endpoint."""
    READY = "ready"
    """The subject's application answered its readiness check."""
    RESTORE_POINT = "restore-point"
    """The time to restore to was proven on a clone; the subject is the database's OCID."""
    RETENTION_ENDED = "retention-ended"
    """The subject (an OCID or object name) is past its retention."""


@dataclass(frozen=True)
class Proof:
    """One fact that a step has read, by which later steps are allowed."""

    kind: ProofKind
    subject: str

    def to_json(self) -> JSON:
        return {"kind": self.kind.value, "subject": self.subject}

    @classmethod
    def from_document(cls, document: Document) -> Proof:
        return cls(kind=document.member("kind", ProofKind), subject=document.text("subject"))


@dataclass(frozen=True)
class Outcome:
    """A phase's end. ``delay`` (world seconds) is when to ask again after RETRY; ``evidence`` carries no secrets.

    ``gates`` are readings taken in this phase: one that did not pass and was not waived ends the run as refused.
    """

    status: Status
    detail: str
    evidence: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    delay: float = 0.0
    proofs: tuple[Proof, ...] = ()
    gates: tuple[GateReading, ...] = ()

    def to_json(self) -> JSON:
        return {
            "status": self.status.value,
            "detail": self.detail,
            "evidence": self.evidence,
            "proofs": [proof.to_json() for proof in self.proofs],
            "gates": [gate.to_json() for gate in self.gates],
        }

    @classmethod
    def from_document(cls, document: Document) -> Outcome:
        return cls(
            status=document.member("status", Status),
            detail=document.text("detail"),
            evidence=document.mapping("evidence"),
            proofs=tuple(Proof.from_document(item) for item in document.documents("proofs")),
            gates=tuple(GateReading.from_document(item) for item in document.documents("gates")),
        )
