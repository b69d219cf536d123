"""What the Database service's calls share: finding a database, saying its state, opening work requests."""

from __future__ import annotations

from typing import Any

from simulator.cloud.database.validation import conflict
from simulator.cloud.database.wire import autonomous_database
from simulator.cloud.http import require_match
from simulator.cloud.service import Region, Reply, Request, ServiceError, not_found
from simulator.database.component import Databases
from simulator.database.core import Role
from simulator.database.records import AVAILABLE, Record


class Call:
    """One call on the databases of a region."""

    def __init__(self, region: Region, request: Request) -> None:
        self.region = region
        self.request = request
        self.databases = databases_of(region)
        self.records = self.databases.records

    def record(self) -> Record:
        """The database that the path names; its etag must match the caller's. Raises 404, 412."""
        database_id = self.request.path["autonomousDatabaseId"]
        record = self.records.get(database_id)
        if record is None:
            raise not_found(f"Autonomous Database {database_id}")
        if self.request.method != "GET":
            require_match(self.request, record.etag)
        return record

    def role(self, record: Record) -> Role | None:
        return self.databases.registry.role(record.id)

    def require_available(self, record: Record, operation: str) -> None:
        """Raises 409 unless nothing else is going on with the database."""
        if record.lifecycle_state != AVAILABLE:
            raise conflict(
                f"{operation} is not possible: the Autonomous Database {record.id} is {record.lifecycle_state}"
            )

    def work(self, operation: str, action: str, record_id: str, duration: float) -> str:
        """Open a work request of ``duration`` world seconds; its id."""
        resource = {
            "entityType": "autonomousDatabase",
            "actionType": action,
            "identifier": record_id,
            "entityUri": f"/20160918/autonomousDatabases/{record_id}",
        }
        return self.region.work_requests.start(operation, [resource], duration=duration)

    def reply(self, record_id: str, work_request: str | None = None) -> Reply:
        """The database as it is now."""
        record = self.records.need(record_id)
        headers = {"etag": record.etag}
        if work_request is not None:
            headers["opc-work-request-id"] = work_request
        return Reply(self.shown(record), headers=headers)

    def shown(self, record: Record) -> dict[str, Any]:
        return autonomous_database(self.region, record, self.role(record))


def databases_of(region: Region) -> Databases:
    """Raises 503 while the region's databases have not started."""
    if not isinstance(region.databases, Databases):
        raise ServiceError(503, "ServiceUnavailable", "The databases of this region are not started")
    return region.databases
