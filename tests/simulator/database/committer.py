"""A database process that commits as fast as it can and says so; made to be killed.

``python -m tests.simulator.database.committer DIRECTORY CLOCK`` prints ``ready``, then per acknowledged transaction one
line ``SESSION NUMBER SCN``.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from simulator.database.engine import Database
from simulator.kernel.clock import WorldClock
from tests.simulator.database.engines import PASSWORD, logon, sql

SESSIONS = 4


def say(text: str) -> None:
    os.write(1, text.encode() + b"\n")  # at once and whole: nothing may be left in a buffer when the signal comes


async def commit_for_ever(database: Database, name: int) -> None:
    session = await logon(database)
    for number in itertools.count():
        rows = [[name, number, part, f"{name}-{number}-{part}" * 20] for part in range(3)]
        await sql(session, "INSERT INTO storm (session_no, txn, part, filling) VALUES (:1, :2, :3, :4)", *rows)
        await session.commit()
        say(f"{name} {number} {database.scn}")


async def main(directory: Path, clock: Path) -> None:
    database = Database.create(directory, name="fittrack", clock=WorldClock(clock), admin_password=PASSWORD)
    session = await logon(database)
    await sql(session, "CREATE TABLE storm (session_no NUMBER, txn NUMBER, part NUMBER, filling VARCHAR2(4000))")
    await sql(session, "CREATE UNIQUE INDEX storm_ux ON storm (session_no, txn, part)")
    say("ready")
    await asyncio.gather(*(commit_for_ever(database, name) for name in range(SESSIONS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
