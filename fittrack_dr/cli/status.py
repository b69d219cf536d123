"""``fittrack-dr status``: how things stand, in one look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fittrack_dr.cli.options import journal_option, policy_option

if TYPE_CHECKING:
    from fittrack_dr.domain.values import JSON
    from fittrack_dr.scenarios.environment import Environment
    from fittrack_dr.scenarios.status import RegionStatus, Status


@click.command("status", short_help="Show how both regions, the standby and the name stand.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@journal_option
@policy_option
def command(as_json: bool, journal: Path | None, policy_file: Path) -> int:
    """Show the recovery state, both regions, the standby's lag and where the name points; and what to worry about.

    Changes nothing. Exits 4 when the recovery state cannot be read.
    """
    from fittrack_dr.cli.workbench import workbench
    from fittrack_dr.errors import ExitCode
    from fittrack_dr.scenarios.status import look

    with workbench(policy_file, journal) as bench:
        status = look(bench.environment)
        if as_json:
            click.echo(json.dumps(_document(bench.environment, status), indent=2))
        else:
            bench.show("\n".join(_lines(bench.environment, status)))
        return ExitCode.DONE if status.state.value is not None else ExitCode.UNKNOWN


def _lines(environment: Environment, status: Status) -> Iterator[str]:
    state = status.state.value
    if state is not None:
        held = f", held by run {state.run}" if state.run else ""
        yield f"active region {state.active_region}, epoch {state.epoch}{held}"
    for region in status.regions:
        mark = "*" if state is not None and region.name == state.active_region else " "
        yield f"{mark} {region.name}"
        for label, text in _region(region):
            yield f"    {label:<12} {text}"
        lag = status.lag[region.name].value
        if lag is not None:
            yield f"    {'PeerLag':<12} {lag.value:g} s at {lag.at:%H:%M:%S}Z"
    yield f"{environment.policy.dns.name}: {_pointing(environment, status)}"
    for warning in status.warnings:
        yield f"! {warning}"


def _region(region: RegionStatus) -> Iterator[tuple[str, str]]:
    record, session, ready = region.record, region.session, region.ready
    yield "database", f"{record.value.role}, {record.value.state}" if record.value else record.problem
    yield "Oracle Net", session.value.detail if session.value else session.problem
    yield "application", ready.value or ready.problem


def _pointing(environment: Environment, status: Status) -> str:
    from fittrack_dr.scenarios.dns_names import region_of

    view = status.name.value
    if view is None or view.record is None:
        return status.name.problem or (view.record_detail if view else "not told")
    at_resolvers = ", ".join(f"{answer.server} {answer}" for answer in view.resolvers)
    where = region_of(environment, view.record.addresses) or "none of our regions"
    return f"{view.record} ({where}); resolvers: {at_resolvers}"


def _document(environment: Environment, status: Status) -> JSON:
    state = status.state.value
    return {
        "rehearsal": environment.profile.rehearsal,
        "state": None if state is None else state.to_json(),
        "regions": {
            region.name: {
                "role": region.record.value.role if region.record.value else None,
                "state": region.record.value.state if region.record.value else None,
                "accepts_writes": region.session.value.accepts_writes if region.session.value else None,
                "application": region.ready.value,
                "peer_lag": lag.value if (lag := status.lag[region.name].value) else None,
            }
            for region in status.regions
        },
        "name": _pointing(environment, status),
        "warnings": list(status.warnings),
        "seconds": {
            "total": status.seconds,
            "calls": {told.question: told.seconds for told in status.calls()},
        },
    }
