"""``fittrack-dr failover`` and ``fittrack-dr switchover``: plan by default, act with ``--apply``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fittrack_dr.cli.options import RunRequest, policy_option, run_options

if TYPE_CHECKING:
    from fittrack_dr.domain.plan import Plan
    from fittrack_dr.scenarios.environment import Environment


@click.command("failover", short_help="Recover in the other region when the active one is lost.")
@click.option("--to", "target", required=True, metavar="REGION", help="The region to recover in.")
@run_options
@policy_option
def failover(target: str, **options: Any) -> int:
    """Look whether the active region is lost, read the gates, and show the plan; with --apply carry it out.

    Nothing is changed without --apply, nor before somebody whose role decides it has approved the plan
    (fittrack-dr approve). A primary that is alive is refused: a switchover is offered.
    """
    from fittrack_dr.cli.workbench import plan_and_run
    from fittrack_dr.scenarios.failover import actions, plan_failover

    def plan(environment: Environment) -> Plan:
        return plan_failover(environment, target).plan

    return plan_and_run(f"failover --to {target}", RunRequest(**options), plan, actions)


@click.command("switchover", short_help="Change roles with the other region; both are alive.")
@click.option("--to", "target", required=True, metavar="REGION", help="The region that becomes active.")
@run_options
@policy_option
def switchover(target: str, **options: Any) -> int:
    """Show the plan of a switchover, which loses nothing; with --apply carry it out. Both regions must answer."""
    from fittrack_dr.cli.workbench import plan_and_run
    from fittrack_dr.scenarios.failover import actions, plan_switchover

    def plan(environment: Environment) -> Plan:
        return plan_switchover(environment, target)

    return plan_and_run(f"switchover --to {target}", RunRequest(**options), plan, actions)
