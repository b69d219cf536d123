"""One pure world with its journal store and clock, and the people around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from fittrack_dr.domain import Person
from fittrack_dr.errors import ExitCode
from fittrack_dr.runner.journal import Journal
from tests.crash.checker import problems
from tests.crash.driver import Session, approve_when_asked, begin, take_over
from tests.crash.memory import LEAD, ONCALL, MemoryJournalStore, VirtualClock
from tests.crash.pure import NEW, PureWorld, failover_actions, failover_plan


def first(count: int) -> int:
    """Of several possible commands, the first."""
    del count
    return 0


@dataclass
class Stage:
    """A world before its failover."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    store: MemoryJournalStore = field(default_factory=MemoryJournalStore)
    choose: Callable[[int], int] = first

    def __post_init__(self) -> None:
        self.world = PureWorld(self.clock)

    def session(self, journal: Journal) -> Session:
        return Session(journal, failover_actions(self.world), self.clock, self.choose)

    def open(self, person: Person = ONCALL) -> Session:
        return self.session(begin(self.store, self.clock, person, failover_plan()))

    def resume(self, person: Person = ONCALL) -> Session:
        return self.session(take_over(self.store, self.clock, person))

    def work(self, session: Session, events: int) -> int:
        """Let a session work for so many events, then forget it as a crash does; how many there were."""
        return sum(1 for _ in islice(self._attended(session), events))

    def _attended(self, session: Session) -> Iterator[str]:
        for event in session.events():
            yield event
            if session.journal.progress.holder != LEAD:
                approve_when_asked(session, self.store)

    def assert_recovered(self, session: Session) -> None:
        assert session.leave is not None
        assert session.leave.exit_code is ExitCode.DONE, session.leave
        assert (self.world.name, self.world.active, self.world.roles[NEW]) == (NEW, NEW, "PRIMARY")
        assert problems(session.journal.entries, self.world.facts) == ()
