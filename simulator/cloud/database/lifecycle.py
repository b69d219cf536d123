"""Start, stop, update and delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from simulator.cloud.database.room import Call, databases_of
from simulator.cloud.database.validation import check_password, conflict, dry_run, invalid, settings_of
from simulator.cloud.service import Region, Reply, Request, ServiceError
from simulator.database.engine import Database, Role
from simulator.database.interface import ClientInfo
from simulator.database.records import (
    AVAILABLE,
    RESTARTING,
    STARTING,
    STOPPED,
    STOPPING,
    TERMINATED,
    TERMINATING,
    Record,
)

UPDATE: Final = "update_autonomous_database"
STARTED: Final = "database.started"
SHUT: Final = "database.stopped"
UPDATED: Final = "database.updated"
DELETED: Final = "database.terminated"

_AT_ONCE: Final = frozenset({"displayName", "freeformTags", "definedTags"})
_FIXED: Final = frozenset({"characterSet", "ncharacterSet", "isDedicated", "dbVersion"})
_SCALING: Final = frozenset({"computeModel", "computeCount", "dataStorageSizeInTBs", "dataStorageSizeInGBs"})


def start(region: Region, request: Request) -> Reply:
    """Open a stopped database."""
    call = Call(region, request)
    record = call.record()
    if record.lifecycle_state != STOPPED:
        raise conflict(f"start is not possible: {record.id} is {record.lifecycle_state}, not STOPPED")
    return _schedule(call, record, "start", STARTING, STARTED)


async def stop(region: Region, request: Request) -> Reply:
    """Stop a primary: its sessions are told and ended, its standby stays as it is."""
    call = Call(region, request)
    record = call.record()
    call.require_available(record, "stop")
    _require_primary(call, record, "stop")
    reply = _schedule(call, record, "stop", STOPPING, SHUT)
    if not dry_run(request):
        await call.databases.registry.shut(record.id)
    return reply


async def restart(region: Region, request: Request) -> Reply:
    """Stop and open again; the sessions end now, the database opens when the restart's time is over."""
    call = Call(region, request)
    record = call.record()
    call.require_available(record, "restart")
    _require_primary(call, record, "restart")
    if request.query.get("isOnlineRestart", "false").lower() == "true" or request.body:
        raise ServiceError(501, "NotImplemented", "restart_autonomous_database: online or with details")
    reply = _schedule(call, record, "restart", RESTARTING, STARTED)
    if not dry_run(request):
        await call.databases.registry.shut(record.id)
    return reply


def delete(region: Region, request: Request) -> Reply:
    """Terminate. An association loses its standby first, its primary last."""
    call = Call(region, request)
    record = call.record()
    if record.lifecycle_state not in (AVAILABLE, STOPPED):
        raise conflict(f"delete is not possible: {record.id} is {record.lifecycle_state}")
    if record.peers and (call.role(record) is Role.PRIMARY or record.region_type == "PRIMARY"):
        raise conflict(
            f"delete is not possible: {record.id} has the cross-region peer {record.peers[0].id}; terminate the "
            "standby that was created for it first, in the role STANDBY"
        )
    reply = _schedule(call, record, "terminate", TERMINATING, DELETED)
    return Reply(status=204 if dry_run(request) else 202, headers=reply.headers)


async def update(region: Region, request: Request) -> Reply:
    """Change settings. Names and tags change at once; the rest takes the time of an update."""
    call = Call(region, request)
    record = call.record()
    changes = _changes(call, record)
    password = request.body.get("adminPassword")
    if password is not None:
        check_password(password)
    if dry_run(request):
        return Reply()
    if password is not None:
        await _set_password(call.databases.registry.need(record.id), password)
    if password is None and set(changes) <= _AT_ONCE:
        call.records.change(record.id, settings={**record.settings, **changes})
        return call.reply(record.id)
    state = "SCALE_IN_PROGRESS" if set(changes) & _SCALING else "UPDATING"
    return _schedule(call, record, "update", state, UPDATED, settings=changes)


def _changes(call: Call, record: Record) -> dict[str, Any]:
    call.require_available(record, "update")
    _require_primary(call, record, "update")
    changes = settings_of(call.request.body, UPDATE, special=frozenset({"adminPassword"}))
    for field in _FIXED & changes.keys():
        raise invalid(f"{field} cannot be updated")
    changed = {name: value for name, value in changes.items() if record.settings.get(name) != value}
    if "dbWorkload" in changed and (record.settings["dbWorkload"], changed["dbWorkload"]) != ("AJD", "OLTP"):
        raise invalid("dbWorkload can be changed from AJD to OLTP only")
    if record.settings["isBackupRetentionLocked"]:
        if changed.get("isBackupRetentionLocked") is False:
            raise invalid("isBackupRetentionLocked cannot be undone")
        if changed.get("backupRetentionPeriodInDays", 60) < record.settings["backupRetentionPeriodInDays"]:
            raise invalid("backupRetentionPeriodInDays is locked: it can only be raised")
    return changed


async def _set_password(database: Database, password: str) -> None:
    """ADMIN's own statement, so that it is in the redo and the standby has it too."""
    session = await database.logon("ADMIN", ClientInfo(program="control plane"))
    try:
        await session.execute(await session.prepare(f'ALTER USER ADMIN IDENTIFIED BY "{password}"'), [])
    finally:
        await session.close()


def _require_primary(call: Call, record: Record, operation: str) -> None:
    role = call.role(record)
    if role is not Role.PRIMARY:
        raise conflict(
            f"{operation} is not possible on {record.id}: its role is {role.value if role else 'none'}; "
            "do it on the primary database"
        )


def _schedule(call: Call, record: Record, verb: str, state: str, name: str, **payload: Any) -> Reply:
    """Enter ``state`` now, and leave it by the transition ``name`` when the operation's time is over."""
    if dry_run(call.request):
        return Reply()
    duration = call.region.duration(f"database.{verb}")
    action = "DELETED" if verb == "terminate" else "UPDATED"
    with call.region.store.transaction():
        call.records.change(record.id, lifecycle_state=state, lifecycle_details=None)
        work = call.work(f"{verb.capitalize()} Autonomous Database", action, record.id, duration)
        call.region.transitions.schedule(name, {"id": record.id, "work": work, **payload}, after=duration)
    return call.reply(record.id, work)


def register(region: Region) -> None:
    """Have these operations end."""

    def finish(payload: dict[str, Any], due: datetime, **fields: Any) -> None:
        with region.store.transaction():
            databases_of(region).records.change(payload["id"], **fields)
            region.work_requests.finish(payload["work"], at=due)

    async def started(payload: dict[str, Any], due: datetime) -> None:
        await databases_of(region).registry.need(payload["id"]).startup()
        finish(payload, due, lifecycle_state=AVAILABLE)

    async def stopped(payload: dict[str, Any], due: datetime) -> None:
        registry = databases_of(region).registry
        if registry.need(payload["id"]).open:  # killed before it was shut
            await registry.shut(payload["id"])
        finish(payload, due, lifecycle_state=STOPPED)

    def updated(payload: dict[str, Any], due: datetime) -> None:
        settings = databases_of(region).records.need(payload["id"]).settings
        finish(payload, due, lifecycle_state=AVAILABLE, settings={**settings, **payload["settings"]})

    async def terminated(payload: dict[str, Any], due: datetime) -> None:
        databases = databases_of(region)
        await databases.guard.forget(payload["id"])
        await databases.registry.drop(payload["id"])
        finish(payload, due, lifecycle_state=TERMINATED)
        record = databases.records.need(payload["id"])
        if record.peers:
            databases.standbys.begin_dismissal(record)

    region.transitions.register(STARTED, started)
    region.transitions.register(SHUT, stopped)
    region.transitions.register(UPDATED, updated)
    region.transitions.register(DELETED, terminated)
