"""What the commands that plan, carry out or approve runs have in common: profile, policy, stores, clock, runner.

Where the journal is kept, the recovery state is too: the control bucket, or with ``--journal`` a directory, for the day
on which the control region is the one that is lost.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click

from fittrack_dr.cli.options import RunRequest
from fittrack_dr.clients.profile import Profile, load_profile
from fittrack_dr.clients.stores import BucketJournalStore
from fittrack_dr.domain.entries import Person
from fittrack_dr.domain.plan import Plan
from fittrack_dr.domain.protocols import Action, Clock, Identities, JournalStore, StateStore
from fittrack_dr.domain.render import render_plan
from fittrack_dr.domain.state import RecoveryState
from fittrack_dr.errors import ConfigError, ExitCode, RefusedError, UnreachableError
from fittrack_dr.recovery import RecoveryPolicy, load_policy
from fittrack_dr.runner.approval import deciders
from fittrack_dr.runner.clock import AnchorClock, WallClock
from fittrack_dr.runner.commands import Leave
from fittrack_dr.runner.directory import DirectoryJournalStore, DirectoryStateStore
from fittrack_dr.runner.session import Runner, is_open, refuse_barred
from fittrack_dr.runner.state import Claims
from fittrack_dr.scenarios.environment import Environment

REHEARSAL = "REHEARSAL"


@dataclass
class Workbench:
    """One command's tools. ``directory`` is where the journal is kept instead of the control bucket, if anywhere."""

    policy: RecoveryPolicy
    profile: Profile
    clock: Clock
    environment: Environment
    directory: Path | None

    @cached_property
    def store(self) -> JournalStore:
        """Where the runs are."""
        if self.directory is not None:
            return DirectoryJournalStore(self.directory)
        return BucketJournalStore(self.environment.control_bucket)

    @property
    def identities(self) -> Identities:
        """IAM, asked in a region that answers."""
        return self._introduced[0]

    @property
    def person(self) -> Person:
        """Who we are: the profile's user, by the name that IAM has for it."""
        return self._introduced[1]

    @cached_property
    def _introduced(self) -> tuple[Identities, Person]:
        """Every region answers reads of IAM: the control region is asked first, another when that one is dark."""
        control, user = self.policy.control.region, self.profile.user
        try:
            identities = self.environment.identities(control)
            return identities, Person(user, identities.name(user))
        except UnreachableError:
            identities = self.environment.identities(self.policy.region_of_peer(control))
            return identities, Person(user, identities.name(user))

    def runner(self, say: Callable[[str], None]) -> Runner:
        """The runner of this command's policy and stores."""
        from importlib.metadata import version

        return Runner(
            store=self.store,
            claims=Claims(self.environment.states, initial_state(self.policy), lambda run: is_open(self.store, run)),
            clock=self.clock,
            identities=self.identities,
            allowed=deciders(self.policy),
            operator=self.person,
            policy_digest=self.policy.digest,
            version=version("fittrack-dr"),
            gates=frozenset(self.policy.gates),
            say=say,
            rehearsal=self.profile.rehearsal,
        )

    def say(self, text: str) -> None:
        """One line for people, at once, with the world's time; a rehearsal's says so."""
        mark = f"{REHEARSAL} " if self.profile.rehearsal else ""
        click.echo(f"{mark}{self.clock.now():%H:%M:%S}Z {text}")
        sys.stdout.flush()

    def show(self, text: str) -> None:
        """Something of several lines, such as a plan; marked once."""
        click.echo(f"{REHEARSAL}\n{text}" if self.profile.rehearsal else text)
        sys.stdout.flush()


@contextmanager
def workbench(policy_file: Path, directory: Path | None = None) -> Generator[Workbench]:
    """Load policy and profile, and close every connection at the end. Raises ConfigError."""
    policy = load_policy(policy_file)
    profile = load_profile()
    clock = WallClock() if profile.clock is None else AnchorClock(profile.clock)
    states = None if directory is None else _directory_states(directory, policy, profile, clock)
    environment = Environment(policy, profile, clock, states=states)
    try:
        yield Workbench(policy, profile, clock, environment, directory)
    finally:
        environment.close()


def initial_state(policy: RecoveryPolicy, active: str | None = None) -> RecoveryState:
    """Before anything was ever recorded: the home region is active, unless something else is known."""
    active = active or policy.home_region
    postures = {name: "active" if stack.region == active else "pilot-light" for name, stack in policy.stacks.items()}
    return RecoveryState(active, postures, epoch=1)


def read_waivers(policy: RecoveryPolicy, forced: Sequence[str], reason: str | None) -> dict[str, str]:
    """Gate to reason. Raises ConfigError for a missing reason or unknown gate, RefusedError for one not waivable."""
    if reason is not None and not forced:
        raise ConfigError("--reason goes with --force GATE")
    for name in forced:
        if name not in policy.gates:
            raise ConfigError(f"--force {name}: there is no such gate; the gates: {', '.join(sorted(policy.gates))}")
        if not policy.gates[name].waivable:
            raise RefusedError(f"--force {name}: recovery.yaml lets nobody waive this gate; nothing was changed")
    if forced and not (reason or "").strip():
        raise ConfigError(f"--force {forced[0]} needs --reason '...': it is kept in the journal")
    return dict.fromkeys(forced, reason or "")


def refuse_other_plan(plan: Plan, confirmed: str | None) -> None:
    """Raises RefusedError when the operator confirmed another plan than the one just made."""
    if confirmed is not None and (len(confirmed) < 8 or not plan.digest.startswith(confirmed)):
        raise RefusedError(
            f"the situation is not what plan {confirmed[:12]} was made for (the plan is now {plan.digest[:12]}); "
            "look at the new plan; nothing was changed"
        )


def plan_and_run(
    command: str,
    request: RunRequest,
    make: Callable[[Environment], Plan | None],
    actions: Callable[[object], Mapping[str, Action]],
) -> int:
    """Make the plan (None: nothing to do), show it, refuse what bars it; with ``--apply`` carry it out."""
    with workbench(request.policy_file, request.journal) as bench:
        waivers = read_waivers(bench.policy, request.forced, request.reason)
        plan = make(bench.environment)
        if plan is None:
            bench.say("it is so already; there is nothing to do")
            return ExitCode.DONE
        bench.show(render_plan(plan))
        refuse_unwaivable(plan, bench.policy)
        refuse_barred(plan, waivers, frozenset(bench.policy.gates))
        refuse_other_plan(plan, request.confirmed)
        if not request.apply:
            bench.show(f"nothing was changed; to carry it out: fittrack-dr {command} --apply")
            return ExitCode.DONE
        # The plan was made a moment ago, from a look at both regions: it is applied on that look.
        leave = bench.runner(bench.say).start(plan, actions(bench.environment), replan=lambda: plan, waivers=waivers)
        return end(bench, leave)


def end(bench: Workbench, leave: Leave) -> int:
    """Say how the run was left; its exit code."""
    bench.say(leave.detail + (f"; next: {leave.next_action}" if leave.next_action else ""))
    return leave.exit_code


def refuse_unwaivable(plan: Plan, policy: RecoveryPolicy) -> None:
    """Raises RefusedError for a gate that did not pass and that recovery.yaml lets nobody waive."""
    barred = [gate for gate in plan.gates if not gate.passed and not policy.gates[gate.name].waivable]
    if barred:
        said = "; ".join(f"{gate.name}: {gate.reading}: {gate.detail}" for gate in barred)
        raise RefusedError(f"{said}; recovery.yaml lets nobody waive this; nothing was changed")


def _directory_states(directory: Path, policy: RecoveryPolicy, profile: Profile, clock: Clock) -> StateStore:
    """The directory's recovery state; a new directory begins with the control bucket's, or with what the name says."""
    states = DirectoryStateStore(directory)
    if states.read()[0] is None:
        environment = Environment(policy, profile, clock)
        try:
            states.compare_and_swap(_known_state(environment), None)
        finally:
            environment.close()
    return states


def _known_state(environment: Environment) -> RecoveryState:
    """The control bucket's state; where that is dark, the region that the name points at is the active one."""
    from fittrack_dr.scenarios.dns_names import look_at_name, region_of

    try:
        known, _ = environment.states.read()
        return known or initial_state(environment.policy)
    except UnreachableError:
        record = look_at_name(environment).record
    active = region_of(environment, record.addresses) if record is not None else None
    if active is None:
        raise ConfigError(
            "neither the control bucket nor the name tells which region is active; make a --journal directory while "
            "the control region answers, or bring the name's record in order"
        )
    return initial_state(environment.policy, active)
