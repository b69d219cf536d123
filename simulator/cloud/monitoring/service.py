"""Monitoring's calls: ``summarize_metrics_data`` and ``list_metrics``.

A region answers only with what it measured itself. A stretch for which nobody measured has no data points: it is not
filled in, and a caller that needs a fresh value must look at the time of the last one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from simulator.cloud.http import paginate, parse_time, require_compartment, timestamp
from simulator.cloud.monitoring.metrics import KEPT, Metrics, Stream
from simulator.cloud.monitoring.mql import Query, QueryError, parse, parse_interval
from simulator.cloud.service import Region, Reply, Request, Service, ServiceError

SERVICE = Service("monitoring", "/20180401")

_DEFAULT_RANGE = timedelta(hours=3)
_RANGE_LIMITS = (
    (timedelta(days=7), timedelta(minutes=1)),
    (timedelta(days=30), timedelta(minutes=5)),
    (KEPT, timedelta(hours=1)),
)
"""The longest range for which an interval at least this long is needed (Oracle, MQL reference)."""


def _invalid(message: str) -> ServiceError:
    return ServiceError(400, "InvalidParameter", message)


def _scope(region: Region, request: Request) -> set[str]:
    """The compartments that the call may see."""
    compartment = require_compartment(region, request.query.get("compartmentId"))
    if request.query.get("compartmentIdInSubtree", "false").lower() != "true":
        return {compartment}
    if compartment != region.world.tenancy:
        raise _invalid("compartmentIdInSubtree can be true only when compartmentId is the tenancy")
    return {region.world.tenancy, region.world.compartment}


@SERVICE.operation("POST", "/metrics/actions/summarizeMetricsData", "summarize_metrics_data")
def summarize_metrics_data(region: Region, request: Request) -> Reply:
    """Aggregate the points of every matching stream into windows of the query's interval."""
    compartments = _scope(region, request)
    namespace = request.need("namespace")
    try:
        query = parse(request.need("query"))
        given = request.body.get("resolution")
        resolution = parse_interval(given) if given else query.interval
    except QueryError as problem:
        raise _invalid(f"query: {problem}") from None
    if request.body.get("resourceGroup") is not None:
        raise _invalid("resourceGroup: no metric of this region has one")
    if resolution > query.interval:
        raise _invalid("resolution must not be longer than the query's interval")
    start, end = _range(region, request, query)
    metrics = Metrics(region.store)
    streams = [
        stream
        for stream in metrics.streams(namespace=namespace, name=query.metric)
        if stream.compartment_id in compartments and query.accepts(stream.dimensions)
    ]
    answer = [
        _metric_data(streams_of_one, metrics, query, resolution, (start, end))
        for streams_of_one in _grouped(streams, query)
    ]
    return Reply([row for row in answer if row["aggregatedDatapoints"]])


def _range(region: Region, request: Request, query: Query) -> tuple[datetime, datetime]:
    now = region.clock.now()
    end = parse_time(request.body["endTime"], "endTime") if request.body.get("endTime") else now
    given = request.body.get("startTime")
    start = parse_time(given, "startTime") if given else now - _DEFAULT_RANGE
    if start >= end:
        raise _invalid("startTime must be before endTime")
    for longest, smallest in _RANGE_LIMITS:
        if end - start <= longest:
            if query.interval < smallest:
                raise _invalid(f"a range of {end - start} needs an interval of at least {smallest}")
            return start, end
    raise _invalid(f"data points are kept for {KEPT.days} days: the range is longer")


def _grouped(streams: list[Stream], query: Query) -> Iterable[list[Stream]]:
    if query.group_by is None:
        return [[stream] for stream in streams]
    groups: dict[tuple[str, ...], list[Stream]] = {}
    for stream in streams:
        key = tuple(stream.dimensions.get(name, "") for name in query.group_by)
        groups.setdefault(key, []).append(stream)
    return groups.values()


def _metric_data(
    streams: list[Stream],
    metrics: Metrics,
    query: Query,
    resolution: timedelta,
    span: tuple[datetime, datetime],
) -> dict[str, Any]:
    start, end = span
    points = sorted(point for stream in streams for point in metrics.points(stream, start, end))
    shared = {
        name: value for name, value in streams[0].dimensions.items() if query.group_by is None or name in query.group_by
    }
    return {
        "namespace": streams[0].namespace,
        "resourceGroup": None,
        "compartmentId": streams[0].compartment_id,
        "name": streams[0].name,
        "dimensions": shared,
        "metadata": {"displayName": streams[0].display_name, "unit": streams[0].unit},
        "resolution": f"{int(resolution.total_seconds()) // 60}m",
        "aggregatedDatapoints": list(_windows(points, query, resolution, span)),
    }


def _windows(
    points: list[tuple[datetime, float]],
    query: Query,
    resolution: timedelta,
    span: tuple[datetime, datetime],
) -> Iterable[dict[str, Any]]:
    """One data point per step of the resolution, over the interval that begins there; none where nothing is."""
    start, end = span
    moment = start.replace(second=0, microsecond=0)
    times = [at for at, _ in points]
    while moment < end:
        inside = slice(bisect_left(times, moment), bisect_left(times, moment + query.interval))
        if values := [value for _, value in points[inside]]:
            yield {"timestamp": timestamp(moment), "value": query.aggregate(values)}
        moment += resolution


@SERVICE.operation("POST", "/metrics/actions/listMetrics", "list_metrics")
def list_metrics(region: Region, request: Request) -> Reply:
    """The streams that match name, namespace and dimension filters."""
    compartments = _scope(region, request)
    for field in ("groupBy", "resourceGroup"):
        if request.body.get(field):
            raise _invalid(f"{field} is not supported")
    equals = {key: request.body[key] for key in ("namespace", "name") if request.body.get(key)}
    wanted: dict[str, str] = request.body.get("dimensionFilters") or {}
    found = [
        stream
        for stream in Metrics(region.store).streams(**equals)
        if stream.compartment_id in compartments
        and all(stream.dimensions.get(name) == value for name, value in wanted.items())
    ]
    by = {"NAMESPACE": "namespace", "NAME": "name", None: "name"}.get(request.body.get("sortBy"))
    if by is None:
        raise _invalid("sortBy must be NAMESPACE or NAME")
    found.sort(key=lambda stream: getattr(stream, by), reverse=request.body.get("sortOrder") == "DESC")
    rows = [
        {
            "namespace": stream.namespace,
            "name": stream.name,
            "compartmentId": stream.compartment_id,
            "dimensions": dict(stream.dimensions),
            "resourceGroup": None,
        }
        for stream in found
    ]
    page, headers = paginate(request, rows)
    return Reply(page, headers=headers)
