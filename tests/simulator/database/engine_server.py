"""The engine behind an Oracle Net listener, as a process of its own.

``python -m tests.simulator.database.engine_server DIRECTORY`` says ``ready HOST PORT`` and serves until its standard
input ends.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from simulator.database.engine import Database, Role
from simulator.database.interface import Instance, RefusedConnectionError
from simulator.database.net import NetServer
from simulator.kernel.clock import WorldClock, write_anchor
from tests.simulator.database.engines import PASSWORD

SERVICE = "fittrack_tp"


class Listener:
    """Offers the one database while it is an open primary."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def instance(self, service_name: str) -> Instance:
        database = self._database
        if service_name.lower() != SERVICE or database.role is not Role.PRIMARY or not database.open:
            raise RefusedConnectionError(12514)
        return database


async def main(directory: Path) -> None:
    anchor = directory / "clock.json"
    write_anchor(anchor, world=datetime.now(UTC), rate=1.0)
    clock = WorldClock(anchor)
    database = Database.create(directory / "db", name="fittrack", clock=clock, admin_password=PASSWORD)
    server = NetServer(Listener(database), ssl_context=None)
    host, port = await server.start("127.0.0.1", 0)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    sys.stdout.write(f"ready {host} {port}\n")
    sys.stdout.flush()
    await lines.read()
    await server.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
