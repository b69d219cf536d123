"""Disasters and alarms: how a region is lost, and when anybody could have known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import oci

from drills.box import Box

VANTAGE_POINTS = 2
"""How many vantage points must report the region unreachable before somebody is paged."""
LOOK = timedelta(seconds=5)


@dataclass(frozen=True)
class Alarm:
    """When the health checks had enough failures; the monitor's interval and time-out, all in world time."""

    at: datetime
    interval: timedelta
    patience: timedelta


class NoAlarmError(Exception):
    """The health checks never reported the loss."""


def await_watched(box: Box, monitor: str, region: str) -> None:
    """Until every vantage point's newest result of the monitor, as ``region`` tells them, is healthy."""
    client = box.client(oci.healthchecks.HealthChecksClient, region, "oncall")
    clock = box.clock
    deadline = clock.now() + timedelta(hours=6)
    while clock.now() < deadline:
        results = client.list_http_probe_results(monitor, sort_order="DESC", limit=100).data
        newest: dict[str, bool] = {}
        for result in results:
            newest.setdefault(result.vantage_point_name, bool(result.is_healthy))
        if len(newest) >= VANTAGE_POINTS and all(newest.values()):
            return
        clock.sleep_until(clock.now() + LOOK)
    raise NoAlarmError(f"monitor {monitor} never found its target healthy")


def lose(box: Box, region: str) -> datetime:
    """Stop the region as a black hole; the moment just before, as the world tells it."""
    return datetime.fromisoformat(box.simulator("lose", region).out.split()[-1])


def await_alarm(box: Box, monitor: str, region: str, lost_at: datetime) -> Alarm:
    """Ask the surviving ``region`` for the monitor's results until enough vantage points fail after ``lost_at``."""
    client = box.client(oci.healthchecks.HealthChecksClient, region, "oncall")
    settings = client.get_http_monitor(monitor).data
    interval = timedelta(seconds=settings.interval_in_seconds)
    patience = timedelta(seconds=settings.timeout_in_seconds)
    clock = box.clock
    while clock.now() < lost_at + timedelta(minutes=30):
        results = client.list_http_probe_results(
            monitor, start_time_greater_than_or_equal_to=lost_at.timestamp() * 1000, limit=100
        ).data
        failing = {result.vantage_point_name for result in results if not result.is_healthy}
        if len(failing) >= VANTAGE_POINTS:
            return Alarm(clock.now(), interval, patience)
        clock.sleep_until(clock.now() + LOOK)
    raise NoAlarmError(f"no alarm from monitor {monitor} within half an hour")
