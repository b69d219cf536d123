"""A runner over stores in a directory, a fast world clock, people with keys, and actions that follow a script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fittrack_dr.domain import Action, Approval, Context, Outcome, Person, Plan, RecoveryState, Status, Step
from fittrack_dr.domain.entries import Approved, Entry
from fittrack_dr.runner.approval import sign
from fittrack_dr.runner.clock import AnchorClock
from fittrack_dr.runner.commands import Leave
from fittrack_dr.runner.directory import DirectoryJournalStore, DirectoryStateStore
from fittrack_dr.runner.journal import Author, Journal, read_entries
from fittrack_dr.runner.session import Runner, is_open, submit
from fittrack_dr.runner.state import Claims
from tests.crash.memory import ALLOWED, FINGERPRINT, KEY, LEAD, ONCALL, KnownPeople

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INITIAL = RecoveryState("us-ashburn-1", {"prod": "active", "dr": "pilot-light"}, epoch=1)


def write_clock(path: Path, *, rate: float, world: datetime = START) -> None:
    """An anchor whose world time begins now."""
    import time

    new = path.with_suffix(".new")
    new.write_text(f'{{"wall": {time.time()}, "world": "{world.isoformat()}", "rate": {rate}}}')
    new.replace(path)


class Scripted:
    """An action that answers from lists, the last answer for ever; it counts its calls as (phase, step)."""

    def __init__(
        self,
        *,
        observe: list[Outcome] | None = None,
        run: list[Outcome | Exception | Callable[[Context], Outcome]] | None = None,
        verify: list[Outcome] | None = None,
        undo: Outcome | None = None,
    ) -> None:
        self._answers: dict[str, list[Outcome | Exception | Callable[[Context], Outcome]]] = {
            "observe": list(observe or [Outcome(Status.NEEDED, "not so")]),
            "run": run or [Outcome(Status.DONE, "accepted")],
            "verify": list(verify or [Outcome(Status.DONE, "so")]),
        }
        self._undo = undo
        self.calls: list[str] = []
        self.contexts: list[Context] = []

    def observe(self, step: Step, context: Context) -> Outcome:
        return self._answer("observe", context)

    def run(self, step: Step, context: Context) -> Outcome:
        return self._answer("run", context)

    def verify(self, step: Step, context: Context) -> Outcome:
        return self._answer("verify", context)

    def undo(self, step: Step, context: Context) -> Outcome | None:
        self.calls.append("undo")
        return self._undo

    def _answer(self, phase: str, context: Context) -> Outcome:
        self.calls.append(phase)
        self.contexts.append(context)
        answers = self._answers[phase]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Outcome) else answer(context)


@dataclass
class Bench:
    """Everything around one run, in ``root``."""

    root: Path
    rate: float = 2000.0
    lines: list[str] = field(default_factory=list[str])
    gates: frozenset[str] = frozenset({"peer-lag"})

    def __post_init__(self) -> None:
        self.anchor = self.root / "clock.json"
        write_clock(self.anchor, rate=self.rate)
        self.clock = AnchorClock(self.anchor)
        self.store = DirectoryJournalStore(self.root)
        self.states = DirectoryStateStore(self.root)
        self.identities = KnownPeople()
        self.key_file = self.root / "lead.pem"
        self.key_file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        self.changed = threading.Condition()

    def runner(self, operator: Person = ONCALL, policy_digest: str = "0" * 64) -> Runner:
        return Runner(
            store=self.store,
            claims=Claims(self.states, INITIAL, partial(is_open, self.store)),
            clock=self.clock,
            identities=self.identities,
            allowed=ALLOWED,
            operator=operator,
            policy_digest=policy_digest,
            version="0",
            gates=self.gates,
            say=self.say,
            rehearsal=True,
        )

    def say(self, line: str) -> None:
        with self.changed:
            self.lines.append(line)
            self.changed.notify_all()

    def start(self, plan: Plan, actions: Mapping[str, Action], **options: Mapping[str, str]) -> Leave:
        return self.runner().start(plan, actions, replan=lambda: plan, **options)

    def await_line(self, text: str, seconds: float = 20.0) -> None:
        """Wait until a line with ``text`` was said."""
        with self.changed:
            assert self.changed.wait_for(lambda: any(text in line for line in self.lines), seconds), self.lines

    @property
    def run(self) -> str:
        """The only run's id."""
        (run,) = self.store.list_runs()
        return run

    def entries(self) -> tuple[Entry, ...]:
        return read_entries(self.store, self.run)

    def kinds(self) -> list[str]:
        return [entry.body.kind for entry in self.entries()]

    def journal(self, person: Person) -> Journal:
        return Journal.load(self.store, self.clock, Author.of(person), self.run)

    def approve(self, approver: Person = LEAD, decision: str = "region-failover", claims: tuple[str, ...] = ()) -> None:
        """What another person's ``fittrack-dr approve`` does."""
        journal = self.journal(approver)
        now = self.clock.now()
        approval = Approval(
            run=self.run,
            plan_digest=journal.progress.plan.digest,
            decision=decision,
            approver=approver.user,
            fingerprint=FINGERPRINT,
            claims=claims,
            issued=now,
            expires=now + timedelta(hours=12),
        )
        submit(journal, Approved(sign(approval, self.key_file)))
