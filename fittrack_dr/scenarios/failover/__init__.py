"""Region failover, and the switchover that is offered when the primary is alive: the main procedure of this project.

``plan_failover`` looks and plans; ``actions`` is the code behind the steps, also for a run that is resumed elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import cast

from fittrack_dr.domain import Action
from fittrack_dr.domain.outcome import Outcome
from fittrack_dr.domain.plan import Effect, Plan, Step
from fittrack_dr.domain.protocols import Context, Reading
from fittrack_dr.errors import ConfigError, RefusedError
from fittrack_dr.scenarios.environment import Environment
from fittrack_dr.scenarios.failover.plan import Route, failover_plan, switchover_plan
from fittrack_dr.scenarios.failover.promotion import Fence, Promotion, Switchover, offer
from fittrack_dr.scenarios.failover.scout import Scout
from fittrack_dr.scenarios.failover.service import ApplicationReady, DataThere, Record, Watch
from fittrack_dr.scenarios.failover.situation import Situation, gates


@dataclass(frozen=True)
class Prepared:
    """What was seen, and the plan made of it."""

    situation: Situation
    plan: Plan


def plan_failover(environment: Environment, target: str) -> Prepared:
    """Look at both regions and plan to recover in ``target``.

    Raises RefusedError when the primary's database is alive (a switchover is offered) or the target is already active,
    ConfigError for a region that the policy does not know.
    """
    way = route_to(environment, target)
    _refuse_active(environment, way)
    situation = Scout(environment, way).look()
    if situation.alive:
        raise RefusedError(
            f"the database in {way.lost} answers and takes writes ({situation.primary.detail}): a failover would make "
            f"two primaries; nothing was changed; {offer(way)}"
        )
    policy = environment.policy
    return Prepared(situation, failover_plan(way, policy, gates(situation, policy)))


def plan_switchover(environment: Environment, target: str) -> Plan:
    """Plan to exchange the roles while both regions answer. Raises as ``plan_failover``, but for a silent primary."""
    way = route_to(environment, target)
    _refuse_active(environment, way)
    sighting = Scout(environment, way).lost_region()
    if not sighting.primary.accepts_writes:
        raise RefusedError(
            f"the database in {way.lost} does not take part ({sighting.primary.detail}); nothing was changed; "
            f"when the region is lost: fittrack-dr failover --to {target}"
        )
    return switchover_plan(way, environment.policy, ())


def route_to(environment: Environment, target: str) -> Route:
    """The route whose end is ``target``. Raises ConfigError for a region that is no stack's or not in the inventory."""
    regions = [stack.region for stack in environment.policy.stacks.values()]
    if target not in regions:
        raise ConfigError(f"region '{target}' is no stack's; recovery.yaml has {', '.join(regions)}")
    lost = environment.policy.region_of_peer(target)
    places = environment.inventory.regions
    missing = [region for region in (lost, target) if region not in places]
    if missing:
        raise ConfigError(f"the inventory has no {', '.join(missing)}; provision it, which writes the inventory")
    return Route(
        lost,
        target,
        lost_database=places[lost].database_id,
        target_database=places[target].database_id,
        lost_address=places[lost].load_balancer,
        target_address=places[target].load_balancer,
    )


def actions(environment: object) -> Mapping[str, Action]:
    """The code behind the steps of both plans; ``environment`` is an ``Environment``."""
    from fittrack_dr.scenarios.dns_cutover import Cutover

    world = cast("Environment", environment)

    def reader(make: Callable[[Environment, Route], Fence | ApplicationReady | DataThere | Watch]) -> Action:
        def read(step: Step, context: Context) -> Outcome:
            return make(world, _route_of(world, step)).read(step, context)

        return Reading(read)

    return {
        "fence": reader(Fence),
        "switchover": _Routed(partial(Switchover, world), world),
        "promote": _Routed(partial(Promotion, world), world),
        "application": reader(ApplicationReady),
        "data": reader(DataThere),
        "cutover": Cutover(world),
        "record": _Routed(partial(Record, world), world),
        "watch": reader(Watch),
    }


class _Routed:
    """An action that is made for the route of the step at hand: steps are data, and may come from a journal."""

    def __init__(self, make: Callable[[Route], Action], environment: Environment) -> None:
        self._make = make
        self._environment = environment

    def _action(self, step: Step) -> Action:
        return self._make(_route_of(self._environment, step))

    def observe(self, step: Step, context: Context) -> Outcome:
        return self._action(step).observe(step, context)

    def run(self, step: Step, context: Context) -> Outcome:
        return self._action(step).run(step, context)

    def verify(self, step: Step, context: Context) -> Outcome:
        return self._action(step).verify(step, context)

    def undo(self, step: Step, context: Context) -> Outcome | None:
        return self._action(step).undo(step, context)


def _route_of(environment: Environment, step: Step) -> Route:
    target = environment.policy.region_of_peer(step.subject) if step.effect is Effect.FENCE else step.subject
    return route_to(environment, target)


def _refuse_active(environment: Environment, way: Route) -> None:
    state, _ = environment.states.read()
    if state is None:
        raise ConfigError(
            "there is no recovery state in the control bucket; provision the environment, which writes it"
        )
    if state.active_region == way.target:
        raise RefusedError(f"{way.target} is the active region already (epoch {state.epoch}); nothing was changed")
