"""A database whose process is killed has every transaction that it acknowledged, and no half of any other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulator.database.engine import Database
from simulator.kernel.clock import WorldClock, write_anchor
from tests.simulator.database.engines import START, in_loop, logon, rows, sql, value

pytestmark = pytest.mark.crash
ROOT = Path(__file__).parents[3]


@contextmanager
def committing(directory: Path) -> Generator[subprocess.Popen[bytes]]:
    """The committer, ready; killed at the end if it was not before."""
    clock = directory / "clock.json"
    write_anchor(clock, world=START, rate=1.0)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.simulator.database.committer", str(directory / "db"), str(clock)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process:
        try:
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("after", [1, 37, 150])
@in_loop
async def test_every_acknowledged_row_is_there_after_kill(tmp_path: Path, after: int) -> None:
    with committing(tmp_path) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.readlines()
    acknowledged = [tuple(map(int, line.split())) for line in lines if line.endswith(b"\n")]
    assert len(acknowledged) >= after

    database = Database.load(tmp_path / "db", WorldClock(tmp_path / "clock.json"))
    assert database.open
    session = await logon(database)
    parts = {
        (name, txn): count
        for name, txn, count in await rows(
            session, "SELECT session_no, txn, count(*) FROM storm GROUP BY session_no, txn"
        )
    }
    assert {(name, txn) for name, txn, _ in acknowledged} <= set(parts)
    assert set(parts.values()) == {3}, "a transaction is there whole or not at all"
    # One record per transaction, none beyond: at most the one that was on its way in each session.
    assert database.scn >= max(scn for _, _, scn in acknowledged)
    assert len(parts) - len(acknowledged) <= 4
    logged = [e for e in database.redo_after(0, limit=-1) if e.kind == "commit"]
    assert len(logged) - 1 == len(parts)  # and ADMIN's creation
    # It goes on as if nothing had been.
    await sql(session, "INSERT INTO storm (session_no) VALUES (99)", commit=True)
    assert await value(session, "SELECT count(*) FROM storm WHERE session_no = 99") == 1
    await database.close()
