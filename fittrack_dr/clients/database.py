"""The Database service of one region: what a database is there, and the calls that change its role.

Both role changes go to the standby's region, whose control plane is the one that still answers when the other is lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fittrack_dr.clients.failures import reading, stated, writing
from fittrack_dr.clients.session import Session, pages
from fittrack_dr.domain.cloud import DatabaseRecord, DatabaseRole, WorkRequest, WorkStatus


class DatabaseClient:
    """Autonomous Databases of one region, asked at that region's own endpoint."""

    def __init__(self, session: Session, region: str) -> None:
        self._session = session
        self.region = region

    def get(self, database_id: str) -> DatabaseRecord:
        """The database as this region's control plane sees it. Raises NotFoundError when this region has none such."""
        with self._reading(f"read database {database_id}"):
            return _record(self._databases().get_autonomous_database(database_id).data)

    def list(self, compartment_id: str) -> tuple[DatabaseRecord, ...]:
        """Every database of the compartment in this region, the terminated ones included."""
        with self._reading("list databases"):
            found = pages(self._databases().list_autonomous_databases, compartment_id)
            return tuple(_record(each) for each in found)

    def fail_over(self, standby_id: str, *, primary_id: str, token: str) -> str:
        """Promote this region's standby although the primary does not take part; the id of the work request.

        Loses what was not shipped. ``primary_id`` is what makes it a failover across regions. ``token`` is the same for
        every attempt at the same failover (64 characters at most, good for 24 hours).
        """
        with self._writing(f"fail over to {standby_id}"):
            call = self._databases().fail_over_autonomous_database
            return _work_request_id(call(standby_id, peer_db_id=primary_id, opc_retry_token=token))

    def switch_over(self, standby_id: str, *, primary_id: str, token: str) -> str:
        """Exchange the roles of both databases, which both must answer; loses nothing. The id of the work request."""
        with self._writing(f"switch over to {standby_id}"):
            call = self._databases().switchover_autonomous_database
            return _work_request_id(call(standby_id, peer_db_id=primary_id, opc_retry_token=token))

    def work_request(self, work_request_id: str) -> WorkRequest:
        """How far a long operation is. Raises NotFoundError for one that this region does not know."""
        with self._reading(f"read work request {work_request_id}"):
            found = self._work().get_work_request(work_request_id).data
            return _work_request(found, tuple(each.identifier for each in found.resources or ()))

    def work_requests(self, compartment_id: str, resource_id: str) -> tuple[WorkRequest, ...]:
        """The operations of this region on one resource, newest first; a listing names no other resources."""
        with self._reading(f"list work requests of {resource_id}"):
            found = pages(self._work().list_work_requests, compartment_id, resource_id=resource_id)
            requests = [_work_request(each, (resource_id,)) for each in found]
        return tuple(sorted(requests, key=_age, reverse=True))

    def work_request_errors(self, work_request_id: str) -> tuple[str, ...]:
        """What a failed operation says of itself, oldest first."""
        with self._reading(f"read the errors of work request {work_request_id}"):
            found = pages(self._work().list_work_request_errors, work_request_id)
            return tuple(f"{each.code}: {each.message}" for each in found)

    def _databases(self) -> Any:
        from oci.database import DatabaseClient as Sdk

        return self._session.client(Sdk, self.region)

    def _work(self) -> Any:
        from oci.work_requests import WorkRequestClient as Sdk

        return self._session.client(Sdk, self.region)

    def _reading(self, what: str) -> Any:
        return reading(f"{what} in {self.region}", self._session.profile)

    def _writing(self, what: str) -> Any:
        return writing(f"{what} in {self.region}", self._session.profile)


def _record(model: Any) -> DatabaseRecord:
    lost = model.failed_data_recovery_in_seconds
    return DatabaseRecord(
        id=stated(model.id),
        name=stated(model.db_name),
        role=_role(model.role),
        state=stated(model.lifecycle_state),
        open_mode=model.open_mode,
        peer_ids=tuple(model.peer_db_ids or ()),
        last_failover=model.time_of_last_failover,
        last_switchover=model.time_of_last_switchover,
        lost_seconds=None if lost is None else float(lost),
    )


def _role(text: str | None) -> DatabaseRole | None:
    if text is None:
        return None
    return DatabaseRole(text) if text in set(DatabaseRole) else DatabaseRole.UNKNOWN


def _work_request(model: Any, resources: tuple[str, ...]) -> WorkRequest:
    return WorkRequest(
        id=stated(model.id),
        operation=stated(model.operation_type),
        status=WorkStatus(model.status),
        percent=float(model.percent_complete),
        resources=resources,
        accepted=model.time_accepted,
        finished=model.time_finished,
    )


def _age(request: WorkRequest) -> float:
    return request.accepted.timestamp() if isinstance(request.accepted, datetime) else 0.0


def _work_request_id(response: Any) -> str:
    return stated(response.headers.get("opc-work-request-id"))
