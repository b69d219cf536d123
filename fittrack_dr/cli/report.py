"""``fittrack-dr report``: a run as one page for people and one file for programs."""

from __future__ import annotations

import json
from pathlib import Path

import click

from fittrack_dr.cli.options import journal_option, policy_option


@click.command("report", short_help="Write the report of a run.")
@click.argument("run")
@click.option(
    "--measurements", type=click.Path(path_type=Path), metavar="FILE", help="What users measured (the judge's JSON)."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="here",
    metavar="DIR",
    help="Where report-RUN.html and report-RUN.json go.",
)
@journal_option
@policy_option
def command(run: str, measurements: Path | None, out: Path, journal: Path | None, policy_file: Path) -> int:
    """Write the report of RUN from its journal, and from what users measured.

    Exits 5 when an objective was missed, 1 when the journal breaks an invariant.
    """
    from fittrack_dr.cli.workbench import workbench
    from fittrack_dr.domain.invariants import check_journal
    from fittrack_dr.errors import ExitCode, PermanentError
    from fittrack_dr.report.assemble import assemble
    from fittrack_dr.report.html import render
    from fittrack_dr.report.measurements import read_measurements
    from fittrack_dr.report.model import Verdict
    from fittrack_dr.runner.journal import read_entries

    measured = None if measurements is None else read_measurements(measurements)
    with workbench(policy_file, journal) as bench:
        entries = read_entries(bench.store, run)
        broken = check_journal(entries)
        report = assemble(entries, bench.policy, measured, intact=not broken)
        out.mkdir(parents=True, exist_ok=True)
        page, data = out / f"report-{run}.html", out / f"report-{run}.json"
        page.write_text(render(report), encoding="utf-8")
        data.write_text(json.dumps(report.as_json(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
        bench.show(f"{page}\n{data}")
    if broken:
        raise PermanentError(f"run {run} breaks invariants: {'; '.join(each.message for each in broken)}")
    missed = any(objective.verdict is Verdict.MISSED for objective in report.objectives)
    return ExitCode.OBJECTIVE_MISSED if missed else ExitCode.DONE
