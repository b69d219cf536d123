"""Documents on disk, and what is due: both survive the process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.kernel import clock
from simulator.kernel.clock import WorldClock
from simulator.kernel.store import Store
from simulator.kernel.transitions import Transitions

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    with closing(Store(tmp_path / "state.db")) as opened:
        yield opened


def test_documents_are_found_in_order_of_creation(store: Store) -> None:
    store.put("bucket", "b", {"name": "b", "tier": 1})
    store.put("bucket", "a", {"name": "a", "tier": 1})
    store.put("bucket", "b", {"name": "b", "tier": 2})
    assert [row["name"] for row in store.find("bucket")] == ["b", "a"]
    assert store.find("bucket", tier=1) == [{"name": "a", "tier": 1}]
    store.delete("bucket", "b")
    assert store.get("bucket", "b") is None
    assert store.get("user", "a") is None


def test_a_transaction_is_all_or_nothing_and_nests(store: Store) -> None:
    done: list[str] = []

    def write_and_fail(key: str) -> None:
        with store.transaction():
            store.put("k", key, {})
            store.after_commit(lambda: done.append(key))
            raise RuntimeError(key)

    with pytest.raises(RuntimeError):
        write_and_fail("1")
    with store.transaction():
        store.put("k", "2", {})
        with pytest.raises(RuntimeError):
            write_and_fail("3")
        store.after_commit(lambda: done.append("2"))
        assert done == []
    assert (store.get("k", "1"), store.get("k", "2"), store.get("k", "3")) == (None, {}, None)
    assert done == ["2"]


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    """A writer is killed in the midst of its work: every number that it announced is there, none is half there."""
    program = (
        "import sys; from pathlib import Path; from simulator.kernel.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "while True:\n"
        "    with store.transaction():\n"
        "        number = store.next_number('n')\n"
        "        store.put('row', str(number), {'number': number})\n"
        "    sys.stdout.write(f'{number}\\n'); sys.stdout.flush()\n"
    )
    path = tmp_path / "state.db"
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        announced = [int(writer.stdout.readline()) for _ in range(200)]
        os.kill(writer.pid, signal.SIGKILL)
        announced += [int(line) for line in writer.stdout.read().splitlines() if line]
    with closing(Store(path)) as store:
        kept = [row["number"] for row in store.find("row")]
        assert kept[: len(announced)] == announced
        assert store.next_number("n") == len(kept) + 1


class Agenda:
    """Transitions with a manual clock, and what they did."""

    def __init__(self, directory: Path) -> None:
        self.anchor = directory / "clock.json"
        if not self.anchor.exists():
            clock.write_anchor(self.anchor, world=START, rate=0)
        self.store = Store(directory / "state.db")
        self.clock = WorldClock(self.anchor)
        self.transitions = Transitions(self.store, self.clock)
        self.ran: list[tuple[str, datetime]] = []
        self.transitions.register("note", self._note)
        self.transitions.register("fail", self._fail)
        self.transitions.register("slow", self._slow)

    def _note(self, payload: dict[str, Any], due: datetime) -> None:
        self.ran.append((payload["text"], due))
        self.store.put("noted", payload["text"], {})
        if payload.get("then"):
            self.transitions.schedule("note", {"text": payload["then"]}, due=due + timedelta(seconds=1))

    def _fail(self, payload: dict[str, Any], _: datetime) -> None:
        self.store.put("noted", payload["text"], {})
        raise RuntimeError("broken")

    async def _slow(self, payload: dict[str, Any], due: datetime) -> None:
        await asyncio.sleep(0)
        self.ran.append((payload["text"], due))

    async def run(self, *, until: int) -> None:
        task = asyncio.create_task(self.transitions.run())
        try:
            async with asyncio.timeout(10):
                while len(self.ran) < until and not task.done():
                    await asyncio.sleep(0.005)
            if task.done():
                task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def agenda(tmp_path: Path) -> Generator[Agenda]:
    opened = Agenda(tmp_path)
    with closing(opened.store):
        yield opened


def test_rows_run_in_order_of_due_time_and_know_it(agenda: Agenda) -> None:
    agenda.transitions.schedule("slow", {"text": "late"}, after=20)
    agenda.transitions.schedule("note", {"text": "early", "then": "after early"}, after=10)
    agenda.transitions.schedule("note", {"text": "future"}, after=1000)
    clock.jump(agenda.anchor, 60)
    asyncio.run(agenda.run(until=3))
    times = [(text, (due - START).total_seconds()) for text, due in agenda.ran]
    assert times == [("early", 10), ("after early", 11), ("late", 20)]
    assert [row.payload["text"] for row in agenda.transitions.pending()] == ["future"]


def test_a_sleeping_runner_wakes_for_an_earlier_row(agenda: Agenda) -> None:
    async def scenario() -> None:
        agenda.transitions.schedule("note", {"text": "later"}, after=1000)
        running = asyncio.create_task(agenda.run(until=1))
        await asyncio.sleep(0.02)
        agenda.transitions.schedule("note", {"text": "now"}, after=0)
        await running

    asyncio.run(scenario())
    assert [text for text, _ in agenda.ran] == ["now"]


def test_rows_survive_the_process(agenda: Agenda, tmp_path: Path) -> None:
    agenda.transitions.schedule("note", {"text": "kept"}, after=10)
    agenda.store.close()
    again = Agenda(tmp_path)
    with closing(again.store):
        clock.jump(again.anchor, 3600)
        asyncio.run(again.run(until=1))
        assert again.ran == [("kept", START + timedelta(seconds=10))]


def test_a_failing_handler_ends_the_run_and_changes_nothing(agenda: Agenda) -> None:
    agenda.transitions.schedule("fail", {"text": "half"}, after=0)
    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(agenda.run(until=1))
    assert agenda.store.get("noted", "half") is None
    assert len(agenda.transitions.pending("fail")) == 1


def test_cancelled_rows_do_not_run(agenda: Agenda) -> None:
    for text in ("a", "b"):
        agenda.transitions.schedule("note", {"text": text}, after=0)
    assert agenda.transitions.cancel("note", text="a") == 1
    asyncio.run(agenda.run(until=1))
    assert [text for text, _ in agenda.ran] == ["b"]
