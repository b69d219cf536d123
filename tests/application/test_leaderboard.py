"""The leaderboard: one load for all who wait, whatever the cache does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from application.database import UnreachableError
from application.leaderboard import GOOD_FOR_SECONDS, Leaderboard, dump

BOARD: dict[str, Any] = {"as_of": "2026-03-01T08:00:00+00:00", "leaders": []}


class Sources:
    """A cache and a database that count what they are asked, and wait for ``open`` before they answer."""

    def __init__(self) -> None:
        self.cached: str | None = None
        self.failure: Exception | None = None
        self.cache_reads = 0
        self.database_reads = 0
        self.now = 0.0
        self.open = asyncio.Event()
        self.open.set()

    async def cache(self) -> str | None:
        """The cache."""
        self.cache_reads += 1
        return self.cached

    async def database(self) -> dict[str, Any]:
        """The database."""
        self.database_reads += 1
        await self.open.wait()
        if self.failure is not None:
            raise self.failure
        return BOARD

    def leaderboard(self) -> Leaderboard:
        """Over these sources and this clock."""
        return Leaderboard(self.cache, self.database, monotonic=lambda: self.now)


def run(body: Callable[[Sources], Awaitable[None]]) -> None:
    """Run a test's body on a loop."""

    async def check() -> None:
        await body(Sources())

    asyncio.run(check())


def test_losing_the_cache_sends_one_query_to_the_database_for_a_hundred_requests() -> None:
    async def body(sources: Sources) -> None:
        sources.open.clear()
        board = sources.leaderboard()
        requests = [asyncio.create_task(board.get()) for _ in range(100)]
        while not sources.database_reads:
            await asyncio.sleep(0)
        sources.open.set()
        served = await asyncio.gather(*requests)
        assert {answer.source for answer in served} == {"database"}
        assert (sources.cache_reads, sources.database_reads) == (1, 1)

    run(body)


def test_a_result_is_good_for_a_moment_then_loaded_again() -> None:
    async def body(sources: Sources) -> None:
        board = sources.leaderboard()
        await board.get()
        sources.now = GOOD_FOR_SECONDS - 0.1
        await board.get()
        assert sources.database_reads == 1
        sources.now = GOOD_FOR_SECONDS
        await board.get()
        assert sources.database_reads == 2

    run(body)


def test_the_cache_spares_the_database() -> None:
    async def body(sources: Sources) -> None:
        sources.cached = dump(BOARD)
        served = await sources.leaderboard().get()
        assert (served.source, served.leaderboard) == ("cache", BOARD)
        assert sources.database_reads == 0

    run(body)


@pytest.mark.parametrize("cached", ["not json", "[1]", '"text"'])
def test_a_spoilt_cache_counts_as_empty(cached: str) -> None:
    async def body(sources: Sources) -> None:
        sources.cached = cached
        served = await sources.leaderboard().get()
        assert (served.source, served.leaderboard) == ("database", BOARD)

    run(body)


def test_with_neither_cache_nor_database_the_last_one_known_is_served_as_stale() -> None:
    async def body(sources: Sources) -> None:
        board = sources.leaderboard()
        await board.get()
        sources.now, sources.failure = GOOD_FOR_SECONDS, UnreachableError("away")
        served = await board.get()
        assert (served.source, served.leaderboard) == ("stale", BOARD)

    run(body)


def test_with_nothing_known_all_who_wait_get_the_error_and_the_next_asks_again() -> None:
    async def body(sources: Sources) -> None:
        sources.failure = UnreachableError("away")
        board = sources.leaderboard()
        answers = await asyncio.gather(*(board.get() for _ in range(3)), return_exceptions=True)
        assert all(isinstance(answer, UnreachableError) for answer in answers)
        assert sources.database_reads == 1
        sources.failure = None
        assert (await board.get()).source == "database"

    run(body)


def test_a_user_who_hangs_up_does_not_take_the_load_from_the_others() -> None:
    async def body(sources: Sources) -> None:
        sources.open.clear()
        board = sources.leaderboard()
        first, second = (asyncio.create_task(board.get()) for _ in range(2))
        while not sources.database_reads:
            await asyncio.sleep(0)
        first.cancel()
        sources.open.set()
        assert (await second).source == "database"
        assert sources.database_reads == 1

    run(body)
