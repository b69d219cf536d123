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
from tests.simulator.database.regions import LosingDialer, Side, cut, heal, two_regions, until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(60)]


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


def parts(*sides: Side) -> tuple[Side, Side]:
    """The primary and the standby, as things stand."""
    first, second = sides
    return (first, second) if first.role is Role.PRIMARY else (second, first)


async def begun(primary: Side, standby: Side, phase: str) -> None:
    """Start a switchover and let it reach the phase (or pass it, for the short ones)."""
    await standby.switch_over(primary)
    await until(lambda: phase_of(standby) == phase or standby.at_rest, f"the phase {phase}")


def lose_answers(side: Side, question: str, times: float) -> None:
    """From now on; 0 heals."""
    present: Any = side.databases.guard.dialer
    inner = present.inner if isinstance(present, LosingDialer) else present
    side.databases.guard.dialer = LosingDialer(inner, question, times)  # pyright: ignore[reportAttributeAccessIssue]


def test_answers_are_lost(tmp_path: Path) -> None:
    """Lost once, the question is put again; lost for good, both sides end as they were."""

    async def scenario(first: Side, second: Side) -> None:
        for question in ("switchover.prepare", "switchover.close"):
            for times in (1, math.inf):
                primary, standby = parts(first, second)
                lose_answers(standby, question, times)
                await begun(primary, standby, "asking")
                await until(lambda: settled(first, second), f"{question}: settled")
                expected = standby if times == 1 else primary
                assert expected.role is Role.PRIMARY
                assert expected.accepts
                lose_answers(standby, question, 0)

    run(tmp_path, scenario)


@pytest.mark.parametrize("victims", ["primary", "standby", "both"])
def test_a_side_starts_again_from_disk(tmp_path: Path, victims: str) -> None:
    async def scenario(first: Side, second: Side) -> None:
        for phase in ("asking", "preparing", "closing", "draining", "opening"):
            primary, standby = parts(first, second)
            await begun(primary, standby, phase)
            for side in {"primary": [primary], "standby": [standby], "both": [primary, standby]}[victims]:
                await side.restart()
            await until(lambda: settled(first, second), f"{phase}: settled")
            assert first.accepts != second.accepts

    run(tmp_path, scenario)


def test_the_link_is_cut_until_patience_is_over(tmp_path: Path) -> None:
    """A primary that has closed stays closed while it cannot know; the link's return resolves it."""

    async def scenario(first: Side, second: Side) -> None:
        for phase in ("preparing", "closing", "opening"):
            primary, standby = parts(first, second)
            await begun(primary, standby, phase)
            await cut(first, second)
            await until(lambda side=standby: side.at_rest, f"{phase}: given up, or opened")
            await heal(first, second)
            await until(lambda: settled(first, second), f"{phase}: settled")
            assert first.accepts != second.accepts

    run(tmp_path, scenario)


def test_a_failover_while_the_old_primary_is_closed(tmp_path: Path) -> None:
    """The operator need not wait for the link; the closed primary, when it hears of it, steps down."""

    async def scenario(first: Side, second: Side) -> None:
        lose_answers(second, "switchover.close", math.inf)
        await begun(first, second, "asking")
        await until(lambda: phase_of(first) == "closed", "the primary has closed")
        await cut(first, second)
        await until(lambda: second.at_rest, "the switchover is abandoned")
        await second.fail_over(first)
        await until(lambda: second.role is Role.PRIMARY, "promoted")
        await heal(first, second)
        await until(lambda: first.role is not Role.PRIMARY and first.at_rest, "the old primary has stepped down")

    run(tmp_path, scenario)
