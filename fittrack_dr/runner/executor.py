"""Carries out what the machine says: a thread per running phase, one thread for the journal and all decisions.

Synchronous and without shared state: a phase is handed frozen data and hands back an outcome through a queue; only the
thread that called ``run`` reads it, writes entries and asks the machine again.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fittrack_dr.domain.entries import Body, Judged, Result
from fittrack_dr.domain.outcome import Outcome, Status
from fittrack_dr.domain.plan import Step, StepKind
from fittrack_dr.domain.protocols import Action, Clock, Context, Identities, StoppedError
from fittrack_dr.errors import ExitCode, FittrackError, OutcomeUnknownError, RefusedError, RetryableError
from fittrack_dr.runner.approval import Deciders, judge
from fittrack_dr.runner.clock import REREAD_SECONDS
from fittrack_dr.runner.commands import Call, Check, Command, Leave, Phase, Seen, Wait, Write
from fittrack_dr.runner.ending import halted
from fittrack_dr.runner.journal import Journal
from fittrack_dr.runner.machine import check_key, next_actions
from fittrack_dr.runner.narration import narrate

POLL_SECONDS: Final = 1.0
"""Wall time between looks at the journal for what others have written."""
ASKING_POLL_SECONDS: Final = 0.25
"""The same while an approval is waited for."""
RECHECK_SECONDS: Final = 5.0
RECHECKS: Final = 12
"""How often, and after how much world time, IAM is asked again about an approval that it could not be asked about."""

ANSWERS: Final[Mapping[Phase, frozenset[Status]]] = {
    Phase.OBSERVE: frozenset(Status),
    Phase.RUN: frozenset(Status) - {Status.NEEDED},
    Phase.VERIFY: frozenset(Status) - {Status.NEEDED, Status.SKIPPED, Status.REFUSED},
    Phase.UNDO: frozenset(Status) - {Status.NEEDED},
}
"""What each phase may answer; anything else is a defect of the scenario."""


Answer = Outcome | Judged | None


@dataclass(frozen=True)
class _Running:
    """A phase in its thread, and the event that asks it to leave."""

    future: Future[Answer]
    after: int
    since: datetime
    stop: threading.Event
    phase: Phase | None = None


class Executor:
    """One session's work on one run. ``say`` gets the lines for people, from any thread, one at a time."""

    def __init__(
        self,
        journal: Journal,
        actions: Mapping[str, Action],
        clock: Clock,
        identities: Identities,
        allowed: Deciders,
        *,
        say: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._actions = actions
        self._clock = clock
        self._identities = identities
        self._allowed = allowed
        self._lock = threading.Lock()
        self._write_line = say
        self._seen: dict[str, Seen] = {}
        self._running: dict[str, _Running] = {}
        self._finished: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._next_poll = time.monotonic()
        self._deaf = False
        self._now = clock.now()
        """The moment of the latest decision; the entries it leads to carry it."""

    def run(self) -> Leave:
        """Work until the run is closed or has to be left.

        A keyboard interrupt begins nothing new, journals what has ended and leaves the run to be resumed. Raises
        LostRunError when another session took the run over, FittrackError when the journal cannot be written.
        """
        with ThreadPoolExecutor(len(self._journal.progress.plan.steps) + 1, thread_name_prefix="step") as pool:
            try:
                while True:
                    self._poll()
                    commands = self._next()
                    leave = self._carry_out(commands, pool)
                    if leave is not None:
                        return leave
                    if not any(isinstance(command, Write) for command in commands):
                        self._await(waiting=any(isinstance(command, Wait) for command in commands))
            except KeyboardInterrupt:
                return self._interrupted()
            finally:
                self._stop_all()

    def _next(self) -> tuple[Command, ...]:
        self._now = self._clock.now()
        return next_actions(self._journal.progress, self._seen, frozenset(self._running), self._now)

    def _carry_out(self, commands: tuple[Command, ...], pool: ThreadPoolExecutor) -> Leave | None:
        """One entry, if there is one to write: it may change all the rest. Otherwise everything there is to begin."""
        for command in commands:
            if isinstance(command, Leave):
                return command
            if isinstance(command, Write):
                self._write(command.body)
                return None
        for command in commands:
            if isinstance(command, Call):
                self._call(command, pool)
            elif isinstance(command, Check):
                self._check(command, pool)
        return None

    def _write(self, body: Body) -> None:
        known = len(self._journal.entries)
        self._journal.append(body, at=self._now)
        self._narrate(known)

    def _poll(self) -> None:
        """Adopt approvals and requests to abort. A journal that cannot be read just now is read at the next poll."""
        if time.monotonic() < self._next_poll:
            return
        progress = self._journal.progress
        asking = any(progress.approval_of(decision, self._now) is None for decision in progress.asked)
        self._next_poll = time.monotonic() + (ASKING_POLL_SECONDS if asking else POLL_SECONDS)
        known = len(self._journal.entries)
        try:
            self._journal.refresh()
            self._deaf = False
        except (RetryableError, OutcomeUnknownError) as error:
            if not self._deaf:
                self._say(f"the journal cannot be read just now: {error}")
            self._deaf = True
        self._narrate(known)

    def _narrate(self, known: int) -> None:
        for entry in self._journal.entries[known:]:
            self._say(narrate(self._journal.progress, entry))
        if halted(self._journal.progress) is not None:
            self._stop_idle()

    def _call(self, call: Call, pool: ThreadPoolExecutor) -> None:
        step = self._journal.progress.plan.step(call.step)
        if call.phase is Phase.RUN and step.kind is StepKind.DESTRUCTIVE:
            # A session that slept through a takeover must learn of it before it does what cannot be taken back.
            self._journal.refresh()
        progress, before, now = self._journal.progress, self._seen.get(call.step), self._clock.now()
        since = now if before is None or call.restart else before.since
        stop = threading.Event()
        results = {name: state.result.outcome for name, state in progress.steps.items() if state.result is not None}
        context = Context(
            clock=self._clock,
            run_id=progress.run,
            results=results,
            approvals=progress.valid_approvals(now),
            waived=progress.waived,
            deadline=since + step.deadline,
            say=lambda text: self._say(f"{step.id}: {text}"),
            stop=stop,
        )

        def work() -> Answer:
            return perform(self._actions[step.action], call.phase, step, context)

        self._track(step.id, _Running(pool.submit(work), progress.last.number, since, stop, call.phase))

    def _check(self, check: Check, pool: ThreadPoolExecutor) -> None:
        progress, now = self._journal.progress, self._clock.now()
        signed = next(item for item in progress.signed if item.number == check.number)

        stop = threading.Event()

        def examine() -> Answer:
            reason = ""
            for _ in range(RECHECKS):
                try:
                    return judge(progress, signed, self._identities, self._allowed, now)
                except FittrackError as error:
                    reason = f"IAM cannot be asked about it: {error}"
                self._say(f"the approval in entry {check.number} cannot be checked yet: {reason}")
                self._clock.sleep(RECHECK_SECONDS, stop)
                if stop.is_set():
                    return None
            return Judged(check.number, accepted=False, reason=reason)

        self._track(check_key(check.number), _Running(pool.submit(examine), progress.last.number, now, stop))

    def _track(self, key: str, running: _Running) -> None:
        self._running[key] = running
        running.future.add_done_callback(lambda _: self._finished.put(key))

    def _await(self, *, waiting: bool) -> None:
        """Sleep until a phase ends, the next poll is due, or (when a moment is waited for) the clock may have moved."""
        pause = self._next_poll - time.monotonic()
        if waiting:
            pause = min(pause, REREAD_SECONDS)
        try:
            self._take(self._finished.get(timeout=max(pause, 0.0)))
            while True:
                self._take(self._finished.get_nowait())
        except queue.Empty:
            return

    def _take(self, key: str) -> None:
        """Keep what a phase answered. A defect in an action is raised here, in the thread that called ``run``."""
        running = self._running.pop(key)
        answer = running.future.result()
        if isinstance(answer, Judged):
            self._judged(answer)
        elif isinstance(answer, Outcome) and running.phase is not None:
            self._seen[key] = Seen(running.phase, answer, running.after, running.since, self._clock.now())

    def _judged(self, answer: Judged) -> None:
        """Journal what the examination gave, unless the approval ran out meanwhile: then the machine says so."""
        self._now = self._clock.now()
        signed = next(item for item in self._journal.progress.signed if item.number == answer.number)
        if not answer.accepted or self._journal.progress.may_count(signed, self._now):
            self._write(answer)

    def _stop_idle(self) -> None:
        """The run begins nothing new: whoever only looks may leave; what changes the world is let finish."""
        aborted = self._journal.progress.abort is not None
        for key, running in self._running.items():
            state = self._journal.progress.steps.get(key)
            if aborted or state is None or (state.open is None and state.undoing is None):
                running.stop.set()

    def _stop_all(self) -> None:
        for running in self._running.values():
            running.stop.set()

    def _interrupted(self) -> Leave:
        """Wait for the phases, journal what has ended for good, begin nothing."""
        self._say("interrupted: waiting for what is under way")
        self._stop_all()
        while self._running:
            self._take(self._finished.get())
        while True:
            results = [item for item in self._next() if isinstance(item, Write) and isinstance(item.body, Result)]
            if not results:
                break
            self._write(results[0].body)
        run = self._journal.progress.run
        return Leave(
            ExitCode.ABORTED, f"run {run} was interrupted and is open", f"fittrack-dr runs resume {run} --apply"
        )

    def _say(self, text: str) -> None:
        with self._lock:
            self._write_line(text)


def perform(action: Action, phase: Phase, step: Step, context: Context) -> Outcome:
    """One phase, its errors turned into outcomes. Raises TypeError for an answer that the phase must not give."""
    try:
        outcome = _invoke(action, phase, step, context)
    except StoppedError:
        return Outcome(Status.UNKNOWN, f"asked to stop during {phase.value}")
    except RetryableError as error:
        return Outcome(Status.RETRY, str(error), delay=error.delay)
    except RefusedError as error:
        return Outcome(Status.REFUSED if phase is not Phase.VERIFY else Status.FAILED, str(error))
    except OutcomeUnknownError as error:
        return Outcome(Status.UNKNOWN, str(error))
    except FittrackError as error:
        return Outcome(Status.UNKNOWN if phase is Phase.OBSERVE else Status.FAILED, str(error))
    if outcome.status not in ANSWERS[phase]:
        raise TypeError(f"action '{step.action}' answered '{outcome.status.value}' to {phase.value}")
    return outcome


def _invoke(action: Action, phase: Phase, step: Step, context: Context) -> Outcome:
    match phase:
        case Phase.OBSERVE:
            return action.observe(step, context)
        case Phase.RUN:
            return action.run(step, context)
        case Phase.VERIFY:
            return action.verify(step, context)
        case Phase.UNDO:
            return action.undo(step, context) or Outcome(Status.SKIPPED, "nothing is taken back")
