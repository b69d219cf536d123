"""Is this region's application ready to serve? Answered at once, from what was last seen.

A thread of its own keeps looking at the database; ``/health/ready`` only reads its last finding and how old that is.
So a database that says nothing at all turns the answer to "no" within seconds and never holds up the one who asks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from application.database import UNAVAILABLE, explain, posture, revision
from application.schema import HEAD_REVISION

log = logging.getLogger(__name__)

_GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Finding:
    """What a look at the database gave, with every reason against being ready; ``taken`` is monotonic time."""

    reasons: tuple[str, ...]
    taken: float
    role: str | None = None
    open_mode: str | None = None
    revision: str | None = None

    @property
    def ready(self) -> bool:
        """Whether writes can be taken."""
        return not self.reasons


def look(engine: Engine, monotonic: Callable[[], float] = time.monotonic) -> Finding:
    """Look once; never raises for a database that is away."""
    try:
        with engine.connect() as connection:
            seen = posture(connection)
            found = revision(connection) if seen.writable else None
    except UNAVAILABLE as error:
        return Finding((f"database: {explain(error)}",), monotonic())
    reasons: list[str] = []
    if seen.role != "PRIMARY":
        reasons.append(f"database: role is {seen.role}, not PRIMARY")
    if seen.open_mode != "READ WRITE":
        reasons.append(f"database: open mode is {seen.open_mode}, not READ WRITE")
    if not reasons and found != HEAD_REVISION:
        reasons.append(f"schema: revision is {found or 'none'}, this version needs {HEAD_REVISION}")
    return Finding(tuple(reasons), monotonic(), seen.role, seen.open_mode, found)


class ReadinessMonitor:
    """Looks at the database every ``interval`` wall seconds until stopped.

    ``current`` turns a finding that is older than ``interval`` plus a grace into "not ready": then the looking itself
    hangs, and what it last saw says nothing about now.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        interval: float,
        take: Callable[[Engine], Finding] = look,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._interval = interval
        self._take = take
        self._monotonic = monotonic
        self._finding: Finding | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="readiness", daemon=True)

    def start(self) -> None:
        """Begin to look; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the looking; a look that hangs is left to end with the process."""
        self._stop.set()
        self._thread.join(_GRACE_SECONDS)

    def current(self) -> Finding:
        """The last finding, unless it is too old to mean anything."""
        now, finding = self._monotonic(), self._finding
        if finding is None:
            return Finding(("database: not looked at yet",), now)
        age = now - finding.taken
        if age > self._interval + _GRACE_SECONDS:
            return Finding((f"database: no answer for {age:.0f} s",), now)
        return finding

    def _run(self) -> None:
        while not self._stop.is_set():
            finding = self._take(self._engine)
            before, self._finding = self._finding, finding
            if before is None or before.reasons != finding.reasons:
                log.info("ready" if finding.ready else "not ready", extra={"fields": {"reasons": finding.reasons}})
            self._stop.wait(self._interval)
