"""What each call of the Health Checks service does, at the edge.

A monitor has a home region: its results are read there and its changes are made there, and nowhere else. A monitor of
a region's load balancer must therefore live in another region, or it goes dark with what it watches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulator.cloud.healthchecks.results import Results, Selection
from simulator.cloud.http import limit_of, paginate, require_match, timestamp
from simulator.cloud.service import Reply, Request, ServiceError, not_found
from simulator.edge.forward import EdgeHandler
from simulator.edge.prober import Probe, VantagePoint
from simulator.kernel import ids
from simulator.kernel.clock import WorldClock
from simulator.kernel.store import Store

_MONITOR = "http_monitor"
_PROBE = "http_probe"
INTERVALS = (10, 30, 60)
TIMEOUTS = (10, 20, 30, 60)
_PORTS = {"HTTP": 80, "HTTPS": 443}
_PROBED = {"targets", "vantagePointNames", "port", "timeoutInSeconds", "method", "path", "headers"}
_CHANGEABLE = _PROBED | {"protocol", "displayName", "intervalInSeconds", "isEnabled", "freeformTags", "definedTags"}


@dataclass
class Parts:
    """What the operations work with; ``run`` makes one round of a probe, ``changed`` tells that monitors changed."""

    store: Store
    clock: WorldClock
    results: Results
    vantage_points: Sequence[VantagePoint]
    new_ocid: Callable[[str], str]
    run: Callable[[Probe], Any]
    changed: Callable[[], None]
    creation_delay: Callable[[], float]


class HealthChecksOperations:
    """The service's calls by operation name."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._background: set[asyncio.Future[None]] = set()
        self.handlers: dict[str, EdgeHandler] = {
            "create_http_monitor": self.create_http_monitor,
            "list_http_monitors": self.list_http_monitors,
            "get_http_monitor": self.get_http_monitor,
            "update_http_monitor": self.update_http_monitor,
            "delete_http_monitor": self.delete_http_monitor,
            "list_http_probe_results": self.list_http_probe_results,
            "create_on_demand_http_probe": self.create_on_demand_http_probe,
            "list_health_checks_vantage_points": self.list_vantage_points,
        }

    def create_http_monitor(self, region: str, request: Request) -> Reply:
        """POST /httpMonitors; the first round follows a few seconds later."""
        identity = self._parts.new_ocid("healthchecksmonitor")
        body = request.body
        document = {
            **self._configuration(region, request, identity),
            "displayName": str(request.need("displayName")),
            "intervalInSeconds": request.need("intervalInSeconds"),
            "isEnabled": body.get("isEnabled", True) is not False,
            "freeformTags": body.get("freeformTags") or {},
            "definedTags": body.get("definedTags") or {},
        }
        self._check(document)
        self._parts.store.put(_MONITOR, identity, document)
        self._parts.changed()
        return _reply(document)

    def get_http_monitor(self, _region: str, request: Request) -> Reply:
        """GET /httpMonitors/{monitorId}."""
        return _reply(self._monitor(request.path["monitorId"]))

    def list_http_monitors(self, _region: str, request: Request) -> Reply:
        """GET /httpMonitors."""
        query = request.query
        wanted = [
            document
            for document in self._parts.store.find(_MONITOR, compartmentId=query.get("compartmentId"))
            if query.get("displayName", document["displayName"]) == document["displayName"]
            and query.get("homeRegion", document["homeRegion"]) == document["homeRegion"]
        ]
        if query.get("sortOrder") == "DESC":
            wanted.reverse()
        items, headers = paginate(request, wanted)
        return Reply([{k: v for k, v in item.items() if k not in _PROBED} for item in items], headers=headers)

    def update_http_monitor(self, region: str, request: Request) -> Reply:
        """PUT /httpMonitors/{monitorId}, in its home region."""
        document = self._at_home(region, self._monitor(request.path["monitorId"]))
        require_match(request, _etag(document))
        given = {key: value for key, value in request.body.items() if value is not None}
        if extra := set(given) - _CHANGEABLE:
            raise ServiceError(400, "InvalidParameter", f"{', '.join(sorted(extra))} cannot be changed")
        changed = {**document, **given}
        self._check(changed)
        self._parts.store.put(_MONITOR, changed["id"], changed)
        self._parts.changed()
        return _reply(changed)

    def delete_http_monitor(self, region: str, request: Request) -> Reply:
        """DELETE /httpMonitors/{monitorId}, in its home region; its results go with it."""
        document = self._at_home(region, self._monitor(request.path["monitorId"]))
        require_match(request, _etag(document))
        self._parts.store.delete(_MONITOR, document["id"])
        self._parts.results.forget(document["id"])
        self._parts.changed()
        return Reply(status=204)

    def list_http_probe_results(self, region: str, request: Request) -> Reply:
        """GET /httpProbeResults/{probeConfigurationId}, in the home region; newest first unless told otherwise."""
        identity = request.path["probeConfigurationId"]
        store = self._parts.store
        document = store.get(_MONITOR, identity) or store.get(_PROBE, identity)
        if document is None:
            raise not_found(f"monitor or probe {identity}")
        self._at_home(region, document)
        limit = limit_of(request)
        start = _number(request, "page", 0.0) or 0.0
        selection = Selection(
            configuration=identity,
            not_before=_number(request, "startTimeGreaterThanOrEqualTo", None),
            not_after=_number(request, "startTimeLessThanOrEqualTo", None),
            target=request.query.get("target"),
            ascending=request.query.get("sortOrder") == "ASC",
        )
        rows = self._parts.results.select(selection, limit=limit + 1, offset=int(start))
        headers = {"opc-next-page": str(int(start) + limit)} if len(rows) > limit else {}
        return Reply(rows[:limit], headers=headers)

    async def create_on_demand_http_probe(self, region: str, request: Request) -> Reply:
        """POST /httpProbeResults: one round at once; its results are there when its probes have ended."""
        identity = self._parts.new_ocid("healthchecksprobe")
        document = self._configuration(region, request, identity)
        self._check({**document, "intervalInSeconds": max(INTERVALS)})
        self._parts.store.put(_PROBE, identity, {"id": identity, "homeRegion": region})
        task = asyncio.ensure_future(self._parts.run(self._probe(document)))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return Reply(document, 201, {"location": document["resultsUrl"]})

    def list_vantage_points(self, _region: str, request: Request) -> Reply:
        """GET /vantagePoints."""
        query = request.query
        wanted = [
            _vantage_point(point)
            for point in sorted(self._parts.vantage_points, key=lambda point: point.name)
            if query.get("name", point.name) == point.name
            and query.get("displayName", point.display_name) == point.display_name
        ]
        if query.get("sortOrder") == "DESC":
            wanted.reverse()
        items, headers = paginate(request, wanted)
        return Reply(items, headers=headers)

    def enabled(self) -> list[Probe]:
        """The monitors that are to be probed now."""
        return [self._probe(document) for document in self._parts.store.find(_MONITOR, isEnabled=True)]

    async def stop(self) -> None:
        """Give up on-demand probes that still run."""
        running = list(self._background)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _configuration(self, region: str, request: Request, identity: str) -> dict[str, Any]:
        """What monitors and on-demand probes have in common, defaults filled in."""
        body = request.body
        protocol = request.need("protocol")
        names = [point.name for point in self._parts.vantage_points]
        return {
            "id": identity,
            "resultsUrl": f"/20180501/httpProbeResults/{identity}",
            "homeRegion": region,
            "timeCreated": timestamp(self._parts.clock.now()),
            "compartmentId": str(request.need("compartmentId")),
            "targets": request.need("targets"),
            "vantagePointNames": body.get("vantagePointNames") or names,
            "port": body.get("port") or _PORTS.get(str(protocol), 0),
            "timeoutInSeconds": body.get("timeoutInSeconds") or min(TIMEOUTS),
            "protocol": protocol,
            "method": body.get("method") or "HEAD",
            "path": body.get("path") or "/",
            "headers": body.get("headers") or {},
        }

    def _check(self, document: dict[str, Any]) -> None:
        """Raises 400 naming the first field that the service does not take."""
        names = {point.name for point in self._parts.vantage_points}
        targets, points = document["targets"], document["vantagePointNames"]
        interval, timeout = document["intervalInSeconds"], document["timeoutInSeconds"]
        rules = {
            "targets": isinstance(targets, list) and bool(targets) and all(isinstance(t, str) for t in targets),
            "vantagePointNames": isinstance(points, list) and bool(points) and set(points) <= names,
            "port": isinstance(document["port"], int) and 0 < document["port"] < 65536,
            "protocol": document["protocol"] in _PORTS,
            "method": document["method"] in ("GET", "HEAD"),
            "path": isinstance(document["path"], str) and document["path"].startswith("/"),
            "headers": not any(name.lower() == "authorization" for name in document["headers"]),
            "intervalInSeconds": interval in INTERVALS,
            "timeoutInSeconds": timeout in TIMEOUTS and interval in INTERVALS and timeout <= interval,
        }
        for name, holds in rules.items():
            if not holds:
                raise ServiceError(400, "InvalidParameter", f"{name}: {document[name]!r} is not allowed")

    def _monitor(self, identity: str) -> dict[str, Any]:
        document = self._parts.store.get(_MONITOR, identity)
        if document is None:
            raise not_found(f"monitor {identity}")
        return document

    def _at_home(self, region: str, document: dict[str, Any]) -> dict[str, Any]:
        if document["homeRegion"] != region:
            raise not_found(f"{document['id']} has its home in {document['homeRegion']}, not in {region}")
        return document

    def _probe(self, document: dict[str, Any]) -> Probe:
        created = datetime.fromisoformat(document["timeCreated"])
        return Probe(
            id=document["id"],
            targets=tuple(document["targets"]),
            vantage_points=tuple(document["vantagePointNames"]),
            protocol=document["protocol"],
            port=document["port"],
            method=document["method"],
            path=document["path"],
            timeout=float(document["timeoutInSeconds"]),
            headers=tuple(document["headers"].items()),
            interval=float(document.get("intervalInSeconds", 0)),
            begins=created + timedelta(seconds=self._parts.creation_delay()),
        )


def _number(request: Request, name: str, default: float | None) -> float | None:
    text = request.query.get(name)
    try:
        return default if text is None else float(text)
    except ValueError:
        raise ServiceError(400, "InvalidParameter", f"{name}: {text!r} is not a number") from None


def _etag(document: dict[str, Any]) -> str:
    return ids.etag(*(f"{key}={document[key]!r}" for key in sorted(document)))


def _reply(document: dict[str, Any]) -> Reply:
    return Reply(document, headers={"etag": _etag(document)})


def _vantage_point(point: VantagePoint) -> dict[str, Any]:
    return {
        "name": point.name,
        "displayName": point.display_name,
        "providerName": point.provider,
        "geo": {"cityName": point.city, "countryCode": point.country},
        "routing": None,
    }
