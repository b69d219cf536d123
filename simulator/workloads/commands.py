"""``simulator workload``: what runs in a region, declared, listed, scaled, deleted, and what it printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from simulator import control
from simulator.kernel.worldfile import World, WorldError

region_option = click.option("--region", required=True, help="The region, such as us-ashburn-1.")


@click.group("workload")
def command() -> None:
    """Say what runs in a region as pods."""


@command.command("apply")
@region_option
@click.argument("name")
@click.option("--image", required=True, help="fittrack-api, fittrack-worker or redis.")
@click.option("--replicas", type=int, default=1, show_default=True)
@click.option("--env", "env", multiple=True, metavar="NAME=VALUE", help="A variable; $(OTHER) refers to another.")
@click.option(
    "--secret", "secrets", multiple=True, metavar="NAME=FILE", help="A secret: the pod finds its file by NAME_FILE."
)
@click.pass_obj
def apply(
    directory: Path,
    region: str,
    name: str,
    image: str,
    replicas: int,
    env: tuple[str, ...],
    secrets: tuple[str, ...],
) -> None:
    """Declare the workload NAME; what already runs so is left alone."""
    contents = {key: _read(key, file) for key, file in _pairs("--secret", secrets).items()}
    body = {
        "name": name,
        "image": image,
        "replicas": replicas,
        "env": _pairs("--env", env),
        "secrets": contents,
    }
    _show([_ask(directory, region, "POST", "/workloads", body)])


@command.command("list")
@region_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(directory: Path, region: str, *, as_json: bool) -> None:
    """List the workloads and their pods."""
    answer = _ask(directory, region, "GET", "/workloads", {})
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        _show(answer["workloads"])


@command.command("scale")
@region_option
@click.argument("name")
@click.argument("replicas", type=int)
@click.pass_obj
def scale(directory: Path, region: str, name: str, replicas: int) -> None:
    """Change the number of pods of NAME."""
    _show([_ask(directory, region, "POST", "/workloads/scale", {"name": name, "replicas": replicas})])


@command.command("delete")
@region_option
@click.argument("name")
@click.pass_obj
def delete(directory: Path, region: str, name: str) -> None:
    """End the pods of NAME and forget it with its secrets."""
    click.echo(f"deleted {_ask(directory, region, 'DELETE', '/workloads', {'name': name})['deleted']}")


@command.command("logs")
@region_option
@click.argument("pod")
@click.option("--lines", type=click.IntRange(min=1), default=50, show_default=True)
@click.pass_obj
def logs(directory: Path, region: str, pod: str, lines: int) -> None:
    """Print what POD (such as fittrack-api-0) wrote last, also while its region is lost."""
    home = _world(directory, region).home_of(region) / "workloads"
    file = home / pod.rpartition("-")[0] / f"{pod}.log"
    if not file.is_file():
        known = ", ".join(sorted(found.stem for found in home.glob("*/*.log"))) or "none"
        raise WorldError(f"{region}: no pod {pod!r} has written a log; pods that have: {known}")
    click.echo("\n".join(file.read_text(errors="replace").splitlines()[-lines:]))


def _world(directory: Path, region: str) -> World:
    world = World.load(directory)
    if region not in world.regions:
        raise WorldError(f"region {region!r}: this world has {', '.join(world.regions)}")
    return world


def _ask(directory: Path, region: str, method: str, route: str, body: dict[str, Any]) -> Any:
    return control.ask(_world(directory, region), region, method, route, body)


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{option} {item!r}: write it as NAME=VALUE")
        pairs[key] = value
    return pairs


def _read(name: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise click.UsageError(f"--secret {name}: {file} cannot be read as text: {problem}") from problem


def _show(workloads: list[dict[str, Any]]) -> None:
    for workload in workloads:
        running = sum(pod["state"] == "running" for pod in workload["pods"])
        click.echo(f"{workload['name']}  {workload['image']}  {running}/{workload['replicas']} running")
        for pod in workload["pods"]:
            ended = "" if pod["last_exit"] is None else f", last ended with {pod['last_exit']}"
            click.echo(
                f"  {pod['name']}  {pod['address']}:{pod['port']}  {pod['state']}  {pod['restarts']} restarts{ended}"
            )
