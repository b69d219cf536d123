"""``simulator lose`` and ``simulator return``."""

from __future__ import annotations

from pathlib import Path

import click

from simulator import control
from simulator.kernel.worldfile import World, WorldError

HOWS = ("blackhole", "kill", *control.LOSSES)


@click.command("lose")
@click.argument("region")
@click.option("--how", type=click.Choice(HOWS), default="blackhole", show_default=True)
@click.pass_obj
def lose(directory: Path, region: str, how: str) -> None:
    """Lose REGION.

    blackhole: nothing answers; kill: connections are refused; control-plane: the APIs do not answer; data-plane:
    Oracle Net and the load balancer do not; operator: nothing answers who is outside the simulated world, all goes
    on within it; link: the regions do not hear of each other.
    """
    world = World.load(directory)
    at = control.lose(world, _known(world, region), how)
    click.echo(f"{region}: lost ({how}) at {at.isoformat()}")


@click.command("return")
@click.argument("region")
@click.pass_obj
def bring_back(directory: Path, region: str) -> None:
    """Bring REGION back, with everything it had."""
    world = World.load(directory)
    control.bring_back(world, _known(world, region))
    click.echo(f"{region}: back")


def _known(world: World, region: str) -> str:
    if region not in world.regions:
        raise WorldError(f"region {region!r}: this world has {', '.join(world.regions)}")
    return region
