"""A standby comes to be and goes, over a link that is cut and in regions that die meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from simulator.cloud.database import lifecycle
from simulator.cloud.service import ServiceError
from simulator.database.core import Role
from simulator.database.dataguard_wire import Frame, encode
from simulator.kernel import clock
from simulator.kernel.faults import FaultKind, Plane, SocketFault
from tests.simulator.database.regions import QUICK, Side, create_standby, cut, heal, two_regions, until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(60)]


def run(directory: Path, scenario: Callable[[Side, Side], Awaitable[None]], *, standby: bool) -> None:
    async def main() -> None:
        async with two_regions(directory, standby=standby) as (first, second):
            clock.set_rate(first.world.clock_file, QUICK)
            await scenario(first, second)

    asyncio.run(main())


async def deleted(side: Side) -> None:
    await side.call(lifecycle.delete, {})
    await until(lambda: side.record.gone, f"{side.name} is terminated")


def test_a_standby_waits_for_the_link_and_for_its_own_region(tmp_path: Path) -> None:
    """Asked for while the link is down it is refused; once asked for, it comes to be through cuts and restarts."""

    async def scenario(first: Side, second: Side) -> None:
        await cut(first, second)
        with pytest.raises(ServiceError) as caught:
            await create_standby(first, second)
        assert caught.value.status == 503
        await heal(first, second)

        await create_standby(first, second)
        assert second.role is None
        await second.restart()
        await cut(first, second)
        assert second.record.lifecycle_state == "PROVISIONING"
        await heal(first, second)
        await until(lambda: second.at_rest, "the standby is instantiated")
        await first.restart()
        await until(lambda: second.databases.guard.contact(second.id), "it hears its primary")
        assert (first.role, second.role) == (Role.PRIMARY, Role.STANDBY)
        assert [peer.id for peer in first.record.peers] == [second.id]

    run(tmp_path, scenario, standby=False)


def test_a_standby_that_cannot_be_copied_is_given_up(tmp_path: Path) -> None:
    """The primary's region is gone for good: provisioning ends, and the work request says why."""

    async def scenario(first: Side, second: Side) -> None:
        await create_standby(first, second)
        await until(lambda: (second.record.change or {}).get("phase") == "copying", "it is enlisted")
        await cut(first, second)
        await until(lambda: second.record.gone, "given up")
        assert "could not be created" in str(second.record.lifecycle_details)
        assert [work["status"] for work in second.region.work_requests.find()] == ["FAILED"]
        assert not second.databases.registry.directory(second.id).exists()
        await heal(first, second)
        await until(lambda: not first.record.peers, "the primary has no peer any more")

    run(tmp_path, scenario, standby=False)


def test_the_standby_goes_first_and_its_primary_hears_of_it(tmp_path: Path) -> None:
    """Terminated while the link was down and its region restarted: the primary is told when it can be."""

    async def scenario(first: Side, second: Side) -> None:
        with pytest.raises(ServiceError) as caught:
            await first.call(lifecycle.delete, {})
        assert caught.value.status == 409
        await cut(first, second)
        await deleted(second)
        assert not second.databases.registry.directory(second.id).exists()
        await second.restart()
        assert first.record.peers
        await heal(first, second)
        await until(lambda: not first.record.peers, "the primary has no peer any more")
        await deleted(first)

    run(tmp_path, scenario, standby=True)


def test_what_is_shipped_is_as_old_as_the_lag(tmp_path: Path) -> None:
    """The standby never claims to be closer than the transport lag, and a cut link shows as a growing one."""

    async def scenario(first: Side, second: Side) -> None:
        def lag() -> float:
            return second.databases.peer_lag(second.record) or 0.0

        assert lag() >= 2
        first.databases.guard.set_transport_lag(3600)
        await until(lambda: 3600 <= lag() < 5400, "the standby is an hour behind")
        await second.region.gate.set(SocketFault("refused", Plane.LINK, FaultKind.REFUSE))
        before = lag()
        await until(lambda: lag() > before + 3600, "another hour")
        await second.region.gate.clear()
        first.databases.guard.set_transport_lag(2)
        await until(lambda: lag() < 1800, "caught up")

    run(tmp_path, scenario, standby=True)


@pytest.mark.parametrize(
    "first_words",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        encode(Frame("request", {"question": "unknown"})),
        encode(Frame("request", {"question": "switchover.close", "database": "ocid1.autonomousdatabase.oc1.iad.x"})),
        encode(Frame("watch", {"database": "x", "follower": "y"})),
        b"",
    ],
)
def test_strangers_on_the_link_disturb_nobody(tmp_path: Path, first_words: bytes) -> None:
    async def scenario(first: Side, second: Side) -> None:
        address = first.world.regions[first.name].link
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(first_words)
        writer.write_eof()
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert answer == b"" or b'"refusal"' in answer
        await second.restart()
        await until(lambda: second.databases.guard.contact(second.id), "the standby hears its primary")

    run(tmp_path, scenario, standby=True)
