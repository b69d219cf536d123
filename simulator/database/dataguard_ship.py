"""The side of the link that is followed: it tells how it is, and streams redo to a follower that pulls.

A record leaves when it is as old as the transport lag. What a region lost by a failover is therefore what it
committed within the lag before it went dark: a figure that follows from the log and the clock alone.
"""

from __future__ import annotations

import asyncio
import itertools
from asyncio import FIRST_COMPLETED
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from simulator.cloud.service import Region
from simulator.database.dataguard_status import Status
from simulator.database.dataguard_wire import Frame, read_frame, redo_frame, send
from simulator.database.engine import Database

_SHORTEST_BEAT: Final = 0.02
_LONGEST_BEAT: Final = 1.0
_MANUAL_BEAT: Final = 0.05


def beat(rate: float) -> float:
    """Wall seconds between two statuses: a world second, within what a process can keep up and a peer expects."""
    return _MANUAL_BEAT if rate <= 0 else min(_LONGEST_BEAT, max(_SHORTEST_BEAT, 1 / rate))


class Shipment:
    """One follower's stream, from its hello to the end of its connection."""

    def __init__(
        self,
        region: Region,
        database: Database,
        status: Callable[[], Status],
        lag: Callable[[], timedelta],
    ) -> None:
        self._region = region
        self._database = database
        self._status = status
        self._lag = lag
        self._shipped: int | None = None
        self._stopping = asyncio.Event()
        self._over = asyncio.Event()

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the connection ends (LinkError) or ``stop``."""
        ends: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._listen(reader)),
            asyncio.create_task(self._stopping.wait()),
        ]
        try:
            while not any(end.done() for end in ends):
                await self._ship(writer)
                await asyncio.wait(ends, timeout=beat(self._region.clock.rate), return_when=FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
            self._over.set()

    async def stop(self) -> None:
        """Have it end; the database is not touched after this returns."""
        self._stopping.set()
        await self._over.wait()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """The follower says one thing: from which SCN on it wants redo. A silent follower is not a dead one."""
        while True:
            frame = await read_frame(reader, within=None)
            if frame.kind == "pull":
                self._shipped = int(frame.fields["after"])

    async def _ship(self, writer: asyncio.StreamWriter) -> None:
        """All records that are due, then a status that vouches for the log up to then."""
        due = self._region.clock.now() - self._lag()
        while self._shipped is not None:
            ready = list(itertools.takewhile(lambda entry: entry.time <= due, self._database.redo_after(self._shipped)))
            if not ready:
                break
            await send(writer, redo_frame(ready))
            self._shipped = ready[-1].scn
        await send(writer, Frame("status", replace(self._status(), as_of=due).pack()))
