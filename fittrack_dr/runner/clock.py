"""World time for threads: the wall clock, or an anchor file that a rehearsal turns faster or by hand.

The anchor is ``{"wall": unix seconds, "world": ISO-8601, "rate": world seconds per wall second}``, replaced atomically
by whoever drives the rehearsal. A sleeper reads it again often, so a changed rate or a jump takes effect while it
sleeps. A wait that must end in wall time (one I/O) does not belong here.
"""

from __future__ import annotations

import math
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fittrack_dr.domain.values import Document, MalformedError
from fittrack_dr.errors import ConfigError

REREAD_SECONDS = 0.05
"""Longest wall time for which a sleeper trusts what it read."""


class WallClock:
    """World time is wall time."""

    rate = 1.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Sleep, or return as soon as ``stop`` is set."""
        if seconds > 0:
            (stop or threading.Event()).wait(seconds)


class AnchorClock:
    """World time as the anchor file tells it. Every method raises ConfigError when the file cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._anchor = (0.0, datetime.fromtimestamp(0, UTC), 1.0)
        self.now()

    def now(self) -> datetime:
        wall, world, rate = self._read()
        return world + timedelta(seconds=(time.time() - wall) * rate)

    @property
    def rate(self) -> float:
        return self._read()[2]

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        """Sleep world seconds, or return as soon as ``stop`` is set. At rate 0 only a jump of the clock ends it."""
        stop = stop or threading.Event()
        due = self.now() + timedelta(seconds=seconds)
        while (left := (due - self.now()).total_seconds()) > 0:
            rate = self.rate
            if stop.wait(min(REREAD_SECONDS, left / rate if rate > 0 else math.inf)):
                return

    def _read(self) -> tuple[float, datetime, float]:
        """The anchor; the file is parsed again only when it was replaced."""
        with self._lock:
            try:
                status = self._path.stat()
                stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
                if stamp != self._stamp:
                    self._anchor = _parse(self._path)
                    self._stamp = stamp
            except (OSError, MalformedError) as error:
                raise ConfigError(f"the clock {self._path} cannot be read: {error}; is the world up?") from error
            return self._anchor


def _parse(path: Path) -> tuple[float, datetime, float]:
    document = Document.parse(path.read_bytes(), str(path))
    rate = document.number("rate")
    if not (math.isfinite(rate) and rate >= 0):
        raise MalformedError(f"{path}: 'rate' is not a number from 0 up")
    return document.number("wall"), document.moment("world"), rate
