"""Starts worlds for tests as a person would, by the command line, and always takes them down.

def test_something(world: RunningWorld) -> None:          # one world per directory of tests
    storage = world.client(ObjectStorageClient, "oncall", "us-phoenix-1")

def test_other(make_world: WorldFactory) -> None:          # as many as wanted, for this test alone
    with make_world(rate=0) as world: ...
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from simulator.kernel.admin import ask_admin
from simulator.kernel.clock import WorldClock
from simulator.kernel.worldfile import World
from simulator.world import exports

Client = TypeVar("Client")
WorldFactory = Callable[..., AbstractContextManager["RunningWorld"]]

START = "2026-03-01T08:00:00+00:00"
"""World time at which test worlds begin."""


class RunningWorld:
    """A world that runs, and what a test needs to meet it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.world = World.load(directory)
        self.clock = WorldClock(self.world.clock_file)

    def simulator(self, *arguments: str, code: int = 0, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run ``simulator`` on this world; fails the test when it does not end with ``code``."""
        return run_simulator("--dir", str(self.directory), *arguments, code=code, timeout=timeout)

    def status(self) -> dict[str, str]:
        """The state of each process by name."""
        report = json.loads(self.simulator("status", "--json").stdout)
        return {row["name"]: row["state"] for row in report["processes"]}

    def admin(self, process: str, method: str, route: str, body: dict[str, Any] | None = None) -> Any:
        """Ask a process over its admin socket."""
        return ask_admin(self.world.admin_socket(process), method, route, body)

    def environment(self, user: str = "oncall") -> dict[str, str]:
        """The test's environment with the world's exports over it."""
        return dict(os.environ) | exports(self.world, user)

    def config(self, user: str = "oncall", region: str | None = None) -> dict[str, Any]:
        """The SDK's configuration of a user, read from the profile file."""
        import oci  # here, because every test session imports this module and few need the SDK

        config: dict[str, Any] = oci.config.from_file(str(self.world.profile_file), user)
        return config | ({"region": region} if region else {})

    def client(
        self,
        kind: Callable[..., Client],
        user: str = "oncall",
        region: str = "us-phoenix-1",
        *,
        config: dict[str, Any] | None = None,
        timeout: float | tuple[float, float] = 20.0,
    ) -> Client:
        """An SDK client of a region, without retries and circuit breaker."""
        from oci.circuit_breaker import NoCircuitBreakerStrategy
        from oci.retry import NoneRetryStrategy

        return kind(
            config or self.config(user, region),
            service_endpoint=self.world.regions[region].api.url,
            retry_strategy=NoneRetryStrategy(),
            circuit_breaker_strategy=NoCircuitBreakerStrategy(),
            timeout=timeout,
        )

    def admin_pid(self, process: str) -> int:
        """The id of a process's leader, as recorded."""
        record: dict[str, int] = json.loads((self.world.home_of(process) / "process.json").read_text())
        return record["pid"]


def data(response: Any) -> Any:
    """What an SDK call answered; the SDK's types call every response optional."""
    return response.data


def run_simulator(*arguments: str, code: int | None = 0, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the ``simulator`` command as a process; ``code`` None takes any exit."""
    command = [sys.executable, "-m", "simulator", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if code is not None and done.returncode != code:
        raise AssertionError(f"simulator {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


@contextmanager
def running_world(directory: Path, *, rate: float = 1.0, seed: int = 1, start: str = START) -> Generator[RunningWorld]:
    """Create and start a world; it is down when the block ends, however it ends."""
    options = ["--detach", "--rate", str(rate), "--seed", str(seed), "--start", start]
    try:
        run_simulator("--dir", str(directory), "up", *options)
        yield RunningWorld(directory)
    finally:
        if (directory / "world.json").exists():
            run_simulator("--dir", str(directory), "down")


def wait_until(condition: Callable[[], Any], *, timeout: float = 20.0, what: str = "the condition") -> Any:
    """Ask again every 20 ms of wall time until it answers something true; that answer."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {timeout:g} s")
        time.sleep(0.02)
    return answer


def world_factory(directory: Path) -> Generator[WorldFactory]:
    """What the ``make_world`` fixture gives: worlds in one test's directory."""
    number = 0

    def make(*, rate: float = 1.0, seed: int = 1, start: str = START) -> AbstractContextManager[RunningWorld]:
        nonlocal number
        number += 1
        return running_world(directory / f"w{number}", rate=rate, seed=seed, start=start)

    yield make
