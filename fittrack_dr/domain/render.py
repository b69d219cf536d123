"""A plan as people read it before they let it happen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.plan import OnFailure, Plan, Step, StepKind


def duration(span: timedelta) -> str:
    """A time span in its two largest units: ``1 h 30 min``, ``90 s`` as ``1 min 30 s``, ``0 s``."""
    seconds = round(span.total_seconds())
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def render_gate(gate: GateReading) -> str:
    verdict = "passed" if gate.passed else "NOT PASSED"
    return f"{gate.name}: {gate.reading}: {verdict}. {gate.detail}"


def render_plan(plan: Plan) -> str:
    """The whole plan as text, one line per fact, gate and step, ending with the digest."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    yield f"Plan: {plan.procedure}"
    if plan.facts:
        yield "Facts"
        for name in sorted(plan.facts):
            yield f"  {name}: {plan.facts[name]}"
    if plan.gates:
        yield "Gates"
        for gate in plan.gates:
            yield f"  {render_gate(gate)}"
    yield "Steps"
    for number, step in enumerate(plan.order, start=1):
        yield from _step_lines(number, step)
    yield f"Digest {plan.digest}"


def _step_lines(number: int, step: Step) -> Iterator[str]:
    mark = {StepKind.READ: "reads", StepKind.WRITE: "changes", StepKind.DESTRUCTIVE: "CANNOT BE TAKEN BACK"}[step.kind]
    yield f"  {number:2}. {step.id}: {step.title} ({mark}, at most {duration(step.deadline)})"
    if step.after:
        yield f"      after {', '.join(step.after)}"
    if step.decision is not None:
        yield f"      needs the decision '{step.decision}'"
    if step.on_failure is OnFailure.CONTINUE:
        yield "      if it fails, the run goes on"
    elif step.on_failure is OnFailure.UNDO:
        yield f"      if it fails, undo {', '.join(step.undoes or (step.id,))}"
