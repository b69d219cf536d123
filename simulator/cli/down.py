"""``simulator down``."""

from __future__ import annotations

from pathlib import Path

import click

from simulator import control
from simulator.kernel.worldfile import World


@click.command("down")
@click.option("--remove", is_flag=True, help="Remove the world's directory too.")
@click.pass_obj
def command(directory: Path, remove: bool) -> None:
    """Stop the world: no process and no port is left. Its state stays unless --remove."""
    world = World.load(directory)
    control.stop(world)
    control.forget(world, world.processes)
    if remove:
        import shutil

        shutil.rmtree(world.directory)
    click.echo(f"world {world.directory}: down{' and removed' if remove else ''}")
