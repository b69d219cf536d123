"""The Work Requests service's calls."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from simulator.cloud.http import paginate, require_compartment, timestamp
from simulator.cloud.service import Region, Reply, Request, Service, not_found

SERVICE = Service("workrequests", "/20160918")

_SUMMARY = ("id", "operationType", "status", "compartmentId", "percentComplete")
_TIMES = ("timeAccepted", "timeStarted", "timeFinished")


@SERVICE.operation("GET", "/workRequests", "list_work_requests")
def list_work_requests(region: Region, request: Request) -> Reply:
    """A compartment's, newest first; of one resource with ``resourceId``."""
    compartment = require_compartment(region, request.query.get("compartmentId"))
    wanted = request.query.get("resourceId")
    rows = [
        _shown(row, with_resources=False)
        for row in reversed(region.work_requests.find(compartmentId=compartment))
        if wanted is None or wanted in [resource.get("identifier") for resource in row["resources"]]
    ]
    page, headers = paginate(request, rows)
    return Reply(page, headers=headers)


@SERVICE.operation("GET", "/workRequests/{workRequestId}", "get_work_request")
def get_work_request(region: Region, request: Request) -> Reply:
    """One, with its resources and how far it is."""
    return Reply(_shown(_need(region, request), with_resources=True), headers={"retry-after": "5"})


@SERVICE.operation("GET", "/workRequests/{workRequestId}/errors", "list_work_request_errors")
def list_work_request_errors(region: Region, request: Request) -> Reply:
    """Why it failed; empty unless it did."""
    row = _need(region, request)
    rows: list[dict[str, Any]] = []
    if row["error"] is not None:
        rows = [{"code": "InternalError", "message": row["error"], "timestamp": _time(row["timeFinished"])}]
    page, headers = paginate(request, rows)
    return Reply(page, headers=headers)


@SERVICE.operation("GET", "/workRequests/{workRequestId}/logs", "list_work_request_logs")
def list_work_request_logs(region: Region, request: Request) -> Reply:
    """What happened to it."""
    row = _need(region, request)
    rows = [{"message": f"{row['operationType']}: accepted", "timestamp": _time(row["timeAccepted"])}]
    if row["timeFinished"] is not None:
        message = f"{row['operationType']}: {row['status'].lower()}"
        rows.append({"message": message, "timestamp": _time(row["timeFinished"])})
    page, headers = paginate(request, rows)
    return Reply(page, headers=headers)


def _need(region: Region, request: Request) -> dict[str, Any]:
    row = region.work_requests.get(request.path["workRequestId"])
    if row is None:
        raise not_found("work request")
    return row


def _shown(row: dict[str, Any], *, with_resources: bool) -> dict[str, Any]:
    """As OCI writes it; a resource's action is over when the request is."""
    shown = {key: row[key] for key in _SUMMARY}
    times = {"timeAccepted": row["timeAccepted"], "timeStarted": row["timeAccepted"]}
    times["timeFinished"] = row["timeFinished"]
    shown |= {key: _time(times[key]) for key in _TIMES}
    if with_resources:
        shown["resources"] = row["resources"]
    return shown


def _time(text: str | None) -> str | None:
    return None if text is None else timestamp(datetime.fromisoformat(text))
