"""The cutover's decisions, one by one, against a world of plain values: what it does, refuses, waits for, takes back.

What the pieces do on the wire is tested with the clients, and the whole with the command line.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from fittrack_dr.clients.dns import Answer, RecordSet, Reply
from fittrack_dr.clients.http import WebAnswer
from fittrack_dr.clients.profile import Address
from fittrack_dr.domain import Context, Effect, Outcome, ProofKind, Status, Step
from fittrack_dr.domain.cloud import DatabaseRole
from fittrack_dr.errors import ChangedError, ConfigError, NotFoundError, RefusedError, UnreachableError
from fittrack_dr.recovery import RecoveryPolicy, load_policy
from fittrack_dr.scenarios.dns_cutover import Cutover, OldSide, TargetServes, plan_cutover
from fittrack_dr.scenarios.dns_names import look_at_name
from fittrack_dr.scenarios.environment import Environment

ROOT = Path(__file__).parents[3]
OLD, NEW, THIRD = "127.9.9.34", "127.9.9.66", "127.9.9.99"
ASHBURN, PHOENIX = "us-ashburn-1", "us-phoenix-1"
OWN = Address("127.9.9.1", 5353)
FIRST, SECOND = Address("127.9.9.2", 5353), Address("127.9.9.3", 5353)
NAME = "app.fittrack.example"
STEP = Step(
    id="cutover",
    title="",
    action="cutover",
    deadline=timedelta(minutes=15),
    effect=Effect.CUTOVER,
    subject=PHOENIX,
    against=ASHBURN,
)


class Clock:
    """World time that the test moves."""

    rate = 0.0

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        del stop
        self.slept.append(seconds)
        self.moment += timedelta(seconds=seconds)


@dataclass
class Place:
    """A region: what its database and application answer."""

    load_balancer: str
    role: DatabaseRole | None
    status: int | None
    database_id: str = "ocid"


@dataclass
class World:
    """An environment of plain values."""

    policy: RecoveryPolicy
    places: dict[str, Place] = field(
        default_factory=lambda: {
            ASHBURN: Place(OLD, DatabaseRole.STANDBY, None),
            PHOENIX: Place(NEW, DatabaseRole.PRIMARY, 200),
        }
    )
    record: tuple[str, ...] = (OLD,)
    answers: dict[Address, Answer] = field(default_factory=dict[Address, Answer])
    dark_apis: set[str] = field(default_factory=set[str])
    before_swap: Callable[[World], None] = lambda _: None
    version: int = 0
    swaps: list[tuple[str, str, str, int]] = field(default_factory=list[tuple[str, str, str, int]])

    def told(self, address: str, *servers: Address, ttl: int = 60) -> None:
        for server in servers:
            self.answers[server] = Answer(server, Reply.ADDRESSES, (address,), ttl)

    # What follows is the part of Environment that the scenario uses.

    @property
    def probing(self) -> World:
        return self

    @property
    def inventory(self) -> Any:
        return _Inventory(self.places)

    @property
    def web(self) -> Any:
        return _Web(self)

    @property
    def name_servers(self) -> Any:
        return _Servers(self)

    def database(self, region: str) -> Any:
        return _Database(self, region)

    def records(self, region: str) -> Any:
        return _Records(self, region)


@dataclass
class _Inventory:
    regions: dict[str, Place]
    dns_zone_id: str = "ocid1.dns-zone"


@dataclass
class _Web:
    world: World

    def application_at(self, address: str, name: str, path: str) -> WebAnswer:
        place = next(place for place in self.world.places.values() if place.load_balancer == address)
        detail = "connection refused" if place.status is None else str(place.status)
        return WebAnswer(f"https://{name}{path}", address, place.status, detail, 0.0)


@dataclass
class _Database:
    world: World
    region: str

    def get(self, _: str) -> Any:
        if self.region in self.world.dark_apis:
            raise UnreachableError(f"{self.region}: no answer in time", delay=5)
        return self.world.places[self.region]


@dataclass
class _Records:
    world: World
    region: str

    def read(self, name: str) -> RecordSet:
        if self.region in self.world.dark_apis:
            raise UnreachableError(f"{self.region}: no answer in time", delay=5)
        return RecordSet(name, self.world.record, 60, str(self.world.version))

    def swap(self, old: RecordSet, address: str, ttl: int) -> None:
        self.world.before_swap(self.world)
        if old.etag != str(self.world.version):
            raise ChangedError("somebody else changed it")
        self.world.swaps.append((self.region, str(old), address, ttl))
        self.world.record, self.world.version = (address,), self.world.version + 1


@dataclass
class _Servers:
    world: World
    resolvers: tuple[Address, ...] = (FIRST, SECOND)

    def authoritative(self, _: str) -> tuple[Address, ...]:
        return (OWN,)

    def ask(self, server: Address, _: str) -> Answer:
        return self.world.answers.get(server, Answer(server, Reply.SILENT))

    def ask_resolvers(self, name: str) -> tuple[Answer, ...]:
        return tuple(self.ask(resolver, name) for resolver in self.resolvers)


@pytest.fixture(scope="module")
def policy() -> RecoveryPolicy:
    return load_policy(ROOT / "recovery.yaml")


@pytest.fixture
def world(policy: RecoveryPolicy) -> World:
    """Phoenix serves, Ashburn is a standby, the name still points at Ashburn everywhere."""
    made = World(policy)
    made.told(OLD, OWN, FIRST, SECOND)
    return made


@pytest.fixture
def context() -> Context:
    clock = Clock()
    return Context(
        clock=clock,
        run_id="run",
        results={},
        approvals=(),
        waived=frozenset(),
        deadline=clock.now() + STEP.deadline,
        say=lambda _: None,
    )


def environment(world: World) -> Environment:
    return cast("Environment", world)


def cutover(world: World) -> Cutover:
    return Cutover(environment(world))


def later(context: Context, seconds: float) -> None:
    cast("Clock", context.clock).moment += timedelta(seconds=seconds)


def meddle(address: str) -> Callable[[World], None]:
    """Somebody else changes the record at the last moment."""

    def change(world: World) -> None:
        world.record, world.version = (address,), world.version + 1

    return change


# --- the plan ---------------------------------------------------------------------------------------------------


def test_the_plan_looks_at_both_sides_before_it_moves_the_name(world: World) -> None:
    plan = plan_cutover(environment(world), PHOENIX)
    assert plan is not None
    assert [step.id for step in plan.order] == ["serves", "old-side", "cutover"]
    move = plan.step("cutover")
    assert (move.effect, move.subject, move.against) == (Effect.CUTOVER, PHOENIX, ASHBURN)
    assert plan.facts["from"] == f"{OLD} ({ASHBURN})"
    assert plan.facts["to"] == f"{NEW} ({PHOENIX})"


def test_the_digest_depends_on_the_move_alone(world: World) -> None:
    plan = plan_cutover(environment(world), PHOENIX)
    world.told(OLD, FIRST, ttl=3)
    again = plan_cutover(environment(world), PHOENIX)
    assert plan is not None
    assert again is not None
    assert plan.digest == again.digest


def test_nothing_is_planned_for_a_name_that_is_there_already(world: World) -> None:
    world.record = (NEW,)
    assert plan_cutover(environment(world), PHOENIX) is None


@pytest.mark.parametrize(
    ("role", "status", "said"),
    [
        (DatabaseRole.STANDBY, 200, "STANDBY, not PRIMARY"),
        (DatabaseRole.DISABLED_STANDBY, 503, "not PRIMARY and its application is not ready"),
        (None, 200, "without a role, not PRIMARY"),
        (DatabaseRole.PRIMARY, 503, "not ready (503"),
        (DatabaseRole.PRIMARY, None, "not ready (connection refused"),
    ],
)
def test_a_region_that_does_not_serve_is_refused(
    world: World, role: DatabaseRole | None, status: int | None, said: str
) -> None:
    world.places[PHOENIX] = replace(world.places[PHOENIX], role=role, status=status)
    with pytest.raises(RefusedError) as caught:
        plan_cutover(environment(world), PHOENIX)
    assert said in str(caught.value)
    assert "nothing was changed" in str(caught.value)
    assert world.swaps == []


def test_a_region_whose_database_cannot_be_asked_is_refused(world: World) -> None:
    world.dark_apis = {PHOENIX}
    with pytest.raises(RefusedError, match="unknown"):
        plan_cutover(environment(world), PHOENIX)


@pytest.mark.parametrize(
    ("held", "said"),
    [((), "no address record"), ((THIRD,), THIRD), ((OLD, NEW), f"{OLD}, {NEW}")],
    ids=["missing", "foreign", "both"],
)
def test_a_record_that_is_not_one_of_ours_is_refused(world: World, held: tuple[str, ...], said: str) -> None:
    world.record = held
    with pytest.raises(RefusedError) as caught:
        plan_cutover(environment(world), PHOENIX)
    assert said in str(caught.value)


def test_an_unknown_region_is_a_usage_error(world: World) -> None:
    with pytest.raises(ConfigError, match="us-ashburn-1, us-phoenix-1"):
        plan_cutover(environment(world), "eu-frankfurt-1")


def test_no_region_that_tells_the_record(world: World) -> None:
    world.dark_apis = {ASHBURN, PHOENIX}
    with pytest.raises(UnreachableError, match="us-phoenix-1"):
        plan_cutover(environment(world), PHOENIX)


def test_the_record_is_read_in_the_other_region_when_the_control_region_is_dark(world: World) -> None:
    world.dark_apis = {PHOENIX}
    view = look_at_name(environment(world))
    assert (view.record_region, view.told) == (ASHBURN, True)


# --- its reading steps ------------------------------------------------------------------------------------------


def test_the_target_is_asked_as_often_in_a_row_as_the_policy_wants(world: World, context: Context) -> None:
    outcome = TargetServes(environment(world)).read(STEP, context)
    assert outcome.status is Status.DONE
    assert {proof.kind for proof in outcome.proofs} == {ProofKind.PRIMARY, ProofKind.READY}
    assert {proof.subject for proof in outcome.proofs} == {PHOENIX}
    assert cast("Clock", context.clock).slept == [5.0, 5.0]
    assert [(gate.name, gate.value, gate.passed) for gate in outcome.gates] == [("application-ready", 3.0, True)]


def test_a_target_that_stumbles_is_refused(world: World, context: Context) -> None:
    world.places[PHOENIX].status = 503
    outcome = TargetServes(environment(world)).read(STEP, context)
    assert (outcome.status, outcome.proofs) == (Status.REFUSED, ())


def test_the_old_side_is_only_noted(world: World, context: Context) -> None:
    old = replace(STEP, subject=ASHBURN)
    outcome = OldSide(environment(world)).read(old, context)
    assert (outcome.status, outcome.proofs) == (Status.SKIPPED, ())
    world.places[ASHBURN] = Place(OLD, DatabaseRole.PRIMARY, 200)
    outcome = OldSide(environment(world)).read(old, context)
    assert outcome.status is Status.DONE
    assert {proof.subject for proof in outcome.proofs} == {ASHBURN}


# --- moving the name --------------------------------------------------------------------------------------------


def test_observing_an_untouched_record(world: World, context: Context) -> None:
    assert cutover(world).observe(STEP, context).status is Status.NEEDED
    world.record = (THIRD,)
    strange = cutover(world).observe(STEP, context)
    assert strange.status is Status.REFUSED
    assert THIRD in strange.detail
    assert OLD in strange.detail


def test_the_record_is_swapped_in_the_target_region_with_the_policys_ttl(world: World, context: Context) -> None:
    outcome = cutover(world).run(STEP, context)
    assert outcome.status is Status.DONE
    assert world.swaps == [(PHOENIX, OLD, NEW, 60)]
    assert outcome.evidence["from"] == OLD


@pytest.mark.parametrize(
    ("role", "status", "expected"),
    [
        (DatabaseRole.STANDBY, 200, Status.REFUSED),
        (DatabaseRole.PRIMARY, 503, Status.RETRY),
        (DatabaseRole.PRIMARY, None, Status.RETRY),
    ],
)
def test_the_last_look_before_the_write_counts(
    world: World, context: Context, role: DatabaseRole, status: int | None, expected: Status
) -> None:
    """The invariant is checked again immediately before the write, however long the run has waited since."""
    world.places[PHOENIX] = replace(world.places[PHOENIX], role=role, status=status)
    assert cutover(world).run(STEP, context).status is expected
    assert world.swaps == []


def test_a_database_that_cannot_be_asked_right_now_is_asked_again(world: World, context: Context) -> None:
    world.dark_apis = {PHOENIX}
    assert cutover(world).run(STEP, context).status is Status.RETRY


def test_somebody_else_at_the_last_moment_is_not_overwritten(world: World, context: Context) -> None:
    """The swap fails, the record is read again, and both values are told."""
    world.before_swap = meddle(THIRD)
    outcome = cutover(world).run(STEP, context)
    assert outcome.status is Status.REFUSED
    assert OLD in outcome.detail
    assert THIRD in outcome.detail
    assert (world.record, world.swaps) == ((THIRD,), [])


def test_somebody_else_did_the_same(world: World, context: Context) -> None:
    world.before_swap = meddle(NEW)
    assert cutover(world).run(STEP, context).status is Status.ALREADY
    assert world.swaps == []


def test_a_record_touched_without_another_value_is_tried_again(world: World, context: Context) -> None:
    world.before_swap = meddle(OLD)
    assert cutover(world).run(STEP, context).status is Status.RETRY
    world.before_swap = lambda _: None
    assert cutover(world).run(STEP, context).status is Status.DONE


# --- seeing it --------------------------------------------------------------------------------------------------


def seen(world: World, context: Context) -> Outcome:
    """What verifying says of a record that is at the new address; observing must say the same."""
    world.record = (NEW,)
    verified = cutover(world).verify(STEP, context)
    observed = cutover(world).observe(STEP, context)
    expected = Status.ALREADY if verified.status is Status.DONE else verified.status
    assert (observed.status, observed.detail) == (expected, verified.detail)
    return verified


def test_the_zones_servers_come_first(world: World, context: Context) -> None:
    world.told(NEW, FIRST, SECOND)
    outcome = seen(world, context)
    assert (outcome.status, outcome.delay) == (Status.RETRY, 5.0)
    assert str(OWN) in outcome.detail


def test_a_resolver_is_waited_for_as_long_as_its_ttl_runs(world: World, context: Context) -> None:
    world.told(NEW, OWN, FIRST)
    world.told(OLD, SECOND, ttl=37)
    outcome = seen(world, context)
    assert (outcome.status, outcome.delay) == (Status.RETRY, 37.0)
    assert f"{SECOND} tells {OLD} for 37 s more" in outcome.detail


def test_of_several_the_first_to_run_out_is_waited_for(world: World, context: Context) -> None:
    world.told(NEW, OWN)
    world.told(OLD, FIRST, ttl=50)
    world.told(OLD, SECOND, ttl=20)
    assert seen(world, context).delay == 20.0
    world.told(OLD, SECOND, ttl=0)
    assert seen(world, context).delay <= 5.0


def test_it_is_done_when_everybody_follows(world: World, context: Context) -> None:
    world.told(NEW, OWN, FIRST, SECOND)
    outcome = seen(world, context)
    assert outcome.status is Status.DONE
    assert outcome.evidence["resolvers"] == {str(FIRST): [NEW], str(SECOND): [NEW]}


def test_a_silent_resolver_is_reported_and_not_waited_for_for_ever(world: World, context: Context) -> None:
    """It sends nobody anywhere; but the old answer that it may have told lives on for a TTL."""
    world.told(NEW, OWN, FIRST)
    world.answers[SECOND] = Answer(SECOND, Reply.SILENT)
    assert seen(world, context).status is Status.RETRY
    later(context, 119)
    assert seen(world, context).status is Status.RETRY
    later(context, 1)
    outcome = seen(world, context)
    assert outcome.status is Status.DONE
    assert f"not measured, for they do not answer: {SECOND}" in outcome.detail


def test_a_stale_resolver_is_never_passed_over(world: World, context: Context) -> None:
    world.told(NEW, OWN, FIRST)
    world.told(OLD, SECOND, ttl=30)
    later(context, 800)
    assert seen(world, context).status is Status.RETRY


def test_without_one_resolver_that_follows_nothing_is_called_done(world: World, context: Context) -> None:
    world.told(NEW, OWN)
    for resolver in (FIRST, SECOND):
        world.answers[resolver] = Answer(resolver, Reply.FAILED)
    later(context, 800)
    outcome = seen(world, context)
    assert outcome.status is Status.RETRY
    assert "server failure" in outcome.detail


def test_an_authoritative_server_that_is_dark(world: World, context: Context) -> None:
    del world.answers[OWN]
    world.told(NEW, FIRST, SECOND)
    outcome = seen(world, context)
    assert outcome.status is Status.RETRY
    assert "no answer" in outcome.detail


# --- taking it back ---------------------------------------------------------------------------------------------


def test_it_stays_when_the_old_side_would_not_serve(world: World, context: Context) -> None:
    world.record = (NEW,)
    said: list[str] = []
    assert cutover(world).undo(STEP, replace(context, say=said.append)) is None
    assert world.swaps == []
    assert "not PRIMARY" in said[0]


def test_it_stays_while_the_target_is_primary_too(world: World, context: Context) -> None:
    """Two primaries: the name must not go back to the one that may lack what users wrote since."""
    world.record = (NEW,)
    world.places[ASHBURN] = Place(OLD, DatabaseRole.PRIMARY, 200)
    assert cutover(world).undo(STEP, context) is None
    assert world.swaps == []


def test_it_goes_back_to_an_old_side_that_alone_serves(world: World, context: Context) -> None:
    world.record = (NEW,)
    world.places = {
        ASHBURN: Place(OLD, DatabaseRole.PRIMARY, 200),
        PHOENIX: Place(NEW, DatabaseRole.STANDBY, 503),
    }
    outcome = cutover(world).undo(STEP, context)
    assert outcome is not None
    assert outcome.status is Status.DONE
    assert world.swaps == [(ASHBURN, NEW, OLD, 60)]
    again = cutover(world).undo(STEP, context)
    assert again is not None
    assert again.status is Status.ALREADY


def test_what_somebody_else_put_there_is_not_taken_back(world: World, context: Context) -> None:
    world.record = (THIRD,)
    outcome = cutover(world).undo(STEP, context)
    assert outcome is not None
    assert outcome.status is Status.REFUSED


def test_a_zone_that_is_gone(world: World, context: Context) -> None:
    def gone(_: str) -> Any:
        raise NotFoundError("there is no such zone")

    world.records = lambda region: type("Gone", (), {"read": lambda _, name: gone(name)})()
    with pytest.raises(NotFoundError):
        cutover(world).observe(STEP, context)
