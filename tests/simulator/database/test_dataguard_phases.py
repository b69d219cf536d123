"""A switchover interrupted wherever it can be: never two that accept, and in the end one primary and one standby."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator.database.core import Role
from simulator.kernel.faults import FaultKind, Plane, SocketFault
from tests.simulator.database.regions import LosingDialer, Side, two_regions, until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(60)]

CUT = SocketFault("cut", Plane.LINK, FaultKind.STALL)


@asynccontextmanager
async def watched(*sides: Side) -> AsyncGenerator[None]:
    """Fails when at any moment more than one side accepts."""
    clashes: list[str] = []

    async def watch() -> None:
        while True:
            if sum(side.accepts for side in sides) > 1:
                clashes.append(" and ".join(str(side.record.change) for side in sides))
            await asyncio.sleep(0)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
    assert not clashes


def settled(*sides: Side) -> bool:
    roles = {side.role for side in sides}
    return all(side.at_rest for side in sides) and roles == {Role.PRIMARY, Role.STANDBY}


def run(directory: Path, scenario: Callable[[Side, Side], Awaitable[None]]) -> None:
    async def main() -> None:
        async with two_regions(directory) as (first, second), watched(first, second):
            await scenario(first, second)

    asyncio.run(main())


def phase_of(side: Side) -> Any:
    return side.record.change and side.record.change.get("phase")


@pytest.mark.parametrize("question", ["switchover.prepare", "switchover.close"])
@pytest.mark.parametrize("times", [2, math.inf])
def test_answers_are_lost(tmp_path: Path, question: str, times: float) -> None:
    """Lost twice, the question is put again; lost for good, both sides end as they were."""

    async def scenario(first: Side, second: Side) -> None:
        second.databases.guard.dialer = LosingDialer(second, question, times)  # pyright: ignore[reportAttributeAccessIssue]
        await second.switch_over(first)
        await until(lambda: not second.at_rest, "it has begun")
        await until(lambda: settled(first, second), "settled")
        expected = second if times == 2 else first
        assert expected.role is Role.PRIMARY
        assert expected.accepts

    run(tmp_path, scenario)


@pytest.mark.parametrize("phase", ["asking", "preparing", "closing", "draining", "opening"])
@pytest.mark.parametrize("victims", ["first", "second", "both"])
def test_a_side_starts_again_from_disk(tmp_path: Path, phase: str, victims: str) -> None:
    async def scenario(first: Side, second: Side) -> None:
        await second.switch_over(first)
        await until(lambda: phase_of(second) == phase or second.at_rest, f"the phase {phase}")
        for side in {"first": [first], "second": [second], "both": [first, second]}[victims]:
            await side.restart()
        await until(lambda: settled(first, second), "settled")
        assert first.accepts != second.accepts

    run(tmp_path, scenario)


@pytest.mark.parametrize("phase", ["preparing", "closing", "opening"])
def test_the_link_is_cut_until_patience_is_over(tmp_path: Path, phase: str) -> None:
    """A primary that has closed stays closed while it cannot know; the link's return resolves it."""

    async def scenario(first: Side, second: Side) -> None:
        await second.switch_over(first)
        await until(lambda: phase_of(second) == phase or second.at_rest, f"the phase {phase}")
        for side in (first, second):
            await side.region.gate.set(CUT)
        await until(lambda: second.at_rest, "the standby has given up, or opened")
        for side in (first, second):
            await side.region.gate.clear()
        await until(lambda: settled(first, second), "settled")
        assert first.accepts != second.accepts

    run(tmp_path, scenario)


def test_a_failover_while_the_old_primary_is_closed(tmp_path: Path) -> None:
    """The operator need not wait for the link: what the closed primary had shipped is promoted, the rest is fenced."""

    async def scenario(first: Side, second: Side) -> None:
        second.databases.guard.dialer = LosingDialer(second, "switchover.close", math.inf)  # pyright: ignore[reportAttributeAccessIssue]
        await second.switch_over(first)
        await until(lambda: phase_of(first) == "closed", "the primary has closed")
        for side in (first, second):
            await side.region.gate.set(CUT)
        await until(lambda: second.at_rest, "the switchover is abandoned")
        await second.fail_over(first)
        await until(lambda: second.role is Role.PRIMARY, "promoted")
        for side in (first, second):
            await side.region.gate.clear()
        await until(lambda: first.role is not Role.PRIMARY and first.at_rest, "the old primary has stepped down")

    run(tmp_path, scenario)
