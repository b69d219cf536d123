"""``simulator status``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from simulator import control
from simulator.kernel.clock import WorldClock
from simulator.kernel.process import ProcessRecord
from simulator.kernel.worldfile import RegionPlace, World


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For a program to read.")
@click.pass_obj
def command(directory: Path, as_json: bool) -> None:
    """Say how each process of the world is: running, stopped, dead or down; and the faults in force."""
    world = World.load(directory)
    report = _report(world)
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        _show(report)


def _report(world: World) -> dict[str, Any]:
    clock = WorldClock(world.clock_file)
    processes = [_process(world, name) for name in world.processes]
    return {
        "world": str(world.directory),
        "block": world.block,
        "time": clock.now().isoformat(),
        "rate": clock.rate,
        "processes": processes,
        "regions": {name: _addresses(place) for name, place in world.regions.items()},
    }


def _addresses(place: RegionPlace) -> dict[str, str]:
    """Where a region is found; the load balancer's is a reserved address, known before anything runs behind it."""
    return {
        "api": place.api.url,
        "oracle_net": str(place.net),
        "load_balancer": place.load_balancer.host,
    }


def _process(world: World, name: str) -> dict[str, Any]:
    state = control.state_of(world, name)
    record = ProcessRecord.read(world.home_of(name))
    faults: list[Any] = []
    if state == "running" and name in world.regions:
        faults = control.ask(world, name, "GET", "/faults")["faults"]
    return {"name": name, "state": state, "pid": record.pid if record else None, "faults": faults}


def _show(report: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{report['world']} · {report['block']}.0/24 · {report['time']} · {report['rate']:g}x")
    for heading in ("process", "state", "pid", "faults"):
        table.add_column(heading)
    for row in report["processes"]:
        faults = ", ".join(fault["id"] for fault in row["faults"])
        table.add_row(row["name"], row["state"], str(row["pid"] or ""), faults)
    Console().print(table)
