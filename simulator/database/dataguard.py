"""Who is primary: the decisions that a region's databases take on what they hear of their peers.

Roles and epochs cross regions over the link only. So a promotion is unknown to an old primary that cannot be reached:
it stays PRIMARY and goes on accepting. When it hears of a higher epoch it fences itself at once, and what it
acknowledged beyond the point of the promotion is kept apart and listed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from simulator.cloud.service import Region
from simulator.database.dataguard_follow import Follower
from simulator.database.dataguard_link import Dialer, LinkServer
from simulator.database.dataguard_ship import Shipment, beat
from simulator.database.dataguard_status import Incarnation, Status, branch, divergent, status_of
from simulator.database.dataguard_wire import Frame, LinkError, PeerRefusedError, send
from simulator.database.engine import Database, Role
from simulator.database.records import AVAILABLE, FAILOVER, ROLE_CHANGE, Peer, Record, Records
from simulator.database.redo import row_changes
from simulator.database.registry import DatabaseRegistry

log = logging.getLogger(__name__)

TRANSPORT_LAG_SECONDS: Final = 2.0
"""World seconds from a commit to its arrival in the other region, unless the world says otherwise."""

_CONTACT_KIND: Final = "dataguard_contact"
_SETTING_KIND: Final = "dataguard_setting"

Question = Callable[[dict[str, Any]], Awaitable[Frame]]


@dataclass(frozen=True)
class Contact:
    """When this region last heard the primary, and up to when it then had the primary's log."""

    heard: datetime
    caught_up: datetime

    @property
    def lag(self) -> timedelta:
        return max(timedelta(0), self.heard - self.caught_up)


class DataGuard:
    """The associations of one region's databases."""

    def __init__(self, region: Region, records: Records, registry: DatabaseRegistry) -> None:
        self.region = region
        self.records = records
        self.registry = registry
        self.dialer = Dialer(region)
        self.listeners: list[Callable[[str, Peer, Status], Awaitable[None]]] = []
        self._questions: dict[str, Question] = {}
        self._server = LinkServer(region, self._answer, self._ship)
        self._followers: dict[tuple[str, str], Follower] = {}
        self._shipments: dict[str, set[Shipment]] = {}
        self._contacts: dict[str, Contact] = {}
        self._contact_made = asyncio.Event()
        self._deciding = asyncio.Lock()

    async def start(self) -> None:
        """Listen, and follow every peer. Raises OSError when the link's address is taken."""
        await self._server.start()
        for record in self.records.living():
            await self.follow(record.id)

    async def stop(self) -> None:
        await self._server.stop()
        for record in self.records.all():
            await self.forget(record.id)

    def question(self, name: str, handler: Question) -> None:
        """Have ``handler`` answer what other regions ask under this name; it may raise PeerRefusedError."""
        self._questions[name] = handler

    async def follow(self, database_id: str) -> None:
        """Follow the record's present peers, and no others; greet anew those that are followed already."""
        record = self.records.get(database_id)
        database = self.registry.get(database_id)
        peers = {} if record is None or database is None or record.gone else {p.id: p for p in record.peers}
        for key in [key for key in self._followers if key[0] == database_id]:
            if key[1] not in peers:
                await self._followers.pop(key).stop()
            else:
                self._followers[key].dial_again()
        for peer in peers.values():
            if database is not None and (database_id, peer.id) not in self._followers:
                follower = Follower(self, self.dialer, database_id, database, peer)
                self._followers[database_id, peer.id] = follower
                follower.start()

    async def forget(self, database_id: str) -> None:
        """Neither follow its peers nor be followed any longer; its files may then be closed."""
        for key in [key for key in self._followers if key[0] == database_id]:
            await self._followers.pop(key).stop()
        for shipment in tuple(self._shipments.get(database_id, ())):
            await shipment.stop()

    # What a follower asks

    def own_status(self, database_id: str) -> Status:
        return status_of(self.registry.need(database_id), self.region.clock.now())

    def takes_redo(self, database_id: str) -> bool:
        """A standby receives until its failover begins: from then on what it has is what survives."""
        record = self.records.get(database_id)
        if record is None or self.registry.role(database_id) is not Role.STANDBY:
            return False
        return record.change is None or record.change["kind"] != FAILOVER

    async def heard(self, database_id: str, peer: Peer, status: Status) -> None:
        async with self._deciding:
            await self._decide(database_id, peer, status)

    async def _decide(self, database_id: str, peer: Peer, status: Status) -> None:
        database = self.registry.get(database_id)
        record = self.records.get(database_id)
        if database is None or record is None or record.gone:
            return
        for listener in self.listeners:
            await listener(database_id, peer, status)
        fork = branch(database, status)
        superseded = database.role is Role.PRIMARY and status.epoch > database.epoch
        astray = database.role is Role.STANDBY and fork is not None and database.scn >= fork.scn
        unlisted = database.role is Role.DISABLED_STANDBY and record.divergence is None
        if fork is not None and (superseded or astray or unlisted):
            await self.fence(record, database, status, fork)

    def caught_up(self, database_id: str, moment: datetime) -> None:
        self._contacts[database_id] = Contact(self.region.clock.now(), moment)
        self._contact_made.set()

    # Fencing

    async def fence(self, record: Record, database: Database, status: Status, fork: Incarnation) -> None:
        """Stop accepting, for a database of a higher epoch is primary; list what it never had.

        May run twice, when killed in between.
        """
        await database.fence(status.epoch)
        self.registry.let_go(database)
        lost = list(divergent(database, fork.scn))
        log.warning("%s: fenced by epoch %d; %d transactions are not in it", record.id, status.epoch, len(lost))
        self.records.change(
            record.id,
            lifecycle_state=AVAILABLE if record.lifecycle_state == ROLE_CHANGE else record.lifecycle_state,
            lifecycle_details=f"Disabled: a database of epoch {status.epoch} has been promoted",
            time_role_changed=self.region.clock.now(),
            change=None,
            divergence={
                "since_scn": fork.scn,
                "epoch": fork.epoch,
                "transactions": len(lost),
                "first": lost[0].time.isoformat() if lost else None,
                "last": lost[-1].time.isoformat() if lost else None,
            },
        )

    def divergence(self, database_id: str, limit: int) -> list[dict[str, Any]]:
        """The first transactions that a fenced database acknowledged beyond its successor's, row by row."""
        record = self.records.need(database_id)
        if record.divergence is None:
            return []
        entries = divergent(self.registry.need(database_id), record.divergence["since_scn"])
        return [
            {
                "scn": entry.scn,
                "time": entry.time.isoformat(),
                "kind": entry.kind,
                "changes": [
                    {"table": row.table, "operation": row.operation, "old": _texts(row.old), "new": _texts(row.new)}
                    for row in row_changes(entry)
                ],
            }
            for entry in itertools.islice(entries, limit)
        ]

    # Lag

    @property
    def transport_lag(self) -> timedelta:
        setting = self.region.store.get(_SETTING_KIND, "transport_lag")
        return timedelta(seconds=TRANSPORT_LAG_SECONDS if setting is None else setting["seconds"])

    def set_transport_lag(self, seconds: float) -> None:
        """How far behind this region's primaries ship from now on, in world seconds; 0 or more."""
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"transport lag {seconds}: must be 0 or more world seconds")
        self.region.store.put(_SETTING_KIND, "transport_lag", {"seconds": seconds})

    def contact(self, database_id: str) -> Contact | None:
        """The last one with the primary, also when it was before a restart; None when there never was one."""
        found = self._contacts.get(database_id)
        if found is not None:
            return found
        document = self.region.store.get(_CONTACT_KIND, database_id)
        if document is None:
            return None
        return Contact(*(datetime.fromisoformat(document[name]) for name in ("heard", "caught_up")))

    def keep_contact(self, database_id: str) -> None:
        """Write the last contact down, so that lag is known after a restart with the primary dark."""
        contact = self._contacts.get(database_id)
        if contact is not None:
            document = {"heard": contact.heard.isoformat(), "caught_up": contact.caught_up.isoformat()}
            self.region.store.put(_CONTACT_KIND, database_id, document)

    async def fresh_contact(self) -> None:
        """Wait for the next status of any primary, at most three beats."""
        self._contact_made.clear()
        # Not wait_for: until Python 3.12 it loses a cancellation that comes together with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3 * beat(self.region.clock.rate)):
                await self._contact_made.wait()

    # What the server answers

    async def _answer(self, frame: Frame) -> Frame:
        handler = self._questions.get(str(frame.fields.get("question")))
        if handler is None:
            raise PeerRefusedError("unknown-question", f"no such question: {frame.fields.get('question')}")
        return await handler(frame.fields)

    async def _ship(self, hello: Frame, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        database_id, follower_id = str(hello.fields["database"]), str(hello.fields["follower"])
        record = self.records.get(database_id)
        database = self.registry.get(database_id)
        peer = None if record is None else record.peer(follower_id)
        if database is None or peer is None:
            refusal = {"code": "unknown", "message": f"{database_id} has no association with {follower_id}"}
            await send(writer, Frame("refusal", refusal))
            return
        try:
            status = Status.unpack(hello.fields["status"])
        except (KeyError, TypeError, ValueError) as problem:
            raise LinkError("link: malformed hello") from problem
        await self.heard(database_id, peer, status)
        shipment = Shipment(self.region, database, lambda: self.own_status(database_id), lambda: self.transport_lag)
        following = self._shipments.setdefault(database_id, set())
        following.add(shipment)
        try:
            await shipment.run(reader, writer)
        finally:
            following.discard(shipment)


def _texts(values: tuple[object, ...] | None) -> list[str | None] | None:
    return None if values is None else [None if value is None else str(value) for value in values]
