"""A session in one thread and virtual time: the executor's loop over the same machine, stoppable after every event.

An event is anything after which a process may die: an entry written, a phase done but its answer not yet kept, an
answer kept, a wait over.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from fittrack_dr.domain import Action, Approval, Person, Plan, StepKind, isolation_claim
from fittrack_dr.domain.entries import AbortRequested, Approved, Intent, Opened, TakenOver
from fittrack_dr.domain.protocols import Context, JournalStore
from fittrack_dr.runner.approval import judge
from fittrack_dr.runner.commands import Call, Check, Command, Leave, Phase, Seen, Wait, Write
from fittrack_dr.runner.executor import perform
from fittrack_dr.runner.journal import Author, Journal
from fittrack_dr.runner.machine import next_actions
from tests.crash.memory import ALLOWED, FINGERPRINT, KEY, LEAD, KnownPeople, VirtualClock
from tests.crash.pure import DECISION, OLD

RUN = "20260301T120000Z-region-failover-000000"
PEOPLE = KnownPeople()


class Session:
    """One operator's process. ``choose`` picks which of several possible commands is next (the first, by default)."""

    def __init__(
        self,
        journal: Journal,
        actions: Mapping[str, Action],
        clock: VirtualClock,
        choose: Callable[[int], int] = lambda count: 0,
    ) -> None:
        self.journal = journal
        self.actions = actions
        self.clock = clock
        self.choose = choose
        self.seen: dict[str, Seen] = {}
        self.leave: Leave | None = None

    def events(self) -> Iterator[str]:
        """Work until the run is left, naming each event. Raises LostRunError when another session took over."""
        while self.leave is None:
            self.journal.refresh()
            commands = next_actions(self.journal.progress, self.seen, frozenset(), self.clock.now())
            yield from self._carry_out(commands)

    def _carry_out(self, commands: tuple[Command, ...]) -> Iterator[str]:
        writes = [command for command in commands if isinstance(command, Write)]
        works = [command for command in commands if isinstance(command, Call | Check)]
        waits = [command.until for command in commands if isinstance(command, Wait)]
        if leave := next((command for command in commands if isinstance(command, Leave)), None):
            self.leave = leave
        elif writes:
            body = writes[self.choose(len(writes))].body
            self.journal.append(body, at=self.clock.now())
            yield f"wrote {body.kind}"
        elif works:
            yield from self._work(works[self.choose(len(works))])
        else:
            self.clock.until(min(waits))
            yield "waited"

    def _work(self, command: Call | Check) -> Iterator[str]:
        progress, now = self.journal.progress, self.clock.now()
        if isinstance(command, Check):
            signed = next(item for item in progress.signed if item.number == command.number)
            self.journal.append(judge(progress, signed, PEOPLE, ALLOWED, now), at=now)
            yield "judged"
            return
        step = progress.plan.step(command.step)
        if command.phase is Phase.RUN and step.kind is StepKind.DESTRUCTIVE:
            self.journal.refresh()
        before = self.seen.get(step.id)
        since = now if before is None or command.restart else before.since
        outcome = perform(self.actions[step.action], command.phase, step, self._context(since + step.deadline))
        yield f"did {step.id} {command.phase.value}"
        self.seen[step.id] = Seen(command.phase, outcome, progress.last.number, since, self.clock.now())
        yield f"saw {step.id} {command.phase.value}"

    def _context(self, deadline: datetime) -> Context:
        progress = self.journal.progress
        return Context(
            clock=self.clock,
            run_id=progress.run,
            results={name: state.result.outcome for name, state in progress.steps.items() if state.result is not None},
            approvals=progress.valid_approvals(self.clock.now()),
            waived=progress.waived,
            deadline=deadline,
            say=lambda text: None,
        )


def begin(store: JournalStore, clock: VirtualClock, person: Person, plan: Plan) -> Journal:
    opened = Opened(plan, policy_digest="0" * 64, rehearsal=True, version="0")
    return Journal.create(store, clock, Author.of(person), RUN, opened)


def take_over(store: JournalStore, clock: VirtualClock, person: Person) -> Journal:
    """What ``runs resume`` does before it hands over to the executor."""
    journal = Journal.load(store, clock, Author.of(person), RUN)
    while journal.progress.closed is None and not journal.append(TakenOver("resumed")):
        pass
    return journal


def approve(
    store: JournalStore,
    clock: VirtualClock,
    approver: Person = LEAD,
    *,
    validity: timedelta = timedelta(hours=1),
    claims: tuple[str, ...] = (isolation_claim(OLD),),
) -> None:
    """Another person's ``fittrack-dr approve``, written whether it will count or not."""
    journal = Journal.load(store, clock, Author.of(approver), RUN)
    if journal.progress.closed is not None:
        return
    approval = Approval(
        run=RUN,
        plan_digest=journal.progress.plan.digest,
        decision=DECISION,
        approver=approver.user,
        fingerprint=FINGERPRINT,
        claims=claims,
        issued=clock.now(),
        expires=clock.now() + validity,
    )
    signature = base64.b64encode(KEY.sign(approval.signed_bytes(), PKCS1v15(), SHA256())).decode()
    while not journal.append(Approved(approval.with_signature(signature))):
        pass


def abort(store: JournalStore, clock: VirtualClock, person: Person) -> None:
    journal = Journal.load(store, clock, Author.of(person), RUN)
    while journal.progress.closed is None and not journal.append(AbortRequested("enough")):
        pass


def approve_when_asked(session: Session, store: JournalStore, approver: Person = LEAD) -> None:
    """The platform lead answers at once whatever the run asks for and has no valid answer to."""
    progress = session.journal.progress
    if (
        progress.asked
        and not progress.unexamined(DECISION, session.clock.now())
        and progress.approval_of(DECISION, session.clock.now()) is None
    ):
        approve(store, session.clock, approver)


def finish(session: Session, store: JournalStore, *, approver: Person | None = LEAD, limit: int = 2000) -> list[str]:
    """Work to the end, with an approver at hand; the events on the way. Fails the test when there is no end."""
    events: list[str] = []
    for event in session.events():
        events.append(event)
        assert len(events) < limit, f"no end in sight: {events[-20:]}"
        if approver is not None and approver != session.journal.progress.holder:
            approve_when_asked(session, store, approver)
    return events


def intents(journal: Journal, step: str) -> int:
    return sum(isinstance(entry.body, Intent) and entry.body.step == step for entry in journal.entries)
