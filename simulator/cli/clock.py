"""``simulator clock``."""

from __future__ import annotations

from pathlib import Path

import click

from simulator.kernel import clock
from simulator.kernel.worldfile import World


@click.group("clock")
def command() -> None:
    """Show or change world time."""


@command.command("show")
@click.pass_obj
def show(directory: Path) -> None:
    """World time and its rate."""
    world_clock = clock.WorldClock(World.load(directory).clock_file)
    click.echo(f"{world_clock.now().isoformat()} rate {world_clock.rate:g}")


@command.command("rate")
@click.argument("rate", type=click.FloatRange(min=0))
@click.pass_obj
def rate(directory: Path, rate: float) -> None:
    """World seconds per wall second; 0 stops the clock, so that only jumps move it."""
    clock.set_rate(World.load(directory).clock_file, rate)


@command.command("jump")
@click.argument("seconds", type=click.FloatRange(min=0))
@click.pass_obj
def jump(directory: Path, seconds: float) -> None:
    """Move world time forward."""
    clock.jump(World.load(directory).clock_file, seconds)
