"""Sessions among each other: locks, interruptions, isolation, users and what they may do."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from simulator.database import session as session_module
from simulator.database import users
from simulator.database.interface import OracleError
from tests.simulator.database.engines import (
    PASSWORD,
    ManualClock,
    code_of,
    in_loop,
    logon,
    opened,
    rows,
    sql,
    until,
    value,
)


@in_loop
async def test_readers_see_what_is_committed_writers_their_own(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, writer):
        reader = await logon(database)
        await sql(writer, "CREATE TABLE t (a NUMBER)")
        await sql(writer, "INSERT INTO t VALUES (1)")
        assert await value(writer, "SELECT count(*) FROM t") == 1
        assert await value(reader, "SELECT count(*) FROM t") == 0
        await writer.commit()
        assert await value(reader, "SELECT count(*) FROM t") == 1


@in_loop
async def test_a_second_writer_waits_for_the_first(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, first):
        second = await logon(database)
        await sql(first, "CREATE TABLE t (a NUMBER)")
        await sql(first, "INSERT INTO t VALUES (1)")
        waiting = asyncio.ensure_future(sql(second, "UPDATE t SET a = a + 1", commit=True))
        await asyncio.sleep(0)
        assert not waiting.done()
        await first.commit()
        assert (await waiting).rowcount == 1
        assert await value(first, "SELECT a FROM t") == 2


@in_loop
async def test_who_waits_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path / "db") as (database, first):
        second = await logon(database)
        await sql(first, "CREATE TABLE t (a NUMBER)")
        await sql(first, "INSERT INTO t VALUES (1)")
        monkeypatch.setattr(session_module.EngineSession, "lock_wait", 0.01)
        assert await code_of(second, "INSERT INTO t VALUES (2)") == 54
        assert await code_of(second, "DROP TABLE t") == 54
        await first.rollback()
        assert await code_of(second, "INSERT INTO t VALUES (2)") == 0


@in_loop
async def test_select_for_update_locks(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, first):
        second = await logon(database)
        await sql(first, "CREATE TABLE t (a NUMBER)")
        await sql(first, "INSERT INTO t VALUES (1)", commit=True)
        assert await rows(first, "SELECT a FROM t FOR UPDATE") == [[1]]
        assert first.in_transaction
        assert await code_of(second, "SELECT a FROM t FOR UPDATE NOWAIT") == 54
        assert await rows(second, "SELECT a FROM t FOR UPDATE SKIP LOCKED") == []
        assert await code_of(second, "LOCK TABLE t IN EXCLUSIVE MODE NOWAIT") == 54
        await first.rollback()
        assert await rows(second, "SELECT a FROM t FOR UPDATE NOWAIT") == [[1]]


@in_loop
async def test_a_wait_for_a_lock_can_be_broken(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, first):
        second = await logon(database)
        await sql(first, "CREATE TABLE t (a NUMBER)")
        await sql(first, "INSERT INTO t VALUES (1)")
        waiting = asyncio.ensure_future(code_of(second, "INSERT INTO t VALUES (2)"))
        await asyncio.sleep(0)
        second.interrupt()
        assert await waiting == 1013
        await first.commit()
        assert await code_of(second, "INSERT INTO t VALUES (2)") == 0  # the lock did not go astray


_LONG = "SELECT count(*) FROM (SELECT LEVEL l FROM dual CONNECT BY LEVEL < 30000000)"


@in_loop
async def test_a_long_query_is_broken_and_others_go_on_meanwhile(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        other = await logon(database)
        running = asyncio.ensure_future(code_of(session, _LONG))
        await until(lambda: session.describe()["status"] == "ACTIVE")
        for _ in range(3):
            assert await value(other, "SELECT 1 FROM dual") == 1
        assert not running.done()
        session.interrupt()
        assert await running == 1013
        assert await value(session, "SELECT 1 FROM dual") == 1


@in_loop
async def test_a_broken_change_takes_its_transaction_along_and_says_so(tmp_path: Path) -> None:
    """SQLite rolls the whole transaction back: the session must not commit the rest as if it were all."""
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)")
        before = database.scn
        running = asyncio.ensure_future(code_of(session, f"INSERT INTO t {_LONG}"))
        await until(lambda: session.describe()["status"] == "ACTIVE")
        session.interrupt()
        assert await running == 1013
        assert await code_of(session, "INSERT INTO t VALUES (2)") == 2091
        with pytest.raises(OracleError) as refusal:
            await session.commit()
        assert refusal.value.code == 2091
        assert database.scn == before
        assert await code_of(session, "INSERT INTO t VALUES (2)") == 0
        await session.commit()
        assert await rows(session, "SELECT a FROM t") == [[2]]


@in_loop
async def test_sleeping_takes_world_time_and_can_be_broken(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "db", clock) as (_, session):
        sleeping = asyncio.ensure_future(code_of(session, "BEGIN DBMS_SESSION.SLEEP(30); END;"))
        await until(lambda: clock.sleepers == 1)
        clock.advance(29)
        await asyncio.sleep(0)
        assert not sleeping.done()
        clock.advance(1)
        assert await sleeping == 0
        sleeping = asyncio.ensure_future(code_of(session, "BEGIN DBMS_SESSION.SLEEP(30); END;"))
        await until(lambda: clock.sleepers == 1)
        session.interrupt()
        assert await sleeping == 1013


@in_loop
async def test_statements_are_whole_or_not_at_all(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (_, session):
        await sql(session, "CREATE TABLE t (a NUMBER PRIMARY KEY)")
        await sql(session, "INSERT INTO t VALUES (5)")
        assert await code_of(session, "INSERT INTO t SELECT LEVEL FROM dual CONNECT BY LEVEL <= 9") == 1
        assert await rows(session, "SELECT a FROM t") == [[5]]
        with pytest.raises(OracleError):
            await sql(session, "INSERT INTO t VALUES (:1)", [1], [2], [5], [3])
        assert await rows(session, "SELECT a FROM t ORDER BY a") == [[1], [2], [5]]  # rows before the culprit stay


@in_loop
async def test_batch_errors_are_collected(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (_, session):
        await sql(session, "CREATE TABLE t (a NUMBER PRIMARY KEY)")
        statement = await session.prepare("INSERT INTO t VALUES (:1)")
        result = await session.execute(statement, [[1], [1], [2], ["x"]], batch_errors=True)
        assert result.row_counts == (1, 0, 1, 0)
        assert [(row, error.code) for row, error in result.batch_errors] == [(1, 1), (3, 1722)]


@in_loop
async def test_savepoints(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)")
        await sql(session, "SAVEPOINT one")
        await sql(session, "INSERT INTO t VALUES (2)")
        await sql(session, "ROLLBACK TO SAVEPOINT one")
        await sql(session, "INSERT INTO t VALUES (3)")
        assert await code_of(session, "ROLLBACK TO two") == 1086
        await sql(session, "COMMIT")
        assert await rows(session, "SELECT a FROM t") == [[1], [3]]
        ((entry,),) = [database.redo_after(database.scn - 1)]
        assert b"ADMIN.T" in entry.payload


@in_loop
async def test_ddl_commits_what_was_open(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)")
        await sql(session, "CREATE TABLE u (a NUMBER)")
        assert not session.in_transaction
        await session.rollback()
        assert await value(session, "SELECT count(*) FROM t") == 1
        assert [e.kind for e in database.redo_after(database.scn - 2)] == ["commit", "ddl"]


@in_loop
async def test_a_killed_session_is_rolled_back_and_told(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, admin):
        await sql(admin, "CREATE TABLE t (a NUMBER)")
        victim = await logon(database)
        await sql(victim, "INSERT INTO t VALUES (1)")
        sid, serial = (await rows(admin, "SELECT sid, serial# FROM v$session WHERE taddr IS NOT NULL"))[0]
        assert await code_of(admin, f"ALTER SYSTEM KILL SESSION '{sid},{serial}' IMMEDIATE") == 0
        assert victim.ended == 28
        assert await code_of(victim, "SELECT 1 FROM dual") == 28
        assert await code_of(admin, "INSERT INTO t VALUES (2)") == 0
        assert await code_of(admin, "ALTER SYSTEM KILL SESSION '999,1'") == 30


@in_loop
async def test_a_closed_session_leaves_no_lock(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, admin):
        await sql(admin, "CREATE TABLE t (a NUMBER)")
        leaving = await logon(database)
        await sql(leaving, "INSERT INTO t VALUES (1)")
        await leaving.close()
        await leaving.close()
        assert await code_of(leaving, "SELECT 1 FROM dual") == 1012
        assert await code_of(admin, "SELECT * FROM t FOR UPDATE NOWAIT") == 0


@in_loop
async def test_users_passwords_and_locks(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, admin):
        assert database.verifier("nobody") is None
        verifier = database.verifier("admin")
        assert verifier is not None
        assert users.proves(verifier, PASSWORD)
        await sql(admin, 'CREATE USER worker IDENTIFIED BY "Worker-1" QUOTA UNLIMITED ON data')
        with pytest.raises(OracleError) as refusal:
            await logon(database, "worker")
        assert refusal.value.code == 1045
        await sql(admin, "GRANT CREATE SESSION TO worker")
        worker = await logon(database, "worker")
        with pytest.raises(OracleError) as refusal:
            await worker.change_password("wrong", "New-1")
        assert refusal.value.code == 28008
        await worker.change_password("Worker-1", "New-1")
        await sql(worker, 'ALTER USER worker IDENTIFIED BY "New-2" REPLACE "New-1"')
        verifier = database.verifier("WORKER")
        assert verifier is not None
        assert users.proves(verifier, "New-2")
        assert await code_of(worker, "ALTER USER admin IDENTIFIED BY x") == 1031
        await sql(admin, "ALTER USER worker ACCOUNT LOCK")
        with pytest.raises(OracleError) as refusal:
            await logon(database, "worker")
        assert refusal.value.code == 28000
        assert await code_of(admin, "CREATE USER worker IDENTIFIED BY x") == 1920
        assert await code_of(admin, "DROP USER worker") == 0
        assert database.verifier("worker") is None


@in_loop
async def test_a_password_is_nowhere_in_the_files(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, admin):
        await sql(admin, 'CREATE USER worker IDENTIFIED BY "Very-Secret-9"')
        await sql(admin, 'ALTER USER worker IDENTIFIED BY "Very-Secret-8" REPLACE "Very-Secret-9"')
        contents = b"".join(path.read_bytes() for path in (tmp_path / "db").iterdir() if path.is_file())
        assert b"Very-Secret" not in contents
        assert PASSWORD.encode() not in contents
        assert b"IDENTIFIED BY ***" in database.redo_after(database.scn - 1)[0].payload


@in_loop
async def test_privileges(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, admin):
        for name in ("fittrack", "operator"):
            await sql(admin, f"CREATE USER {name} IDENTIFIED BY x")
            await sql(admin, f"GRANT CONNECT TO {name}")
        owner, operator = await logon(database, "fittrack"), await logon(database, "operator")
        assert await code_of(owner, "CREATE TABLE t (a NUMBER)") == 1031
        await sql(admin, "GRANT RESOURCE TO fittrack")
        await sql(owner, "CREATE TABLE t (a NUMBER)")
        assert await code_of(operator, "SELECT * FROM fittrack.t") == 942
        await sql(owner, "GRANT SELECT ON t TO operator")
        assert await code_of(operator, "SELECT * FROM fittrack.t") == 0
        assert await code_of(operator, "DELETE FROM fittrack.t") == 1031
        assert await code_of(operator, "SELECT * FROM t") == 942
        await sql(admin, "CREATE PUBLIC SYNONYM t FOR fittrack.t")
        assert await code_of(operator, "SELECT * FROM t") == 0
        await sql(owner, "REVOKE SELECT ON t FROM operator")
        assert await code_of(operator, "SELECT * FROM t") == 942
        await sql(admin, "CREATE ROLE readers")
        await sql(admin, "GRANT SELECT ANY TABLE TO readers")
        await sql(admin, "GRANT readers TO operator")
        assert await code_of(operator, "SELECT * FROM fittrack.t") == 0
        assert await code_of(operator, "GRANT CREATE TABLE TO operator") == 1031
        assert await code_of(admin, "GRANT SELECT ANY TABLE TO nobody") == 1917
        assert await code_of(admin, "GRANT WALK ANY DOG TO operator") == 990
        assert await code_of(admin, "DROP USER fittrack") == 1922
        assert await code_of(admin, "DROP USER fittrack CASCADE") == 0
        assert await code_of(admin, "SELECT * FROM fittrack.t") == 942


@pytest.mark.parametrize("seed", [1, 2, 3])
@in_loop
async def test_transfers_broken_and_abandoned_anywhere_conserve_the_sum(tmp_path: Path, seed: int) -> None:
    """Sessions transfer between accounts while calls are interrupted, tasks cancelled, sessions killed and closed."""
    chance = random.Random(seed)
    async with opened(tmp_path / "db") as (database, admin):
        await sql(admin, "CREATE TABLE accounts (id NUMBER PRIMARY KEY, amount NUMBER NOT NULL)")
        await sql(admin, "INSERT INTO accounts VALUES (:1, 100)", *[[n] for n in range(10)], commit=True)

        codes: set[int] = set()

        async def transfer() -> None:
            session = await logon(database)
            try:
                for _ in range(8):
                    giver, taker = chance.sample(range(10), 2)
                    await sql(session, "UPDATE accounts SET amount = amount - 1 WHERE id = :1", [giver])
                    await asyncio.sleep(chance.choice((0, 0.001)))
                    await value(session, "SELECT SUM(amount) FROM accounts WHERE amount > -1 OR 1 = 1")
                    await sql(session, "UPDATE accounts SET amount = amount + 1 WHERE id = :1", [taker])
                    await (session.rollback() if chance.random() < 0.2 else session.commit())
            except OracleError as error:
                codes.add(error.code)
            finally:
                await session.close()

        tasks = [asyncio.ensure_future(transfer()) for _ in range(12)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.002)
            sessions = [s for s in database.sessions.values() if s is not admin]
            disturbance = chance.random()
            if sessions and disturbance < 0.3:
                chance.choice(sessions).interrupt()
            elif sessions and disturbance < 0.4:
                await chance.choice(sessions).end(28)
            elif disturbance < 0.5:
                chance.choice(tasks).cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)
        assert codes <= {1013, 2091, 28, 1012}
        assert not database.write_lock.held
        assert await value(admin, "SELECT SUM(amount) FROM accounts") == 1000
        assert list(database.sessions.values()) == [admin]
        await sql(admin, "UPDATE accounts SET amount = 0", commit=True)
