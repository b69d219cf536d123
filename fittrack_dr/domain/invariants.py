"""What must hold at every transition of a run, whatever crashed, raced or was answered too late.

Each rule is a function of the run so far and the entry about to be written; it gives a sentence when the entry would
break it. The journal calls ``check`` before it writes, so a violation ends as a refusal and not as a second primary.
``check_journal`` applies the same rules to a finished journal: the crash tests and reports use that.

The numbers are those of the architecture's list of invariants. What a journal cannot show (that a fence *is* up, that
a name *does* resolve) is read by the steps and enters here as a ``Proof``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fittrack_dr.domain.approval import isolation_claim
from fittrack_dr.domain.entries import (
    AbortRequested,
    Approved,
    Closed,
    Ending,
    Entry,
    Intent,
    Judged,
    Opened,
    Result,
    TakenOver,
    Waived,
)
from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.outcome import Proof, ProofKind, Status
from fittrack_dr.domain.plan import Effect, Step, StepKind
from fittrack_dr.domain.progress import Progress, StepProgress
from fittrack_dr.domain.values import JSON, MalformedError
from fittrack_dr.errors import RefusedError


class InvariantError(RefusedError):
    """An entry that would break an invariant; ``invariant`` is the rule's name."""

    def __init__(self, invariant: str, message: str) -> None:
        super().__init__(message)
        self.invariant = invariant


@dataclass(frozen=True)
class Violation:
    """One broken rule: its name, and what broke it."""

    invariant: str
    message: str


Rule = Callable[[Progress, Entry], str | None]


def one_primary(progress: Progress, entry: Entry) -> str | None:
    """(1) A second database may accept writes only once the old one is fenced.

    A promotion's intent therefore needs, read *in this session*, either FENCE_PROVEN for the region it is made against,
    or FENCE_ASSERTED together with a valid approval that claims the isolation in so many words. Proofs of an earlier
    session do not count: between the sessions someone may have started the old database again. A switchover needs no
    fence: the two databases exchange roles by their own protocol and at no time both accept writes.
    """
    step = _intended(progress, entry, Effect.PROMOTE)
    if step is None:
        return None
    if not step.against:
        return f"step '{step.id}' promotes without naming the region to be fenced"
    if Proof(ProofKind.FENCE_PROVEN, step.against) in progress.proofs:
        return None
    if Proof(ProofKind.FENCE_ASSERTED, step.against) not in progress.proofs:
        return f"step '{step.id}' would promote {step.subject} while {step.against} is not fenced"
    claim = isolation_claim(step.against)
    if any(claim in approval.claims for approval in progress.valid_approvals(entry.time)):
        return None
    return f"step '{step.id}' would promote {step.subject} on an asserted fence that no valid approval claims ({claim})"


def name_follows_service(progress: Progress, entry: Entry) -> str | None:
    """(2) The name points only at a region that was read, in this session, as PRIMARY and ready.

    Undoing a cutover is a write of the same kind towards the old side, so the old side must satisfy the same; and after
    this run promoted or switched, the old side cannot be primary, so the cutover stays.
    """
    body = entry.body
    if not isinstance(body, Intent) or body.step not in progress.steps:
        return None
    step = progress.plan.step(body.step)
    if step.effect is not Effect.CUTOVER:
        return None
    target = step.against if body.undo else step.subject
    for kind in (ProofKind.PRIMARY, ProofKind.READY):
        if Proof(kind, target) not in progress.proofs:
            return f"step '{step.id}' would point the name at {target or 'no region'}, which is not proved {kind.value}"
    if body.undo and any(_changed_roles(progress, other) for other in progress.plan.steps):
        return f"step '{step.id}' cannot be undone: this run has moved the primary role"
    return None


def intent_first_and_once(progress: Progress, entry: Entry) -> str | None:
    """(3) No change without a journaled intent; no destructive change twice.

    An intent needs every earlier attempt's fate to be known: done (then there is no second), or found to have had no
    effect (RETRY). A result must answer the open intent; a DONE with no intent would be an unannounced change. What a
    session did not do itself it can only have observed. So between two intents of one destructive step there is always
    an entry saying that the first had no effect, and after one that took effect there is none.
    """
    body = entry.body
    if isinstance(body, Intent) and not body.undo:
        return _bad_intent(progress, body)
    if isinstance(body, Result) and not body.undo:
        return _bad_result(progress, body)
    if isinstance(body, Result) and progress.steps[body.step].undoing is None and body.attempt:
        return f"step '{body.step}' has an undo's result without its intent"
    return None


def _bad_intent(progress: Progress, intent: Intent) -> str | None:
    state, step = progress.steps[intent.step], progress.plan.step(intent.step)
    if step.kind is StepKind.READ:
        return f"step '{step.id}' only reads and has no intents"
    if state.open is not None:
        return f"step '{step.id}': what became of attempt {state.open.attempt} is not known"
    if step.kind is StepKind.DESTRUCTIVE and state.took_effect:
        return f"step '{step.id}' cannot be taken back and was done in this run already"
    if intent.attempt != state.attempts + 1:
        return f"step '{step.id}': attempt {intent.attempt} after {state.attempts}"
    return None


def _bad_result(progress: Progress, result: Result) -> str | None:
    state, step = progress.steps[result.step], progress.plan.step(result.step)
    status = result.outcome.status
    if status is Status.NEEDED:
        return f"step '{step.id}': 'needed' is not a result"
    if result.attempt == 0:
        return _bad_unattempted(state, step, status)
    if state.open is None or state.open.attempt != result.attempt:
        return f"step '{step.id}': attempt {result.attempt} has a result without an open intent"
    if not result.observed and (state.open_session != progress.session or state.result is not None):
        return f"step '{step.id}': attempt {result.attempt} can only be observed, not answered for"
    return None


def _bad_unattempted(state: StepProgress, step: Step, status: Status) -> str | None:
    if state.open is not None:
        return f"step '{step.id}': attempt {state.open.attempt} is open and was passed over"
    if status is Status.DONE and step.kind is not StepKind.READ:
        return f"step '{step.id}' was done without a journaled intent"
    return None


def restored_where_proven(progress: Progress, entry: Entry) -> str | None:
    """(3) A restore in place only to a time that was proven on a clone, since nothing brings the present back."""
    step = _intended(progress, entry, Effect.RESTORE)
    if step is None or Proof(ProofKind.RESTORE_POINT, step.subject) in progress.proofs:
        return None
    return f"step '{step.id}' would restore {step.subject} in place to a time that no clone has proven"


def retention_kept(progress: Progress, entry: Entry) -> str | None:
    """(4) Nothing is deleted whose retention was not read, in this session, to have ended."""
    step = _intended(progress, entry, Effect.DELETE)
    if step is None or Proof(ProofKind.RETENTION_ENDED, step.subject) in progress.proofs:
        return None
    return f"step '{step.id}' would delete {step.subject} before its retention is known to have ended"


def one_holder(progress: Progress, entry: Entry) -> str | None:
    """(5) Only the session that opened the run or took it over last extends it, so two operators never both act.

    Everyone else may approve, ask for an abort, or take the run over: entries that the holder adopts or stops at.
    """
    if isinstance(entry.body, Opened):
        return "a run is opened once"
    if isinstance(entry.body, Approved | AbortRequested | TakenOver) or entry.session == progress.session:
        return None
    return f"'{entry.body.kind}' by {entry.author.name}, but {progress.holder.name} holds the run"


def chained(progress: Progress, entry: Entry) -> str | None:
    """(5) Entries are numbered without gaps and each carries its predecessor's digest: none can be lost or changed."""
    if entry.run != progress.run:
        return f"entry of run {entry.run} in the journal of {progress.run}"
    if entry.number != progress.last.number + 1:
        return f"entry {entry.number} after {progress.last.number}"
    if entry.previous != progress.last.digest:
        return f"entry {entry.number} does not carry the digest of entry {progress.last.number}"
    return None


def closed_stays_closed(progress: Progress, entry: Entry) -> str | None:
    """(5) The closing entry is the last, so whoever reads it reads the end."""
    return f"the run is closed, '{entry.body.kind}' cannot follow" if progress.closed is not None else None


def closed_honestly(progress: Progress, entry: Entry) -> str | None:
    """(5) A run closes as done only when every step may be passed; whatever is unknown is named when it closes."""
    body = entry.body
    if not isinstance(body, Closed):
        return None
    unnamed = [step for step in progress.unresolved if step not in body.unknown]
    if unnamed:
        return f"the run would close in silence about {', '.join(unnamed)}"
    missing = [step.id for step in progress.plan.order if not progress.passable(step)]
    if body.ending is Ending.DONE and missing:
        return f"the run would close as done without {', '.join(missing)}"
    return None


def in_order(progress: Progress, entry: Entry) -> str | None:
    """(5) A step begins after everything it waits for: what a plan shows is what happens."""
    body = entry.body
    if not isinstance(body, Intent) or body.undo:
        return None
    waiting = [name for name in progress.plan.step(body.step).after if not progress.passable(progress.plan.step(name))]
    return f"step '{body.step}' would begin before {', '.join(waiting)}" if waiting else None


def gates_passed(progress: Progress, entry: Entry) -> str | None:
    """Nothing is changed while a gate has neither passed nor been waived by name and with a reason."""
    body = entry.body
    if isinstance(body, Waived) and not body.reason.strip():
        return f"gate '{body.gate}' would be waived without a reason"
    if isinstance(body, Intent) and not body.undo and progress.barred_by:
        return f"step '{body.step}' would pass the gate '{progress.barred_by[0].name}'"
    return None


def decided(progress: Progress, entry: Entry) -> str | None:
    """A step that needs a decision begins only under a valid approval by someone who is not the run's holder."""
    body = entry.body
    if isinstance(body, Judged):
        return _bad_judgement(progress, body, entry)
    began = (isinstance(body, Intent) and not body.undo) or (
        isinstance(body, Result) and body.attempt == 0 and body.outcome.status is Status.DONE
    )
    if not began or not isinstance(body, Intent | Result):
        return None
    decision = progress.plan.step(body.step).decision
    if decision is None or progress.approval_of(decision, entry.time) is not None:
        return None
    return f"step '{body.step}' would begin without a valid approval of '{decision}'"


def _bad_judgement(progress: Progress, judged: Judged, entry: Entry) -> str | None:
    signed = next((item for item in progress.signed if item.number == judged.number), None)
    if signed is None:
        return f"entry {judged.number} is no approval"
    if judged.accepted and not progress.may_count(signed, entry.time):
        return f"the approval in entry {judged.number} fits neither this run and plan nor this moment and holder"
    return None


_SECRET_NAME: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)|secret|private_key|api_key|credentials?|token)$", re.IGNORECASE
)
_SECRET_VALUE: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bSignature\s+(?:version|keyId|algorithm|headers)="
    r"|/p/[A-Za-z0-9_-]{20,}/n/"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,}"
    r"|://[^/\s:@]+:[^/\s@]+@"
    r"|\bIDENTIFIED\s+BY\b",
    re.IGNORECASE,
)


def no_secrets(progress: Progress, entry: Entry) -> str | None:
    """(6) No entry carries a secret: no field named like one, no key, signed header, token or bearer address."""
    del progress
    for path, name, value in _texts(entry.body.to_json()):
        if value and (_SECRET_NAME.search(name) or _SECRET_VALUE.search(value)):
            return f"the entry's field '{path}' looks like a secret"
    return None


def _texts(value: JSON, path: str = "", name: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}" if path else key, key)
    elif value is not None and not isinstance(value, bool | int | float):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]", name)


def measured_honestly(progress: Progress, entry: Entry) -> str | None:
    """(7) What was not measured has not passed, and a step that read a gate as not passed is not called done."""
    match entry.body:
        case Opened(plan=plan):
            gates: tuple[GateReading, ...] = plan.gates
        case Result(outcome=outcome, step=step):
            gates = outcome.gates
            failed = [gate.name for gate in gates if not gate.passed and gate.name not in progress.waived]
            if failed and outcome.status.settled:
                return f"step '{step}' would count as {outcome.status.value} though '{failed[0]}' did not pass"
        case _:
            return None
    for gate in gates:
        if gate.passed and gate.value is None and gate.limit is not None:
            return f"gate '{gate.name}' would pass without having been measured"
    return None


RULES: Final[Mapping[str, Rule]] = {
    rule.__name__.replace("_", "-"): rule
    for rule in (
        chained,
        closed_stays_closed,
        one_holder,
        in_order,
        one_primary,
        name_follows_service,
        intent_first_and_once,
        restored_where_proven,
        retention_kept,
        gates_passed,
        decided,
        closed_honestly,
        no_secrets,
        measured_honestly,
    )
}


def violations(progress: Progress, entry: Entry) -> tuple[Violation, ...]:
    """Every rule that ``entry`` would break as the next. Raises MalformedError when it names no step of the plan."""
    if isinstance(entry.body, Intent | Result) and entry.body.step not in progress.steps:
        raise MalformedError(f"run {progress.run}: entry {entry.number} names '{entry.body.step}', which is no step")
    found = ((name, rule(progress, entry)) for name, rule in RULES.items())
    return tuple(Violation(name, f"run {progress.run}: {message}") for name, message in found if message is not None)


def check(progress: Progress | None, entry: Entry) -> None:
    """Raises InvariantError when ``entry`` must not be written; ``progress`` None: it is the run's first."""
    found = violations(progress, entry) if progress is not None else _opening_violations(entry)
    for violation in found:
        raise InvariantError(violation.invariant, violation.message)


def check_journal(entries: Iterable[Entry]) -> tuple[Violation, ...]:
    """Every rule that a journal breaks anywhere, in order. Raises MalformedError when it cannot be read as one."""
    found: list[Violation] = []
    progress: Progress | None = None
    for entry in entries:
        found.extend(_opening_violations(entry) if progress is None else violations(progress, entry))
        progress = Progress.begin(entry) if progress is None else progress.with_entry(entry)
    return tuple(found)


def _opening_violations(entry: Entry) -> tuple[Violation, ...]:
    progress = Progress.begin(entry)
    found = [
        Violation(name, message)
        for name in ("no-secrets", "measured-honestly")
        if (message := RULES[name](progress, entry))
    ]
    if entry.number != 1 or entry.previous:
        found.append(Violation("chained", f"run {entry.run} begins with entry {entry.number}"))
    return tuple(found)


def _intended(progress: Progress, entry: Entry, effect: Effect) -> Step | None:
    """The step that the entry announces to do (not undo), if it has this effect."""
    body = entry.body
    if not isinstance(body, Intent) or body.undo:
        return None
    step = progress.plan.step(body.step)
    return step if step.effect is effect else None


def _changed_roles(progress: Progress, step: Step) -> bool:
    state = progress.steps[step.id]
    return step.effect in {Effect.PROMOTE, Effect.SWITCHOVER} and (state.took_effect or state.open is not None)
