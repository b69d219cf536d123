"""``fittrack-dr approve``: put a decision about someone else's run in writing, signed with one's own API key."""

from __future__ import annotations

from pathlib import Path

import click

from fittrack_dr.cli.options import journal_option, policy_option


@click.command("approve")
@click.argument("run")
@click.option("--decision", metavar="NAME", help="Which decision; needed only if the run asks for several.")
@click.option(
    "--assert-isolated",
    "isolated",
    multiple=True,
    metavar="REGION",
    help="Vouch that the database in REGION can be reached by nobody, when its fence cannot be proven.",
)
@click.option("--plan", "confirmed", metavar="DIGEST", help="Refuse unless the run's plan has this digest.")
@journal_option
@policy_option
def approve(
    run: str,
    decision: str | None,
    isolated: tuple[str, ...],
    confirmed: str | None,
    journal: Path | None,
    policy_file: Path,
) -> None:
    """Approve what RUN waits for, in the name of the profile's user.

    The plan and its gates are shown, then the approval is signed and written into the run's journal. The run accepts it
    if your IAM group decides the question and you do not operate the run; it holds for the time that recovery.yaml
    states. The run itself goes on in its operator's terminal.
    """
    from fittrack_dr.cli.workbench import refuse_other_plan, workbench
    from fittrack_dr.domain.approval import isolation_claim
    from fittrack_dr.domain.entries import Approved
    from fittrack_dr.domain.render import render_plan
    from fittrack_dr.runner.approval import deciders, pending_decision, propose, refuse_outsider, sign
    from fittrack_dr.runner.journal import Author, Journal
    from fittrack_dr.runner.session import submit

    with workbench(policy_file, journal) as bench:
        kept = Journal.load(bench.store, bench.clock, Author.of(bench.person), run)
        progress = kept.progress
        _refuse_foreign_regions(isolated, [stack.region for stack in bench.policy.stacks.values()])
        refuse_other_plan(progress.plan, confirmed)
        wanted = pending_decision(progress, decision)
        approval = propose(
            progress,
            wanted,
            bench.person,
            fingerprint=bench.profile.fingerprint,
            claims=tuple(isolation_claim(region) for region in dict.fromkeys(isolated)),
            now=bench.clock.now(),
            validity=bench.policy.failover.approval_validity,
        )
        refuse_outsider(wanted, bench.person, bench.identities.groups(bench.person.user), deciders(bench.policy))
        bench.show(render_plan(progress.plan))
        submit(kept, Approved(sign(approval, bench.profile.key_file, bench.profile.passphrase)))
        bench.say(f"'{wanted}' of run {run} approved by {bench.person.name} until {approval.expires:%H:%M:%S}Z")


def _refuse_foreign_regions(isolated: tuple[str, ...], regions: list[str]) -> None:
    from fittrack_dr.errors import ConfigError

    for region in isolated:
        if region not in regions:
            raise ConfigError(f"--assert-isolated {region}: no stack is there; recovery.yaml has {', '.join(regions)}")
