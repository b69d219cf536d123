"""Which processes a record names: this one and its group, and never anybody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from simulator.kernel.process import ProcessRecord, bind_unix, short_path
from tests.worlds import wait_until

_FAMILY = (
    "import subprocess, sys\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], stdin=subprocess.PIPE)\n"
    "sys.stdout.write(f'{child.pid}\\n'); sys.stdout.flush(); sys.stdin.read()\n"
)


@pytest.fixture
def family() -> Generator[tuple[subprocess.Popen[str], ProcessRecord, int]]:
    """A leader of its own session, its record, and its child's id."""
    command = [sys.executable, "-c", _FAMILY]
    leader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert leader.stdout is not None
    child = int(leader.stdout.readline())
    record = ProcessRecord.of(leader.pid)
    assert record is not None
    yield leader, record, child
    record.signal(signal.SIGKILL)
    leader.communicate()


def test_a_record_names_the_group_even_without_its_leader(
    family: tuple[subprocess.Popen[str], ProcessRecord, int], tmp_path: Path
) -> None:
    leader, record, child = family
    record.write(tmp_path)
    assert ProcessRecord.read(tmp_path) == record
    assert (record.alive, record.stopped) == (True, False)
    assert set(record.members()) == {leader.pid, child}
    record.signal(signal.SIGSTOP)
    wait_until(lambda: record.all_stopped)
    assert record.stopped
    record.signal(signal.SIGCONT)
    os.kill(leader.pid, signal.SIGKILL)
    leader.wait()
    assert not record.alive
    wait_until(lambda: record.members() in ([child], []))


def test_what_does_not_match_is_somebody_elses(family: tuple[subprocess.Popen[str], ProcessRecord, int]) -> None:
    leader, record, _ = family
    strangers = [
        replace(record, started=record.started + 1),
        replace(record, boot="another boot"),
        replace(record, pid=0, started=0),
        replace(record, pid=0),
        replace(record, pid=1, started=1),
        replace(record, pid=2, started=1),
        ProcessRecord.of(os.getpgrp()),
    ]
    for stranger in strangers:
        assert stranger is not None
        assert stranger.members() == []
        assert not stranger.signal(signal.SIGTERM)
        stranger.signal_leader(signal.SIGTERM)
    assert leader.poll() is None


def test_a_process_that_leads_no_session_is_not_a_record_to_act_on() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        record = ProcessRecord.of(child.pid)
        assert record is not None
        assert record.members() == []
        child.communicate(b"\n")


@pytest.mark.parametrize("text", ["", "{", "{}", '{"pid": 1}', '{"pid": 0, "pgid": 0, "started": 0}'])
def test_a_broken_record_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "process.json").write_text(text)
    assert ProcessRecord.read(tmp_path) is None


def test_a_socket_may_lie_at_the_end_of_a_long_path(tmp_path: Path) -> None:
    home = tmp_path / ("long-" * 20) / ("name-" * 20)
    with bind_unix(home / "admin.sock"), short_path(home / "admin.sock") as name:
        assert Path(name).is_socket()
        assert (home / "admin.sock").stat().st_mode & 0o777 == 0o600
