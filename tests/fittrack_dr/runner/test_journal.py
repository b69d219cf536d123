"""A journal: extended by one holder, readable by all, and never quietly damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from fittrack_dr.domain import MalformedError, Plan, Step
from fittrack_dr.domain.entries import AbortRequested, Noted, Opened, TakenOver
from fittrack_dr.domain.invariants import InvariantError
from fittrack_dr.errors import ConfigError, OutcomeUnknownError, RefusedError, RetryableError
from fittrack_dr.runner.journal import Author, Journal, LostRunError, read_entries
from tests.crash.memory import DBA, LEAD, ONCALL, MemoryJournalStore, VirtualClock
from tests.fittrack_dr.domain.journals import APPROVAL, PLAN, RUN

OPENED = Opened(Plan("x", (Step("one", "One", "one"),)), "0" * 64, rehearsal=True, version="0")


@pytest.fixture
def store() -> MemoryJournalStore:
    return MemoryJournalStore()


def opened(store: MemoryJournalStore) -> Journal:
    return Journal.create(store, VirtualClock(), Author.of(ONCALL), RUN, OPENED)


def loaded(store: MemoryJournalStore, person: object = DBA) -> Journal:
    return Journal.load(store, VirtualClock(), Author.of(LEAD if person is LEAD else DBA), RUN)


def test_an_approval_or_abort_of_someone_else_is_adopted_and_the_caller_told(store: MemoryJournalStore) -> None:
    journal = opened(store)
    assert loaded(store).append(AbortRequested("stop"))
    assert not journal.append(Noted("mine"))
    assert journal.progress.abort is not None
    assert journal.append(Noted("mine"))
    assert [entry.body.kind for entry in read_entries(store, RUN)] == ["opened", "abort", "note"]


def test_a_takeover_stops_the_session_that_held_the_run(store: MemoryJournalStore) -> None:
    journal = opened(store)
    second = loaded(store)
    assert second.append(TakenOver("mine"))
    with pytest.raises(LostRunError, match=r"is held by dba \('takeover' in entry 2\) now"):
        journal.append(Noted("mine"))
    with pytest.raises(InvariantError, match="'note' by oncall, but dba holds the run"):
        journal.append(Noted("still mine"))
    assert second.append(Noted("yes"))


def test_another_process_of_the_same_person_is_another_session(store: MemoryJournalStore) -> None:
    journal = opened(store)
    again = Journal.load(store, VirtualClock(), Author.of(ONCALL), RUN)
    again.append(TakenOver("resumed"))
    with pytest.raises(LostRunError):
        journal.refresh()


def test_a_run_is_opened_once(store: MemoryJournalStore) -> None:
    opened(store)
    with pytest.raises(RefusedError, match="exists already"):
        opened(store)


def test_an_unknown_run_is_named(store: MemoryJournalStore) -> None:
    with pytest.raises(ConfigError, match="run nothing is not known; 'fittrack-dr runs list'"):
        read_entries(store, "nothing")


def damaged(store: MemoryJournalStore) -> dict[str, bytes | None]:
    second, third = store.objects[RUN, 2], store.objects[RUN, 3]
    return {
        "missing": None,
        "changed": second.replace(b"two", b"too"),
        "replaced": third,
        "truncated": second[:-20],
        "reformatted": second.replace(b'{"author"', b'{ "author"'),
    }


@pytest.mark.parametrize("damage", ["missing", "changed", "replaced", "truncated", "reformatted"])
def test_a_damaged_entry_is_named(store: MemoryJournalStore, damage: str) -> None:
    journal = opened(store)
    journal.append(Noted("two"))
    journal.append(Noted("three"))
    data = damaged(store)[damage]
    if data is None:
        del store.objects[RUN, 2]
    else:
        store.objects[RUN, 2] = data
    with pytest.raises(MalformedError, match=r"runs/.*/00000[23]\.json"):
        read_entries(store, RUN)


def test_an_entry_of_another_runs_folder_does_not_begin_this_one(store: MemoryJournalStore) -> None:
    opened(store)
    store.objects["copied", 1] = store.objects[RUN, 1]
    with pytest.raises(MalformedError, match="does not begin the run"):
        read_entries(store, "copied")


class Puts(MemoryJournalStore):
    """Answers the first writes as it is told to."""

    def __init__(self, *errors: Exception) -> None:
        super().__init__()
        self.errors = list(errors)

    def create(self, run: str, number: int, data: bytes) -> bool:
        if self.errors:
            raise self.errors.pop(0)
        return super().create(run, number, data)


def test_a_store_that_puts_a_write_off_is_asked_again(store: MemoryJournalStore) -> None:
    busy = Puts(RetryableError("503", delay=3), OutcomeUnknownError("no answer"))
    assert opened(busy).progress.last.number == 1


def test_a_store_that_never_takes_a_write_leaves_it_unknown() -> None:
    with pytest.raises(OutcomeUnknownError, match=r"000001.json: the store does not take it"):
        opened(Puts(*[OutcomeUnknownError("no answer")] * 10))


def test_an_approval_of_another_plan_stands_in_the_journal_but_never_counts(store: MemoryJournalStore) -> None:
    from fittrack_dr.domain.entries import Approved

    journal = opened(store)
    assert APPROVAL.plan_digest == PLAN.digest != journal.progress.plan.digest
    assert loaded(store, LEAD).append(Approved(APPROVAL))
    journal.refresh()
    (signed,) = journal.progress.signed
    assert not journal.progress.may_count(signed, APPROVAL.issued)


def test_a_secret_never_reaches_the_store(store: MemoryJournalStore, tmp_path: Path) -> None:
    journal = opened(store)
    with pytest.raises(InvariantError, match="looks like a secret"):
        journal.append(Noted("-----BEGIN PRIVATE KEY-----"))
    assert len(store.objects) == 1
