"""Autonomous Databases as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from simulator.cloud.http import timestamp
from simulator.cloud.service import Region
from simulator.database.core import Role
from simulator.database.descriptors import LEVELS, descriptor, service_name
from simulator.database.records import Record

_REGION_TYPES: Final = {"PRIMARY": "PRIMARY_DG_REGION", "REMOTE": "REMOTE_STANDBY_DG_REGION"}


def autonomous_database(region: Region, record: Record, role: Role | None) -> dict[str, Any]:
    """The whole resource. A role is shown only by a database that takes part in an association."""
    associated = record.region_type is not None
    return {
        **record.settings,
        "id": record.id,
        "compartmentId": record.compartment_id,
        "dbName": record.db_name,
        "lifecycleState": record.lifecycle_state,
        "lifecycleDetails": record.lifecycle_details,
        "timeCreated": timestamp(record.time_created),
        "infrastructureType": "CLOUD",
        "openMode": "READ_WRITE",
        "permissionLevel": "UNRESTRICTED",
        "sourceId": record.source_id,
        "systemTags": {},
        "isDataGuardEnabled": False,
        "isLocalDataGuardEnabled": False,
        "isRemoteDataGuardEnabled": bool(record.peers),
        "localStandbyDb": None,
        "standbyDb": None,
        "role": role.value if associated and role is not None else None,
        "peerDbIds": [peer.id for peer in record.peers],
        "dataguardRegionType": _REGION_TYPES.get(record.region_type or ""),
        "disasterRecoveryRegionType": record.region_type,
        "remoteDisasterRecoveryConfiguration": _recovery_configuration(record),
        "timeOfLastSwitchover": _time(record.time_of_last_switchover),
        "timeOfLastFailover": _time(record.time_of_last_failover),
        "timeDataGuardRoleChanged": _time(record.time_role_changed),
        "timeDisasterRecoveryRoleChanged": _time(record.time_role_changed),
        "failedDataRecoveryInSeconds": record.failed_data_recovery,
        "connectionStrings": _connection_strings(region, record),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(moment)


def _recovery_configuration(record: Record) -> dict[str, Any] | None:
    if not record.peers:
        return None
    return {"disasterRecoveryType": "ADG", "isSnapshotStandby": False, "isReplicateAutomaticBackups": False}


def _connection_strings(region: Region, record: Record) -> dict[str, Any] | None:
    if record.lifecycle_state in ("PROVISIONING", "TERMINATED"):
        return None
    address = region.world.regions[region.name].net
    services = {level: service_name(record.id, record.db_name, level) for level in LEVELS}
    short = {level.upper(): f"{address}/{service}" for level, service in services.items()}
    return {
        "high": short["HIGH"],
        "medium": short["MEDIUM"],
        "low": short["LOW"],
        "dedicated": None,
        "allConnectionStrings": short,
        "profiles": [
            {
                "displayName": f"{record.db_name.lower()}_{level}",
                "consumerGroup": level.upper(),
                "protocol": "TCPS",
                "tlsAuthentication": "MUTUAL",
                "hostFormat": "IP",
                "sessionMode": "DIRECT",
                "syntaxFormat": "LONG",
                "isRegional": True,
                "value": descriptor(address, record.id, record.db_name, level),
            }
            for level in services
        ],
    }
