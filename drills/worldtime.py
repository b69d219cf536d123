"""The world's time as a bystander reads it: the clock anchor that the profile names, or the wall when it names none."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


@dataclass(frozen=True)
class WorldTime:
    """Reads ``{"wall": unix seconds, "world": ISO-8601, "rate": float}`` anew at each call."""

    anchor: Path | None = None

    def _read(self) -> tuple[float, datetime, float]:
        if self.anchor is None:
            wall = time.time()
            return wall, datetime.fromtimestamp(wall, UTC), 1.0
        document = json.loads(self.anchor.read_text())
        return float(document["wall"]), datetime.fromisoformat(document["world"]), float(document["rate"])

    def now(self) -> datetime:
        """World time, aware, UTC."""
        wall, world, rate = self._read()
        return world + timedelta(seconds=(time.time() - wall) * rate)

    @property
    def rate(self) -> float:
        """World seconds in a wall second."""
        return self._read()[2]

    def wall_seconds(self, world_seconds: float) -> float:
        """How long to wait by the wall for so much world time, bounded so that a new rate is seen."""
        return min(max(world_seconds, 0.0) / max(self.rate, 1e-6), 0.25)

    def sleep_until(self, moment: datetime) -> None:
        """Block until the world has reached ``moment``."""
        while (remaining := (moment - self.now()).total_seconds()) > 0:
            time.sleep(self.wall_seconds(remaining))
