"""The Archive tier: objects whose bytes cannot be read until a restore has run, which takes its hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from simulator.cloud.http import timestamp
from simulator.cloud.objectstorage.base import SERVICE, check_object_name, need_bucket
from simulator.cloud.objectstorage.catalog import StoredObject, catalog
from simulator.cloud.objectstorage.contents import check_tier
from simulator.cloud.objectstorage.errors import invalid, object_not_found
from simulator.cloud.service import Region, Reply, Request, ServiceError

RESTORED, REARCHIVE = "objectstorage.restored", "objectstorage.rearchive"
_ACTIONS = "/n/{namespaceName}/b/{bucketName}/actions/"


@SERVICE.setup
def register(region: Region) -> None:
    """The ends of restores and of their windows."""
    region.transitions.register(RESTORED, partial(_restored, region))
    region.transitions.register(REARCHIVE, partial(_rearchive, region))


@SERVICE.operation("POST", _ACTIONS + "restoreObjects", "restore_objects")
def restore_objects(region: Region, request: Request) -> Reply:
    """Begin to make an archived object readable for ``hours`` (24 when not given, 1 to 240)."""
    stored = _named(region, request)
    hours = request.body.get("hours") or 24
    if not isinstance(hours, int) or not 1 <= hours <= 240:
        raise invalid("InvalidRestoreHours", "hours must be between 1 and 240")
    if stored.archival is None:
        raise invalid("NotArchivedObject", f"The object '{stored.name}' is not archived")
    if stored.archival != "Archived":
        code = "RestoreInProgress" if stored.archival == "Restoring" else "AlreadyRestored"
        raise ServiceError(409, code, f"The object '{stored.name}' is {stored.archival.lower()}")
    with region.store.transaction():
        catalog(region).change(replace(stored, archival="Restoring"))
        region.transitions.schedule(
            RESTORED, _key(stored) | {"hours": hours}, after=region.duration("objectstorage.restore")
        )
    return Reply()


@SERVICE.operation("POST", _ACTIONS + "updateObjectStorageTier", "update_object_storage_tier")
def update_object_storage_tier(region: Region, request: Request) -> Reply:
    """Move an object to another tier; out of Archive only while it is restored."""
    stored = _named(region, request)
    tier = check_tier(request.need("storageTier")) or "Standard"
    if stored.archival in ("Archived", "Restoring") and tier != "Archive":
        raise ServiceError(409, "NotRestored", f"The object '{stored.name}' is archived: restore it")
    catalog(region).change(in_tier(stored, tier))
    return Reply()


def in_tier(stored: StoredObject, tier: str) -> StoredObject:
    """The same version in a tier; in Archive it is archived at once."""
    archival = "Archived" if tier == "Archive" else None
    return replace(stored, tier=tier, archival=archival, restored_until=None)


def _restored(region: Region, payload: dict[str, Any], due: datetime) -> None:
    stored = _again(region, payload, "Restoring")
    if stored is not None:
        until = due + timedelta(hours=payload["hours"])
        catalog(region).change(replace(stored, archival="Restored", restored_until=timestamp(until)))
        region.transitions.schedule(REARCHIVE, _key(stored), due=until)


def _rearchive(region: Region, payload: dict[str, Any], _: datetime) -> None:
    stored = _again(region, payload, "Restored")
    if stored is not None:
        catalog(region).change(replace(stored, archival="Archived", restored_until=None))


def _again(region: Region, payload: dict[str, Any], archival: str) -> StoredObject | None:
    """The version that a transition is about, unless it went or changed meanwhile."""
    stored = catalog(region).version(payload["bucket"], payload["name"], payload["version"])
    return stored if stored is not None and stored.archival == archival else None


def _key(stored: StoredObject) -> dict[str, Any]:
    return {"bucket": stored.bucket, "name": stored.name, "version": stored.version}


def _named(region: Region, request: Request) -> StoredObject:
    bucket = need_bucket(region, request)
    name = check_object_name(request.need("objectName"))
    version = request.body.get("versionId")
    rows = catalog(region)
    stored = rows.version(bucket["name"], name, version) if version else rows.latest(bucket["name"], name)
    if stored is None or stored.delete_marker:
        raise object_not_found(bucket["name"], name)
    return stored
