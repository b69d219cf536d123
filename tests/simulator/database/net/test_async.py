"""The asyncio side of the driver."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import oracledb
import pytest

from tests.simulator.database.net.conftest import PASSWORD, USER, Tiny
from tests.simulator.database.net.test_breaks import ENDLESS, SLEEP

pytestmark = pytest.mark.wire


def _with_connection(server: Tiny, work: Callable[[oracledb.AsyncConnection], Awaitable[None]]) -> None:
    async def main() -> None:
        async with oracledb.connect_async(user=USER, password=PASSWORD, dsn=server.dsn) as connection:
            await work(connection)

    asyncio.run(main())


def test_statements(server: Tiny) -> None:
    async def work(connection: oracledb.AsyncConnection) -> None:
        cursor = connection.cursor()
        await cursor.execute("create table if not exists async_items (id NUMBER, note CLOB)")
        rows = [(i, f"note {i} " * 100) for i in range(2_000)]
        await cursor.executemany("insert into async_items values (:1, :2)", rows)
        assert cursor.rowcount == len(rows)
        await cursor.execute("select id, note from async_items order by id", fetch_lobs=False)
        assert await cursor.fetchall() == rows
        await cursor.execute("select note from async_items where id = 7")
        ((note,),) = await cursor.fetchall()
        assert await note.read() == rows[7][1]
        out = cursor.var(str)
        await cursor.execute("begin :o := upper(:i); end;", o=out, i="abc")
        assert out.getvalue() == "ABC"
        with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):
            await connection.fetchall("select * from nowhere")
        await connection.rollback()

    _with_connection(server, work)


@pytest.mark.parametrize("sql", [SLEEP, ENDLESS])
def test_time_outs(server: Tiny, sql: str) -> None:
    async def work(connection: oracledb.AsyncConnection) -> None:
        connection.call_timeout = 60
        for _ in range(3):
            with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
                await connection.execute(sql)
            connection.call_timeout = 5000
            assert await connection.fetchone("select 1 as x") == (1,)
            connection.call_timeout = 60

    _with_connection(server, work)


def test_a_cancelled_task(server: Tiny) -> None:
    async def work(connection: oracledb.AsyncConnection) -> None:
        for _ in range(3):
            task = asyncio.create_task(connection.execute(SLEEP))
            while await asyncio.to_thread(server.ask, "running") == "0":
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await connection.fetchone("select 1 as x") == (1,)

    _with_connection(server, work)


def test_a_pool_under_concurrent_use(server: Tiny) -> None:
    async def main() -> None:
        pool = oracledb.create_pool_async(user=USER, password=PASSWORD, dsn=server.dsn, min=2, max=5)

        async def use(number: int) -> int:
            async with pool.acquire() as connection:
                row = await connection.fetchone("select :1 * 2 as x", [number])
                return row[0]

        assert await asyncio.gather(*(use(i) for i in range(60))) == [i * 2 for i in range(60)]
        await pool.close()

    asyncio.run(main())


def test_a_pipeline_is_sent_call_by_call(server: Tiny) -> None:
    async def work(connection: oracledb.AsyncConnection) -> None:
        pipeline = oracledb.create_pipeline()
        pipeline.add_execute("create table if not exists piped (id NUMBER)")
        pipeline.add_executemany("insert into piped values (:1)", [(1,), (2,)])
        pipeline.add_fetchall("select id from piped order by id")
        pipeline.add_commit()
        results = await connection.run_pipeline(pipeline)
        assert results[2].rows == [(1,), (2,)]

    _with_connection(server, work)


def test_a_drained_session(server: Tiny) -> None:
    async def work(connection: oracledb.AsyncConnection) -> None:
        await connection.ping()
        await asyncio.to_thread(server.ask, "drain")
        assert await connection.fetchone("select 1 as x") == (1,)
        assert not connection.is_healthy()

    _with_connection(server, work)
