"""One run's journal: numbered write-once entries, chained by digest, extended by one holder at a time.

Claiming the next number is the lock. Whoever loses it reads what the winner wrote: an approval or a request to abort is
adopted, everything else means that someone else holds the run, and this session stops before it does anything more.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from fittrack_dr.domain import invariants
from fittrack_dr.domain.entries import AbortRequested, Approved, Body, Entry, Person
from fittrack_dr.domain.progress import Progress
from fittrack_dr.domain.protocols import Clock, JournalStore
from fittrack_dr.domain.values import MalformedError
from fittrack_dr.errors import ConfigError, OutcomeUnknownError, RefusedError, RetryableError

WRITE_TRIES = 6
"""How often a write that the store put off, or whose answer was lost, is sent again."""
WRITE_DELAY = 2.0
"""World seconds before the next try after a lost answer."""


class LostRunError(RefusedError):
    """Another session took the run over: this one has stopped, and what it had begun the other one observes."""


@dataclass(frozen=True)
class Author:
    """Who writes: a person, in one process. Two processes of one person are two sessions."""

    person: Person
    session: str

    @classmethod
    def of(cls, person: Person) -> Author:
        return cls(person, secrets.token_hex(8))


class Journal:
    """A run as this process knows it. Used from one thread only."""

    def __init__(self, store: JournalStore, clock: Clock, author: Author, entries: Iterable[Entry]) -> None:
        self._store = store
        self._clock = clock
        self.author = author
        self.entries = list(entries)
        self.progress = Progress.of(self.entries)

    @classmethod
    def create(cls, store: JournalStore, clock: Clock, author: Author, run: str, body: Body) -> Journal:
        """Open a new run. Raises RefusedError when the id is taken, InvariantError for a plan that must not be kept."""
        entry = Entry(run, 1, "", clock.now(), author.person, author.session, body)
        invariants.check(None, entry)
        if not _claim(store, clock, entry):
            raise RefusedError(f"run {run} exists already; begin another")
        return cls(store, clock, author, [entry])

    @classmethod
    def load(cls, store: JournalStore, clock: Clock, author: Author, run: str) -> Journal:
        """Read a whole run. Raises ConfigError for an unknown one, MalformedError for a damaged one."""
        return cls(store, clock, author, read_entries(store, run))

    def append(self, body: Body, at: datetime | None = None) -> bool:
        """Write the next entry, decided at the world time ``at`` (now, when not given).

        False when someone else's approval or abort came first: it was adopted, and the caller has to decide anew.
        Raises InvariantError for an entry that must not be, LostRunError when someone else holds the run.
        """
        number = self.progress.last.number + 1
        entry = Entry(
            self.progress.run,
            number,
            self.progress.last.digest,
            at or self._clock.now(),
            self.author.person,
            self.author.session,
            body,
        )
        invariants.check(self.progress, entry)
        if _claim(self._store, self._clock, entry):
            self._take(entry)
            return True
        if not self.refresh():
            raise MalformedError(f"run {entry.run}: entry {number} is taken but cannot be read")
        return False

    def refresh(self) -> tuple[Entry, ...]:
        """Adopt what others have written meanwhile and return it. Raises LostRunError when it is more than words."""
        held = self.progress.session == self.author.session
        adopted: list[Entry] = []
        while (data := self._store.read(self.progress.run, self.progress.last.number + 1)) is not None:
            entry = Entry.decode(data, _where(self.progress.run, self.progress.last.number + 1))
            _judge(self.progress, entry)
            self._take(entry)
            adopted.append(entry)
            ours = entry.session == self.author.session  # an interrupt may fall between writing and remembering
            if held and not ours and not isinstance(entry.body, Approved | AbortRequested):
                who = f"{entry.author.name} ('{entry.body.kind}' in entry {entry.number})"
                raise LostRunError(f"run {entry.run} is held by {who} now; this session has stopped")
        return tuple(adopted)

    def _take(self, entry: Entry) -> None:
        self.progress = self.progress.with_entry(entry)
        self.entries.append(entry)


def read_entries(store: JournalStore, run: str) -> tuple[Entry, ...]:
    """All entries of a run, their chain verified.

    Raises ConfigError for an unknown run, MalformedError naming the entry that is missing, damaged or out of place.
    """
    numbers = store.numbers(run)
    if not numbers:
        raise ConfigError(f"run {run} is not known; 'fittrack-dr runs list' shows the runs that are")
    entries: list[Entry] = []
    progress: Progress | None = None
    for expected, number in enumerate(numbers, start=1):
        data = store.read(run, expected) if number == expected else None
        if data is None:
            raise MalformedError(f"{_where(run, expected)} is missing, though later ones exist")
        entry = Entry.decode(data, _where(run, expected))
        if progress is None:
            progress = _begin(run, entry)
        else:
            _judge(progress, entry)
            progress = progress.with_entry(entry)
        entries.append(entry)
    return tuple(entries)


def _begin(run: str, entry: Entry) -> Progress:
    if (entry.run, entry.number, entry.previous) != (run, 1, ""):
        raise MalformedError(f"{_where(run, 1)} does not begin the run")
    return Progress.begin(entry)


def _judge(progress: Progress, entry: Entry) -> None:
    """The chain makes a journal evidence; the other rules are the writer's to keep and the reader's to report."""
    broken = invariants.chained(progress, entry)
    if broken is not None:
        raise MalformedError(f"{_where(progress.run, progress.last.number + 1)} breaks the chain: {broken}")


def _claim(store: JournalStore, clock: Clock, entry: Entry) -> bool:
    """Write the entry if its number is free. A lost answer is resolved by trying again and reading the number back."""
    data = entry.encode()
    unsure = False
    for _ in range(WRITE_TRIES):
        try:
            created = store.create(entry.run, entry.number, data)
        except OutcomeUnknownError:
            unsure = True
            clock.sleep(WRITE_DELAY)
            continue
        except RetryableError as error:
            clock.sleep(error.delay)
            continue
        # After a lost answer, "taken" may mean by this very entry.
        return created or (unsure and store.read(entry.run, entry.number) == data)
    where = _where(entry.run, entry.number)
    raise OutcomeUnknownError(f"{where}: the store does not take it or say what became of it; resume once it does")


def _where(run: str, number: int) -> str:
    return f"runs/{run}/{number:06}.json"
