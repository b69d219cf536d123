"""What is going to happen, as rows with a due time.

A lifecycle state takes the time that it takes in OCI: the call schedules the end of the state, and the row survives
a kill and a restart. Rows that fell due while the region was down run first, in order, each told when it was due.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulator.kernel.clock import WorldClock
from simulator.kernel.store import Store

Handler = Callable[[dict[str, Any], datetime], Awaitable[None] | None]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS transitions (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    due TEXT NOT NULL,
    name TEXT NOT NULL,
    payload TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS transitions_by_due ON transitions (due, sequence);
"""


@dataclass(frozen=True)
class Transition:
    """One row: ``name`` picks the handler, ``due`` is in world time."""

    sequence: int
    due: datetime
    name: str
    payload: dict[str, Any]


class Transitions:
    """The region's agenda; one runner executes it in order of due time, then of scheduling."""

    def __init__(self, store: Store, clock: WorldClock) -> None:
        self._store = store
        self._clock = clock
        self._handlers: dict[str, Handler] = {}
        self._changed = asyncio.Event()
        store.database.executescript(_SCHEMA)

    def register(self, name: str, handler: Handler) -> None:
        """Name the code that runs rows called ``name``; before ``run`` starts.

        A plain function runs in one store transaction with the row's removal: exactly once. A coroutine function
        cannot hold a transaction across its awaits: a crash in its midst runs it again, so it must bear that.
        """
        self._handlers[name] = handler

    def schedule(
        self,
        name: str,
        payload: dict[str, Any],
        *,
        after: float | None = None,
        due: datetime | None = None,
    ) -> None:
        """Add a row due ``after`` world seconds from now, or at ``due`` (exactly one of the two)."""
        if (after is None) == (due is None):
            raise ValueError(f"transition {name}: give either after or due")
        moment = due if due is not None else self._clock.now() + timedelta(seconds=after or 0)
        self._store.database.execute(
            "INSERT INTO transitions (due, name, payload) VALUES (?, ?, ?)",
            (_stamp(moment), name, json.dumps(payload)),
        )
        self._changed.set()

    def cancel(self, name: str, **equals: object) -> int:
        """Remove the rows called ``name`` whose payload has these values; how many there were."""
        rows = [
            row for row in self.pending(name) if all(row.payload.get(key) == value for key, value in equals.items())
        ]
        for row in rows:
            self._remove(row)
        self._changed.set()
        return len(rows)

    def pending(self, name: str | None = None) -> list[Transition]:
        """The agenda in order of execution, of one name or all."""
        rows = self._store.database.execute(
            "SELECT sequence, due, name, payload FROM transitions ORDER BY due, sequence"
        ).fetchall()
        found = [Transition(row[0], datetime.fromisoformat(row[1]), row[2], json.loads(row[3])) for row in rows]
        return [row for row in found if name is None or row.name == name]

    async def run(self) -> None:
        """Execute due rows for ever. A handler's exception ends it: the region's state would no longer be true."""
        while True:
            self._changed.clear()
            first = self._first()
            if first is None:
                await self._changed.wait()
            elif first.due > self._clock.now():
                await self._wait(first.due)
            else:
                await self._execute(first)

    async def _wait(self, due: datetime) -> None:
        """Until ``due``, or until the agenda changed."""
        sleeper = asyncio.ensure_future(self._clock.sleep_until(due))
        change = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({sleeper, change}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            change.cancel()
            # Not suppressed one by one: that would swallow a cancellation of the runner itself.
            await asyncio.gather(sleeper, change, return_exceptions=True)

    async def _execute(self, row: Transition) -> None:
        handler = self._handlers.get(row.name)
        if handler is None:
            raise LookupError(f"transition {row.name!r} is due and nothing handles it")
        if inspect.iscoroutinefunction(handler):
            await handler(row.payload, row.due)
            self._remove(row)
            return
        with self._store.transaction():
            if inspect.isawaitable(handler(row.payload, row.due)):
                raise TypeError(f"transition {row.name!r}: its handler must be a coroutine function to be awaited")
            self._remove(row)

    def _first(self) -> Transition | None:
        row = self._store.database.execute(
            "SELECT sequence, due, name, payload FROM transitions ORDER BY due, sequence LIMIT 1"
        ).fetchone()
        if row is None:
            return None
        return Transition(row[0], datetime.fromisoformat(row[1]), row[2], json.loads(row[3]))

    def _remove(self, row: Transition) -> None:
        self._store.database.execute("DELETE FROM transitions WHERE sequence = ?", (row.sequence,))


def _stamp(moment: datetime) -> str:
    """Fixed width, so that the order of texts is the order of times."""
    return moment.isoformat(timespec="microseconds")
