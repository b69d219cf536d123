"""Switchover: the two sides change roles and nothing is lost, or nothing changes.

The standby leads. It asks the primary whether it would (``prepare``), has it close (``close``), receives the last of
its redo, and opens. A closed primary does not open again by itself: it asks the standby what became of the
switchover. So at no moment two databases accept writes, whatever is cut or killed in between; and a primary that
never answers makes the switchover fail by its deadline, with both sides as they were.

Every phase is written into the record before it begins, so that each side goes on after a kill.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from simulator.database.core import Role
from simulator.database.dataguard import DataGuard
from simulator.database.dataguard_status import Status, branch
from simulator.database.dataguard_wire import SILENCE_SECONDS, Frame, LinkError, PeerRefusedError
from simulator.database.records import AVAILABLE, ROLE_CHANGE, Peer, Record
from simulator.database.records import SWITCHOVER_SOURCE as SOURCE
from simulator.database.records import SWITCHOVER_TARGET as TARGET

log = logging.getLogger(__name__)

_ATTEMPT_SECONDS: Final = 0.1
"""Wall time between two attempts to reach the other side."""

_SHORTEST_WAIT: Final = 0.2


class Switchovers:
    """Both halves, for the databases of one region."""

    def __init__(self, guard: DataGuard) -> None:
        self._guard = guard
        self._region = guard.region
        self._records = guard.records
        self._registry = guard.registry
        self._tasks: dict[str, asyncio.Task[None]] = {}
        guard.question("switchover.prepare", self._prepare)
        guard.question("switchover.close", self._close)
        guard.question("switchover.outcome", self._outcome)
        guard.listeners.append(self._heard)

    def resume(self) -> None:
        """Go on with what a stop or a kill interrupted."""
        for record in self._records.living():
            if record.change is not None and record.change["kind"] in (TARGET, SOURCE):
                self._go_on(record.id)

    async def stop(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def begin(self, record: Record, peer: Peer, work_request: str) -> None:
        """Start the standby's half; the caller has checked that the record may."""
        now = self._region.clock.now()
        total = timedelta(seconds=self._region.duration("database.switchover"))
        outage = timedelta(seconds=self._region.duration("database.switchover.outage"))
        patience = timedelta(seconds=self._region.duration("database.switchover.dark"))
        change = {
            "kind": TARGET,
            "id": work_request,
            "peer": peer.id,
            "region": peer.region,
            "phase": "asking",
            "epoch": self._registry.need(record.id).epoch + 1,
            "close_at": (now + total - outage).isoformat(),
            "open_at": (now + total).isoformat(),
            "deadline": (now + patience).isoformat(),
            "until": (now + total + patience).isoformat(),
            "patience": patience.total_seconds(),
        }
        self._records.change(record.id, lifecycle_state=ROLE_CHANGE, lifecycle_details=None, change=change)
        self._go_on(record.id)

    def _go_on(self, database_id: str) -> None:
        running = self._tasks.get(database_id)
        if running is not None and not running.done():
            return  # it takes up whatever change the record has
        task = asyncio.create_task(self._run(database_id), name=f"switchover {database_id}")
        self._tasks[database_id] = task
        task.add_done_callback(lambda done: self._over(database_id, done))

    def _over(self, database_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(database_id) is task:
            del self._tasks[database_id]
        if not task.cancelled() and task.exception() is not None:
            log.error("%s: switchover stopped", database_id, exc_info=task.exception())

    async def _run(self, database_id: str) -> None:
        while True:
            record = self._records.need(database_id)
            change = record.change
            if change is None or change["kind"] not in (TARGET, SOURCE):
                return
            try:
                if change["kind"] == TARGET:
                    await self._target_step(record, change)
                else:
                    await self._source_step(record, change)
            except LinkError:
                await self._unanswered(record, change)
                await asyncio.sleep(_ATTEMPT_SECONDS)

    async def _unanswered(self, record: Record, change: Mapping[str, Any]) -> None:
        """The other side cannot be reached: give up in time, where giving up is safe."""
        now = self._now()
        if change["kind"] == TARGET:
            if now >= datetime.fromisoformat(change["deadline"]):
                self._abandon(record, change, "the primary database did not answer in time")
        elif change["phase"] == "prepared" and now >= datetime.fromisoformat(change["until"]):
            await self._reopen(record, change)  # it never closed, and from now on refuses to

    # The standby's half

    async def _target_step(self, record: Record, change: Mapping[str, Any]) -> None:
        """Take the present phase to its end, or as far as it goes now."""
        phase = change["phase"]
        try:
            if phase == "asking":
                await self._ask(record, change, "switchover.prepare", "preparing")
            elif phase == "preparing":
                await self._region.clock.sleep_until(datetime.fromisoformat(change["close_at"]))
                self._advance(record.id, change, phase="closing", deadline=self._deadline(change))
            elif phase == "closing":
                await self._ask(record, change, "switchover.close", "draining")
            elif phase == "draining":
                await self._drain(record, change)
            else:
                await self._region.clock.sleep_until(datetime.fromisoformat(change["open_at"]))
                await self._open(record, change)
        except PeerRefusedError as refusal:
            self._abandon(record, change, f"the primary database refused: {refusal}")

    async def _ask(self, record: Record, change: Mapping[str, Any], question: str, phase: str) -> None:
        answer = await self._guard.dialer.ask(
            change["region"],
            question,
            database=change["peer"],
            standby=record.id,
            id=change["id"],
            epoch=change["epoch"],
            until=change["until"],
            within=self._wall_patience(change),
        )
        self._advance(record.id, change, phase=phase, **answer.fields)

    async def _drain(self, record: Record, change: Mapping[str, Any]) -> None:
        """Wait for the last record of the closed primary."""
        database = self._registry.need(record.id)
        if database.received_scn >= change["final_scn"]:
            self._advance(record.id, change, phase="opening")
        elif self._now() >= datetime.fromisoformat(change["deadline"]):
            self._abandon(record, change, "the primary's last redo did not arrive in time")
        else:
            await asyncio.sleep(_ATTEMPT_SECONDS / 5)

    async def _open(self, record: Record, change: Mapping[str, Any]) -> None:
        """Become the primary. May run twice, when killed in between."""
        database = self._registry.need(record.id)
        if database.role is not Role.PRIMARY:
            await database.become_primary(change["epoch"])
        at = datetime.fromisoformat(change["open_at"])
        with self._region.store.transaction():
            self._records.change(
                record.id,
                lifecycle_state=AVAILABLE,
                change=None,
                time_of_last_switchover=at,
                time_role_changed=at,
                failed_data_recovery=None,
            )
            self._region.work_requests.finish(change["id"], at=at)
        log.info("%s: PRIMARY of epoch %d after a switchover", record.id, database.epoch)
        await self._guard.follow(record.id)

    def _abandon(self, record: Record, change: Mapping[str, Any], why: str) -> None:
        """Stay the standby; a primary that had closed learns so when it asks."""
        with self._region.store.transaction():
            self._records.change(
                record.id,
                lifecycle_state=AVAILABLE,
                lifecycle_details=f"The last switchover failed: {why}",
                change=None,
            )
            self._region.work_requests.finish(change["id"], error=f"Switchover failed: {why}")
        log.warning("%s: switchover abandoned: %s", record.id, why)

    def _advance(self, database_id: str, change: Mapping[str, Any], **fields: Any) -> None:
        self._records.change(database_id, change={**change, **fields})

    def _deadline(self, change: Mapping[str, Any]) -> str:
        return (self._now() + timedelta(seconds=change["patience"])).isoformat()

    def _wall_patience(self, change: Mapping[str, Any]) -> float:
        """Wall seconds to wait for one answer: not beyond the deadline, which is in world time."""
        rate = self._region.clock.rate
        left = (datetime.fromisoformat(change["deadline"]) - self._now()).total_seconds()
        return min(SILENCE_SECONDS, max(_SHORTEST_WAIT, left / rate if rate else SILENCE_SECONDS))

    def _now(self) -> datetime:
        return self._region.clock.now()

    # The primary's half

    async def _prepare(self, fields: dict[str, Any]) -> Frame:
        """Whether this primary would hand over; it goes on accepting until it is asked to close."""
        record, change = self._asked(fields)
        if change is None:
            database = self._registry.need(record.id)
            if record.lifecycle_state != AVAILABLE or database.role is not Role.PRIMARY or not database.open:
                role = database.role.value
                raise PeerRefusedError("not-primary", f"it is {record.lifecycle_state} in the role {role}")
            if database.epoch >= fields["epoch"]:
                raise PeerRefusedError("epoch", f"it is of epoch {database.epoch} already")
            change = {
                "kind": SOURCE,
                "id": fields["id"],
                "peer": fields["standby"],
                "phase": "prepared",
                "until": fields["until"],
            }
            self._records.change(record.id, lifecycle_state=ROLE_CHANGE, change=change)
            self._go_on(record.id)
        return Frame("prepared")

    async def _close(self, fields: dict[str, Any]) -> Frame:
        """Accept nothing more, and say where the log ends."""
        record, change = self._asked(fields)
        if change is None:
            raise PeerRefusedError("not-prepared", "the switchover is not known any more")
        self._advance(record.id, change, phase="closed")
        database = self._registry.need(record.id)
        if database.open:
            await self._registry.shut(record.id)
        return Frame("closed", {"final_scn": database.scn})

    async def _outcome(self, fields: dict[str, Any]) -> Frame:
        """What became of a switchover, asked by its primary."""
        record = self._records.get(str(fields["database"]))
        if record is not None and record.change is not None and record.change.get("id") == fields["id"]:
            return Frame("outcome", {"outcome": "running"})
        done = record is not None and self._registry.role(record.id) is Role.PRIMARY
        return Frame("outcome", {"outcome": "done" if done else "abandoned"})

    def _asked(self, fields: dict[str, Any]) -> tuple[Record, Mapping[str, Any] | None]:
        """The database that a standby speaks to, and its half of this switchover when it has begun."""
        record = self._records.get(str(fields["database"]))
        if record is None or record.peer(str(fields["standby"])) is None:
            raise PeerRefusedError("unknown", "it has no such standby")
        change = record.change
        if change is None:
            return record, None
        if change["kind"] == SOURCE and change["id"] == fields["id"]:
            return record, change
        raise PeerRefusedError("busy", "another change of role is under way")

    async def _source_step(self, record: Record, change: Mapping[str, Any]) -> None:
        """Ask what became of it; the news that the peer is PRIMARY arrives by itself (``_heard``)."""
        peer = record.peer(change["peer"])
        if peer is None:
            await self._reopen(record, change)
            return
        answer = await self._guard.dialer.ask(
            peer.region, "switchover.outcome", database=peer.id, id=change["id"], within=SILENCE_SECONDS
        )
        if answer.fields["outcome"] == "abandoned":
            await self._reopen(record, change)
        else:
            await asyncio.sleep(_ATTEMPT_SECONDS)

    async def _reopen(self, record: Record, change: Mapping[str, Any]) -> None:
        """Nothing came of it: go on as the primary."""
        database = self._registry.need(record.id)
        current = self._records.need(record.id).change
        if current is None or current.get("id") != change["id"] or database.role is not Role.PRIMARY:
            return
        if not database.open:
            await database.startup()
        self._records.change(
            record.id, lifecycle_state=AVAILABLE, lifecycle_details="The last switchover failed", change=None
        )

    async def _heard(self, database_id: str, peer: Peer, status: Status) -> None:
        """The peer is PRIMARY and continues this closed log: become its standby."""
        record = self._records.need(database_id)
        change = record.change
        database = self._registry.need(database_id)
        if change is None or change["kind"] != SOURCE or change["peer"] != peer.id:
            return
        if status.role is not Role.PRIMARY or status.epoch <= database.epoch:
            return
        fork = branch(database, status)
        if change["phase"] != "closed" or fork is None or fork.scn != database.scn + 1:
            return  # promoted from an earlier record: the guard fences
        await database.become_standby(status.epoch)
        await database.startup()
        at = fork.time
        self._records.change(
            database_id,
            lifecycle_state=AVAILABLE,
            lifecycle_details=None,
            change=None,
            time_of_last_switchover=at,
            time_role_changed=at,
        )
        log.info("%s: STANDBY of epoch %d after a switchover", database_id, status.epoch)
        await self._guard.follow(database_id)
