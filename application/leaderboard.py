"""The leaderboard: from the cache, else from the database, and then by one reader for all who wait.

Losing the cache must not send every user's request to the database at once. So within one process all requests share
one load (single flight), and its result is good for a few seconds.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from application.database import UNAVAILABLE, as_utc
from application.schema import DATABASE_NOW, point_transactions, users

TOP = 10
GOOD_FOR_SECONDS = 5.0


def query_leaderboard(connection: Connection) -> dict[str, Any]:
    """The users who earned most, as JSON members, with the database's time of the answer."""
    earned = func.sum(point_transactions.c.points).label("earned")
    query = (
        select(users.c.id, users.c.display_name, earned)
        .join(point_transactions, point_transactions.c.user_id == users.c.id)
        .where(users.c.status == "active", point_transactions.c.type == "earn")
        .group_by(users.c.id, users.c.display_name)
        .order_by(earned.desc(), users.c.id)
        .limit(TOP)
    )
    leaders = [
        {"rank": rank, "user_id": int(row[0]), "name": row[1], "points": int(row[2])}
        for rank, row in enumerate(connection.execute(query), start=1)
    ]
    now = connection.execute(select(DATABASE_NOW)).scalar_one()
    return {"as_of": as_utc(now).isoformat(), "leaders": leaders}


def dump(leaderboard: dict[str, Any]) -> str:
    """As it stands in the cache."""
    return json.dumps(leaderboard, ensure_ascii=False)


def load(cached: str | None) -> dict[str, Any] | None:
    """Out of the cache; None when there is nothing, or something else, which counts as nothing."""
    if cached is None:
        return None
    try:
        found = json.loads(cached)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


@dataclass(frozen=True)
class Served:
    """A leaderboard and where it came from: ``cache``, ``database``, or ``stale`` when neither answers any more."""

    leaderboard: dict[str, Any]
    source: str


class Leaderboard:
    """One per process, on its event loop. ``from_cache`` and ``from_database`` do the I/O, off the loop.

    When ``from_database`` raises one of UNAVAILABLE, all who wait get the last known leaderboard, or that error when
    there is none.
    """

    def __init__(
        self,
        from_cache: Callable[[], Awaitable[str | None]],
        from_database: Callable[[], Awaitable[dict[str, Any]]],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._from_cache = from_cache
        self._from_database = from_database
        self._monotonic = monotonic
        self._known: Served | None = None
        self._good_until = float("-inf")
        self._flight: asyncio.Task[Served] | None = None

    async def get(self) -> Served:
        """The leaderboard, at most a few seconds older than the cache's or the database's."""
        if self._known is not None and self._monotonic() < self._good_until:
            return self._known
        if self._flight is None:
            self._flight = asyncio.create_task(self._load())
            self._flight.add_done_callback(self._landed)
        # Shielded: one user who hangs up must not take the load away from the others.
        return await asyncio.shield(self._flight)

    async def _load(self) -> Served:
        cached = load(await self._from_cache())
        if cached is not None:
            return Served(cached, "cache")
        try:
            return Served(await self._from_database(), "database")
        except UNAVAILABLE:
            if self._known is None:
                raise
            return Served(self._known.leaderboard, "stale")

    def _landed(self, flight: asyncio.Task[Served]) -> None:
        self._flight = None
        if flight.cancelled() or flight.exception() is not None:
            return
        self._known = flight.result()
        self._good_until = self._monotonic() + GOOD_FOR_SECONDS
