"""Beginning, resuming and aborting runs: what surrounds the executor.

A run is begun only when every gate has passed or was waived by name, nobody else holds the recovery, and the plan made
just now has the digest of the plan that was shown. Until the first entry is written nothing has been changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fittrack_dr.domain.entries import (
    AbortRequested,
    Approved,
    Closed,
    Ending,
    Entry,
    Noted,
    Opened,
    Person,
    TakenOver,
    Waived,
)
from fittrack_dr.domain.plan import Plan
from fittrack_dr.domain.protocols import Action, Clock, Identities, JournalStore
from fittrack_dr.errors import ConfigError, RefusedError
from fittrack_dr.runner.approval import Deciders
from fittrack_dr.runner.commands import EXIT_CODES, Leave
from fittrack_dr.runner.executor import Executor
from fittrack_dr.runner.journal import Author, Journal
from fittrack_dr.runner.narration import narrate
from fittrack_dr.runner.state import Claims


@dataclass(frozen=True)
class Runner:
    """Everything a run needs besides its plan.

    ``operator`` is who runs it, ``gates`` the names of all gates there are, ``say`` gets the lines for people.
    """

    store: JournalStore
    claims: Claims
    clock: Clock
    identities: Identities
    allowed: Deciders
    operator: Person
    policy_digest: str
    version: str
    gates: frozenset[str]
    say: Callable[[str], None]
    rehearsal: bool = False

    def start(
        self,
        plan: Plan,
        actions: Mapping[str, Action],
        *,
        replan: Callable[[], Plan],
        waivers: Mapping[str, str] | None = None,
    ) -> Leave:
        """Open a run of ``plan`` and work on it.

        ``waivers`` maps the names of gates to the reasons for overriding them. Raises RefusedError, with nothing
        changed, when a gate bars the plan, another run holds the recovery, or ``replan()`` gives another digest.
        """
        waived = dict(waivers or {})
        self.claims.check()
        refuse_changed(plan, current := replan())
        refuse_barred(current, waived, self.gates)
        refuse_unknown(current, actions)
        run = new_run_id(self.clock.now(), plan.procedure)
        opened = Opened(current, self.policy_digest, self.rehearsal, self.version)
        author = Author.of(self.operator)
        journal = Journal.create(self.store, self.clock, author, run, opened)
        self.say(f"run {run} is open; plan {plan.digest}")
        try:
            self.claims.take(run)
        except RefusedError as error:
            journal.append(Closed(Ending.REFUSED, str(error)))
            raise
        passed = {gate.name for gate in current.gates if gate.passed}
        for name in sorted(set(waived) - passed):
            self._tell(journal, Waived(name, waived[name]))
        return self._work(journal, actions)

    def resume(
        self,
        run: str,
        actions: Callable[[Plan], Mapping[str, Action]],
        *,
        takeover: bool = False,
        waivers: Mapping[str, str] | None = None,
    ) -> Leave:
        """Go on with a run that was left or crashed. A closed run is reported as it ended.

        Raises RefusedError when someone else holds it and ``takeover`` was not said, or another run the recovery.
        """
        journal = Journal.load(self.store, self.clock, Author.of(self.operator), run)
        progress = journal.progress
        if progress.closed is not None:
            self.claims.release(run)
            closed = progress.closed
            return Leave(EXIT_CODES[closed.ending], f"the run is closed: {closed.detail}", closed.next_action)
        if progress.holder.user != self.operator.user and not takeover:
            raise RefusedError(
                f"{progress.holder.name} holds run {run} (last entry {progress.last.time:%Y-%m-%d %H:%M:%S}Z); "
                "make sure that their program has stopped, then add --takeover"
            )
        known = actions(progress.plan)
        refuse_waivers(waivers or {}, self.gates)
        refuse_unknown(progress.plan, known)
        self.claims.take(run)
        self._tell(journal, TakenOver(f"resumed after entry {progress.last.number}"))
        for gate, reason in (waivers or {}).items():
            self._tell(journal, Waived(gate, reason))
        if progress.opened.policy_digest != self.policy_digest:
            self._tell(journal, Noted("recovery.yaml has changed since the run was opened; its plan has not"))
        return self._work(journal, known)

    def _tell(self, journal: Journal, body: TakenOver | Waived | Noted) -> None:
        """Write an entry, and say it together with what others have written meanwhile."""
        known = len(journal.entries)
        _append(journal, body)
        for entry in journal.entries[known:]:
            self.say(narrate(journal.progress, entry))

    def _work(self, journal: Journal, actions: Mapping[str, Action]) -> Leave:
        executor = Executor(journal, actions, self.clock, self.identities, self.allowed, say=self.say)
        leave = executor.run()
        if journal.progress.closed is not None:
            self.claims.release(journal.progress.run)
        return leave


def new_run_id(now: datetime, procedure: str) -> str:
    """Sorts by time, names the procedure, and is unique without asking anyone."""
    return f"{now:%Y%m%dT%H%M%SZ}-{procedure}-{secrets.token_hex(3)}"


def is_open(store: JournalStore, run: str) -> bool:
    """Whether a run that claims the recovery may still be worked on.

    The claim follows the first entry, so a run that this store does not know is kept somewhere else: it counts as open.
    """
    numbers = store.numbers(run)
    last = store.read(run, numbers[-1]) if numbers else None
    return last is None or not isinstance(Entry.decode(last, f"the last entry of run {run}").body, Closed)


def request_abort(journal: Journal, reason: str) -> None:
    """Ask the run's holder to stop. Raises RefusedError for a run that is closed."""
    if journal.progress.closed is not None:
        ending = journal.progress.closed.ending.value
        raise RefusedError(f"run {journal.progress.run} is closed already ({ending})")
    _append(journal, AbortRequested(reason))


def submit(journal: Journal, approval: Approved) -> None:
    """Write a signed approval into the run. Raises RefusedError for a run that is closed."""
    _append(journal, approval)


def refuse_waivers(waived: Mapping[str, str], gates: frozenset[str]) -> None:
    """Raises ConfigError for a waiver of a gate that does not exist, or without a reason."""
    for name, reason in sorted(waived.items()):
        if name not in gates:
            raise ConfigError(f"--force {name}: there is no such gate; the gates: {', '.join(sorted(gates)) or 'none'}")
        if not reason.strip():
            raise ConfigError(f"--force {name} needs --reason: it is kept in the journal")


def refuse_barred(plan: Plan, waived: Mapping[str, str], gates: frozenset[str]) -> None:
    """Raises RefusedError naming every gate that bars the plan, ConfigError as ``refuse_waivers`` does."""
    refuse_waivers(waived, gates | {gate.name for gate in plan.gates})
    barred = [gate for gate in plan.gates if not gate.passed and gate.name not in waived]
    if barred:
        said = "; ".join(f"{gate.name}: {gate.reading}: {gate.detail}" for gate in barred)
        raise RefusedError(f"{said}; nothing was changed; to override one: --force NAME --reason '...'")


def refuse_unknown(plan: Plan, actions: Mapping[str, Action]) -> None:
    """Raises RefusedError for a plan, such as an older journal's, with steps that this version cannot carry out."""
    missing = sorted({step.action for step in plan.steps} - set(actions))
    if missing:
        raise RefusedError(f"this version does not know the plan's actions {', '.join(missing)}; nothing was changed")


def refuse_changed(shown: Plan, current: Plan) -> None:
    """Raises RefusedError when the plan made just now is not the one that was shown and confirmed."""
    if shown.digest != current.digest:
        raise RefusedError(
            f"the situation is not what the plan was made for (digest {shown.digest[:12]}, now {current.digest[:12]}); "
            "look at the new plan; nothing was changed"
        )


def _append(journal: Journal, body: Approved | AbortRequested | TakenOver | Waived | Noted) -> None:
    """Write an entry that holds whatever others have written meanwhile."""
    while not journal.append(body):
        pass
