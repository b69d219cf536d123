"""``simulator fault``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from simulator import control
from simulator.kernel.worldfile import World, WorldError


@click.group("fault")
def command() -> None:
    """Set, list and clear faults. PROCESS is a region, or edge; ID is a name of your own."""


@command.command("socket")
@click.argument("process")
@click.argument("id")
@click.option("--plane", type=click.Choice(["control", "data", "link"]), required=True)
@click.option("--kind", type=click.Choice(["refuse", "stall", "delay", "truncate", "reset"]), required=True)
@click.option("--seconds", type=click.FloatRange(min=0), default=0.0, help="delay: of every chunk, in wall seconds.")
@click.option("--after-bytes", type=click.IntRange(min=0), default=0, help="truncate, reset: of the answer.")
@click.option("--probability", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Per connection.")
@click.option("--times", type=click.IntRange(min=1), help="How many connections it hits; all when not given.")
@click.option("--operator-only", is_flag=True, help="Spare connections from within the simulated world.")
@click.pass_obj
def socket(directory: Path, process: str, **fields: Any) -> None:
    """Put a fault on a plane's connections."""
    _set(directory, process, {"layer": "socket"} | fields)


@command.command("http")
@click.argument("process")
@click.argument("id")
@click.option("--kind", type=click.Choice(["status", "lost"]), required=True, help="lost: done, but never answered.")
@click.option("--operation", default="*", show_default=True, help="The SDK's name of the call; * and ? match.")
@click.option("--status", type=click.IntRange(400, 599), default=503, show_default=True)
@click.option("--code", default="ServiceUnavailable", show_default=True)
@click.option("--probability", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Per call.")
@click.option("--times", type=click.IntRange(min=1), help="How many calls it hits; all when not given.")
@click.pass_obj
def http(directory: Path, process: str, **fields: Any) -> None:
    """Put a fault on API calls."""
    _set(directory, process, {"layer": "http"} | fields)


@command.command("dns")
@click.argument("id")
@click.option("--target", type=click.Choice(["authoritative", "resolver-1", "resolver-2"]), required=True)
@click.option("--kind", type=click.Choice(["dark", "stale"]), required=True)
@click.pass_obj
def dns(directory: Path, **fields: Any) -> None:
    """Put a fault on a name server: silent, or telling for ever what it once cached."""
    _set(directory, "edge", {"layer": "dns"} | fields)


@command.command("slow")
@click.argument("process")
@click.argument("name")
@click.option("--off", is_flag=True, help="No longer.")
@click.pass_obj
def slow(directory: Path, process: str, name: str, off: bool) -> None:
    """Let the operation NAME (a row of the durations, or *) take its slow case."""
    control.ask(_world(directory, process), process, "POST", "/slow", {"name": name, "slow": not off})


@command.command("list")
@click.argument("process")
@click.pass_obj
def show(directory: Path, process: str) -> None:
    """What is in force, as JSON."""
    click.echo(json.dumps(control.ask(_world(directory, process), process, "GET", "/faults"), indent=2))


@command.command("clear")
@click.argument("process")
@click.argument("id", required=False)
@click.pass_obj
def clear(directory: Path, process: str, **fields: Any) -> None:
    """End the fault ID, or all."""
    body = {key: value for key, value in fields.items() if value is not None}
    cleared = control.ask(_world(directory, process), process, "POST", "/faults/clear", body)["cleared"]
    if "id" in body and not cleared:
        raise WorldError(f"{process}: has no fault {body['id']}")
    click.echo(f"{process}: {len(cleared)} cleared")


def _set(directory: Path, process: str, document: dict[str, Any]) -> None:
    control.ask(_world(directory, process), process, "POST", "/faults", document)
    click.echo(f"{process}: {document['id']} in force")


def _world(directory: Path, process: str) -> World:
    world = World.load(directory)
    if process not in world.processes:
        raise WorldError(f"process {process!r}: this world has {', '.join(world.processes)}")
    return world
