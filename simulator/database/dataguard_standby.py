"""How a standby comes to be in another region, and how its primary learns that it is gone.

The standby's region leads here too: it asks the primary's for what the new database must be like, has itself
enlisted as the peer, and takes a base copy when its provisioning time is over; redo does the rest.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from simulator.database.dataguard import DataGuard
from simulator.database.dataguard_wire import Frame, LinkError, PeerRefusedError
from simulator.database.engine import Database, Role
from simulator.database.records import AVAILABLE, DISMISS, INSTANTIATE, PROVISIONING, TERMINATED, Peer, Record

log = logging.getLogger(__name__)

_ATTEMPT_SECONDS: Final = 0.2
_COPY_SECONDS: Final = 60.0
"""Wall time for a base copy to arrive."""


@dataclass(frozen=True)
class SourceDescription:
    """What a primary's region says of it to one that wants a standby."""

    db_name: str
    compartment_id: str
    settings: Mapping[str, Any]


class Standbys:
    """Both sides of creating and removing a cross-region standby."""

    def __init__(self, guard: DataGuard) -> None:
        self._guard = guard
        self._region = guard.region
        self._records = guard.records
        self._registry = guard.registry
        self._tasks: dict[str, asyncio.Task[None]] = {}
        guard.question("standby.describe", self._describe)
        guard.question("standby.enlist", self._enlist)
        guard.question("standby.copy", self._copy)
        guard.question("standby.dismiss", self._dismiss)

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def resume(self) -> None:
        """Go on with what a stop or a kill interrupted."""
        for record in self._records.all():
            if record.change is not None and record.change["kind"] in (INSTANTIATE, DISMISS):
                self._go_on(record.id)

    async def describe(self, source_id: str, region: str) -> SourceDescription:
        """The primary as its region knows it. Raises LinkError, or PeerRefusedError when it can have no standby."""
        answer = await self._guard.dialer.ask(region, "standby.describe", database=source_id)
        return SourceDescription(answer.fields["db_name"], answer.fields["compartment_id"], answer.fields["settings"])

    def begin(self, record: Record, work_request: str) -> None:
        """Provision the standby that the record (state PROVISIONING, one peer) describes."""
        ready = self._now() + timedelta(seconds=self._region.duration("database.standby"))
        patience = timedelta(seconds=self._region.duration("database.standby"))
        change = {
            "kind": INSTANTIATE,
            "id": work_request,
            "phase": "enlisting",
            "ready_at": ready.isoformat(),
            "deadline": (ready + patience).isoformat(),
        }
        self._records.change(record.id, change=change)
        self._go_on(record.id)

    def begin_dismissal(self, record: Record) -> None:
        """Tell the peers of a terminated standby, as soon as they can be reached."""
        self._records.change(record.id, change={"kind": DISMISS})
        self._go_on(record.id)

    def _go_on(self, database_id: str) -> None:
        task = asyncio.create_task(self._run(database_id), name=f"standby {database_id}")
        self._tasks[database_id] = task
        task.add_done_callback(lambda done: self._over(database_id, done))

    def _over(self, database_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(database_id) is task:
            del self._tasks[database_id]
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: stopped", database_id, exc_info=task.exception())

    async def _run(self, database_id: str) -> None:
        while (change := self._records.need(database_id).change) is not None:
            record = self._records.need(database_id)
            try:
                if change["kind"] == DISMISS:
                    await self._take_leave(record)
                elif change["phase"] == "enlisting":
                    await self._have_enlisted(record, change)
                else:
                    await self._region.clock.sleep_until(datetime.fromisoformat(change["ready_at"]))
                    await self._instantiate(record, change)
            except (LinkError, PeerRefusedError) as problem:
                refused = isinstance(problem, PeerRefusedError)
                if change["kind"] == DISMISS and refused:
                    self._records.change(database_id, change=None)
                elif change["kind"] == INSTANTIATE and (refused or self._late(change)):
                    self._fail(record, change, str(problem))
                await asyncio.sleep(_ATTEMPT_SECONDS)

    def _late(self, change: Mapping[str, Any]) -> bool:
        return self._now() >= datetime.fromisoformat(change["deadline"])

    def _now(self) -> datetime:
        return self._region.clock.now()

    # The standby's side

    async def _have_enlisted(self, record: Record, change: Mapping[str, Any]) -> None:
        source = record.peers[0]
        await self._guard.dialer.ask(
            source.region, "standby.enlist", database=source.id, standby=record.id, region=self._region.name
        )
        self._records.change(record.id, change={**change, "phase": "copying"})

    async def _instantiate(self, record: Record, change: Mapping[str, Any]) -> None:
        """Fetch the base copy and mount it. Begins anew when it was killed halfway."""
        source = record.peers[0]
        answer = await self._guard.dialer.ask(
            source.region, "standby.copy", within=_COPY_SECONDS, database=source.id, standby=record.id
        )
        await self._registry.drop(record.id)
        directory = self._registry.directory(record.id)
        directory.mkdir(parents=True)
        base = directory / "base-copy"
        await asyncio.to_thread(base.write_bytes, answer.body)
        database = Database.instantiate_standby(directory, base, name=record.db_name, clock=self._region.clock)
        base.unlink()
        self._registry.put(record, database)
        at = datetime.fromisoformat(change["ready_at"])
        with self._region.store.transaction():
            self._records.change(record.id, lifecycle_state=AVAILABLE, change=None, time_role_changed=at)
            self._region.work_requests.finish(change["id"], at=self._now())
        await self._guard.follow(record.id)

    def _fail(self, record: Record, change: Mapping[str, Any], why: str) -> None:
        shutil.rmtree(self._registry.directory(record.id), ignore_errors=True)
        with self._region.store.transaction():
            self._records.change(
                record.id,
                lifecycle_state=TERMINATED,
                lifecycle_details=f"The standby could not be created: {why}",
                change={"kind": DISMISS},
            )
            self._region.work_requests.finish(change["id"], error=f"The standby could not be created: {why}")

    async def _take_leave(self, record: Record) -> None:
        for peer in record.peers:
            await self._guard.dialer.ask(peer.region, "standby.dismiss", database=peer.id, standby=record.id)
        self._records.change(record.id, change=None)

    # The primary's side

    async def _describe(self, fields: dict[str, Any]) -> Frame:
        record = self._source(fields)
        description = {
            "db_name": record.db_name,
            "compartment_id": record.compartment_id,
            "settings": dict(record.settings),
        }
        return Frame("description", description)

    async def _enlist(self, fields: dict[str, Any]) -> Frame:
        peer = Peer(str(fields["standby"]), str(fields["region"]))
        record = self._source(fields, standby=peer.id)
        if record.peer(peer.id) is None:
            self._records.change(record.id, peers=(*record.peers, peer), region_type="PRIMARY")
        await self._guard.follow(record.id)
        return Frame("enlisted")

    async def _copy(self, fields: dict[str, Any]) -> Frame:
        record = self._source(fields, standby=str(fields["standby"]))
        target = self._registry.directory(record.id) / f"copy-for-{fields['standby']}"
        target.unlink(missing_ok=True)
        database = self._registry.need(record.id)
        try:
            scn = await asyncio.to_thread(database.snapshot_to, target)
            body = await asyncio.to_thread(target.read_bytes)
        finally:
            target.unlink(missing_ok=True)
        return Frame("copy", {"scn": scn}, body)

    async def _dismiss(self, fields: dict[str, Any]) -> Frame:
        record = self._records.get(str(fields["database"]))
        if record is not None and not record.gone:
            left = tuple(peer for peer in record.peers if peer.id != fields["standby"])
            region_type = record.region_type if left else None
            self._records.change(record.id, peers=left, region_type=region_type)
            await self._guard.follow(record.id)
        return Frame("dismissed")

    def _source(self, fields: dict[str, Any], *, standby: str | None = None) -> Record:
        """The primary that a standby is wanted of. Raises PeerRefusedError when it can have none."""
        record = self._records.get(str(fields["database"]))
        if record is None or record.gone or record.lifecycle_state == PROVISIONING:
            raise PeerRefusedError("unknown", f"no such database: {fields['database']}")
        if self._registry.role(record.id) is not Role.PRIMARY or record.lifecycle_state != AVAILABLE:
            raise PeerRefusedError("state", f"{record.id} is not an available primary database")
        if any(peer.id != standby for peer in record.peers):
            raise PeerRefusedError("has-standby", f"{record.id} has a cross-region standby already")
        return record
