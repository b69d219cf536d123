"""How things stand: recovery state, both regions, the standby's lag, the name, all asked side by side. Read only.

Every question is bounded in wall time and its failure is part of the answer, so a dark region costs one time-out and
hides nothing of the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from fittrack_dr.clients.session import preload
from fittrack_dr.domain.cloud import DatabaseRecord, DatabaseView, Inventory, Measurement
from fittrack_dr.domain.state import RecoveryState
from fittrack_dr.errors import FittrackError
from fittrack_dr.scenarios.dns_names import NameView, look_at_name, region_of
from fittrack_dr.scenarios.environment import Environment

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
LAG_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True)
class Told(Generic[T_co]):
    """What one question gave: a value, or why there is none; and how long it took, in wall seconds."""

    question: str
    value: T_co | None
    problem: str
    seconds: float


@dataclass(frozen=True)
class RegionStatus:
    """One region, each part as its own endpoint tells it. ``ready`` is the application's answer in words."""

    name: str
    record: Told[DatabaseRecord]
    session: Told[DatabaseView]
    ready: Told[str]


@dataclass(frozen=True)
class Status:
    """One look at everything. ``seconds`` is wall time from the first question to the last answer."""

    state: Told[RecoveryState]
    regions: tuple[RegionStatus, ...]
    lag: Mapping[str, Told[Measurement]]
    name: Told[NameView]
    seconds: float
    warnings: tuple[str, ...] = field(default=())

    def calls(self) -> Iterator[Told[object]]:
        """Every question that was asked, with what it gave."""
        yield self.state
        for region in self.regions:
            yield from (region.record, region.session, region.ready)
        yield from self.lag.values()
        yield self.name


def look(environment: Environment) -> Status:
    """Ask everything at once. Raises ConfigError when there is no inventory to ask by."""
    preload()
    environment.control_bucket.prepare()
    started = time.monotonic()
    inventory = environment.inventory
    patient, hasty = environment, environment.probing
    with ThreadPoolExecutor(4 + 4 * len(inventory.regions), thread_name_prefix="status") as pool:
        state = _ask(pool, "recovery state", lambda: patient.states.read()[0] or _nothing("none was ever recorded"))
        name = _ask(pool, "name", lambda: look_at_name(hasty))
        lags = {region: _ask_lag(pool, hasty, inventory, region) for region in inventory.regions}
        regions = [_ask_region(pool, hasty, inventory, region) for region in inventory.regions]
        seen = Status(
            state.result(),
            tuple(asked.settled() for asked in regions),
            {region: lag.result() for region, lag in lags.items()},
            name.result(),
            0.0,
        )
    warnings = tuple(_warnings(environment, seen))
    return Status(seen.state, seen.regions, seen.lag, seen.name, time.monotonic() - started, warnings)


def _ask(pool: ThreadPoolExecutor, question: str, ask: Callable[[], T]) -> Future[Told[T]]:
    def told() -> Told[T]:
        started = time.monotonic()
        try:
            value = ask()
        except FittrackError as error:
            return Told(question, None, str(error), time.monotonic() - started)
        return Told(question, value, "", time.monotonic() - started)

    return pool.submit(told)


def _nothing(problem: str) -> RecoveryState:
    raise FittrackError(problem)


@dataclass(frozen=True)
class _Asked:
    """The questions about one region that are on their way."""

    name: str
    record: Future[Told[DatabaseRecord]]
    session: Future[Told[DatabaseView]]
    ready: Future[Told[str]]

    def settled(self) -> RegionStatus:
        return RegionStatus(self.name, self.record.result(), self.session.result(), self.ready.result())


def _ask_region(pool: ThreadPoolExecutor, environment: Environment, inventory: Inventory, region: str) -> _Asked:
    place, policy = inventory.regions[region], environment.policy

    def ready() -> str:
        web = environment.web.application_at(place.load_balancer, policy.dns.name, policy.application.health_path)
        return "ready" if web.ok else f"not ready ({web.detail})"

    return _Asked(
        region,
        _ask(pool, f"{region} API", lambda: environment.database(region).get(place.database_id)),
        _ask(pool, f"{region} Oracle Net", lambda: environment.oracle_net(region).view()),
        _ask(pool, f"{region} application", ready),
    )


def _ask_lag(
    pool: ThreadPoolExecutor, environment: Environment, inventory: Inventory, region: str
) -> Future[Told[Measurement]]:
    def newest() -> Measurement:
        now = environment.clock.now()
        monitoring = environment.monitoring(region)
        points = monitoring.peer_lag(inventory.regions[region].database_id, since=now - LAG_WINDOW, until=now)
        if not points:
            raise FittrackError("no measurement within ten minutes")
        return points[-1]

    return _ask(pool, f"{region} PeerLag", newest)


def _warnings(environment: Environment, seen: Status) -> Iterator[str]:
    policy, state = environment.policy, seen.state.value
    if state is None:
        yield f"the recovery state cannot be read: {seen.state.problem}"
        return
    if state.active_region == policy.control.region:
        yield (
            f"the control region {policy.control.region} is the active one: its loss takes the journal along; "
            "keep a --journal directory at hand, made while it answers"
        )
    record = seen.name.value.record if seen.name.value else None
    if record is not None and region_of(environment, record.addresses) != state.active_region:
        yield f"{policy.dns.name} points at {record}, which is not the active region {state.active_region}"
    for region in seen.regions:
        if region.name != state.active_region:
            lag, limit = seen.lag[region.name], policy.gates["peer-lag"]
            if not limit.passes(lag.value.value if lag.value else None):
                lagging = f"PeerLag {_amount(lag)}, limit {limit.limit:g} s"
                yield f"the standby in {region.name} could not be promoted: {lagging}"
    for told in seen.calls():
        if told.value is None and "PeerLag" not in told.question:
            yield f"{told.question}: {told.problem}"


def _amount(lag: Told[Measurement]) -> str:
    return f"{lag.value.value:g} s" if lag.value else f"unknown ({lag.problem})"
