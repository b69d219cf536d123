"""The Database service's calls on Autonomous Databases."""

from __future__ import annotations

from typing import Final

from simulator.cloud.database import creation, lifecycle, roles, wallets
from simulator.cloud.database.room import Call
from simulator.cloud.database.validation import invalid
from simulator.cloud.http import paginate, require_compartment
from simulator.cloud.service import Region, Reply, Request, Service
from simulator.database.records import Record

SERVICE = Service("database", "/20160918")

_ONE: Final = "/autonomousDatabases/{autonomousDatabaseId}"
_FILTERS: Final = {
    "dbWorkload": "dbWorkload",
    "dbVersion": "dbVersion",
    "displayName": "displayName",
    "lifecycleState": "lifecycleState",
    "infrastructureType": "infrastructureType",
}

SERVICE.operation("POST", "/autonomousDatabases", creation.OPERATION)(creation.create)
SERVICE.operation("PUT", _ONE, lifecycle.UPDATE)(lifecycle.update)
SERVICE.operation("DELETE", _ONE, "delete_autonomous_database")(lifecycle.delete)
SERVICE.operation("POST", f"{_ONE}/actions/start", "start_autonomous_database")(lifecycle.start)
SERVICE.operation("POST", f"{_ONE}/actions/stop", "stop_autonomous_database")(lifecycle.stop)
SERVICE.operation("POST", f"{_ONE}/actions/restart", "restart_autonomous_database")(lifecycle.restart)
SERVICE.operation("POST", f"{_ONE}/actions/switchover", "switchover_autonomous_database")(roles.switchover)
SERVICE.operation("POST", f"{_ONE}/actions/failover", "fail_over_autonomous_database")(roles.fail_over)
SERVICE.operation("POST", f"{_ONE}/actions/generateWallet", "generate_autonomous_database_wallet")(wallets.generate)

SERVICE.setup(creation.register)
SERVICE.setup(lifecycle.register)
SERVICE.setup(roles.register)


@SERVICE.operation("GET", _ONE, "get_autonomous_database")
def get_autonomous_database(region: Region, request: Request) -> Reply:
    """One database, terminated ones included."""
    call = Call(region, request)
    return call.reply(call.record().id)


@SERVICE.operation("GET", "/autonomousDatabases", "list_autonomous_databases")
def list_autonomous_databases(region: Region, request: Request) -> Reply:
    """The compartment's databases, newest first unless asked otherwise."""
    call = Call(region, request)
    compartment = require_compartment(region, request.query.get("compartmentId"))
    shown = [call.shown(record) for record in call.records.all() if record.compartment_id == compartment]
    for parameter, field in _FILTERS.items():
        wanted = request.query.get(parameter)
        shown = [row for row in shown if wanted in (None, row[field])]
    unwanted = request.query.get("lifecycleStateNotEqualTo")
    shown = [row for row in shown if row["lifecycleState"] != unwanted]
    key, default = {"TIMECREATED": ("timeCreated", "DESC"), "DISPLAYNAME": ("displayName", "ASC")}.get(
        request.query.get("sortBy", "TIMECREATED"), ("", "")
    )
    if not key:
        raise invalid("sortBy must be TIMECREATED or DISPLAYNAME")
    shown.sort(key=lambda row: row[key], reverse=request.query.get("sortOrder", default) == "DESC")
    page, headers = paginate(request, shown)
    return Reply(page, headers=headers)


@SERVICE.operation("GET", f"{_ONE}/peers", "list_autonomous_database_peers")
def list_autonomous_database_peers(region: Region, request: Request) -> Reply:
    """The database's cross-region peers."""
    record: Record = Call(region, request).record()
    page, headers = paginate(request, [{"id": peer.id, "region": peer.region} for peer in record.peers])
    return Reply({"items": page}, headers=headers)
