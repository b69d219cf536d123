"""``fittrack-dr runs``: which runs there are, what became of them, and going on with one or stopping it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fittrack_dr.cli.options import journal_option, policy_option

if TYPE_CHECKING:
    from fittrack_dr.domain.entries import Entry
    from fittrack_dr.domain.progress import Progress
    from fittrack_dr.domain.protocols import JournalStore
    from fittrack_dr.domain.values import JSON

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("runs")
def runs() -> None:
    """List, show, resume and abort runs."""


@runs.command("list")
@json_option
@journal_option
@policy_option
def list_runs(as_json: bool, journal: Path | None, policy_file: Path) -> None:
    """One line per run, the latest first: when, by whom, which procedure, how it stands."""
    from fittrack_dr.cli.workbench import workbench

    with workbench(policy_file, journal) as bench:
        rows = [_row(bench.store, run) for run in reversed(bench.store.list_runs())]
        if as_json:
            click.echo(json.dumps(rows, indent=2))
            return
        lines = [f"{row['run']}  {row['operator']}  {row['entries']} entries  {row['standing']}" for row in rows]
        bench.show("\n".join(lines) or "there are no runs")


@runs.command("show")
@click.argument("run")
@json_option
@journal_option
@policy_option
def show(run: str, as_json: bool, journal: Path | None, policy_file: Path) -> None:
    """The journal of RUN, every entry, its chain verified and the invariants checked again.

    Exits 1 when the journal is damaged or breaks an invariant.
    """
    from fittrack_dr.cli.workbench import workbench
    from fittrack_dr.domain.invariants import check_journal
    from fittrack_dr.domain.progress import Progress
    from fittrack_dr.errors import PermanentError
    from fittrack_dr.runner.journal import read_entries
    from fittrack_dr.runner.narration import narrate

    with workbench(policy_file, journal) as bench:
        entries = read_entries(bench.store, run)
        progress = Progress.of(entries)
        broken = check_journal(entries)
        if as_json:
            click.echo(json.dumps([_document(entry) for entry in entries], indent=2))
        else:
            lines = [
                f"{entry.number:4}  {entry.time:%Y-%m-%d %H:%M:%S}Z  {narrate(progress, entry)}" for entry in entries
            ]
            lines.append(f"{len(entries)} entries, chain intact, the last has digest {entries[-1].digest}")
            lines.append(_standing(progress))
            bench.show("\n".join(lines))
        if broken:
            said = "; ".join(f"{violation.invariant}: {violation.message}" for violation in broken)
            raise PermanentError(f"run {run} breaks invariants: {said}")


@runs.command("resume")
@click.argument("run")
@click.option("--apply", is_flag=True, help="Go on; without it only show where the run stands.")
@click.option("--takeover", is_flag=True, help="Take the run over from another operator, whose program has stopped.")
@click.option("--force", "forced", multiple=True, metavar="GATE", help="Waive one gate, by its name.")
@click.option("--reason", metavar="TEXT", help="Why a gate is waived; kept in the journal.")
@journal_option
@policy_option
def resume(
    run: str,
    apply: bool,
    takeover: bool,
    forced: tuple[str, ...],
    reason: str | None,
    journal: Path | None,
    policy_file: Path,
) -> int:
    """Go on with RUN, which crashed, was interrupted, or ended unknown.

    What was begun is observed, never repeated on a guess; what had been read for a step still to come is read again.
    """
    from fittrack_dr.cli.workbench import end, read_waivers, workbench
    from fittrack_dr.domain.progress import Progress
    from fittrack_dr.errors import ExitCode
    from fittrack_dr.runner.journal import read_entries
    from fittrack_dr.scenarios import procedure

    with workbench(policy_file, journal) as bench:
        waivers = read_waivers(bench.policy, forced, reason)
        if not apply:
            bench.show(_standing(Progress.of(read_entries(bench.store, run))))
            return ExitCode.DONE
        leave = bench.runner(bench.say).resume(
            run,
            lambda plan: procedure(plan.procedure).actions(bench.environment),
            takeover=takeover,
            waivers=waivers,
        )
        return end(bench, leave)


@runs.command("abort")
@click.argument("run")
@click.option("--reason", default="no reason given", show_default=True, metavar="TEXT", help="Kept in the journal.")
@journal_option
@policy_option
def abort(run: str, reason: str, journal: Path | None, policy_file: Path) -> None:
    """Ask whoever holds RUN to stop: nothing new is begun, what is under way is looked at once more.

    If nobody works on the run any more, resume it: that closes it.
    """
    from fittrack_dr.cli.workbench import workbench
    from fittrack_dr.runner.journal import Author, Journal
    from fittrack_dr.runner.session import request_abort

    with workbench(policy_file, journal) as bench:
        kept = Journal.load(bench.store, bench.clock, Author.of(bench.person), run)
        request_abort(kept, reason)
        bench.say(
            f"{kept.progress.holder.name} is asked to stop run {run}; if nobody works on it any more: "
            f"fittrack-dr runs resume {run} --apply"
        )


def _row(store: JournalStore, run: str) -> dict[str, JSON]:
    """What a list says of a run: read from its first and its last entry."""
    from fittrack_dr.domain.entries import Closed, Entry, Opened
    from fittrack_dr.domain.values import MalformedError, timestamp

    numbers = store.numbers(run)
    first, last = (store.read(run, number) for number in (1, numbers[-1]))
    if first is None or last is None:
        raise MalformedError(f"run {run}: its first entry is missing")
    opened, latest = Entry.decode(first, f"runs/{run}/000001.json"), Entry.decode(last, f"the last entry of run {run}")
    standing = f"closed: {latest.body.ending.value}" if isinstance(latest.body, Closed) else "open"
    return {
        "run": run,
        "procedure": opened.body.plan.procedure if isinstance(opened.body, Opened) else "",
        "operator": opened.author.name,
        "opened": timestamp(opened.time),
        "entries": len(numbers),
        "last": timestamp(latest.time),
        "standing": standing,
    }


def _standing(progress: Progress) -> str:
    """How a run stands, and what a person can do about it."""
    closed = progress.closed
    if closed is not None:
        return f"closed: {closed.ending.value}: {closed.detail}" + (
            f"; next: {closed.next_action}" if closed.next_action else ""
        )
    ended = sum(progress.passable(step) for step in progress.plan.steps)
    lines = [f"open, held by {progress.holder.name}: {ended} of {len(progress.plan.steps)} steps have ended"]
    if progress.unresolved:
        lines.append(f"not known what became of: {', '.join(progress.unresolved)}")
    if progress.abort is not None:
        lines.append(f"abort requested by {progress.abort.author.name}")
    lines.append(f"to go on: fittrack-dr runs resume {progress.run} --apply")
    return "\n".join(lines)


def _document(entry: Entry) -> JSON:
    document: JSON = json.loads(entry.encode())
    return document
