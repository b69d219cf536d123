"""The cutover: point the one name at another region, by compare-and-swap, and see it at every resolver.

The record is written through the target region's API, which is the one that survives. It refuses to point the name
at a region unless its database was just read as PRIMARY and its application as ready, to move a record that somebody
else has changed, and to go back to a side that would no longer satisfy the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from fittrack_dr.clients.dns import Answer, Records, RecordSet, Reply
from fittrack_dr.domain import (
    JSON,
    Action,
    Context,
    Effect,
    GateReading,
    OnFailure,
    Outcome,
    Plan,
    Proof,
    ProofKind,
    Reading,
    Status,
    Step,
    StepKind,
)
from fittrack_dr.errors import ChangedError, RefusedError, UnreachableError
from fittrack_dr.scenarios.dns_names import (
    Serving,
    addresses,
    ask_authoritative,
    check_region,
    look_at_name,
    look_at_region,
    region_of,
)
from fittrack_dr.scenarios.environment import Environment

PROCEDURE = "dns-cutover"
LOOK_AGAIN = 5.0
"""World seconds between looks at servers of which it is not known when they will have changed."""


@dataclass(frozen=True)
class Move:
    """From which region to which, with their addresses."""

    source: str
    target: str
    source_address: str
    target_address: str


def plan_cutover(environment: Environment, target: str) -> Plan | None:
    """Look, and plan to point the name at ``target``; None when the record points there already.

    Raises RefusedError for a region that does not serve, and for a record that is missing or points at none of our
    regions; UnreachableError when no region tells the record; ConfigError for an unknown region.
    """
    move = _find_move(environment, target)
    if move is None:
        return None
    serving = look_at_region(environment, target)
    if not serving.holds:
        raise RefusedError(
            f"the name must not point at {target}: {serving.problem}; nothing was changed; a failover brings both "
            f"about: fittrack-dr failover --to {target}"
        )
    return cutover_plan(environment, move)


def _find_move(environment: Environment, target: str) -> Move | None:
    check_region(environment, target)
    view = look_at_name(environment)
    if view.record is None:
        raise UnreachableError(view.record_detail, delay=LOOK_AGAIN)
    held, name, known = view.record.addresses, environment.policy.dns.name, addresses(environment)
    if not held:
        raise RefusedError(
            f"{name} has no address record: somebody removed it; nothing was changed; find out who and why, then "
            f"create it with the address {known[target]} of {target}"
        )
    source = region_of(environment, held)
    if source is None:
        raise RefusedError(_strange(environment, view.record))
    return None if source == target else Move(source, target, known[source], known[target])


def cutover_plan(environment: Environment, move: Move) -> Plan:
    """Look whether the target serves and whether the old side would, then move the name."""
    policy = environment.policy
    steps = (
        Step(
            id="serves",
            title=f"See that {move.target} serves: database PRIMARY, application ready",
            action="serves",
            kind=StepKind.READ,
            deadline=timedelta(minutes=5),
            subject=move.target,
        ),
        Step(
            id="old-side",
            title=f"See whether {move.source} would still serve: only then could the cutover be undone",
            action="old-side",
            kind=StepKind.READ,
            deadline=timedelta(minutes=5),
            on_failure=OnFailure.CONTINUE,
            subject=move.source,
        ),
        Step(
            id="cutover",
            title=f"Point {policy.dns.name} at {move.target}, and see it at every resolver",
            action="cutover",
            after=("serves", "old-side"),
            deadline=policy.failover.cutover_deadline,
            on_failure=OnFailure.UNDO,
            effect=Effect.CUTOVER,
            subject=move.target,
            against=move.source,
        ),
    )
    facts: dict[str, JSON] = {
        "name": policy.dns.name,
        "zone": environment.inventory.dns_zone_id,
        "from": f"{move.source_address} ({move.source})",
        "to": f"{move.target_address} ({move.target})",
        "ttl": policy.dns.ttl.total_seconds(),
        "policy_digest": policy.digest,
    }
    return Plan(PROCEDURE, steps, facts)


def actions(environment: object) -> Mapping[str, Action]:
    """The code behind the plan's steps, also for a run that is resumed elsewhere; takes an ``Environment``."""
    world = cast("Environment", environment)
    return {
        "serves": Reading(TargetServes(world).read),
        "old-side": Reading(OldSide(world).read),
        "cutover": Cutover(world),
    }


class TargetServes:
    """Reads the two facts that a cutover rests on, readiness as often in a row as the policy wants it."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def read(self, step: Step, context: Context) -> Outcome:
        """DONE with PRIMARY and READY of the step's subject; REFUSED when it does not serve."""
        gate = self._environment.policy.gates["application-ready"]
        wanted = int(gate.limit)
        pause = self._environment.policy.failover.probe_interval.total_seconds()
        ready = 0
        while True:
            serving = look_at_region(self._environment, step.subject)
            if not serving.holds:
                return Outcome(Status.REFUSED, f"{step.subject}: {serving.problem}", _evidence(serving))
            ready += 1
            if ready >= wanted:
                break
            context.sleep(pause)
        detail = f"{step.subject} is PRIMARY and answered ready {ready} times in a row"
        value = float(ready)
        reading = GateReading("application-ready", value, gate.limit, gate.unit, gate.passes(value), detail)
        return Outcome(Status.DONE, detail, _evidence(serving), proofs=_proofs(serving), gates=(reading,))


class OldSide:
    """Reads whether the side that the name leaves would satisfy the same; nothing depends on the answer but an undo."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def read(self, step: Step, context: Context) -> Outcome:
        """DONE with its proofs when it serves, SKIPPED when it does not."""
        del context
        serving = look_at_region(self._environment.probing, step.subject)
        if serving.holds:
            return Outcome(Status.DONE, f"{step.subject} serves too", _evidence(serving), proofs=_proofs(serving))
        detail = f"{step.subject}: {serving.problem}; the cutover will not be undone"
        return Outcome(Status.SKIPPED, detail, _evidence(serving))


class Cutover:
    """Points the name at the step's subject, away from ``against``; the addresses are the inventory's.

    Done means done for users: the API's record, the zone's servers and every resolver that answers tell the new
    address. A resolver that stays silent for two TTLs sends nobody anywhere and is reported as not measured, as long as
    another one was seen to follow.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def observe(self, step: Step, context: Context) -> Outcome:
        """NEEDED while the record is the old one, ALREADY once everybody follows the new one, REFUSED for a third."""
        record = self._records(step.subject).read(self._name)
        if record.addresses == (self._address(step.subject),):
            return self._followed(step, context, Status.ALREADY)
        if record.addresses == (self._address(step.against),):
            return Outcome(Status.NEEDED, f"{self._name} points at {step.against} ({record})")
        return Outcome(Status.REFUSED, _strange(self._environment, record), {"record": list(record.addresses)})

    def run(self, step: Step, context: Context) -> Outcome:
        """Swap the record, if the subject serves at this very moment and nobody else has changed it."""
        del context
        serving = look_at_region(self._environment, step.subject)
        if not serving.holds:
            return self._unready(serving)
        return self._swap(serving, self._address(step.against))

    def verify(self, step: Step, context: Context) -> Outcome:
        """DONE once everybody follows; RETRY when the next TTL has run out."""
        return self._followed(step, context, Status.DONE)

    def undo(self, step: Step, context: Context) -> Outcome | None:
        """Swap the record back, if the old side serves and the new one is no longer primary; None: it must stay.

        While both are primary it stays too: the old one may lack what users have written since.
        """
        record = self._records(step.against).read(self._name)
        old, new = self._address(step.against), self._address(step.subject)
        if record.addresses == (old,):
            return Outcome(Status.ALREADY, f"{self._name} points at {step.against} again")
        if record.addresses != (new,):
            return Outcome(Status.REFUSED, _strange(self._environment, record))
        serving = look_at_region(self._environment, step.against)
        reason = serving.problem
        if serving.holds and look_at_region(self._environment, step.subject).primary:
            reason = f"the database in {step.subject} is PRIMARY too, and may hold writes that {step.against} lacks"
        if reason:
            context.say(f"{self._name} stays at {step.subject}: of {step.against}: {reason}")
            return None
        return self._swap(serving, new)

    @property
    def _name(self) -> str:
        return self._environment.policy.dns.name

    def _address(self, region: str) -> str:
        return addresses(self._environment)[check_region(self._environment, region)]

    def _records(self, region: str) -> Records:
        """The zone by the API of the region that the name is to point at: the one that answers."""
        return self._environment.records(region)

    def _unready(self, serving: Serving) -> Outcome:
        """A role that is told and not PRIMARY stays so for now; an application may be just restarting."""
        detail = f"{serving.region}: {serving.problem}"
        if serving.role is not None and not serving.primary:
            return Outcome(Status.REFUSED, detail, _evidence(serving))
        return Outcome(Status.RETRY, detail, _evidence(serving), delay=LOOK_AGAIN)

    def _swap(self, serving: Serving, old: str) -> Outcome:
        """Replace ``old`` by the address of the region that was just seen to serve."""
        new, records = self._address(serving.region), self._records(serving.region)
        found = records.read(self._name)
        try:
            if found.addresses == (old,):
                records.swap(found, new, int(self._environment.policy.dns.ttl.total_seconds()))
                changed: dict[str, JSON] = {"from": old, "to": new, "written_in": records.region}
                return Outcome(Status.DONE, f"{self._name}: {old} replaced by {new}", {**_evidence(serving), **changed})
        except ChangedError:
            found = records.read(self._name)
        if found.addresses == (new,):
            return Outcome(Status.ALREADY, f"{self._name} is {new} already")
        if found.addresses == (old,):
            return Outcome(Status.RETRY, f"{self._name} was touched by somebody else, and is {old} still", delay=1.0)
        detail = f"somebody else changed {self._name}: {old} was expected, {found} is there; nothing was changed"
        return Outcome(Status.REFUSED, detail, {"expected": old, "found": list(found.addresses)})

    def _followed(self, step: Step, context: Context, settled: Status) -> Outcome:
        wanted = self._address(step.subject)
        own = ask_authoritative(self._environment)
        behind = [answer for answer in own if answer.addresses != (wanted,)]
        if behind or not own:
            told = (
                "; ".join(f"{answer.server} tells {answer}" for answer in behind) or "nobody knows the zone's servers"
            )
            return Outcome(Status.RETRY, f"the zone's servers do not follow yet: {told}", delay=LOOK_AGAIN)
        answers = self._environment.name_servers.ask_resolvers(self._name)
        late = [answer for answer in answers if answer.addresses != (wanted,)]
        silent = [answer for answer in late if answer.reply in (Reply.SILENT, Reply.FAILED)]
        patient = self._waited(step, context) < 2 * self._environment.policy.dns.ttl
        if late and (patient or len(late) > len(silent) or len(silent) == len(answers)):
            told = "; ".join(f"{answer.server} tells {_told(answer)}" for answer in late)
            return Outcome(Status.RETRY, f"resolvers do not follow yet: {told}", delay=_delay(late))
        evidence: dict[str, JSON] = {
            "authoritative": {str(answer.server): list(answer.addresses) for answer in own},
            "resolvers": {str(answer.server): list(answer.addresses) or answer.reply.value for answer in answers},
        }
        detail = f"{self._name} is {wanted} at its own servers and at {len(answers) - len(silent)} resolvers"
        if silent:
            detail += f"; not measured, for they do not answer: {', '.join(str(answer.server) for answer in silent)}"
        return Outcome(settled, detail, evidence)

    def _waited(self, step: Step, context: Context) -> timedelta:
        """World time since this session first looked at the step."""
        return context.clock.now() - (context.deadline - step.deadline)


def _told(answer: Answer) -> str:
    return f"{answer} for {answer.ttl} s more" if answer.addresses else str(answer)


def _delay(late: list[Answer]) -> float:
    """World seconds until the first of the answers may have changed."""
    remaining = [float(answer.ttl) for answer in late if answer.ttl]
    return min([LOOK_AGAIN, *remaining]) if len(remaining) < len(late) else max(1.0, min(remaining))


def _strange(environment: Environment, record: RecordSet) -> str:
    known = ", ".join(f"{address} ({region})" for region, address in sorted(addresses(environment).items()))
    return (
        f"{record.name} is {record}, which is none of our regions' addresses alone ({known}): somebody else changed "
        "it; find out who and why; nothing was changed"
    )


def _proofs(serving: Serving) -> tuple[Proof, ...]:
    return (Proof(ProofKind.PRIMARY, serving.region), Proof(ProofKind.READY, serving.region))


def _evidence(serving: Serving) -> dict[str, JSON]:
    return {
        "region": serving.region,
        "role": serving.role_detail,
        "application": serving.answer.detail,
        "address": serving.answer.address,
    }
