"""Databases driven directly, without a network: a clock to move by hand, and one-line SQL."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec

from simulator.database.engine import Database, RedoEntry
from simulator.database.interface import ClientInfo, OracleError, Result, Value
from simulator.database.session import EngineSession

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
PASSWORD = "Admin-Password-1"
_P = ParamSpec("_P")


class ManualClock:
    """World time that moves when told; whoever sleeps wakes when its moment is reached."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._moved = asyncio.Event()
        self.sleepers = 0

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> datetime:
        self._now += timedelta(seconds=seconds)
        self._moved.set()
        self._moved = asyncio.Event()
        return self._now

    async def sleep(self, seconds: float) -> None:
        until = self._now + timedelta(seconds=seconds)
        self.sleepers += 1
        try:
            while self._now < until:
                await self._moved.wait()
        finally:
            self.sleepers -= 1


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds; fail after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def naive(*parts: int) -> datetime:
    """A DATE or TIMESTAMP as the engine gives it: year, month, day, ..."""
    return datetime(*parts)  # noqa: DTZ001 # pyright: ignore[reportArgumentType]


def in_loop(test: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """Run an async test in a loop of its own."""

    @functools.wraps(test)
    def run(*arguments: _P.args, **keywords: _P.kwargs) -> None:
        asyncio.run(test(*arguments, **keywords))

    return run


def create(directory: Path, clock: ManualClock | None = None) -> Database:
    """A new primary called FITTRACK."""
    return Database.create(directory, name="fittrack", clock=clock or ManualClock(), admin_password=PASSWORD)


async def logon(database: Database, user: str = "ADMIN") -> EngineSession:
    return await database.logon(user, ClientInfo(program="tests"))


@asynccontextmanager
async def opened(directory: Path, clock: ManualClock | None = None) -> AsyncGenerator[tuple[Database, EngineSession]]:
    """A new primary and a session of ADMIN's."""
    database = create(directory, clock)
    try:
        yield database, await logon(database)
    finally:
        await database.close()


async def sql(session: EngineSession, text: str, *rows: Sequence[Value], commit: bool = False) -> Result:
    """Run one statement, once per bind row."""
    return await session.execute(await session.prepare(text), rows, commit=commit)


async def rows(session: EngineSession, text: str, *binds: Value) -> list[list[Value]]:
    """All rows of a query."""
    result = await sql(session, text, binds)
    return [list(row) for row in result.rows]


async def value(session: EngineSession, text: str, *binds: Value) -> Value:
    """The one value of a query."""
    ((only,),) = await rows(session, text, *binds)
    return only


async def code_of(session: EngineSession, text: str, *binds: Value) -> int:
    """The ORA- number with which a statement fails; 0 when it does not."""
    try:
        await sql(session, text, binds)
    except OracleError as error:
        return error.code
    return 0


def ship(primary: Database, standby: Database) -> list[RedoEntry]:
    """Take everything the standby lacks over to it, and apply it."""
    entries = primary.redo_after(standby.received_scn, limit=100_000)
    standby.receive(entries, source_time=primary.clock.now())
    standby.apply()
    return entries


async def table_rows(database: Database, table: str) -> list[tuple[object, ...]]:
    """A table's rows in the file itself, with row ids: works on a mounted standby too."""
    return list(database.control.execute(f'SELECT rowid, * FROM "{table}" ORDER BY rowid'))
