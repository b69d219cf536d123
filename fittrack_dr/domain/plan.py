"""A plan: steps as frozen data, in a deterministic order, with a digest that approvals and confirmations bind to."""

from __future__ import annotations

import enum
import graphlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.values import JSON, Document, MalformedError, canonical, digest


class StepKind(enum.StrEnum):
    """What a step may do to the world, and therefore what the runner owes it."""

    READ = "read"
    """Only ``run`` is called and nothing is changed; after a takeover it is read anew if something still needs it."""
    WRITE = "write"
    """Can be repeated safely: observe, intent, run, verify, result."""
    DESTRUCTIVE = "destructive"
    """Cannot be taken back: never without a journaled intent, and never twice."""


class OnFailure(enum.StrEnum):
    """What becomes of the run when the step ends failed or unknown. A refused step always ends the run."""

    STOP = "stop"
    CONTINUE = "continue"
    """Later steps go on and find this step's outcome in ``Context.results``."""
    UNDO = "undo"
    """The steps named in ``undoes`` (or this one) are undone, latest first; then the run ends."""


class Effect(enum.StrEnum):
    """What a step means to the invariants, whatever its action is called."""

    NONE = "none"
    FENCE = "fence"
    SWITCHOVER = "switchover"
    """The databases change roles by their own protocol: at no time do two of them accept writes."""
    PROMOTE = "promote"
    """``subject`` becomes a database that accepts writes; ``against`` is the region whose database must be fenced."""
    CUTOVER = "cutover"
    """The name points at ``subject``; ``against`` is the region it pointed at."""
    RESTORE = "restore"
    """``subject`` (a database's OCID) is restored in place."""
    DELETE = "delete"
    """``subject`` is deleted."""


@dataclass(frozen=True)
class Step:
    """One thing to do. ``action`` names the code, ``params`` are its arguments, ``after`` the steps it waits for.

    ``deadline`` is world time from the first look at the step in a session to its result. ``decision`` names what has
    to be approved by a role that decides it before the step may begin. ``subject`` and ``against``: see ``Effect``.
    """

    id: str
    title: str
    action: str
    params: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    after: tuple[str, ...] = ()
    deadline: timedelta = timedelta(minutes=10)
    kind: StepKind = StepKind.WRITE
    decision: str | None = None
    on_failure: OnFailure = OnFailure.STOP
    effect: Effect = Effect.NONE
    subject: str = ""
    against: str = ""
    undoes: tuple[str, ...] = ()

    def to_json(self) -> JSON:
        return {
            "id": self.id,
            "title": self.title,
            "action": self.action,
            "params": self.params,
            "after": self.after,
            "deadline": self.deadline.total_seconds(),
            "kind": self.kind.value,
            "decision": self.decision,
            "on_failure": self.on_failure.value,
            "effect": self.effect.value,
            "subject": self.subject,
            "against": self.against,
            "undoes": self.undoes,
        }

    @classmethod
    def from_document(cls, document: Document) -> Step:
        return cls(
            id=document.text("id"),
            title=document.text("title"),
            action=document.text("action"),
            params=document.mapping("params"),
            after=document.texts("after"),
            deadline=document.duration("deadline"),
            kind=document.member("kind", StepKind),
            decision=document.optional_text("decision"),
            on_failure=document.member("on_failure", OnFailure),
            effect=document.member("effect", Effect),
            subject=document.text("subject"),
            against=document.text("against"),
            undoes=document.texts("undoes"),
        )


@dataclass(frozen=True)
class Plan:
    """A DAG of steps with the facts it was made from and the gates as they were read.

    ``facts`` must be what the plan *depends on* (which regions, which OCIDs, which policy), never a measurement that
    moves by itself: the digest covers them, and is computed again just before the plan is applied. Of a gate the digest
    covers name, limit and whether it passed, not the value. ``decision_budget`` bounds each wait for an approval.
    """

    procedure: str
    steps: tuple[Step, ...]
    facts: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    gates: tuple[GateReading, ...] = ()
    decision_budget: timedelta = timedelta(hours=1)

    def __post_init__(self) -> None:
        identifiers = [step.id for step in self.steps]
        if len(set(identifiers)) != len(identifiers):
            raise MalformedError(f"plan of {self.procedure}: two steps have the same id")
        for step in self.steps:
            for other in (*step.after, *step.undoes):
                if other not in identifiers:
                    raise MalformedError(
                        f"plan of {self.procedure}: step '{step.id}' names '{other}', which is no step"
                    )
        _ = self.order

    @cached_property
    def order(self) -> tuple[Step, ...]:
        """The steps so that each comes after those it waits for; among equals, as they were written."""
        sorter = graphlib.TopologicalSorter({step.id: step.after for step in self.steps})
        try:
            sorter.prepare()
        except graphlib.CycleError as error:
            raise MalformedError(f"plan of {self.procedure}: its steps wait for each other: {error.args[1]}") from error
        position = {step.id: index for index, step in enumerate(self.steps)}
        ordered: list[Step] = []
        while sorter.is_active():
            ready = sorted(sorter.get_ready(), key=position.__getitem__)
            ordered.extend(self.steps[position[name]] for name in ready)
            sorter.done(*ready)
        return tuple(ordered)

    def step(self, identifier: str) -> Step:
        """Raises KeyError for an id that is not in the plan."""
        return self._by_id[identifier]

    @cached_property
    def _by_id(self) -> dict[str, Step]:
        return {step.id: step for step in self.steps}

    @property
    def decisions(self) -> tuple[str, ...]:
        """The decisions that steps wait for, in order of their first use."""
        return tuple(dict.fromkeys(step.decision for step in self.order if step.decision is not None))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything that the plan would do and what that depends on."""
        gates: list[JSON] = [gate.condition() for gate in self.gates]
        return digest(
            canonical(
                {
                    "procedure": self.procedure,
                    "steps": [step.to_json() for step in self.steps],
                    "facts": self.facts,
                    "gates": gates,
                    "decision_budget": self.decision_budget.total_seconds(),
                }
            )
        )

    def to_json(self) -> JSON:
        return {
            "procedure": self.procedure,
            "digest": self.digest,
            "steps": [step.to_json() for step in self.steps],
            "facts": self.facts,
            "gates": [gate.to_json() for gate in self.gates],
            "decision_budget": self.decision_budget.total_seconds(),
        }

    @classmethod
    def from_document(cls, document: Document) -> Plan:
        plan = cls(
            procedure=document.text("procedure"),
            steps=tuple(Step.from_document(item) for item in document.documents("steps")),
            facts=document.mapping("facts"),
            gates=tuple(GateReading.from_document(item) for item in document.documents("gates")),
            decision_budget=document.duration("decision_budget"),
        )
        if plan.digest != document.text("digest"):
            raise MalformedError(f"{document.where}: the plan is not the one its digest was taken of")
        return plan
