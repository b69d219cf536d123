"""The side of the link that follows: it keeps in touch with a database's peer and, being its standby, pulls redo.

It dials for ever: a link that comes back is found by itself, after a pause that grows to half a wall second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import datetime
from typing import Final, Protocol

from simulator.database.core import RoleError
from simulator.database.dataguard_link import Dialer
from simulator.database.dataguard_status import Status
from simulator.database.dataguard_wire import Frame, LinkError, close, read_frame, redo_entries, send
from simulator.database.engine import Database
from simulator.database.records import Peer
from simulator.database.redo import DivergedError

log = logging.getLogger(__name__)


def report_failure(task: asyncio.Task[None]) -> None:
    """Log what ended a background task that should not have ended."""
    if not task.cancelled() and (problem := task.exception()) is not None:
        log.error("%s: ended", task.get_name(), exc_info=problem)


_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5


class Association(Protocol):
    """What a follower asks of those who decide about roles."""

    def own_status(self, database_id: str) -> Status: ...

    def takes_redo(self, database_id: str) -> bool:
        """Whether the database is a standby that still receives."""
        ...

    async def heard(self, database_id: str, peer: Peer, status: Status) -> None:
        """The peer said how it is; roles may change before this returns."""
        ...

    def caught_up(self, database_id: str, moment: datetime) -> None:
        """Everything that the primary committed up to ``moment`` (its clock) has been applied here."""
        ...


class Follower:
    """Follows one peer of one database of this region."""

    def __init__(
        self, association: Association, dialer: Dialer, database_id: str, database: Database, peer: Peer
    ) -> None:
        self._association = association
        self._dialer = dialer
        self._id = database_id
        self._database = database
        self._peer = peer
        self._again = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.connected = False

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"follow {self._peer.id}")
        self._task.add_done_callback(report_failure)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def dial_again(self) -> None:
        """Drop the connection and greet anew: something that the peer must know has changed here."""
        self._again.set()

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            self._again.clear()
            try:
                await self._follow()
                pause = _FIRST_PAUSE
            except LinkError as problem:
                if self.connected:
                    log.info("%s: lost touch with its peer in %s: %s", self._id, self._peer.region, problem)
                    pause = _FIRST_PAUSE
                self.connected = False
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._again.wait()
                pause = min(2 * pause, _LONGEST_PAUSE)

    async def _follow(self) -> None:
        """One connection, until it breaks (LinkError) or something here has changed."""
        reader, writer = await self._dialer.connect(self._peer.region)
        try:
            own = self._association.own_status(self._id)
            hello = {"database": self._peer.id, "follower": self._id, "status": own.pack()}
            await send(writer, Frame("watch", hello))
            pulling = False
            while not self._again.is_set():
                frame = await read_frame(reader)
                if self._dialer.severed:
                    raise LinkError("link: cut")
                await self._take(frame, pulling=pulling)
                self.connected = True
                await asyncio.sleep(0)  # a backlog of redo must not keep the region from everything else
                if not pulling and self._association.takes_redo(self._id):
                    await send(writer, Frame("pull", {"after": self._database.received_scn}))
                    pulling = True
        finally:
            await close(writer)

    async def _take(self, frame: Frame, *, pulling: bool) -> None:
        if frame.kind == "refusal":
            raise LinkError(f"link: {frame.fields['message']}")
        if frame.kind == "status":
            try:
                status = Status.unpack(frame.fields)
            except (KeyError, TypeError, ValueError) as problem:
                raise LinkError("link: malformed status") from problem
            await self._association.heard(self._id, self._peer, status)
            if pulling and self._association.takes_redo(self._id):
                self._receive(Frame("redo", {"entries": []}), status.as_of)
        elif frame.kind == "redo" and pulling and self._association.takes_redo(self._id):
            self._receive(frame, None)

    def _receive(self, frame: Frame, as_of: datetime | None) -> None:
        entries = redo_entries(frame)
        moment = as_of or entries[-1].time
        try:
            if entries:
                self._database.receive(entries, source_time=moment)
                self._database.apply()
        except (DivergedError, RoleError) as problem:
            log.error("%s: takes no redo of its peer: %s", self._id, problem)
            raise LinkError("link: redo refused") from problem
        self._association.caught_up(self._id, moment)
