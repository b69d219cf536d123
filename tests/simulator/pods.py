"""A region in the test's own process, with pods that tests can steer; what tests of workloads and balancer share."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from simulator.cloud.service import Region
from simulator.kernel.worldfile import World
from simulator.region import open_region
from simulator.workloads.component import Workloads
from simulator.world import create
from tests.worlds import START

REGION = "us-phoenix-1"
IMAGES = {
    "backend": ("python", str(Path(__file__).with_name("backend_pod.py"))),
    "redis": ("python", "-m", "simulator.workloads.redis"),
    "missing": ("/nowhere/program",),
    "ends": ("python", "-c", "raise SystemExit(7)"),
}


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world on disk that no process runs; its regions are empty."""
    directory = tmp_path_factory.mktemp("created") / "w"
    return create(directory, seed=1, block=None, start=datetime.fromisoformat(START), rate=1.0)


@contextlib.asynccontextmanager
async def region_of(world: World, *, fresh: bool = True) -> AsyncGenerator[Region]:
    """The standby region, without anything of an earlier test unless ``fresh`` is False."""
    if fresh:
        shutil.rmtree(world.home_of(REGION), ignore_errors=True)
    region = open_region(world, REGION)
    try:
        yield region
    finally:
        region.store.close()


@contextlib.asynccontextmanager
async def workloads_of(region: Region) -> AsyncGenerator[Workloads]:
    """The region's workloads with the tests' images, started and in the end stopped."""
    workloads = Workloads(region, IMAGES)
    await workloads.start()
    try:
        yield workloads
    finally:
        await workloads.stop()


def declaration(tmp_path: Path, name: str = "web", **changes: Any) -> dict[str, Any]:
    """A declaration of backend pods, ready once ``tmp_path/ready`` exists."""
    env = {"READY_FILE": str(tmp_path / "ready"), "RELEASE_FILE": str(tmp_path / "release")}
    return {"name": name, "image": "backend", "env": env | changes.pop("env", {})} | changes


async def eventually(condition: Callable[[], Any], *, timeout: float = 15.0, what: str = "the condition") -> Any:
    """Let the loop run until the condition gives something true; that."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout:g} s")
        await asyncio.sleep(0.01)
    return answer


async def running_pids(workloads: Workloads, name: str) -> list[int]:
    """The pods' process ids once all of them run."""
    return await eventually(
        lambda: (
            [pod.status()["pid"] for pod in workloads.pods(name)]
            if all(pod.running for pod in workloads.pods(name))
            else None
        ),
        what=f"{name} running",
    )


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie has)."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
