"""World time: rates, jumps, sleepers that notice both."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from simulator.kernel import clock
from simulator.kernel.clock import WorldClock

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def anchor(tmp_path: Path) -> Path:
    file = tmp_path / "clock.json"
    clock.write_anchor(file, world=START, rate=0)
    return file


def test_a_manual_clock_moves_by_jumps_only(anchor: Path) -> None:
    world = WorldClock(anchor)
    assert world.now() == world.now() == START
    clock.jump(anchor, 90)
    assert world.now() == START + timedelta(seconds=90)
    with pytest.raises(ValueError, match="only moves forward"):
        clock.jump(anchor, -1)
    assert world.now() == START + timedelta(seconds=90)


def test_a_rate_scales_the_wall(anchor: Path) -> None:
    document = {"wall": time.time() - 10, "world": START.isoformat(), "rate": 360.0}
    anchor.write_text(json.dumps(document))
    world = WorldClock(anchor)
    assert world.now() - START >= timedelta(hours=1)
    before = world.now()
    clock.set_rate(anchor, 0)
    assert before <= world.now() <= before + timedelta(minutes=10)
    assert world.rate == 0


@pytest.mark.parametrize("rate", [-1.0, float("nan"), float("inf")])
def test_an_impossible_rate_is_refused(anchor: Path, rate: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        clock.set_rate(anchor, rate)
    assert WorldClock(anchor).rate == 0


def test_a_file_that_is_no_anchor_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    file.write_text('{"wall": 1}')
    with pytest.raises(ValueError, match="not a clock anchor"):
        WorldClock(file)


async def _sleeper_wakes_on(anchor: Path, seconds: float, act: object) -> float:
    world = WorldClock(anchor)
    task = asyncio.create_task(world.sleep(seconds))
    await asyncio.sleep(0)
    assert not task.done()
    assert callable(act)
    act()
    started = time.monotonic()
    await asyncio.wait_for(task, 10)
    return time.monotonic() - started


def test_a_sleeper_wakes_on_a_jump(anchor: Path) -> None:
    waited = asyncio.run(_sleeper_wakes_on(anchor, 86400, lambda: clock.jump(anchor, 86400)))
    assert waited < 5


def test_a_sleeper_notices_a_new_rate(anchor: Path) -> None:
    waited = asyncio.run(_sleeper_wakes_on(anchor, 3600, lambda: clock.set_rate(anchor, 36000)))
    assert 0.05 < waited < 5


def test_a_past_moment_is_not_waited_for(anchor: Path) -> None:
    asyncio.run(asyncio.wait_for(WorldClock(anchor).sleep_until(START), 5))


def test_readers_never_see_half_an_anchor(anchor: Path) -> None:
    stop = threading.Event()

    def keep_writing() -> None:
        while not stop.is_set():
            clock.jump(anchor, 1)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    world = WorldClock(anchor)
    seen = [world.now() for _ in range(3000)]
    stop.set()
    writer.join()
    assert seen == sorted(seen)
