"""Switchover and failover: both are asked of the standby, in its own region."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Final

from simulator.cloud.database.room import Call, databases_of
from simulator.cloud.database.validation import conflict, dry_run, invalid
from simulator.cloud.service import Region, Reply, Request, not_found
from simulator.database.core import Role
from simulator.database.records import AVAILABLE, FAILOVER, ROLE_CHANGE, Peer, Record

FAILED_OVER: Final = "database.failed_over"


def switchover(region: Region, request: Request) -> Reply:
    """Change roles with the primary; nothing is lost, or the work request fails and nothing has changed."""
    call = Call(region, request)
    record, peer = _standby_and_peer(call, "switchover")
    if dry_run(request):
        return Reply()
    duration = region.duration("database.switchover")
    with region.store.transaction():
        work = call.work("Switchover Autonomous Database", "UPDATED", record.id, duration)
        call.databases.switchovers.begin(record, peer, work)
    return call.reply(record.id, work)


def fail_over(region: Region, request: Request) -> Reply:
    """Promote the standby with what it has received by now. The old primary, if it lives, learns of it by the link."""
    call = Call(region, request)
    record, peer = _standby_and_peer(call, "failover")
    if dry_run(request):
        return Reply()
    duration = region.duration("database.failover")
    contact = call.databases.guard.contact(record.id)
    with region.store.transaction():
        work = call.work("Failover Autonomous Database", "UPDATED", record.id, duration)
        change = {
            "kind": FAILOVER,
            "id": work,
            "peer": peer.id,
            # The primary is not asked: what is known of the loss is how far behind it this standby was last seen.
            "lag": None if contact is None else contact.lag.total_seconds(),
        }
        call.records.change(record.id, lifecycle_state=ROLE_CHANGE, lifecycle_details=None, change=change)
        region.transitions.schedule(FAILED_OVER, {"id": record.id}, after=duration)
    return call.reply(record.id, work)


def _standby_and_peer(call: Call, operation: str) -> tuple[Record, Peer]:
    record = call.record()
    call.require_available(record, operation)
    peer_id = call.request.query.get("peerDbId")
    if peer_id is None:
        raise conflict(
            f"{operation} within the region is not possible: {record.id} has no local standby database; "
            "a cross-region standby needs peerDbId"
        )
    if call.role(record) is not Role.STANDBY:
        role = call.role(record)
        raise conflict(
            f"{operation} is not possible: {record.id} is {role.value if role else 'no database'}, not STANDBY"
        )
    peer = record.peer(peer_id)
    if peer is None:
        raise (
            not_found(f"peer database {peer_id}") if peer_id.startswith("ocid1.") else invalid("peerDbId: not an OCID")
        )
    return record, peer


def register(region: Region) -> None:
    """Have failovers end. Killed at any point, the promotion is found done or is done then."""

    async def failed_over(payload: dict[str, Any], due: datetime) -> None:
        databases = databases_of(region)
        record = databases.records.need(payload["id"])
        change = record.change
        if change is None or change["kind"] != FAILOVER:
            return
        database = databases.registry.need(record.id)
        if database.role is Role.STANDBY:
            await database.activate()
        with region.store.transaction():
            databases.records.change(
                record.id,
                lifecycle_state=AVAILABLE,
                change=None,
                time_of_last_failover=due,
                time_role_changed=due,
                failed_data_recovery=None if change["lag"] is None else math.ceil(change["lag"]),
            )
            region.work_requests.finish(change["id"], at=due)
        await databases.guard.follow(record.id)

    region.transitions.register(FAILED_OVER, failed_over)
