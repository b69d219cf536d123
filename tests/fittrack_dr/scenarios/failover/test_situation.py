"""What counts as a lost region, and what the gates say when something could not be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.plan import Effect, OnFailure, StepKind
from fittrack_dr.recovery import RecoveryPolicy, load_policy
from fittrack_dr.scenarios.failover.plan import Route, failover_plan, switchover_plan
from fittrack_dr.scenarios.failover.situation import Lag, OldPrimary, Probe, Situation, gates

ROOT = Path(__file__).parents[4]
NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
LOST_SINCE = NOW - timedelta(minutes=3)
ROUTE = Route("us-ashburn-1", "us-phoenix-1", "ocid.old", "ocid.new", "127.0.0.1", "127.0.0.2")


@pytest.fixture(scope="module")
def policy() -> RecoveryPolicy:
    return load_policy(ROOT / "recovery.yaml")


def probes(names: str, *, answered: bool | None) -> tuple[Probe, ...]:
    return tuple(Probe(name, "us-ashburn-1", answered, "in a test") for name in names.split())


LOST = Situation(
    lost="us-ashburn-1",
    target="us-phoenix-1",
    seen_at=NOW,
    ways=probes("api oracle-net health-path", answered=False),
    vantage_points=probes("frankfurt tokyo phoenix", answered=False),
    elsewhere=probes("us-phoenix-1 neutral-target", answered=True),
    primary=OldPrimary(None, None, None, "nothing answered"),
    lost_since=LOST_SINCE,
    lag=Lag(3.0, LOST_SINCE - timedelta(seconds=40)),
)


def by_name(situation: Situation, policy: RecoveryPolicy) -> dict[str, GateReading]:
    return {gate.name: gate for gate in gates(situation, policy)}


def test_a_region_is_lost_when_every_way_fails_and_the_rest_of_the_world_answers(policy: RecoveryPolicy) -> None:
    assert [gate.name for gate in gates(LOST, policy) if not gate.passed] == []


@pytest.mark.parametrize("way", ["api", "oracle-net", "health-path"])
def test_one_way_that_answers_is_enough_not_to_be_lost(policy: RecoveryPolicy, way: str) -> None:
    ways = tuple(replace(p, answered=True) if p.way == way else p for p in LOST.ways)
    gate = by_name(replace(LOST, ways=ways), policy)["region-lost"]
    assert not gate.passed
    assert f"{way} answers" in gate.detail


def test_a_vantage_point_that_still_reaches_it_speaks_against_the_loss(policy: RecoveryPolicy) -> None:
    seen = (replace(LOST.vantage_points[0], answered=True), *LOST.vantage_points[1:])
    assert not by_name(replace(LOST, vantage_points=seen), policy)["region-lost"].passed


def test_a_way_that_could_not_be_asked_is_no_evidence(policy: RecoveryPolicy) -> None:
    ways = (replace(LOST.ways[0], answered=None), *LOST.ways[1:])
    gate = by_name(replace(LOST, ways=ways), policy)["region-lost"]
    assert gate.value is None
    assert not gate.passed


def test_nobody_else_answers_so_it_may_be_us(policy: RecoveryPolicy) -> None:
    elsewhere = (replace(LOST.elsewhere[0], answered=False), LOST.elsewhere[1])
    assert not by_name(replace(LOST, elsewhere=elsewhere), policy)["own-network"].passed


def test_without_vantage_points_nothing_is_confirmed(policy: RecoveryPolicy) -> None:
    assert not by_name(replace(LOST, vantage_points=()), policy)["vantage-points"].passed


def test_unknown_lag_counts_as_over_the_limit(policy: RecoveryPolicy) -> None:
    unknown = by_name(replace(LOST, lag=None), policy)
    assert not unknown["peer-lag"].passed
    assert not unknown["peer-lag-age"].passed
    assert not by_name(replace(LOST, lag=Lag(901, LOST_SINCE)), policy)["peer-lag"].passed
    stale = Lag(3, LOST_SINCE - timedelta(hours=1))
    assert not by_name(replace(LOST, lag=stale), policy)["peer-lag-age"].passed


@pytest.mark.parametrize(
    ("primary", "fenced"),
    [
        (OldPrimary(True, "PRIMARY", "AVAILABLE", ""), False),
        (OldPrimary(True, "STANDBY", "AVAILABLE", "roles and sessions disagree"), False),
        (OldPrimary(False, "STANDBY", "AVAILABLE", ""), True),
        (OldPrimary(None, "DISABLED_STANDBY", "AVAILABLE", ""), True),
        (OldPrimary(None, "PRIMARY", "STOPPED", ""), True),
        (OldPrimary(False, "PRIMARY", "AVAILABLE", "refuses sessions, for a reason nobody knows"), False),
        (OldPrimary(None, None, None, "dark"), False),
    ],
)
def test_a_fence_is_proven_at_the_old_primary_or_not_at_all(primary: OldPrimary, fenced: bool) -> None:
    assert primary.fenced is fenced


def test_the_failover_promotes_only_after_fence_and_switchover_attempt(policy: RecoveryPolicy) -> None:
    plan = failover_plan(ROUTE, policy, gates(LOST, policy))
    promote = plan.step("promote")
    assert set(promote.after) == {"fence", "switchover"}
    assert promote.kind is StepKind.DESTRUCTIVE
    assert plan.step("switchover").on_failure is OnFailure.CONTINUE
    assert plan.step("cutover").effect is Effect.CUTOVER
    assert set(plan.step("cutover").after) == {"application", "data"}
    assert plan.decisions == ("region-failover",)


def test_the_digest_binds_the_route_and_not_the_moment(policy: RecoveryPolicy) -> None:
    plan = failover_plan(ROUTE, policy, gates(LOST, policy))
    later = replace(LOST, seen_at=NOW + timedelta(minutes=1), lag=Lag(4.0, LOST_SINCE))
    assert failover_plan(ROUTE, policy, gates(later, policy)).digest == plan.digest
    other = replace(ROUTE, target_database="ocid.other")
    assert failover_plan(other, policy, gates(LOST, policy)).digest != plan.digest


def test_a_switchover_needs_no_fence_and_stops_when_it_fails(policy: RecoveryPolicy) -> None:
    plan = switchover_plan(ROUTE, policy, ())
    assert next(step.id for step in plan.order) == "switchover"
    assert plan.step("switchover").on_failure is OnFailure.STOP
    assert plan.decisions == ("region-switchover",)
