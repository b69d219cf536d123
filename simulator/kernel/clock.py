"""World time, shared by all processes of a world through one anchor file.

The file holds ``{"wall": unix seconds, "world": ISO-8601 UTC, "rate": float}`` and is replaced atomically, so every
reader sees one consistent anchor: ``now = world + (wall clock - wall) * rate``. A rate of 0 is a manual clock that
moves by jumps only.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

POLL_SECONDS = 0.05
"""The longest wall time for which a sleeper does not look at the anchor again."""

_STEP = timedelta(microseconds=1)


@dataclass(frozen=True)
class Anchor:
    """At ``wall`` (unix seconds) it was ``world``; since then ``rate`` world seconds pass per wall second."""

    wall: float
    world: datetime
    rate: float

    def at(self, wall: float) -> datetime:
        """World time at the wall time ``wall`` (unix seconds)."""
        return self.world + timedelta(seconds=(wall - self.wall) * self.rate)


def read_anchor(path: Path) -> Anchor:
    """Read the anchor file. Raises OSError when it is not there, ValueError when it is not an anchor."""
    document = json.loads(path.read_text())
    try:
        world = datetime.fromisoformat(document["world"]).astimezone(UTC)
        return Anchor(float(document["wall"]), world, float(document["rate"]))
    except (KeyError, TypeError) as problem:
        raise ValueError(f"{path}: not a clock anchor") from problem


def write_anchor(path: Path, *, world: datetime, rate: float) -> None:
    """Declare that it is ``world`` now, passing at ``rate``; readers see the old anchor or the new, never half."""
    if rate < 0 or not math.isfinite(rate):
        raise ValueError(f"rate {rate}: must be 0 (manual) or positive")
    document = {"wall": time.time(), "world": world.astimezone(UTC).isoformat(), "rate": rate}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(document))
    temporary.replace(path)


def set_rate(path: Path, rate: float) -> None:
    """Let time pass at ``rate`` from now on; world time itself does not move."""
    write_anchor(path, world=read_anchor(path).at(time.time()), rate=rate)


def jump(path: Path, seconds: float) -> None:
    """Move world time forward by ``seconds``. Raises ValueError for a jump backwards: a world never un-happens."""
    if seconds < 0:
        raise ValueError(f"jump of {seconds} s: world time only moves forward")
    anchor = read_anchor(path)
    write_anchor(path, world=anchor.at(time.time()) + timedelta(seconds=seconds), rate=anchor.rate)


class WorldClock:
    """One process's view of world time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._anchor = self._read()

    def now(self) -> datetime:
        """World time, aware, in UTC."""
        return self._read().at(time.time())

    @property
    def rate(self) -> float:
        """World seconds per wall second; 0 on a manual clock."""
        return self._read().rate

    async def sleep(self, seconds: float) -> None:
        """Wait for world seconds; a change of rate or a jump meanwhile counts."""
        await self.sleep_until(self.now() + timedelta(seconds=seconds))

    async def sleep_until(self, moment: datetime) -> None:
        """Wait until world time has reached ``moment``; returns at once when it has."""
        while True:
            anchor = self._read()
            missing = moment - anchor.at(time.time())
            if missing < _STEP:
                return
            wall = missing.total_seconds() / anchor.rate if anchor.rate else POLL_SECONDS
            await asyncio.sleep(min(wall, POLL_SECONDS))

    def _read(self) -> Anchor:
        """The current anchor; the file is parsed again only when it was replaced."""
        status = self.path.stat()
        stamp = (status.st_ino, status.st_mtime_ns)
        if stamp != self._stamp:
            self._anchor = read_anchor(self.path)
            self._stamp = stamp
        return self._anchor
