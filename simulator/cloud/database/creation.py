"""Creating databases: a new primary, or the cross-region standby of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from simulator.cloud.database.room import Call, databases_of
from simulator.cloud.database.validation import (
    CREATE_SOURCES,
    DEFAULTS,
    check_db_name,
    compartment_of,
    conflict,
    dry_run,
    invalid,
    password_of,
    settings_of,
)
from simulator.cloud.service import Region, Reply, Request, ServiceError, not_found
from simulator.database.dataguard_standby import SourceDescription
from simulator.database.dataguard_wire import LinkError, PeerRefusedError
from simulator.database.engine import Database
from simulator.database.records import AVAILABLE, PROVISIONING, Peer, Record

OPERATION: Final = "create_autonomous_database"
PROVISIONED: Final = "database.provisioned"


async def create(region: Region, request: Request) -> Reply:
    """Create a database of the kind that ``source`` names."""
    source = request.body.get("source") or "NONE"
    if source == "CROSS_REGION_DISASTER_RECOVERY":
        kind = request.need("remoteDisasterRecoveryType")
        if kind not in ("ADG", "BACKUP_BASED"):
            raise invalid("remoteDisasterRecoveryType must be ADG or BACKUP_BASED")
        if kind == "BACKUP_BASED" or request.body.get("isReplicateAutomaticBackups"):
            raise ServiceError(501, "NotImplemented", f"{OPERATION}: backup-based disaster recovery")
    elif source not in CREATE_SOURCES:
        raise ServiceError(501, "NotImplemented", f"{OPERATION}: source {source}")
    call = Call(region, request)
    return _create_primary(call) if source == "NONE" else await _create_standby(call, source)


def _create_primary(call: Call) -> Reply:
    """Files and ADMIN's verifier exist at once, so that no password waits on disk; the state takes its time."""
    region, request = call.region, call.request
    compartment = compartment_of(region, request)
    if "sourceId" in request.body:
        raise invalid("sourceId needs a source")
    name = check_db_name(request.need("dbName"))
    password = password_of(request.body)
    settings = settings_of(request.body, OPERATION)
    if any(record.db_name.lower() == name.lower() for record in call.records.living()):
        raise invalid(f"dbName {name} is taken by another Autonomous Database of the tenancy")
    if dry_run(request):
        return Reply()
    record = _record(call, name, compartment, settings, source="NONE")
    directory = call.databases.registry.directory(record.id)
    database = Database.create(directory, name=name, clock=region.clock, admin_password=password)
    duration = region.duration("database.provision")
    with region.store.transaction():
        call.records.add(record)
        work = call.work("Create Autonomous Database", "CREATED", record.id, duration)
        region.transitions.schedule(PROVISIONED, {"id": record.id, "work": work}, after=duration)
    call.databases.registry.put(record, database)
    return call.reply(record.id, work)


async def _create_standby(call: Call, source_kind: str) -> Reply:
    region, request = call.region, call.request
    compartment = compartment_of(region, request)
    source_id = str(request.need("sourceId"))
    place = next((p for p in region.world.regions.values() if f".{p.key}." in source_id), None)
    if place is None:
        raise not_found(f"Autonomous Database {source_id}")
    if place.name == region.name:
        raise invalid("sourceId is of this region: a cross-region standby is created in another one")
    source = await _describe(call, source_id, place.name)
    settings = _inherited(call, source)
    name = request.body.get("dbName") or source.db_name
    if name.lower() != source.db_name.lower():
        raise invalid(f"dbName of a standby must be that of its primary, {source.db_name}")
    if dry_run(request):
        return Reply()
    record = _record(
        call,
        source.db_name,
        compartment,
        settings,
        source=source_kind,
        source_id=source_id,
        peers=(Peer(source_id, place.name),),
        region_type="REMOTE",
    )
    with region.store.transaction():
        call.records.add(record)
        duration = region.duration("database.standby")
        work = call.work("Create Autonomous Database Standby", "CREATED", record.id, duration)
        call.databases.standbys.begin(record, work)
    return call.reply(record.id, work)


async def _describe(call: Call, source_id: str, region: str) -> SourceDescription:
    try:
        return await call.databases.standbys.describe(source_id, region)
    except LinkError:
        raise ServiceError(503, "ServiceUnavailable", f"The region {region} cannot be reached") from None
    except PeerRefusedError as refusal:
        raise (not_found(source_id) if refusal.code == "unknown" else conflict(str(refusal))) from None


def _inherited(call: Call, source: SourceDescription) -> dict[str, Any]:
    """A standby is as its primary is; what the caller gives beside names and tags must say the same."""
    given = settings_of(call.request.body, OPERATION)
    own = {"displayName", "freeformTags", "definedTags"}
    for field, value in given.items():
        if field not in own and value != source.settings.get(field):
            raise invalid(f"{field} of a standby must be that of its primary, {source.settings.get(field)!r}")
    return {**source.settings, **given}


def _record(call: Call, name: str, compartment: str, settings: dict[str, Any], **fields: Any) -> Record:
    complete = {**DEFAULTS, "displayName": name, **settings}
    if "dataStorageSizeInGBs" in settings:
        complete["dataStorageSizeInTBs"] = None
    return Record(
        id=call.region.new_ocid("autonomousdatabase"),
        db_name=name,
        compartment_id=compartment,
        lifecycle_state=PROVISIONING,
        time_created=call.region.clock.now(),
        settings=complete,
        **fields,
    )


def register(region: Region) -> None:
    """Have provisioning end."""

    def provisioned(payload: dict[str, Any], due: datetime) -> None:
        databases_of(region).records.change(payload["id"], lifecycle_state=AVAILABLE)
        region.work_requests.finish(payload["work"], at=due)

    region.transitions.register(PROVISIONED, provisioned)
