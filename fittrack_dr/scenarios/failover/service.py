"""The steps after the promotion: is the application up, is the data there, what do the users get."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from fittrack_dr.domain.cloud import DatabaseRole, TableCheck
from fittrack_dr.domain.gate import GateReading
from fittrack_dr.domain.outcome import Outcome, Proof, ProofKind, Status
from fittrack_dr.domain.plan import Step
from fittrack_dr.domain.protocols import Context
from fittrack_dr.domain.state import RecoveryState
from fittrack_dr.domain.values import JSON
from fittrack_dr.errors import FittrackError, PermanentError
from fittrack_dr.scenarios.dns_names import look_at_region
from fittrack_dr.scenarios.environment import Environment
from fittrack_dr.scenarios.failover.plan import Route
from fittrack_dr.scenarios.failover.situation import reading

LOOK_AGAIN = 2.0
"""World seconds between looks at an application that is coming up."""


class ApplicationReady:
    """Reads, in one go, the two facts that a cutover rests on: the database is PRIMARY, the application is ready."""

    def __init__(self, environment: Environment, route: Route) -> None:
        self._environment = environment
        self._route = route

    def read(self, step: Step, context: Context) -> Outcome:
        """DONE with PRIMARY and READY after the policy's number of ready answers in a row; RETRY before."""
        del step
        target, gate = self._route.target, self._environment.policy.gates["application-ready"]
        ready = 0
        while ready < gate.limit:
            serving = look_at_region(self._environment.probing, target)
            if not serving.holds:
                return Outcome(Status.RETRY, f"{target}: {serving.problem}", delay=LOOK_AGAIN)
            ready += 1
            context.check()
        detail = f"{target} is PRIMARY and answered ready {ready} times in a row"
        return Outcome(
            Status.DONE,
            detail,
            {"address": self._route.target_address, "role": DatabaseRole.PRIMARY},
            proofs=(Proof(ProofKind.PRIMARY, target), Proof(ProofKind.READY, target)),
            gates=(reading(self._environment.policy, "application-ready", float(ready), detail),),
        )


class DataThere:
    """Asks the critical tables of the recovered database, and how much of the old region's last minutes it holds."""

    def __init__(self, environment: Environment, route: Route) -> None:
        self._environment = environment
        self._route = route

    def read(self, step: Step, context: Context) -> Outcome:
        """DONE with the gates ``critical-tables`` and ``last-heartbeat``; RETRY while the database takes no session."""
        del step, context
        policy = self._environment.policy
        database = self._environment.oracle_net(self._route.target)
        checks = database.check(policy.critical_tables)
        kept = database.last_heartbeat(self._route.lost)
        written = self._heartbeat_left_behind()
        evidence: dict[str, JSON] = {
            "tables": {check.table: check.value if check.value is not None else check.detail for check in checks},
            "last_heartbeat_in_database": kept.isoformat() if kept else None,
            "last_heartbeat_known_to_be_written": written.isoformat() if written else None,
        }
        gates = (self._tables(checks), self._heartbeat(kept, written))
        return Outcome(Status.DONE, "; ".join(gate.detail for gate in gates), evidence, gates=gates)

    def _tables(self, checks: tuple[TableCheck, ...]) -> GateReading:
        may_be_empty = {each.table for each in self._environment.policy.critical_tables if each.may_be_empty}
        bad = [c for c in checks if c.value is None or (c.value == 0 and c.table not in may_be_empty)]
        told = ", ".join(f"{check.table} {_amount(check)}" for check in checks)
        return reading(self._environment.policy, "critical-tables", float(len(bad)), told)

    def _heartbeat(self, kept: datetime | None, written: datetime | None) -> GateReading:
        policy = self._environment.policy
        if kept is None or written is None:
            missing = "the database holds none" if kept is None else "none was left in the surviving region"
            return reading(policy, "last-heartbeat", None, f"heartbeats of {self._route.lost}: {missing}")
        gap = max((written - kept).total_seconds(), 0.0)
        detail = f"heartbeats of {self._route.lost}: written at {written:%H:%M:%S}Z, held up to {kept:%H:%M:%S}Z"
        return reading(policy, "last-heartbeat", gap, detail)

    def _heartbeat_left_behind(self) -> datetime | None:
        """When the lost region's worker last wrote, as it left word in the surviving region's Object Storage."""
        bucket = self._environment.bucket(
            self._route.target, self._environment.inventory.regions[self._route.target].heartbeat_bucket
        )
        stored = bucket.get(f"heartbeat/{self._route.lost}.json")
        if stored is None:
            return None
        try:
            moment = datetime.fromisoformat(json.loads(stored.data)["beat_at"])
        except (ValueError, KeyError, TypeError) as error:
            raise PermanentError(f"heartbeat/{self._route.lost}.json is not what a worker writes: {error}") from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _amount(check: TableCheck) -> str:
    return check.detail if check.value is None else f"{check.value:,.0f}"


class Record:
    """Makes the target the active region in the recovery state, which postures and readiness follow."""

    def __init__(self, environment: Environment, route: Route) -> None:
        self._environment = environment
        self._route = route

    def observe(self, step: Step, context: Context) -> Outcome:
        """ALREADY when the target is active; FAILED when there is no state to change."""
        del step, context
        state, _ = self._environment.states.read()
        if state is None:
            return Outcome(Status.FAILED, "there is no recovery state in the control bucket; provisioning writes it")
        if state.active_region == self._route.target:
            return Outcome(Status.ALREADY, f"{self._route.target} is the active region, epoch {state.epoch}")
        return Outcome(Status.NEEDED, f"{state.active_region} is recorded as active")

    def run(self, step: Step, context: Context) -> Outcome:
        """Compare and swap; RETRY when somebody else changed the state meanwhile."""
        del step, context
        state, etag = self._environment.states.read()
        if state is None:
            raise PermanentError("the recovery state has vanished from the control bucket")
        if not self._environment.states.compare_and_swap(self._moved(state), etag):
            return Outcome(Status.RETRY, "the recovery state changed meanwhile", delay=1.0)
        return Outcome(Status.DONE, f"{self._route.target} is recorded as active")

    def verify(self, step: Step, context: Context) -> Outcome:
        """DONE when a new read shows it."""
        seen = self.observe(step, context)
        return replace(seen, status=Status.DONE if seen.status is Status.ALREADY else Status.FAILED)

    def undo(self, step: Step, context: Context) -> Outcome | None:
        """Never: the state says what is, and the roles are not taken back."""
        del step, context

    def _moved(self, state: RecoveryState) -> RecoveryState:
        stacks = self._environment.policy.stacks
        postures = {
            name: "active" if stack.region == self._route.target else "pilot-light" for name, stack in stacks.items()
        }
        return replace(state, active_region=self._route.target, postures=postures, epoch=state.epoch + 1)


class Watch:
    """Asks for the application as users do, through the resolvers, for as long as the policy says."""

    def __init__(self, environment: Environment, route: Route) -> None:
        self._environment = environment
        self._route = route

    def read(self, step: Step, context: Context) -> Outcome:
        """DONE when the share of failed requests stayed within the policy's; FAILED when it did not."""
        del step
        policy, clock = self._environment.policy, context.clock
        ends = clock.now() + policy.watch.duration
        asked, failures = 0, list[str]()
        while clock.now() < ends:
            problem = self._ask()
            asked += 1
            if problem:
                failures.append(f"{clock.now():%H:%M:%S}Z {problem}")
                context.say(problem)
            context.sleep(policy.watch.interval.total_seconds())
        ratio = len(failures) / asked
        evidence: dict[str, JSON] = {"requests": asked, "failed": len(failures), "first_failures": failures[:10]}
        detail = f"{asked} requests over {policy.watch.duration}, {len(failures)} failed"
        if ratio > policy.watch.max_error_ratio:
            limit = f"{policy.watch.max_error_ratio:.1%}"
            return Outcome(Status.FAILED, f"{detail}, more than {limit}; look at the application's logs", evidence)
        return Outcome(Status.DONE, detail, evidence)

    def _ask(self) -> str:
        """The empty string when users are served, else what they get."""
        policy = self._environment.policy
        try:
            answer = self._environment.web.application(policy.dns.name, policy.application.health_path)
        except FittrackError as error:
            return str(error)
        if answer.address != self._route.target_address and answer.ok:
            return f"the name leads to {answer.address}"
        return "" if answer.ok else str(answer)
