"""The region's database as a process of its own, for the application to meet over Oracle Net.

``python -m tests.application.oracle_server DIRECTORY CLOCK PORT`` says ``ready`` on standard output, then obeys lines
on standard input, answers each with one line, and ends with its standard input. PORT stays the same after a restart,
so that the application sees one database coming and going.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from simulator.database.engine import Database, Role
from simulator.database.interface import Instance, RefusedConnectionError
from simulator.database.net import NetServer
from simulator.kernel.clock import WorldClock

SERVICE = "fittrack_tp"
PASSWORD = "Admin-Password-1"


class Listener:
    """Offers the database while it is the open primary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def instance(self, service_name: str) -> Instance:
        """Raises RefusedConnectionError as a listener beside a mounted standby does."""
        database = self._database
        if service_name.lower() != SERVICE or database.role is not Role.PRIMARY or not database.open:
            raise RefusedConnectionError(12514)
        return database


class Control:
    """What the test may do to the database."""

    def __init__(self, database: Database, clock: WorldClock) -> None:
        self._database = database
        self._clock = clock

    async def obey(self, line: str) -> Any:
        """Carry out one command; its answer as JSON."""
        database = self._database
        match line.split(maxsplit=1):
            case ["shutdown"]:
                await database.shutdown()
            case ["startup"]:
                await database.startup()
            case ["to-standby"]:
                await database.become_standby(database.epoch + 1)
            case ["to-primary"]:
                await database.become_primary(database.epoch + 1)
            case ["fence"]:
                await database.fence(database.epoch + 1)
            case ["sql", statement]:
                return await self._sql(statement)
            case _:
                return {"error": f"what? {line}"}
        return "ok"

    async def _sql(self, statement: str) -> Any:
        from simulator.database.interface import ClientInfo

        session = await self._database.logon("ADMIN", ClientInfo())
        try:
            result = await session.execute(await session.prepare(statement), [[]], commit=True)
        finally:
            await session.close()
        return [[str(value) for value in row] for row in result.rows]


async def main(directory: Path, clock_file: Path, port: int) -> None:
    """Serve until standard input ends."""
    clock = WorldClock(clock_file)
    if (directory / "made").exists():
        database = Database.load(directory, clock)
    else:
        database = Database.create(directory, name="FITTRACK", clock=clock, admin_password=PASSWORD)
        (directory / "made").touch()
        await database.startup()
    server = NetServer(Listener(database), ssl_context=None)
    await server.start("127.0.0.1", port)
    control = Control(database, clock)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := (await lines.readline()).decode().strip():
        sys.stdout.write(json.dumps(await control.obey(line)) + "\n")
        sys.stdout.flush()
    await server.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
