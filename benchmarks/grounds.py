"""A running world with FitTrack in it, saved once and brought back as often as it is needed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from drills.box import Box
from drills.disaster import await_watched
from drills.provision import PRIMARY, STANDBY, Builder, Estate
from drills.region_failover import FAST, MEASURED

_BUILT = "built"
_SETTLED = timedelta(minutes=3)
"""World time after which the first measurements of the standby's lag are there."""


@dataclass(frozen=True)
class Ground:
    """A box and what was built in it."""

    box: Box
    estate: Estate

    def set_rate(self, rate: float) -> None:
        """World seconds per wall second."""
        self.box.simulator("clock", "rate", str(rate))

    def renew(self) -> None:
        """The world as it was when it was built, whatever has happened to it, at the measured rate."""
        self.box.simulator("snapshot", "restore", _BUILT)
        await_watched(self.box, self.estate.monitors[PRIMARY], STANDBY)


@contextmanager
def prepared_ground(say: Callable[[str], None]) -> Generator[Ground]:
    """The drill's own kind of world, healthy, at the measured rate; taken down and removed at the end."""
    directory = Path(tempfile.mkdtemp(prefix="fittrack-bench-"))
    box = Box(directory / "world")
    try:
        say("building a world for what is measured outside the drill")
        box.simulator("up", "--detach", "--rate", str(FAST))
        try:
            estate = Builder(box, lambda _: None).build()
            clock = box.clock
            clock.sleep_until(clock.now() + _SETTLED)
            ground = Ground(box, estate)
            ground.set_rate(MEASURED)
            await_watched(box, estate.monitors[PRIMARY], STANDBY)
            box.simulator("snapshot", "save", _BUILT)
            yield ground
        finally:
            box.simulator("down")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
