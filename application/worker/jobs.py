"""What the worker does and when: due by the database's clock, done only while the database is the open primary.

The worker wakes at every tick of the wall clock, asks the database what it is and what time it has, and runs what is
due by that time. So it keeps its schedule under a database whose clock is not the wall's, and beside a mounted standby
it only asks, and stays silent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine

from application.cache import LEADERBOARD_KEY, Cache
from application.database import UNAVAILABLE, Posture, explain, posture, revision
from application.drawings import complete_due
from application.leaderboard import dump, query_leaderboard
from application.schema import HEAD_REVISION
from application.worker.heartbeat import Publisher, beat, forget_old

log = logging.getLogger(__name__)


@dataclass
class Job:
    """``run`` gets the database's time; it is due at once, then every ``period``, also after time jumped back."""

    name: str
    period: timedelta
    run: Callable[[datetime], None]
    last: datetime | None = field(default=None)

    def due(self, now: datetime) -> bool:
        """Whether it should run at the database's time ``now``."""
        return self.last is None or now - self.last >= self.period or now < self.last


class Worker:
    """Ticks. ``idle_because`` is why nothing was done at the last tick, None when the database is the open primary."""

    def __init__(self, engine: Engine, jobs: Sequence[Job]) -> None:
        self._engine = engine
        self._jobs = jobs
        self.idle_because: str | None = "not looked yet"

    def tick(self) -> None:
        """Look, and do what is due. A database that is away is waited for; a failed job is tried at the next tick."""
        try:
            seen, reason = self._look()
        except UNAVAILABLE as error:
            self._turn(f"database: {explain(error)}")
            return
        self._turn(reason)
        if reason is not None:
            return
        for job in self._jobs:
            if job.due(seen.now):
                self._run(job, seen.now)

    def _look(self) -> tuple[Posture, str | None]:
        with self._engine.connect() as connection:
            seen = posture(connection)
            if not seen.writable:
                return seen, f"database: {seen.role}, {seen.open_mode}"
            found = revision(connection)
        if found != HEAD_REVISION:
            return seen, f"schema: revision is {found or 'none'}, this version needs {HEAD_REVISION}"
        return seen, None

    def _run(self, job: Job, now: datetime) -> None:
        try:
            job.run(now)
        except UNAVAILABLE as error:
            log.warning("%s failed: %s", job.name, explain(error))
        else:
            job.last = now

    def _turn(self, reason: str | None) -> None:
        if reason != self.idle_because:
            log.info("working" if reason is None else "idle", extra={"fields": {"reason": reason}})
        self.idle_because = reason


def heartbeat_job(engine: Engine, region: str, period: timedelta, publishers: Sequence[Publisher]) -> Job:
    """Commit a beat, then hand it to the publishers."""

    def run(now: datetime) -> None:
        body = beat(engine, region, now)
        for publisher in publishers:
            publisher.publish(body)

    return Job("heartbeat", period, run)


def leaderboard_job(engine: Engine, cache: Cache, period: timedelta) -> Job:
    """Put a fresh leaderboard into the cache, and drop old beats on the way."""

    def run(now: datetime) -> None:
        with engine.connect() as connection:
            fresh = query_leaderboard(connection)
        cache.put(LEADERBOARD_KEY, dump(fresh))
        forget_old(engine, now)

    return Job("leaderboard", period, run)


def drawings_job(engine: Engine, period: timedelta) -> Job:
    """Complete the drawings that closed."""

    def run(now: datetime) -> None:
        completed = complete_due(engine, now)
        if completed:
            log.info("completed %d drawings", completed)

    return Job("drawings", period, run)
