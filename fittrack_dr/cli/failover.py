"""``fittrack-dr failover`` and ``fittrack-dr switchover``: plan by default, act with ``--apply``."""

from __future__ import annotations

from collections.abc import Callable
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
    from fittrack_dr.scenarios.failover import plan_failover

    def plan(environment: Environment) -> Plan:
        return plan_failover(environment, target).plan

    return _plan_and_run("failover", target, RunRequest(**options), plan)


@click.command("switchover", short_help="Change roles with the other region; both are alive.")
@click.option("--to", "target", required=True, metavar="REGION", help="The region that becomes active.")
@run_options
@policy_option
def switchover(target: str, **options: Any) -> int:
    """Show the plan of a switchover, which loses nothing; with --apply carry it out. Both regions must answer."""
    from fittrack_dr.scenarios.failover import plan_switchover

    def plan(environment: Environment) -> Plan:
        return plan_switchover(environment, target)

    return _plan_and_run("switchover", target, RunRequest(**options), plan)


def _plan_and_run(command: str, target: str, request: RunRequest, make: Callable[[Environment], Plan]) -> int:
    from fittrack_dr.cli.workbench import end, read_waivers, refuse_other_plan, refuse_unwaivable, workbench
    from fittrack_dr.domain.render import render_plan
    from fittrack_dr.errors import ExitCode
    from fittrack_dr.runner.session import refuse_barred
    from fittrack_dr.scenarios.failover import actions

    with workbench(request.policy_file, request.journal) as bench:
        waivers = read_waivers(bench.policy, request.forced, request.reason)
        plan = make(bench.environment)
        bench.show(render_plan(plan))
        refuse_unwaivable(plan, bench.policy)
        refuse_barred(plan, waivers, frozenset(bench.policy.gates))
        refuse_other_plan(plan, request.confirmed)
        if not request.apply:
            bench.show(f"nothing was changed; to carry it out: fittrack-dr {command} --to {target} --apply")
            return ExitCode.DONE
        # The plan was made a moment ago, from a look at both regions: it is applied on that look.
        leave = bench.runner(bench.say).start(plan, actions(bench.environment), replan=lambda: plan, waivers=waivers)
        return end(bench, leave)
