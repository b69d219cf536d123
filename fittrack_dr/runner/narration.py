"""Journal entries as the operator reads them, while they are written and ever after."""

from __future__ import annotations

from fittrack_dr.domain.entries import (
    AbortRequested,
    Approved,
    Asked,
    Closed,
    Entry,
    Intent,
    Judged,
    Noted,
    Opened,
    Result,
    TakenOver,
    Waived,
)
from fittrack_dr.domain.progress import Progress


def narrate(progress: Progress, entry: Entry) -> str:
    """One line about ``entry`` of the run ``progress``; a line about a step begins with its id."""
    match entry.body:
        case Intent() | Result():
            line = _step_line(progress, entry.body)
        case Asked() | Approved() | Judged():
            line = _decision_line(progress, entry.body, entry.author.name)
        case Opened(plan=plan):
            line = f"run {entry.run} opened by {entry.author.name}: {plan.procedure}, plan {plan.digest[:12]}"
        case Waived(gate=gate, reason=reason):
            line = f"gate {gate} waived by {entry.author.name}: {reason}"
        case TakenOver(reason=reason):
            line = f"taken over by {entry.author.name}: {reason}"
        case AbortRequested(reason=reason):
            line = f"abort requested by {entry.author.name}: {reason}"
        case Closed(ending=ending, detail=detail, next_action=next_action):
            line = f"closed: {ending.value}: {detail}" + (f"; next: {next_action}" if next_action else "")
        case Noted(text=text):
            line = text
        case _:
            line = entry.body.kind
    return line


def _step_line(progress: Progress, body: Intent | Result) -> str:
    if isinstance(body, Intent):
        attempt = f" (attempt {body.attempt})" if body.attempt > 1 and not body.undo else ""
        return f"{body.step}: {'undoing: ' if body.undo else ''}{progress.plan.step(body.step).title}{attempt}"
    seen = "found to be " if body.observed else ""
    undo = "undo: " if body.undo else ""
    return f"{body.step}: {undo}{seen}{body.outcome.status.value}: {body.outcome.detail}"


def _decision_line(progress: Progress, body: Asked | Approved | Judged, author: str) -> str:
    match body:
        case Asked(decision=decision, step=step, until=until):
            wanted = f"waits until {until:%Y-%m-%d %H:%M:%S}Z for '{decision}'"
            return f"{step}: {wanted}: someone who decides it runs 'fittrack-dr approve {progress.run}'"
        case Approved(approval=approval):
            claims = f", asserting {', '.join(approval.claims)}" if approval.claims else ""
            return f"'{approval.decision}' approved by {author}{claims}, until {approval.expires:%H:%M:%S}Z"
        case Judged(number=number, accepted=accepted, reason=reason):
            return f"approval in entry {number} {'accepted' if accepted else 'NOT accepted'}: {reason}"
