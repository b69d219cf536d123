"""Contradictions between sections that are each well-formed: promises that the rest of the policy breaks.

A check names the sections it compares as its parameters; it runs when all of those could be read, so that one broken
section does not hide what is wrong between the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import NamedTuple

from fittrack_dr.recovery.gates import GATES, Gate, Unit
from fittrack_dr.recovery.located import Path
from fittrack_dr.recovery.quantities import describe_duration
from fittrack_dr.recovery.retention import Storage
from fittrack_dr.recovery.types import (
    Application,
    Backup,
    Budgets,
    Control,
    CriticalTable,
    Decision,
    Dns,
    Export,
    Failover,
    Objectives,
    RetentionClass,
    Role,
    Stack,
    Verification,
    Watch,
)


class Finding(NamedTuple):
    """Where a contradiction shows, and what it is and what to do."""

    path: Path
    text: str


Retention = tuple[RetentionClass, ...]


def objectives_make_sense(objectives: Objectives) -> Iterator[Finding]:
    """Losing more time in writes than in service is possible, but nobody promises it on purpose."""
    if objectives.rpo > objectives.rto:
        yield Finding(
            ("objectives", "rpo"),
            f"is {describe_duration(objectives.rpo)}, longer than the RTO of "
            f"{describe_duration(objectives.rto)}; are the two mixed up?",
        )


def stacks_are_two_regions(stacks: Mapping[str, Stack]) -> Iterator[Finding]:
    """A failover goes from one region to exactly one other."""
    if set(stacks) != {"prod", "dr"}:
        yield Finding(("stacks",), f"are {', '.join(stacks) or 'none'}; give the two stacks prod and dr")
    regions = Counter(stack.region for stack in stacks.values())
    for name, stack in stacks.items():
        if regions[stack.region] > 1:
            yield Finding(
                ("stacks", name, "region"), f"{stack.region} is the region of two stacks; one lost region takes both"
            )


def places_are_stack_regions(control: Control, home_region: str, stacks: Mapping[str, Stack]) -> Iterator[Finding]:
    """The control region holds the journals, the home region takes IAM writes: both must be ours."""
    regions = [stack.region for stack in stacks.values()]
    if control.region not in regions:
        yield Finding(("control", "region"), f"{control.region} is no stack's region; use one of {', '.join(regions)}")
    if home_region not in regions:
        yield Finding(("home_region",), f"{home_region} is no stack's region; use one of {', '.join(regions)}")


def control_is_apart(stacks: Mapping[str, Stack], control: Control) -> Iterator[Finding]:
    """Journals kept in the production region go dark with it, just when they are needed."""
    production = stacks.get("prod")
    if production is not None and production.region == control.region and "dr" in stacks:
        yield Finding(
            ("control", "region"),
            f"{control.region} is the region of prod, whose loss would take the journals along; "
            f"use {stacks['dr'].region}",
        )


def retention_names_are_unique(retention: Retention) -> Iterator[Finding]:
    """Backup and export refer to a class by its name."""
    yield from _duplicates((each.name for each in retention), ("retention",), "name")


def write_once_buckets_are_apart(retention: Retention, control: Control) -> Iterator[Finding]:
    """A retention rule covers a whole bucket: the recovery state in it could no longer be replaced."""
    for number, each in enumerate(retention):
        if each.write_once and each.bucket == control.bucket:
            yield Finding(
                ("retention", number, "bucket"),
                f"{each.bucket} is the control bucket, whose recovery state is rewritten; use another bucket",
            )


def one_retention_per_bucket(retention: Retention) -> Iterator[Finding]:
    """Two classes in one bucket would each delete, or keep, the other's objects."""
    yield from _duplicates((each.bucket or "" for each in retention), ("retention",), "bucket")


def backups_are_kept(retention: Retention, backup: Backup) -> Iterator[Finding]:
    """Each kind of backup is kept by a class of that kind."""
    yield from _class_of(retention, ("backup", "automatic"), backup.automatic, Storage.AUTOMATIC_BACKUP)
    yield from _class_of(retention, ("backup", "manual"), backup.manual, Storage.LONG_TERM_BACKUP)


def exports_are_kept(retention: Retention, export: Export) -> Iterator[Finding]:
    """Exports are objects."""
    yield from _class_of(retention, ("export", "retention"), export.retention, Storage.OBJECT_STORAGE)


def evidence_is_kept(retention: Retention, verification: Verification) -> Iterator[Finding]:
    """Evidence is objects, and worth something only where nobody can rewrite it."""
    path: Path = ("verification", "evidence")
    yield from _class_of(retention, path, verification.evidence, Storage.OBJECT_STORAGE)
    for each in retention:
        if each.name == verification.evidence and each.storage is Storage.OBJECT_STORAGE and not each.write_once:
            yield Finding(path, f"{each.name} is not write_once, so evidence could be rewritten; set write_once there")


def clones_go_before_the_next(verification: Verification) -> Iterator[Finding]:
    """Test clones that outlive the next test pile up, and are billed."""
    if verification.clone_lifetime >= verification.every:
        yield Finding(
            ("verification", "clone_lifetime"),
            f"is {describe_duration(verification.clone_lifetime)}, not shorter than the "
            f"{describe_duration(verification.every)} between two tests; shorten it",
        )


def exports_come_daily(export: Export) -> Iterator[Finding]:
    """With one export a day, the newest is up to a day old without anything being wrong."""
    if export.oldest_acceptable <= timedelta(days=1):
        yield Finding(
            ("export", "oldest_acceptable"),
            f"is {describe_duration(export.oldest_acceptable)}, but exports are made once a day; allow more than 1d",
        )


def critical_tables_are_unique(critical_tables: tuple[CriticalTable, ...]) -> Iterator[Finding]:
    """Each table is checked by one query, and there is something to check."""
    if not critical_tables:
        yield Finding(("critical_tables",), "is empty, so nothing would show that the data is back; name the tables")
    yield from _duplicates((each.table for each in critical_tables), ("critical_tables",), "table")


def every_decision_has_a_role(roles: Mapping[str, Role]) -> Iterator[Finding]:
    """On the day, a decision that nobody may take stops the recovery."""
    decided = {decision for role in roles.values() for decision in role.decides}
    for decision in Decision:
        if decision not in decided:
            yield Finding(("roles",), f"no role decides {decision}; add it to the decides of one")
    for name, role in roles.items():
        for decision, times in Counter(role.decides).items():
            if times > 1:
                yield Finding(("roles", name, "decides"), f"names {decision} {times} times; keep one")


def groups_are_apart(roles: Mapping[str, Role]) -> Iterator[Finding]:
    """Two roles in one group would decide for each other."""
    groups = Counter(role.group for role in roles.values())
    for name, role in roles.items():
        if groups[role.group] > 1:
            yield Finding(("roles", name, "group"), f"{role.group} is the group of another role too; give each its own")


def name_is_in_zone(dns: Dns) -> Iterator[Finding]:
    """The record is written into the zone."""
    if not dns.name.endswith("." + dns.zone):
        yield Finding(("dns", "name"), f"{dns.name} is not in the zone {dns.zone}; correct one of the two")


def heartbeats_are_apart(application: Application, control: Control) -> Iterator[Finding]:
    """The application writes heartbeats; it has no business in the bucket of the journals."""
    if application.heartbeat_bucket == control.bucket:
        yield Finding(("application", "heartbeat_bucket"), f"{control.bucket} is the control bucket; use another")


def gates_are_the_known_ones(gates: Mapping[str, Gate]) -> Iterator[Finding]:
    """A missing gate would let everything pass, a misspelt one nothing, and a limit turned around the wrong things."""
    for name, gate in gates.items():
        known = GATES.get(name)
        if known is None:
            yield Finding(("gates", name), f"is no gate of any procedure; the gates are {', '.join(GATES)}")
            continue
        if gate.bound is not known.bound or gate.unit is not known.unit:
            wanted = "a duration like 15m" if known.unit is Unit.SECONDS else "a count like 2"
            yield Finding(
                ("gates", name, gate.bound), f"is not the limit this gate needs; give {known.bound}, {wanted}"
            )
        if gate.waivable and not known.waivable:
            yield Finding(("gates", name, "waivable"), "is true, but this gate holds up an invariant; set it to false")
    for name in GATES:
        if name not in gates:
            yield Finding(("gates",), f"{name} is missing; add it with its limit")


def losses_stay_within_the_rpo(gates: Mapping[str, Gate], objectives: Objectives) -> Iterator[Finding]:
    """A gate that passes a loss beyond the RPO would break the promise with a green light."""
    for name in ("peer-lag", "last-heartbeat"):
        gate = gates.get(name)
        if gate and gate.unit is Unit.SECONDS and gate.limit > objectives.rpo.total_seconds():
            yield Finding(
                ("gates", name, gate.bound),
                f"is {describe_duration(timedelta(seconds=gate.limit))}, over the RPO of "
                f"{describe_duration(objectives.rpo)}; lower it",
            )


def people_leave_time_to_act(budgets: Budgets, objectives: Objectives) -> Iterator[Finding]:
    """Detection and decision are part of the RTO; what they take cannot be spent on recovering."""
    spent = budgets.detection + budgets.decision
    if spent >= objectives.rto:
        yield Finding(
            ("budgets",),
            f"detection and decision take {describe_duration(spent)}, all of the RTO of "
            f"{describe_duration(objectives.rto)}; shorten them",
        )


def deadlines_fit_the_rto(failover: Failover, budgets: Budgets, objectives: Objectives) -> Iterator[Finding]:
    """If every step may take its deadline and the sum is over the RTO, no deadline protects the RTO."""
    people = budgets.detection + budgets.decision
    steps = (
        failover.isolation_window
        + failover.switchover_deadline
        + failover.promotion_deadline
        + failover.readiness_deadline
        + failover.cutover_deadline
    )
    if people < objectives.rto < people + steps:
        yield Finding(
            ("failover",),
            f"the deadlines add up to {describe_duration(steps)}, and with budgets of {describe_duration(people)} "
            f"that is over the RTO of {describe_duration(objectives.rto)}; shorten them",
        )


def isolation_is_probed(failover: Failover) -> Iterator[Finding]:
    """Isolation is asserted over a time in which more than one probe fails."""
    if failover.probe_interval * 2 > failover.isolation_window:
        yield Finding(
            ("failover", "probe_interval"),
            f"is {describe_duration(failover.probe_interval)}, too long for several probes within the isolation "
            f"window of {describe_duration(failover.isolation_window)}; shorten it",
        )


def caches_forget_in_time(failover: Failover, dns: Dns) -> Iterator[Finding]:
    """Resolvers answer the old address for up to a TTL after the record has changed."""
    if dns.ttl >= failover.cutover_deadline:
        yield Finding(
            ("failover", "cutover_deadline"),
            f"is {describe_duration(failover.cutover_deadline)}, but resolvers may keep the old address for "
            f"{describe_duration(dns.ttl)}; allow more than the TTL",
        )


def watch_looks_often(watch: Watch) -> Iterator[Finding]:
    """A watch that looks once or twice has watched nothing."""
    if watch.interval * 10 > watch.duration:
        yield Finding(
            ("watch", "interval"),
            f"is {describe_duration(watch.interval)}; look at least ten times in {describe_duration(watch.duration)}",
        )


CHECKS: tuple[Callable[..., Iterator[Finding]], ...] = (
    objectives_make_sense,
    stacks_are_two_regions,
    places_are_stack_regions,
    control_is_apart,
    retention_names_are_unique,
    write_once_buckets_are_apart,
    one_retention_per_bucket,
    backups_are_kept,
    exports_are_kept,
    evidence_is_kept,
    clones_go_before_the_next,
    exports_come_daily,
    critical_tables_are_unique,
    every_decision_has_a_role,
    groups_are_apart,
    name_is_in_zone,
    heartbeats_are_apart,
    gates_are_the_known_ones,
    losses_stay_within_the_rpo,
    people_leave_time_to_act,
    deadlines_fit_the_rto,
    isolation_is_probed,
    caches_forget_in_time,
    watch_looks_often,
)


def _duplicates(names: Iterator[str], path: Path, key: str) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        if name and name in first:
            yield Finding((*path, number, key), f"{name} is also that of {path[0]}[{first[name]}]; give each its own")
        first.setdefault(name, number)


def _class_of(retention: Retention, path: Path, name: str, storage: Storage) -> Iterator[Finding]:
    found = [each for each in retention if each.name == name]
    if not found:
        yield Finding(path, f"{name} is no retention class; use one of {', '.join(each.name for each in retention)}")
    elif found[0].storage is not storage:
        yield Finding(path, f"{name} keeps {found[0].storage}, not {storage}; name a class of that storage")
