"""What a run's journal consists of: typed, numbered, each entry carrying its predecessor's digest.

An entry is written once and never again. The journal is the run's evidence, so an entry says who wrote it, in which
session, and at what world time; it never carries a secret (see ``invariants``).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import ClassVar, Protocol

from fittrack_dr.domain.approval import Approval
from fittrack_dr.domain.outcome import Outcome
from fittrack_dr.domain.plan import Plan
from fittrack_dr.domain.values import JSON, Document, MalformedError, canonical, digest, timestamp

SCHEMA = 1


@dataclass(frozen=True)
class Person:
    """Someone as IAM knows them: ``user`` is the OCID (what is compared), ``name`` is for people."""

    user: str
    name: str

    def to_json(self) -> JSON:
        return {"user": self.user, "name": self.name}

    @classmethod
    def from_document(cls, document: Document) -> Person:
        return cls(user=document.text("user"), name=document.text("name"))


class Ending(enum.StrEnum):
    """How a run was closed."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """Some of what was tried is unknown and stays so: the entry names it and says what to do."""
    ABORTED = "aborted"


class Body(Protocol):
    """What tells one kind of entry from another."""

    kind: ClassVar[str]

    def to_json(self) -> JSON: ...


@dataclass(frozen=True)
class Opened:
    """The first entry of every run: the whole plan, and under which policy and profile it is carried out."""

    kind: ClassVar[str] = "opened"
    plan: Plan
    policy_digest: str
    rehearsal: bool
    version: str

    def to_json(self) -> JSON:
        return {
            "plan": self.plan.to_json(),
            "policy_digest": self.policy_digest,
            "rehearsal": self.rehearsal,
            "version": self.version,
        }

    @classmethod
    def from_document(cls, document: Document) -> Opened:
        return cls(
            plan=Plan.from_document(document.document("plan")),
            policy_digest=document.text("policy_digest"),
            rehearsal=document.flag("rehearsal"),
            version=document.text("version"),
        )


@dataclass(frozen=True)
class Waived:
    """A gate that did not pass and that the operator overrides by name, with a reason."""

    kind: ClassVar[str] = "waived"
    gate: str
    reason: str

    def to_json(self) -> JSON:
        return {"gate": self.gate, "reason": self.reason}

    @classmethod
    def from_document(cls, document: Document) -> Waived:
        return cls(gate=document.text("gate"), reason=document.text("reason"))


@dataclass(frozen=True)
class Asked:
    """The run waits for a decision until the given world time, for the sake of ``step``."""

    kind: ClassVar[str] = "asked"
    decision: str
    step: str
    until: datetime

    def to_json(self) -> JSON:
        return {"decision": self.decision, "step": self.step, "until": timestamp(self.until)}

    @classmethod
    def from_document(cls, document: Document) -> Asked:
        return cls(decision=document.text("decision"), step=document.text("step"), until=document.moment("until"))


@dataclass(frozen=True)
class Approved:
    """An approval as its author wrote it; it counts only once a ``Judged`` entry has accepted it."""

    kind: ClassVar[str] = "approval"
    approval: Approval

    def to_json(self) -> JSON:
        return self.approval.to_json()

    @classmethod
    def from_document(cls, document: Document) -> Approved:
        return cls(approval=Approval.from_document(document))


@dataclass(frozen=True)
class Judged:
    """What the run's holder found when checking the approval in entry ``number`` against IAM."""

    kind: ClassVar[str] = "judged"
    number: int
    accepted: bool
    reason: str
    groups: tuple[str, ...] = ()

    def to_json(self) -> JSON:
        return {
            "number": self.number,
            "accepted": self.accepted,
            "reason": self.reason,
            "groups": self.groups,
        }

    @classmethod
    def from_document(cls, document: Document) -> Judged:
        return cls(
            number=document.integer("number"),
            accepted=document.flag("accepted"),
            reason=document.text("reason"),
            groups=document.texts("groups"),
        )


@dataclass(frozen=True)
class Intent:
    """Written before a step that changes the world is run (or undone). ``attempt`` counts from 1 per step."""

    kind: ClassVar[str] = "intent"
    step: str
    attempt: int
    undo: bool = False

    def to_json(self) -> JSON:
        return {"step": self.step, "attempt": self.attempt, "undo": self.undo}

    @classmethod
    def from_document(cls, document: Document) -> Intent:
        return cls(step=document.text("step"), attempt=document.integer("attempt"), undo=document.flag("undo"))


@dataclass(frozen=True)
class Result:
    """How an attempt ended; ``attempt`` 0 belongs to a step that needed no intent (a reading, or already so).

    RETRY says that the attempt is known to have had no effect. UNKNOWN leaves the intent open: a later session (or an
    operator) has to observe what became of it.
    """

    kind: ClassVar[str] = "result"
    step: str
    attempt: int
    outcome: Outcome
    undo: bool = False
    observed: bool = False
    """The outcome was found by observing, not told by the call's own answer."""

    def to_json(self) -> JSON:
        return {
            "step": self.step,
            "attempt": self.attempt,
            "outcome": self.outcome.to_json(),
            "undo": self.undo,
            "observed": self.observed,
        }

    @classmethod
    def from_document(cls, document: Document) -> Result:
        return cls(
            step=document.text("step"),
            attempt=document.integer("attempt"),
            outcome=Outcome.from_document(document.document("outcome")),
            undo=document.flag("undo"),
            observed=document.flag("observed"),
        )


@dataclass(frozen=True)
class TakenOver:
    """Another session (of the same person or of another) holds the run from here on; the earlier one stops."""

    kind: ClassVar[str] = "takeover"
    reason: str

    def to_json(self) -> JSON:
        return {"reason": self.reason}

    @classmethod
    def from_document(cls, document: Document) -> TakenOver:
        return cls(reason=document.text("reason"))


@dataclass(frozen=True)
class Noted:
    """Something worth keeping that changes nothing."""

    kind: ClassVar[str] = "note"
    text: str

    def to_json(self) -> JSON:
        return {"text": self.text}

    @classmethod
    def from_document(cls, document: Document) -> Noted:
        return cls(text=document.text("text"))


@dataclass(frozen=True)
class AbortRequested:
    """Someone wants the run to stop; its holder begins nothing new and closes it."""

    kind: ClassVar[str] = "abort"
    reason: str

    def to_json(self) -> JSON:
        return {"reason": self.reason}

    @classmethod
    def from_document(cls, document: Document) -> AbortRequested:
        return cls(reason=document.text("reason"))


@dataclass(frozen=True)
class Closed:
    """The last entry. ``unknown`` names the steps whose fate is not known; ``next_action`` is for people."""

    kind: ClassVar[str] = "closed"
    ending: Ending
    detail: str
    next_action: str = ""
    unknown: tuple[str, ...] = ()

    def to_json(self) -> JSON:
        return {
            "ending": self.ending.value,
            "detail": self.detail,
            "next_action": self.next_action,
            "unknown": self.unknown,
        }

    @classmethod
    def from_document(cls, document: Document) -> Closed:
        return cls(
            ending=document.member("ending", Ending),
            detail=document.text("detail"),
            next_action=document.text("next_action"),
            unknown=document.texts("unknown"),
        )


BODIES = {
    body.kind: body.from_document
    for body in (
        Opened,
        Waived,
        Asked,
        Approved,
        Judged,
        Intent,
        Result,
        TakenOver,
        Noted,
        AbortRequested,
        Closed,
    )
}


@dataclass(frozen=True)
class Entry:
    """One numbered entry. ``previous`` is the digest of the entry before it, empty for number 1."""

    run: str
    number: int
    previous: str
    time: datetime
    author: Person
    session: str
    body: Body = field()

    def encode(self) -> bytes:
        """The bytes that are stored, and that the next entry's ``previous`` is the digest of."""
        return (
            canonical(
                {
                    "schema": SCHEMA,
                    "run": self.run,
                    "number": self.number,
                    "previous": self.previous,
                    "time": timestamp(self.time),
                    "author": self.author.to_json(),
                    "session": self.session,
                    "kind": self.body.kind,
                    "body": self.body.to_json(),
                }
            )
            + b"\n"
        )

    @cached_property
    def digest(self) -> str:
        return digest(self.encode())

    @classmethod
    def decode(cls, data: bytes, where: str = "journal entry") -> Entry:
        """Raises MalformedError for anything but the exact bytes that ``encode`` wrote."""
        document = Document.parse(data, where)
        if document.integer("schema") != SCHEMA:
            raise MalformedError(f"{where}: schema {document.integer('schema')} is not {SCHEMA}")
        kind = document.text("kind")
        if kind not in BODIES:
            raise MalformedError(f"{where}: '{kind}' is no kind of entry")
        entry = cls(
            run=document.text("run"),
            number=document.integer("number"),
            previous=document.text("previous"),
            time=document.moment("time"),
            author=Person.from_document(document.document("author")),
            session=document.text("session"),
            body=BODIES[kind](document.document("body")),
        )
        if entry.encode() != data:
            raise MalformedError(f"{where}: its bytes are not in the form in which entries are written")
        return entry
