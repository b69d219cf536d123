"""What the commands share: the environment of the policy and the profile, and the runner over the control bucket."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click

from fittrack_dr.clients.profile import Profile, load_profile
from fittrack_dr.clients.stores import BucketJournalStore
from fittrack_dr.domain import Clock, Person, RecoveryState
from fittrack_dr.recovery import RecoveryPolicy, load_policy
from fittrack_dr.runner.approval import deciders
from fittrack_dr.runner.clock import AnchorClock, WallClock
from fittrack_dr.runner.session import Runner, is_open
from fittrack_dr.runner.state import Claims
from fittrack_dr.scenarios.environment import Environment


@contextmanager
def open_environment(policy_file: Path) -> Generator[Environment]:
    """The world as the policy and the profile name it; a rehearsal says so on stderr. Raises ConfigError."""
    policy, profile = load_policy(policy_file), load_profile()
    if profile.rehearsal:
        click.echo("REHEARSAL", err=True)
    environment = Environment(policy, profile, clock_of(profile))
    try:
        yield environment
    finally:
        environment.close()


def clock_of(profile: Profile) -> Clock:
    """The profile's clock: an anchor file in a rehearsal, else the wall's."""
    return WallClock() if profile.clock is None else AnchorClock(profile.clock)


def open_runner(environment: Environment, say: Callable[[str], None]) -> Runner:
    """The runner whose journals and claims are in the control bucket, for the profile's user."""
    policy, profile = environment.policy, environment.profile
    identities = environment.identities(policy.control.region)
    store = BucketJournalStore(environment.control_bucket)
    return Runner(
        store=store,
        claims=Claims(environment.states, initial_state(policy), partial(is_open, store)),
        clock=environment.clock,
        identities=identities,
        allowed=deciders(policy),
        operator=Person(profile.user, identities.name(profile.user)),
        policy_digest=policy.digest,
        version=version("fittrack-dr"),
        gates=frozenset(policy.gates),
        say=say,
        rehearsal=profile.rehearsal,
    )


def initial_state(policy: RecoveryPolicy) -> RecoveryState:
    """What holds before anything was ever recovered: the home region is active."""
    postures = {
        name: "active" if stack.region == policy.home_region else "pilot-light" for name, stack in policy.stacks.items()
    }
    return RecoveryState(policy.home_region, postures, epoch=0)
