"""``simulator up``."""

from __future__ import annotations

import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from simulator import control
from simulator.kernel.worldfile import World, WorldError


@click.command("up")
@click.option("--detach", is_flag=True, help="Return when the world is ready, and leave it running.")
@click.option("--block", metavar="127.A.B", help="The world's addresses; a free block when not given.")
@click.option("--seed", type=int, default=1, show_default=True, help="What is random follows from it.")
@click.option("--start", metavar="TIME", help="World time at creation, ISO 8601; now when not given.")
@click.option("--rate", type=click.FloatRange(min=0), default=1.0, show_default=True, help="World s per wall s.")
@click.pass_obj
def command(directory: Path, detach: bool, block: str | None, seed: int, start: str | None, rate: float) -> None:
    """Start the world, creating it when there is none. Without --detach, Ctrl-C stops it."""
    if (directory / "world.json").exists():
        world = World.load(directory)
        if block not in (None, world.block):
            raise WorldError(f"{directory}: this world has block {world.block}, not {block}")
    else:
        from simulator.world import create

        world = create(directory, seed=seed, block=block, start=_moment(start), rate=rate)
    children = _start(world)
    click.echo(f"world {world.directory}: ready on {world.block}.0/24")
    click.echo(f'  eval "$(simulator --dir {directory} env)"')
    if detach:
        return
    try:
        _stay(children)
    finally:
        control.stop(world)
        control.forget(world, world.processes)
    click.echo("world stopped")


def _start(world: World) -> list[subprocess.Popen[bytes]]:
    from simulator.world import block_owner

    states = {name: control.state_of(world, name) for name in world.processes}
    if any(state in ("running", "stopped") for state in states.values()):
        found = ", ".join(f"{name} {state}" for name, state in states.items())
        raise WorldError(f"{world.directory}: already up ({found}); use `simulator return REGION`, or `down` first")
    for name in world.processes:
        control.stop_group(world, name, grace=0)
    if (taken := block_owner(world.block)) is not None:
        raise WorldError(f"{world.directory}: {taken} is taken by another program; stop it or use another world")
    return control.start(world, world.processes)


def _stay(children: list[subprocess.Popen[bytes]]) -> None:
    """Until Ctrl-C or SIGTERM. A region that is lost and returned goes on meanwhile."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: asked.append(received))
    while not asked:
        time.sleep(0.1)
        for child in children:
            child.poll()  # reaps those that ended


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not an ISO 8601 time", param_hint="--start") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
