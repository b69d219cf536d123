"""One region as a process: ``python -m simulator.region --dir WORLD --region us-ashburn-1``.

It leads its own process group, with its pods as children; ``simulator up`` starts it, the admin socket steers it.
It ends at SIGTERM; after any other end it starts again where it was.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from simulator.cloud.api import HttpApi
from simulator.cloud.faultroutes import FaultRoutes
from simulator.cloud.service import Region, Service
from simulator.cloud.workrequests import WorkRequests
from simulator.kernel import ids
from simulator.kernel.clock import WorldClock
from simulator.kernel.faults import Gate
from simulator.kernel.store import Store
from simulator.kernel.transitions import Transitions
from simulator.kernel.vantage import operator_test
from simulator.kernel.web import serve_admin
from simulator.kernel.worldfile import RegionPlace, World, WorldError

log = logging.getLogger(__name__)

ROOMS = ("objectstorage", "identity", "workrequests", "database", "monitoring", "dns", "healthchecks")
"""The services with a room of their own: ``simulator.cloud.<room>.service.SERVICE``."""

COMPONENTS: tuple[str, ...] = (
    "simulator.cloud.identity.link:IdentityLink",
    "simulator.database.component:Databases",
    "simulator.workloads:Workloads",
    "simulator.loadbalancer:LoadBalancer",
)
"""What runs beside the API server, in order of start: ``module:Class``, constructed with the region."""


class Component(Protocol):
    """A part of a region that serves: started in order, stopped in reverse."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def services() -> list[Service]:
    """The rooms' services, in the order of ``ROOMS``."""
    return [importlib.import_module(f"simulator.cloud.{room}.service").SERVICE for room in ROOMS]


def open_region(world: World, name: str) -> Region:
    """The region over its state on disk; nothing runs yet."""
    place = world.regions[name]
    clock = WorldClock(world.clock_file)
    store = Store(world.home_of(name) / "state.db")

    def new_ocid(kind: str) -> str:
        return ids.ocid(kind, place.key, seed=world.seed, number=store.next_number(f"ocid/{kind}"))

    return Region(
        name=name,
        key=place.key,
        world=world,
        clock=clock,
        store=store,
        transitions=Transitions(store, clock),
        work_requests=WorkRequests(store, clock, new_ocid, world.compartment),
        gate=Gate(f"{world.seed}/{name}", operator_test(world)),
    )


async def run(world: World, name: str) -> None:
    """Serve the region until SIGTERM or SIGINT. Raises what ended it otherwise."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    region = open_region(world, name)
    api = HttpApi(region, services())
    faults = FaultRoutes(region, api.faults)
    parts: list[Component] = [_component(spec, region) for spec in COMPONENTS]
    api.prepare()
    parts.append(api)  # last: what it serves is there by then
    ready = asyncio.Event()
    region.admin[("GET", "/ready")] = lambda _: {"ready": ready.is_set()}
    region.admin[("GET", "/agenda")] = lambda _: _agenda(region)
    admin = await serve_admin(world.admin_socket(name), region.admin)
    started: list[Component] = []
    try:
        await faults.restore()
        for part in parts:
            started.append(part)
            await part.start()
        agenda = asyncio.create_task(region.transitions.run())
        ready.set()
        log.info("%s is ready", name)
        await _until(stopping, agenda)
    finally:
        for part in reversed(started):
            await part.stop()
        admin.close()
        region.store.close()


def _component(spec: str, region: Region) -> Component:
    module, _, attribute = spec.partition(":")
    component: Component = getattr(importlib.import_module(module), attribute)(region)
    return component


def hold_stopped(place: RegionPlace) -> None:
    """Be a black hole: the addresses take connections and nothing answers, until SIGCONT.

    A restored region that was stopped must not touch its state before it is brought back.
    """
    with ExitStack() as held:
        for address in (place.api, place.net, place.load_balancer, place.link):
            held.enter_context(socket.create_server((address.host, address.port)))
        os.kill(os.getpid(), signal.SIGSTOP)


def _agenda(region: Region) -> dict[str, Any]:
    """What is still going to happen, and how much of it is due already."""
    pending = region.transitions.pending()
    now = region.clock.now()
    return {
        "pending": [{"name": row.name, "due": row.due.isoformat()} for row in pending],
        "overdue": sum(row.due <= now for row in pending),
    }


async def _until(stopping: asyncio.Event, agenda: asyncio.Task[None]) -> None:
    """Until asked to stop, or until the agenda fails."""
    waiter = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({waiter, agenda}, return_when=asyncio.FIRST_COMPLETED)
        if agenda.done():
            agenda.result()
    finally:
        for task in (waiter, agenda):
            task.cancel()
        await asyncio.gather(waiter, agenda, return_exceptions=True)


def main() -> int:
    """Process entry: exit 0 after a stop, 2 when the world or its addresses cannot be used."""
    parser = argparse.ArgumentParser(prog="simulator.region")
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--stopped", action="store_true", help="Hold the addresses, stopped, until continued.")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        world = World.load(arguments.dir)
        if arguments.region not in world.regions:
            raise WorldError(f"region {arguments.region!r}: this world has {', '.join(world.regions)}")
        if arguments.stopped:
            hold_stopped(world.regions[arguments.region])
        asyncio.run(run(world, arguments.region))
    except (WorldError, OSError) as problem:
        log.error("%s", problem)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
