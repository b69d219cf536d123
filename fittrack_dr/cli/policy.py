"""``fittrack-dr policy``: is the recovery policy one that can be kept?"""

from __future__ import annotations

from pathlib import Path

import click


@click.group("policy", short_help="Check the recovery policy.")
def command() -> None:
    """Check the recovery policy."""


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path), default="recovery.yaml")
def check(file: Path) -> None:
    """Name every problem of FILE (recovery.yaml) at once, each with its line.

    Reads the file and nothing else. Exits 2 if there is a problem.
    """
    from fittrack_dr.recovery import describe_duration, load_policy

    policy = load_policy(file)
    objectives = policy.objectives
    click.echo(
        f"{file}: ok: RTO {describe_duration(objectives.rto)}, RPO {describe_duration(objectives.rpo)}; "
        f"{len(policy.retention)} retention classes, {len(policy.critical_tables)} critical tables, "
        f"{len(policy.roles)} roles, {len(policy.gates)} gates; digest {policy.digest[:12]}"
    )
