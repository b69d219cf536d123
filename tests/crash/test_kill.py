"""``kill -9`` of a real process at each entry of its journal, and the next process goes on where it died."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fittrack_dr.runner.directory import DirectoryJournalStore, DirectoryStateStore
from fittrack_dr.runner.journal import read_entries
from tests.crash.checker import problems
from tests.crash.tiny import facts
from tests.fittrack_dr.runner.bench import write_clock

pytestmark = pytest.mark.crash

ENTRIES = 8
"""How many entries an undisturbed run of the tiny scenario has."""
KILLED = -signal.SIGKILL


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with a fast clock."""
    write_clock(tmp_path / "clock.json", rate=200)
    return tmp_path


def crash(root: Path, trap: str) -> int:
    """Work on the run in ``root`` in a process with a trap; its exit code."""
    command = [sys.executable, "-m", "tests.crash.crashing", trap, "tests.crash.tiny:main", str(root)]
    return subprocess.run(command, check=False, timeout=60, stderr=subprocess.DEVNULL).returncode


def resume(root: Path) -> int:
    """Work on the run in ``root`` to its end, in a process of its own."""
    command = [sys.executable, "-c", "import sys; from tests.crash.tiny import main; sys.exit(main())", str(root)]
    return subprocess.run(command, check=False, timeout=60).returncode


def assert_recovered(root: Path) -> None:
    store = DirectoryJournalStore(root)
    (run,) = store.list_runs()
    entries = read_entries(store, run)
    assert problems(entries, facts(root)) == ()
    assert entries[-1].body.kind == "closed"
    assert (root / "promoted").read_text().splitlines() == ["new"]
    assert (root / "name").read_text().splitlines() == ["new"]
    state, _ = DirectoryStateStore(root).read()
    assert state is not None
    assert state.run is None


def test_undisturbed_the_run_has_as_many_entries_as_are_killed_at(root: Path) -> None:
    assert resume(root) == 0
    assert_recovered(root)
    store = DirectoryJournalStore(root)
    assert len(store.numbers(store.list_runs()[0])) == ENTRIES


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("entry", range(1, ENTRIES + 1))
def test_killed_at_an_entry_the_run_is_resumed_to_the_same_end(root: Path, entry: int, moment: str) -> None:
    assert crash(root, f"{moment}:{entry}") == KILLED
    assert resume(root) == 0
    assert_recovered(root)


def test_killed_again_and_again_the_run_still_ends(root: Path) -> None:
    """Each process lives for one entry more than the one before it."""
    deaths = 0
    while crash(root, f"after:+{deaths + 1}") == KILLED:
        deaths += 1
        assert deaths < ENTRIES
    assert deaths >= ENTRIES // 2
    assert_recovered(root)
