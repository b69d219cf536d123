"""Two regions' databases in this very process: what a test interrupts it can then look into."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator import world as worlds
from simulator.cloud.database import creation, roles
from simulator.cloud.database.service import SERVICE
from simulator.cloud.service import ANONYMOUS, Handler, Region, Request
from simulator.database.component import Databases
from simulator.database.core import Role
from simulator.database.dataguard_link import Dialer
from simulator.database.dataguard_wire import Frame, LinkError
from simulator.database.records import Record
from simulator.kernel import clock
from simulator.kernel.faults import FaultKind, Plane, SocketFault
from simulator.kernel.worldfile import World
from simulator.region import open_region

ASHBURN, PHOENIX = "us-ashburn-1", "us-phoenix-1"
QUICK = 3000.0
"""Rate for provisioning."""

PACE = 400.0
"""Rate for role changes: a deadline of five minutes is most of a second."""


class Side:
    """One region's databases, which can be stopped and started again from disk."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.id = ""
        self.region: Region
        self.databases: Databases
        self._agenda: asyncio.Task[None]

    async def start(self) -> None:
        self.region = open_region(self.world, self.name)
        self.databases = Databases(self.region)
        for setup in SERVICE.setups:
            setup(self.region)
        await self.databases.start()
        self._agenda = asyncio.create_task(self.region.transitions.run())

    async def stop(self) -> None:
        self._agenda.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._agenda
        await self.databases.stop()
        self.region.store.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def call(self, handler: Handler, body: dict[str, Any], **query: str) -> Any:
        """One call of the service on this side's database."""
        path = {"autonomousDatabaseId": self.id}
        answer = handler(self.region, Request("POST", path, query, {}, body, b"", ANONYMOUS, "request"))
        return (await answer if isinstance(answer, Awaitable) else answer).body

    @property
    def record(self) -> Record:
        return self.databases.records.need(self.id)

    @property
    def role(self) -> Role | None:
        return self.databases.registry.role(self.id)

    @property
    def accepts(self) -> bool:
        """Whether a client could commit here now."""
        database = self.databases.registry.get(self.id)
        return database is not None and database.open and database.role is Role.PRIMARY

    @property
    def at_rest(self) -> bool:
        return self.record.lifecycle_state == "AVAILABLE" and self.record.change is None

    async def switch_over(self, other: Side) -> None:
        await self.call(roles.switchover, {}, peerDbId=other.id)

    async def fail_over(self, other: Side) -> None:
        await self.call(roles.fail_over, {}, peerDbId=other.id)


class LosingDialer:
    """Loses the answers to one question, after it was acted upon: as many as told."""

    def __init__(self, inner: Dialer, question: str, times: float) -> None:
        self.inner = inner
        self._question = question
        self.left = times

    @property
    def severed(self) -> bool:
        return self.inner.severed

    async def connect(self, region: str) -> Any:
        return await self.inner.connect(region)

    async def ask(self, region: str, question: str, /, **fields: Any) -> Frame:
        answer = await self.inner.ask(region, question, **fields)
        if question == self._question and self.left > 0:
            self.left -= 1
            raise LinkError("link: the answer was lost")
        return answer


@asynccontextmanager
async def two_regions(directory: Path, *, standby: bool = True) -> AsyncGenerator[tuple[Side, Side]]:
    """A primary in the first, its standby (if wanted) in the second; both at rest."""
    world = worlds.create(directory / "w", seed=3, block=None, start=datetime(2026, 3, 1, 8, tzinfo=UTC), rate=QUICK)
    first, second = Side(world, ASHBURN), Side(world, PHOENIX)
    async with AsyncExitStack() as stack:
        for side in (first, second):
            await side.start()
            stack.push_async_callback(side.stop)
        body = {"compartmentId": world.compartment, "dbName": "fittrack", "adminPassword": "Correct-Horse-1"}
        first.id = (await first.call(creation.create, body))["id"]
        await until(lambda: first.at_rest, "the primary is provisioned")
        if standby:
            await create_standby(first, second)
            await until(lambda: second.at_rest, "the standby is instantiated")
            await until(lambda: second.databases.guard.contact(second.id), "the standby hears its primary")
        clock.set_rate(world.clock_file, PACE)
        yield first, second


async def create_standby(first: Side, second: Side) -> None:
    """Ask the second region for a standby of the first one's database."""
    compartment = first.world.compartment
    body = {"compartmentId": compartment, "source": "CROSS_REGION_DATAGUARD", "sourceId": first.id}
    second.id = (await second.call(creation.create, body))["id"]


CUT = SocketFault("cut", Plane.LINK, FaultKind.STALL)


async def cut(*sides: Side) -> None:
    """Cut the link, as ``simulator lose --how link`` does."""
    for side in sides:
        await side.region.gate.set(CUT)


async def heal(*sides: Side) -> None:
    for side in sides:
        await side.region.gate.clear()


async def until(condition: Callable[[], Any], what: str, *, within: float = 20.0) -> None:
    """Ask on every turn of the loop until it is true; fails the test after ``within`` wall seconds."""
    try:
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.002)
    except TimeoutError:
        raise AssertionError(f"did not come true: {what}") from None
