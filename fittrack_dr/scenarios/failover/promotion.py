"""The steps that move the primary role: fence, switchover, failover. Each looks before it acts, and waits on the role.

A standby may show AVAILABLE all along, so nothing here ever waits for AVAILABLE alone: the role is what counts.
"""

from __future__ import annotations

from datetime import timedelta

from fittrack_dr.clients.database import DatabaseClient
from fittrack_dr.domain.approval import isolation_claim
from fittrack_dr.domain.cloud import DatabaseRecord, DatabaseRole, WorkStatus
from fittrack_dr.domain.outcome import Outcome, Proof, ProofKind, Status
from fittrack_dr.domain.plan import Step
from fittrack_dr.domain.protocols import Context
from fittrack_dr.domain.values import JSON
from fittrack_dr.errors import NotFoundError
from fittrack_dr.scenarios.environment import Environment
from fittrack_dr.scenarios.failover.plan import FAILOVER, Route
from fittrack_dr.scenarios.failover.scout import Scout, Sighting

POLL = 5.0
"""World seconds between looks at an operation of the control plane."""

CHANGING = "ROLE_CHANGE_IN_PROGRESS"


class Fence:
    """Watches the old primary for the isolation window: proven fenced, asserted isolated, or alive and so refused."""

    def __init__(self, environment: Environment, route: Route) -> None:
        self._limits = environment.policy.failover
        self._scout = Scout(environment, route)
        self._route = route

    def read(self, step: Step, context: Context) -> Outcome:
        """DONE with FENCE_PROVEN or FENCE_ASSERTED; REFUSED when anything of the region answers."""
        del step
        ends = context.clock.now() + self._limits.isolation_window
        looks = 0
        while True:
            sighting = self._scout.lost_region()
            looks += 1
            settled = self._settled(sighting)
            if settled is not None:
                return settled
            if context.clock.now() >= ends:
                return self._asserted(sighting, looks, context)
            context.sleep(self._limits.probe_interval.total_seconds())

    def _settled(self, sighting: Sighting) -> Outcome | None:
        region, primary = self._route.lost, sighting.primary
        evidence: dict[str, JSON] = {"role": primary.role, "state": primary.state, "oracle_net": primary.detail}
        if primary.fenced:
            detail = f"proven: the database in {region} is {primary.state}, role {primary.role}"
            return Outcome(Status.DONE, detail, evidence, proofs=(Proof(ProofKind.FENCE_PROVEN, region),))
        if primary.accepts_writes:
            detail = f"the database in {region} is alive and takes writes; {offer(self._route)}"
            return Outcome(Status.REFUSED, detail, evidence)
        if sighting.answering:
            ways = "; ".join(str(probe) for probe in sighting.answering)
            return Outcome(Status.REFUSED, f"{region} answers again: {ways}; {offer(self._route)}", evidence)
        return None

    def _asserted(self, sighting: Sighting, looks: int, context: Context) -> Outcome:
        region = self._route.lost
        claim = isolation_claim(region)
        window = self._limits.isolation_window.total_seconds()
        evidence: dict[str, JSON] = {
            "window_seconds": window,
            "looks": looks,
            "last_look": [str(probe) for probe in sighting.ways],
        }
        if claim not in context.claims(FAILOVER):
            detail = (
                f"{region} was silent for {window:g} s, but its fence cannot be proven and no approval asserts it; "
                f"begin again, and let the approver add --assert-isolated {region}"
            )
            return Outcome(Status.REFUSED, detail, evidence)
        detail = f"asserted: {region} was silent at {looks} looks over {window:g} s, and the approver vouches for it"
        return Outcome(Status.DONE, detail, evidence, proofs=(Proof(ProofKind.FENCE_ASSERTED, region),))


def offer(route: Route) -> str:
    """What to do instead of a failover when the primary is alive."""
    return f"a switchover loses nothing: fittrack-dr switchover --to {route.target}"


class _RoleChange:
    """What switchover and failover share: both end with the target as PRIMARY, or with a failed operation."""

    operation: str
    """A word that the operation's type at OCI contains, lower case."""

    def __init__(self, environment: Environment, route: Route) -> None:
        self._environment = environment
        self._route = route

    @property
    def _database(self) -> DatabaseClient:
        return self._environment.database(self._route.target)

    def _record(self) -> DatabaseRecord:
        return self._database.get(self._route.target_database)

    def observe(self, step: Step, context: Context) -> Outcome:
        """ALREADY when the target is PRIMARY; RETRY while a role change runs; NEEDED for a standby at rest."""
        del step, context
        record = self._record()
        done = self._promoted(record, Status.ALREADY)
        if done is not None:
            return done
        if record.state == CHANGING:
            return Outcome(Status.RETRY, f"a role change is under way: {_told(record)}", delay=POLL)
        if record.role is not DatabaseRole.STANDBY or record.state not in {"AVAILABLE", "STANDBY"}:
            detail = f"the database in {self._route.target} is no standby at rest: {_told(record)}"
            return Outcome(Status.FAILED, detail, _evidence(record))
        return Outcome(Status.NEEDED, _told(record), _evidence(record))

    def verify(self, step: Step, context: Context) -> Outcome:
        """DONE once the role is PRIMARY; FAILED once the operation ended otherwise."""
        del step, context
        record = self._record()
        done = self._promoted(record, Status.DONE)
        if done is not None:
            return done
        failure = self._failure()
        if failure is not None and record.state != CHANGING:
            return Outcome(Status.FAILED, f"{failure}; {_told(record)}", _evidence(record))
        return Outcome(Status.RETRY, _told(record), delay=POLL)

    def undo(self, step: Step, context: Context) -> Outcome | None:
        """Never: taking a promotion back is another role change, to be decided anew."""
        del step, context

    def _promoted(self, record: DatabaseRecord, status: Status) -> Outcome | None:
        if record.role is not DatabaseRole.PRIMARY or record.state == CHANGING:
            return None
        proof = Proof(ProofKind.PRIMARY, self._route.target)
        return Outcome(status, f"{self._route.target} is {_told(record)}", _evidence(record), proofs=(proof,))

    def _failure(self) -> str | None:
        """Why the newest operation of this kind failed; None while it runs, succeeded, or none is known."""
        compartment = self._environment.inventory.compartment_id
        for request in self._database.work_requests(compartment, self._route.target_database):
            if self.operation in request.operation.lower().replace("_", "").replace(" ", ""):
                if request.status not in {WorkStatus.FAILED, WorkStatus.CANCELED}:
                    return None
                return self._reason(request.id)
        return None

    def _reason(self, request: str) -> str:
        try:
            errors = self._database.work_request_errors(request)
        except NotFoundError:
            errors = ()
        return f"work request {request} failed: {'; '.join(errors) or 'it gives no reason'}"


class Switchover(_RoleChange):
    """Both databases exchange roles; nothing is lost, and a dark primary only makes it fail."""

    operation = "switchover"

    def run(self, step: Step, context: Context) -> Outcome:
        """Ask the standby's region for it."""
        request = self._database.switch_over(
            self._route.target_database, primary_id=self._route.lost_database, token=context.token(step)
        )
        return Outcome(Status.DONE, "accepted", {"work_request": request})


class Promotion(_RoleChange):
    """The failover proper, at the standby's own endpoint, naming the old primary as the peer."""

    operation = "failover"

    def run(self, step: Step, context: Context) -> Outcome:
        """Ask the standby's region for it; an idempotency token makes a repetition the same request."""
        request = self._database.fail_over(
            self._route.target_database, primary_id=self._route.lost_database, token=context.token(step)
        )
        return Outcome(Status.DONE, "accepted", {"work_request": request})


def _told(record: DatabaseRecord) -> str:
    lost = "" if record.lost_seconds is None else f", {timedelta(seconds=record.lost_seconds)} not recovered"
    return f"{record.role or 'without a role'}, {record.state}{lost}"


def _evidence(record: DatabaseRecord) -> dict[str, JSON]:
    return {
        "database": record.id,
        "role": record.role,
        "state": record.state,
        "failed_data_recovery_in_seconds": record.lost_seconds,
        "time_of_last_failover": record.last_failover.isoformat() if record.last_failover else None,
        "time_of_last_switchover": record.last_switchover.isoformat() if record.last_switchover else None,
    }
