"""``simulator snapshot``."""

from __future__ import annotations

from pathlib import Path

import click

from simulator import snapshots
from simulator.kernel.worldfile import World


@click.group("snapshot")
def command() -> None:
    """Save or restore the whole world: its state and its time."""


@command.command("save")
@click.argument("name")
@click.pass_obj
def save(directory: Path, name: str) -> None:
    """Save the world under NAME; it goes on."""
    click.echo(f"saved {snapshots.save(World.load(directory), name)}")


@command.command("restore")
@click.argument("name")
@click.pass_obj
def restore(directory: Path, name: str) -> None:
    """Bring the world back to the moment of NAME."""
    world = World.load(directory)
    snapshots.restore(world, name)
    click.echo(f"restored {name}")


@command.command("list")
@click.pass_obj
def list_names(directory: Path) -> None:
    """The snapshots that there are."""
    for name in snapshots.names(World.load(directory)):
        click.echo(name)


@command.command("remove")
@click.argument("name")
@click.pass_obj
def remove(directory: Path, name: str) -> None:
    """Forget NAME."""
    snapshots.remove(World.load(directory), name)
