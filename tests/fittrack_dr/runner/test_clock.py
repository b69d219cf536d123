"""World time for threads: it follows the anchor file while it sleeps."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from fittrack_dr.errors import ConfigError
from fittrack_dr.runner.clock import AnchorClock, WallClock
from tests.fittrack_dr.runner.bench import START, write_clock


def sleeper(clock: AnchorClock, seconds: float) -> threading.Thread:
    thread = threading.Thread(target=clock.sleep, args=(seconds,), daemon=True)
    thread.start()
    return thread


def test_time_passes_at_the_anchors_rate(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, rate=10_000)
    clock = AnchorClock(path)
    assert clock.rate == 10_000
    before = clock.now()
    clock.sleep(100)
    assert clock.now() - before >= timedelta(seconds=100)


def test_a_standing_clock_moves_only_by_a_jump_which_ends_the_sleep(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, rate=0)
    clock = AnchorClock(path)
    thread = sleeper(clock, 3600)
    assert clock.now() == clock.now() == START
    assert thread.is_alive()
    write_clock(path, rate=0, world=START + timedelta(hours=2))
    thread.join(10)
    assert not thread.is_alive()


def test_a_changed_rate_takes_effect_during_a_sleep(tmp_path: Path) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, rate=0.001)
    thread = sleeper(AnchorClock(path), 3600)
    write_clock(path, rate=1_000_000)
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("clock", ["anchor", "wall"])
def test_a_sleep_ends_when_it_is_asked_to(tmp_path: Path, clock: str) -> None:
    path = tmp_path / "clock.json"
    write_clock(path, rate=0)
    stop = threading.Event()
    chosen = WallClock() if clock == "wall" else AnchorClock(path)
    thread = threading.Thread(target=chosen.sleep, args=(3600, stop), daemon=True)
    thread.start()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_the_wall_clock_is_in_utc() -> None:
    assert WallClock().now().utcoffset() == timedelta(0)
    assert WallClock().rate == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file"),
        ("{", "is not JSON"),
        ('{"wall": 0, "world": "2026-03-01T00:00:00+00:00", "rate": -1}', "'rate' is not a number from 0 up"),
        ('{"wall": 0, "world": "yesterday", "rate": 1}', "'world' is not an ISO-8601 moment"),
    ],
)
def test_a_clock_that_cannot_be_read_is_named(tmp_path: Path, content: str | None, complaint: str) -> None:
    path = tmp_path / "clock.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=complaint):
        AnchorClock(path)
