"""Journal and recovery state in a directory: written once, swapped once, whoever comes at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from fittrack_dr.domain import MalformedError, RecoveryState
from fittrack_dr.errors import ConfigError, OutcomeUnknownError, PermanentError, RefusedError, RetryableError
from fittrack_dr.runner.directory import DirectoryJournalStore, DirectoryStateStore
from fittrack_dr.runner.state import Claims
from tests.crash.memory import MemoryStateStore
from tests.fittrack_dr.runner.bench import INITIAL


def test_of_many_writers_of_one_number_exactly_one_has_it(tmp_path: Path) -> None:
    store = DirectoryJournalStore(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        wrote = list(pool.map(lambda writer: store.create("run", 1, b"%d" % writer), range(40)))
    assert sum(wrote) == 1
    assert store.read("run", 1) == b"%d" % wrote.index(True)
    assert store.numbers("run") == (1,)
    assert [path.name for path in (tmp_path / "runs" / "run").iterdir()] == ["000001.json"]


def test_runs_and_numbers_come_in_order(tmp_path: Path) -> None:
    store = DirectoryJournalStore(tmp_path)
    assert store.list_runs() == ()
    for run, number in (("b", 2), ("b", 1), ("a", 1)):
        assert store.create(run, number, b"x")
    assert store.list_runs() == ("a", "b")
    assert store.numbers("b") == (1, 2)
    assert store.numbers("c") == ()
    assert store.read("b", 3) is None


@pytest.mark.parametrize("run", ["", "..", "../up", "a/b", ".hidden"])
def test_what_is_no_runs_id_is_refused(tmp_path: Path, run: str) -> None:
    with pytest.raises(ConfigError, match="is no run's id"):
        DirectoryJournalStore(tmp_path).read(run, 1)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PermanentError, match=r"file/runs/run: .*needs a directory that can be written"):
        DirectoryJournalStore(tmp_path / "file").create("run", 1, b"")


def test_swaps_by_many_writers_lose_none(tmp_path: Path) -> None:
    DirectoryStateStore(tmp_path).compare_and_swap(INITIAL, None)

    def increment(_: int) -> None:
        store = DirectoryStateStore(tmp_path)
        while True:
            state, etag = store.read()
            assert state is not None
            if store.compare_and_swap(replace(state, epoch=state.epoch + 1), etag):
                return

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(increment, range(24)))
    assert DirectoryStateStore(tmp_path).read()[0] == replace(INITIAL, epoch=25)


def test_a_first_state_is_created_once(tmp_path: Path) -> None:
    store = DirectoryStateStore(tmp_path)
    assert store.read() == (None, None)
    assert store.compare_and_swap(INITIAL, None)
    assert not store.compare_and_swap(INITIAL, None)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    (tmp_path / "recovery-state.json").write_text('{"postures": []}')
    with pytest.raises(MalformedError, match=r"recovery-state.json: 'postures' is not an object"):
        DirectoryStateStore(tmp_path).read()


class LosesAnswers(MemoryStateStore):
    """Swaps, and loses the answer of the first swap."""

    lost = False

    def compare_and_swap(self, state: RecoveryState, etag: str | None) -> bool:
        swapped = super().compare_and_swap(state, etag)
        if not self.lost:
            self.lost = True
            raise OutcomeUnknownError("no answer")
        return swapped


def test_a_claim_whose_answer_was_lost_is_read_back() -> None:
    store = LosesAnswers(INITIAL)
    Claims(store, INITIAL, lambda run: True).take("mine")
    assert store.state is not None
    assert (store.state.run, store.version) == ("mine", 1)


def test_a_recovery_is_held_by_one_open_run() -> None:
    store = MemoryStateStore()
    is_open = {"first": True}
    claims = Claims(store, INITIAL, lambda run: is_open[run])
    claims.check()
    claims.take("first")
    claims.take("first")
    with pytest.raises(RefusedError, match="run first holds the recovery; nothing was changed; resume it"):
        claims.take("second")
    with pytest.raises(RefusedError, match="run first holds the recovery"):
        claims.check()
    claims.release("second")
    assert store.state is not None
    assert store.state.run == "first"


def test_the_claim_of_a_closed_run_counts_as_none() -> None:
    """A crash between a run's last entry and letting go must not lock everyone out."""
    store = MemoryStateStore(replace(INITIAL, run="first"))
    claims = Claims(store, INITIAL, lambda run: False)
    claims.check()
    claims.take("second")
    claims.release("second")
    assert store.state == INITIAL


class NeverSwaps(MemoryStateStore):
    """Somebody else is always first."""

    def compare_and_swap(self, state: RecoveryState, etag: str | None) -> bool:
        return False


def test_a_state_that_always_changes_first_is_said() -> None:
    with pytest.raises(RetryableError, match="changed 5 times"):
        Claims(NeverSwaps(INITIAL), INITIAL, lambda run: True).take("mine")
