"""``fittrack-dr dns``: where the name points, and pointing it at another region."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fittrack_dr.cli.options import RunRequest, policy_option, run_options
from fittrack_dr.errors import ExitCode

if TYPE_CHECKING:
    from fittrack_dr.clients.dns import Answer
    from fittrack_dr.domain import JSON
    from fittrack_dr.domain.plan import Plan
    from fittrack_dr.scenarios.dns_names import NameView, Serving
    from fittrack_dr.scenarios.environment import Environment


@click.group("dns", short_help="Show where the name points, or point it at another region.")
def command() -> None:
    """Show where the name points, or point it at another region."""


@command.command("status")
@policy_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def status(policy_file: Path, as_json: bool) -> ExitCode:
    """Show the record at the API, at the zone's own servers and at every resolver, and whether each region serves.

    Changes nothing. Exits 4 when neither the API nor the zone's servers tell where the name points.
    """
    import json
    from concurrent.futures import ThreadPoolExecutor

    from fittrack_dr.cli.workbench import workbench
    from fittrack_dr.scenarios.dns_names import look_at_name, look_at_region

    with workbench(policy_file) as bench:
        environment = bench.environment
        regions = sorted(environment.inventory.regions)
        with ThreadPoolExecutor(len(regions) + 1, thread_name_prefix="status") as pool:
            name = pool.submit(look_at_name, environment)
            serving = [pool.submit(look_at_region, environment.probing, region) for region in regions]
            view, places = name.result(), [each.result() for each in serving]
        if as_json:
            click.echo(json.dumps(_document(environment, view, places), indent=2))
        else:
            bench.show("\n".join(_lines(environment, view, places)))
    return ExitCode.DONE if view.told else ExitCode.UNKNOWN


@command.command("cutover")
@click.option("--to", "target", required=True, metavar="REGION", help="The region that the name shall point at.")
@run_options
@policy_option
def cutover(target: str, **options: Any) -> int:
    """Point the name at REGION, and see it at the zone's own servers and at every resolver.

    Refused (exit 3) unless the region's database is PRIMARY and its application ready, and unless the record is as it
    was last read: what somebody else changed is never overwritten.
    """
    from fittrack_dr.cli.workbench import plan_and_run
    from fittrack_dr.scenarios.dns_cutover import actions, plan_cutover

    def plan(environment: Environment) -> Plan | None:
        return plan_cutover(environment, target)

    return plan_and_run(f"dns cutover --to {target}", RunRequest(**options), plan, actions)


def _lines(environment: Environment, view: NameView, places: Iterable[Serving]) -> Iterator[str]:
    """The status for people."""
    from fittrack_dr.scenarios.dns_names import region_of

    dns = environment.policy.dns
    yield f"{dns.name} in the zone {dns.zone}"
    rows: list[tuple[str, str, str, str]] = []
    if view.record is None:
        rows.append(("record", "not told", "", view.record_detail))
    else:
        record = view.record
        ttl = "" if record.ttl is None else f"ttl {record.ttl} s"
        rows.append((f"record, API of {view.record_region}", str(record), ttl, _points(environment, record.addresses)))
    for answer in view.authoritative:
        rows.append((f"zone's server {answer.server}", str(answer), *_told(environment, answer, "ttl {} s")))
    for answer in view.resolvers:
        rows.append((f"resolver {answer.server}", str(answer), *_told(environment, answer, "{} s left")))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        columns = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        yield "  ".join(["", *columns, row[3]]).rstrip()
    yield "Regions"
    for place in places:
        ready = "ready" if place.answer.ok else f"not ready ({place.answer.detail})"
        address = place.answer.address
        current = (
            " <- the name points here"
            if view.record and region_of(environment, view.record.addresses) == place.region
            else ""
        )
        yield f"  {place.region}: database {place.role_detail}; application {ready} at {address}{current}"


def _told(environment: Environment, answer: Answer, form: str) -> tuple[str, str]:
    """How long the answer holds, and the region that it leads to."""
    if not answer.addresses:
        return "", ""
    return form.format(answer.ttl), _points(environment, answer.addresses)


def _points(environment: Environment, addresses: tuple[str, ...]) -> str:
    from fittrack_dr.scenarios.dns_names import region_of

    return region_of(environment, addresses) or "none of our regions"


def _document(environment: Environment, view: NameView, places: Iterable[Serving]) -> dict[str, JSON]:
    """The status for programs."""
    record = view.record
    return {
        "rehearsal": environment.profile.rehearsal,
        "name": environment.policy.dns.name,
        "zone": environment.policy.dns.zone,
        "record": None
        if record is None
        else {
            "api": view.record_region,
            "addresses": list(record.addresses),
            "ttl": record.ttl,
            "region": _region(environment, record.addresses),
        },
        "authoritative": [_answer(environment, answer) for answer in view.authoritative],
        "resolvers": [_answer(environment, answer) for answer in view.resolvers],
        "regions": {
            place.region: {
                "role": place.role,
                "ready": place.answer.ok,
                "address": place.answer.address,
                "detail": place.problem,
            }
            for place in places
        },
    }


def _answer(environment: Environment, answer: Answer) -> dict[str, JSON]:
    return {
        "server": str(answer.server),
        "reply": answer.reply.value,
        "addresses": list(answer.addresses),
        "ttl": answer.ttl,
        "region": _region(environment, answer.addresses),
    }


def _region(environment: Environment, addresses: tuple[str, ...]) -> str | None:
    from fittrack_dr.scenarios.dns_names import region_of

    return region_of(environment, addresses)
