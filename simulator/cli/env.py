"""``simulator env``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from simulator.kernel.worldfile import World


@click.command("env")
@click.option("--user", default="oncall", show_default=True, help="Whose profile to select.")
@click.pass_obj
def command(directory: Path, user: str) -> None:
    """Print the exports with which any client meets the world."""
    from simulator.world import exports

    for name, value in exports(World.load(directory), user).items():
        click.echo(f"export {name}={shlex.quote(value)}")
