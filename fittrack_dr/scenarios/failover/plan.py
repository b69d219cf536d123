"""The plans of a region failover and of a switchover: which steps, in which order, on whose decision. Pure.

Order of a failover, and why. The fence and the switchover attempt run side by side: a switchover is safe at any time,
for it only succeeds when the old primary takes part. The failover proper waits for both, because promoting is what
makes a second primary possible. The name moves only when the new database is PRIMARY, the application answers ready and
the data was looked at. The recovery state follows the name; the watch ends the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.plan import Effect, OnFailure, Plan, Step, StepKind
from fittrack_dr.domain.values import JSON
from fittrack_dr.recovery import RecoveryPolicy

FAILOVER = "region-failover"
SWITCHOVER = "region-switchover"


@dataclass(frozen=True)
class Route:
    """From where to where, with the two databases' OCIDs as the inventory names them."""

    lost: str
    target: str
    lost_database: str
    target_database: str
    lost_address: str
    target_address: str

    def facts(self, policy: RecoveryPolicy) -> Mapping[str, JSON]:
        """What the plan depends on: all of it covered by the digest that an approval signs."""
        return {
            "lost": self.lost,
            "target": self.target,
            "old_primary": self.lost_database,
            "standby": self.target_database,
            "name": policy.dns.name,
            "address": self.target_address,
            "policy_digest": policy.digest,
        }


def failover_plan(route: Route, policy: RecoveryPolicy, gates: tuple[GateReading, ...]) -> Plan:
    """Promote the standby although the old primary cannot be asked."""
    limits = policy.failover
    steps = (
        Step(
            id="fence",
            title=f"Fence the old primary in {route.lost}: proven at its own endpoint, or asserted after probing it",
            action="fence",
            kind=StepKind.READ,
            decision=FAILOVER,
            deadline=limits.isolation_window * 3,
            effect=Effect.FENCE,
            subject=route.lost,
        ),
        Step(
            id="switchover",
            title=f"Try a switchover to {route.target}: it loses nothing, if the old primary can still take part",
            action="switchover",
            decision=FAILOVER,
            deadline=limits.switchover_deadline,
            on_failure=OnFailure.CONTINUE,
            effect=Effect.SWITCHOVER,
            subject=route.target,
            against=route.lost,
        ),
        Step(
            id="promote",
            title=f"Fail over to the standby in {route.target}",
            action="promote",
            after=("fence", "switchover"),
            kind=StepKind.DESTRUCTIVE,
            decision=FAILOVER,
            deadline=limits.promotion_deadline,
            effect=Effect.PROMOTE,
            subject=route.target,
            against=route.lost,
        ),
        *_serve(route, policy, after="promote"),
    )
    return Plan(FAILOVER, steps, route.facts(policy), gates, policy.budgets.decision)


def switchover_plan(route: Route, policy: RecoveryPolicy, gates: tuple[GateReading, ...]) -> Plan:
    """Change the roles while both databases answer: nothing is lost, and nothing has to be fenced."""
    step = Step(
        id="switchover",
        title=f"Switch over to {route.target}: both databases change roles, no write is lost",
        action="switchover",
        decision=SWITCHOVER,
        deadline=policy.failover.promotion_deadline,
        effect=Effect.SWITCHOVER,
        subject=route.target,
        against=route.lost,
    )
    steps = (step, *_serve(route, policy, after="switchover"))
    return Plan(SWITCHOVER, steps, route.facts(policy), gates, policy.budgets.decision)


def _serve(route: Route, policy: RecoveryPolicy, *, after: str) -> tuple[Step, ...]:
    limits = policy.failover
    return (
        Step(
            id="application",
            title=f"Wait for the application in {route.target} to be ready",
            action="application",
            after=(after,),
            kind=StepKind.READ,
            deadline=limits.readiness_deadline,
            subject=route.target,
        ),
        Step(
            id="data",
            title="Ask the critical tables, and how old the last heartbeat is",
            action="data",
            after=(after,),
            kind=StepKind.READ,
            deadline=timedelta(minutes=5),
            subject=route.target,
            against=route.lost,
        ),
        Step(
            id="cutover",
            title=f"Point {policy.dns.name} at {route.target}, and see it at every resolver",
            action="cutover",
            after=("application", "data"),
            deadline=limits.cutover_deadline,
            effect=Effect.CUTOVER,
            subject=route.target,
            against=route.lost,
        ),
        Step(
            id="record",
            title=f"Record {route.target} as the active region",
            action="record",
            after=("cutover",),
            subject=route.target,
        ),
        Step(
            id="watch",
            title="Watch what the users get",
            action="watch",
            after=("record",),
            kind=StepKind.READ,
            deadline=policy.watch.duration * 2,
            subject=route.target,
        ),
    )
