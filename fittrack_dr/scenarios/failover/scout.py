"""Looks around before and during a failover: every way into the lost region, the vantage points, and everybody else.

All probes of one look run side by side, each bounded in wall time by its client, so that a look at a dark region takes
as long as its slowest time-out and no longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from fittrack_dr.clients.http import WebAnswer
from fittrack_dr.domain.cloud import DatabaseRecord, DatabaseView, NetAnswer, VantageResult
from fittrack_dr.errors import FittrackError, PermanentError, RetryableError, UnreachableError
from fittrack_dr.scenarios.environment import Environment
from fittrack_dr.scenarios.failover.plan import Route
from fittrack_dr.scenarios.failover.situation import Lag, OldPrimary, Probe, Situation

RESULTS_WINDOW = timedelta(hours=6)
"""How far back health-check results are asked for; a loss older than that is as old as the window."""
LAG_WINDOW = timedelta(hours=1)
"""How far back PeerLag is asked for: the newest value from before the loss is what counts."""


@dataclass(frozen=True)
class Sighting:
    """What the lost region's own endpoints showed: the three ways in, and the database as they tell it."""

    ways: tuple[Probe, ...]
    primary: OldPrimary

    @property
    def answering(self) -> tuple[Probe, ...]:
        """The ways that answered."""
        return tuple(probe for probe in self.ways if probe.answered)


class Scout:
    """Looks at one route with the environment's clients."""

    def __init__(self, environment: Environment, route: Route) -> None:
        self._environment = environment
        self._route = route

    def look(self) -> Situation:
        """Everything that the gates ask for, seen once, now."""
        route = self._route
        now = self._environment.clock.now()
        with ThreadPoolExecutor(5, thread_name_prefix="look") as pool:
            sighting = pool.submit(self.lost_region)
            vantage = pool.submit(self._vantage_results, now)
            elsewhere = [pool.submit(self._target_region), pool.submit(self._neutral_target)]
            vantage_points, lost_since = vantage_view(vantage.result())
            lag = pool.submit(self._lag, lost_since or now)
            return Situation(
                lost=route.lost,
                target=route.target,
                seen_at=now,
                ways=sighting.result().ways,
                vantage_points=vantage_points,
                elsewhere=tuple(future.result() for future in elsewhere),
                primary=sighting.result().primary,
                lost_since=lost_since,
                lag=lag.result(),
            )

    def lost_region(self) -> Sighting:
        """The three ways into the lost region from here, side by side."""
        with ThreadPoolExecutor(3, thread_name_prefix="probe") as pool:
            api = pool.submit(self._api)
            net = pool.submit(self._environment.probing.oracle_net(self._route.lost).view)
            health = pool.submit(self._health, self._route.lost_address)
            probe, record = api.result()
            view = net.result()
            ways = (probe, _net_probe(self._route.lost, view), health.result())
        return Sighting(ways, _old_primary(record, view))

    def _api(self) -> tuple[Probe, DatabaseRecord | None]:
        region, what = self._route.lost, "API"
        try:
            record = self._environment.probing.database(region).get(self._route.lost_database)
        except UnreachableError as error:
            return Probe(what, region, False, str(error)), None
        except PermanentError as error:  # it refused us: so it answers
            return Probe(what, region, True, str(error)), None
        except FittrackError as error:
            return Probe(what, region, _spoke(error), str(error)), None
        return Probe(what, region, True, f"database {record.state}, role {record.role}"), record

    def _health(self, address: str) -> Probe:
        policy = self._environment.policy
        web = self._environment.probing.web
        return _web_probe(
            "health path",
            self._route.lost,
            web.application_at(address, policy.dns.name, policy.application.health_path),
        )

    def _target_region(self) -> Probe:
        region = self._route.target
        return self._attempt(
            "API", region, lambda: self._environment.probing.database(region).get(self._route.target_database).state
        )

    def _neutral_target(self) -> Probe:
        answer = self._environment.probing.web.neutral_target()
        return _web_probe("neutral target", answer.address, answer)

    def _attempt(self, way: str, target: str, ask: Callable[[], str]) -> Probe:
        try:
            return Probe(way, target, True, ask())
        except FittrackError as error:
            return Probe(way, target, False, str(error))

    def _vantage_results(self, now: datetime) -> tuple[VantageResult, ...]:
        """Results of the lost region's monitor, as the surviving region's API hands them out; none when it does not."""
        monitor = self._environment.inventory.regions[self._route.lost].health_monitor_id
        try:
            checks = self._environment.probing.health_checks(self._route.target)
            return checks.results(monitor, since=now - RESULTS_WINDOW, until=now)
        except FittrackError:
            return ()

    def _lag(self, before: datetime) -> Lag | None:
        """The newest PeerLag at or before ``before``: after the loss the standby only measures how long it is dark."""
        try:
            points = self._environment.probing.monitoring(self._route.target).peer_lag(
                self._route.target_database, since=before - LAG_WINDOW, until=before + timedelta(minutes=1)
            )
        except FittrackError:
            return None
        known = [point for point in points if point.at <= before]
        return Lag(known[-1].value, known[-1].at) if known else None


def _spoke(error: FittrackError) -> bool | None:
    """An answer of any kind is an answer; what else went wrong tells nothing about the region."""
    return True if isinstance(error, RetryableError) else None


def _net_probe(region: str, view: DatabaseView) -> Probe:
    return Probe("Oracle Net", region, view.answer is not NetAnswer.SILENT, view.detail)


def _web_probe(way: str, target: str, answer: WebAnswer) -> Probe:
    """Any response is an answer, a 503 as well: the region is there."""
    return Probe(way, target, answer.status is not None, answer.detail)


def _old_primary(record: DatabaseRecord | None, view: DatabaseView) -> OldPrimary:
    role = str(record.role) if record is not None and record.role is not None else None
    return OldPrimary(view.accepts_writes, role, record.state if record is not None else None, view.detail)


def _by_vantage_point(results: Sequence[VantageResult]) -> dict[str, list[VantageResult]]:
    grouped: dict[str, list[VantageResult]] = {}
    for result in sorted(results, key=lambda each: each.at):
        grouped.setdefault(result.vantage_point, []).append(result)
    return grouped


def vantage_view(results: Sequence[VantageResult]) -> tuple[tuple[Probe, ...], datetime | None]:
    """Each vantage point's newest result, and since when they fail: None while one of them has succeeded since.

    A success from before the first failure tells nothing: that vantage point has not looked since.
    """
    grouped = _by_vantage_point(results)
    begun = [since for seen in grouped.values() if (since := _failing_since(seen)) is not None]
    first = min(begun, default=None)
    probes = tuple(_newest(name, seen[-1], first) for name, seen in sorted(grouped.items()))
    return probes, None if any(probe.answered for probe in probes) else first


def _newest(name: str, result: VantageResult, first_failure: datetime | None) -> Probe:
    stale = result.healthy and first_failure is not None and result.at < first_failure
    detail = f"{result.detail} at {result.at:%H:%M:%S}Z"
    if stale:
        return Probe(f"vantage point {name}", result.target, None, f"{detail}, not looked since")
    return Probe(f"vantage point {name}", result.target, result.healthy, detail)


def _failing_since(seen: Sequence[VantageResult]) -> datetime | None:
    """The first failure of the run of failures that ``seen`` (of one vantage point, oldest first) ends with."""
    failing: datetime | None = None
    for result in seen:
        failing = None if result.healthy else (failing or result.at)
    return failing
