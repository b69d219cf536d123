"""``simulator durations``."""

from __future__ import annotations

import json

import click

from simulator.cloud.durations import DURATIONS


@click.command("durations")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
def command(as_json: bool) -> None:
    """Show how long cloud operations take in this world, in world seconds, and where each figure comes from."""
    if as_json:
        rows = {
            name: {"seconds": row.typical, "slow": row.slow, "source": row.source} for name, row in DURATIONS.items()
        }
        click.echo(json.dumps(rows, indent=2))
        return
    for name, row in DURATIONS.items():
        click.echo(f"{name:<28} {row.typical:>6g} s  (slow {row.slow:g} s)  {row.source}")
