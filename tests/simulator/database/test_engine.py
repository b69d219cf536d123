"""Roles, redo and fences of one database and its standby, without a network."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from simulator.database.engine import Database, DivergedError, RedoEntry, Role, RoleError
from simulator.database.interface import OracleError
from tests.simulator.database.engines import (
    START,
    ManualClock,
    code_of,
    create,
    in_loop,
    logon,
    opened,
    rows,
    ship,
    sql,
    table_rows,
    value,
)


def standby_of(primary: Database, directory: Path) -> Database:
    primary.snapshot_to(directory / "base.db")
    return Database.instantiate_standby(
        directory / "standby", directory / "base.db", name="fittrack", clock=primary.clock
    )


@in_loop
async def test_each_commit_is_one_record_in_the_order_of_acknowledgement(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "db", clock) as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        heard: list[RedoEntry] = []
        database.on_commit = heard.append
        before = database.scn
        acknowledged: list[int] = []

        async def write(number: int) -> None:
            own = await logon(database)
            await sql(own, "INSERT INTO t VALUES (:1)", [number], commit=True)
            acknowledged.append(number)

        await asyncio.gather(*(write(n) for n in range(12)))
        clock.advance(-5)  # a clock set back does not turn the order of commit times
        await write(12)
        entries = database.redo_after(before)
        assert [e.scn for e in entries] == list(range(before + 1, before + 14))
        assert heard == entries
        assert [e.time for e in entries] == sorted(e.time for e in entries)
        assert [n for _, n in await table_rows(database, "ADMIN.T")] == acknowledged


@in_loop
async def test_a_rollback_and_an_empty_transaction_leave_no_record(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        before = database.scn
        await sql(session, "INSERT INTO t VALUES (1)")
        assert session.in_transaction
        await session.rollback()
        await sql(session, "UPDATE t SET a = 2")
        await session.commit()
        assert not session.in_transaction
        assert database.scn == before


@in_loop
async def test_a_standby_equals_its_primary(tmp_path: Path) -> None:
    """Row ids, keyless tables, identity, DDL, recycle bin: the whole file's users' tables, cell by cell."""
    async with opened(tmp_path / "db") as (primary, session):
        await sql(session, "CREATE TABLE keyless (a NUMBER, b VARCHAR2(10))")
        standby = standby_of(primary, tmp_path)
        await sql(session, "INSERT INTO keyless VALUES (:1, :2)", [1, "x"], [2, "y"], [3, "z"], commit=True)
        await sql(session, "DELETE FROM keyless WHERE a = 2", commit=True)
        await sql(session, "CREATE TABLE keyed (id NUMBER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v CLOB UNIQUE)")
        await sql(session, "INSERT INTO keyed (v) VALUES (:1)", ["one"], ["two"], commit=True)
        for new, old in (("-", "one"), ("one", "two"), ("two", "-")):  # two unique values change places
            await sql(session, "UPDATE keyed SET v = :1 WHERE v = :2", [new, old])
        await session.commit()
        await sql(session, "ALTER TABLE keyless ADD (c TIMESTAMP DEFAULT SYSTIMESTAMP, d NUMBER DEFAULT 7)")
        await sql(session, "CREATE SEQUENCE seq START WITH 10 CACHE 5")
        await sql(session, "INSERT INTO keyless (a) VALUES (seq.NEXTVAL)", commit=True)
        await sql(session, "CREATE TABLE dropped AS SELECT * FROM keyed")
        await sql(session, "DROP TABLE dropped")
        await sql(session, 'CREATE USER worker IDENTIFIED BY "Worker-1"')
        ship(primary, standby)
        assert standby.applied_scn == primary.scn
        for table in ("ADMIN.KEYLESS", "ADMIN.KEYED", "objects", "users", "sequences", "incarnations"):
            assert await table_rows(standby, table) == await table_rows(primary, table)
        assert standby.redo_after(0) == primary.redo_after(0)
        await standby.activate()
        theirs = await logon(standby)
        assert await value(theirs, "SELECT seq.NEXTVAL FROM dual") == 16  # a whole cache further
        await sql(theirs, "FLASHBACK TABLE dropped TO BEFORE DROP")
        assert await rows(theirs, "SELECT id FROM dropped ORDER BY id") == [[1], [2]]
        assert standby.verifier("worker") == primary.verifier("worker")
        await standby.close()


@in_loop
async def test_a_standby_takes_no_sessions_and_knows_how_far_it_is(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "db", clock) as (primary, session):
        standby = standby_of(primary, tmp_path)
        assert (standby.role, standby.open, standby.applied_scn) == (Role.STANDBY, False, primary.scn)
        with pytest.raises(OracleError) as refusal:
            await logon(standby)
        assert refusal.value.code == 1033
        await sql(session, "CREATE TABLE t (a NUMBER)")
        entries = primary.redo_after(standby.received_scn)
        standby.receive(entries, source_time=clock.advance(10))
        assert (standby.received_scn, standby.applied_scn) == (primary.scn, primary.scn - 1)
        assert standby.applied_time == START  # received is not applied
        standby.apply()
        assert standby.applied_time == START + timedelta(seconds=10)
        standby.receive([], source_time=clock.advance(5))  # idle, and known to be
        assert standby.applied_time == START + timedelta(seconds=15)
        await standby.close()
        again = Database.load(tmp_path / "standby", clock)
        assert (again.role, again.received_scn, again.applied_scn) == (Role.STANDBY, primary.scn, primary.scn)
        assert again.applied_time == START + timedelta(seconds=15)
        await again.close()


@in_loop
async def test_activation_keeps_what_was_received_and_no_more(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (primary, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        standby = standby_of(primary, tmp_path)
        for number in range(5):
            await sql(session, "INSERT INTO t VALUES (:1)", [number], commit=True)
        shipped = primary.redo_after(standby.received_scn, limit=3)
        standby.receive(shipped, source_time=START)
        activation = await standby.activate()
        assert (activation.scn, activation.time) == (shipped[-1].scn, shipped[-1].time)
        assert activation.epoch == primary.epoch + 1 == standby.epoch
        assert (standby.role, standby.open) == (Role.PRIMARY, True)
        theirs = await logon(standby)
        assert await rows(theirs, "SELECT a FROM t ORDER BY a") == [[0], [1], [2]]
        await sql(theirs, "INSERT INTO t VALUES (100)", commit=True)
        assert standby.redo_after(activation.scn)[0].kind == "open"
        with pytest.raises(RoleError):
            await standby.activate()
        # The old primary knows nothing of it and goes on, as Oracle's does.
        await sql(session, "INSERT INTO t VALUES (5)", commit=True)
        await standby.close()


@in_loop
async def test_redo_that_does_not_continue_the_log_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (primary, session):
        standby = standby_of(primary, tmp_path)
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)", commit=True)
        first, second = primary.redo_after(standby.received_scn)
        with pytest.raises(DivergedError):
            standby.receive([second], source_time=START)
        standby.receive([first], source_time=START)
        with pytest.raises(DivergedError):
            standby.receive([first], source_time=START)
        with pytest.raises(RoleError):
            primary.receive([], source_time=START)
        with pytest.raises(RoleError):
            primary.apply()
        await standby.close()


@in_loop
async def test_a_record_that_does_not_fit_the_rows_stops_the_standby(tmp_path: Path) -> None:
    """A standby whose rows are not the primary's must notice, not guess."""
    async with opened(tmp_path / "db") as (primary, session):
        await sql(session, "CREATE TABLE t (id NUMBER PRIMARY KEY, a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1, 1)", commit=True)
        standby = standby_of(primary, tmp_path)
        standby.writer.execute('UPDATE "ADMIN.T" SET a = 99')
        await sql(session, "UPDATE t SET a = 2", commit=True)
        standby.receive(primary.redo_after(standby.received_scn), source_time=START)
        before = standby.applied_scn
        with pytest.raises(DivergedError):
            standby.apply()
        assert standby.applied_scn == before
        await standby.close()


@in_loop
async def test_a_fenced_primary_acknowledges_nothing_more(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)")  # open when the fence comes
        before = database.scn
        await database.fence(database.epoch + 1)
        assert (database.role, database.open) == (Role.DISABLED_STANDBY, False)
        assert session.ended == 12572
        with pytest.raises(OracleError):
            await session.commit()
        with pytest.raises(OracleError):
            await logon(database)
        assert database.scn == before
        assert await table_rows(database, "ADMIN.T") == []
        again = Database.load(tmp_path / "db", ManualClock())
        assert (again.role, again.open, again.epoch) == (Role.DISABLED_STANDBY, False, 2)
        await again.close()


@in_loop
async def test_a_fence_of_a_lower_or_equal_epoch_is_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        await database.fence(database.epoch)
        assert database.role is Role.PRIMARY
        assert await value(session, "SELECT 1 FROM dual") == 1


@in_loop
async def test_a_commit_on_its_way_when_the_fence_falls_is_refused(tmp_path: Path) -> None:
    """The check is inside the write lock: the role as it is in the step that would make the commit durable."""
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)")
        assert session.transaction is not None
        before = database.scn
        database.role = Role.DISABLED_STANDBY  # the fence's first step, before it has reached the session
        with pytest.raises(OracleError) as refusal:
            await session.commit()
        assert refusal.value.code == 16000
        assert database.scn == before
        database.role = Role.PRIMARY
        assert await value(session, "SELECT count(*) FROM t") == 0


@in_loop
async def test_a_switchover_loses_nothing_and_goes_back(tmp_path: Path) -> None:
    clock = ManualClock()
    primary = create(tmp_path / "db", clock)
    session = await logon(primary)
    await sql(session, "CREATE TABLE t (a NUMBER)")
    standby = standby_of(primary, tmp_path)
    await sql(session, "INSERT INTO t VALUES (1)", commit=True)
    for epoch in (2, 3):
        await primary.become_standby(epoch)
        ship(primary, standby)
        await standby.become_primary(epoch)
        theirs = await logon(standby)
        await sql(theirs, "INSERT INTO t VALUES (:1)", [epoch], commit=True)
        ship(standby, primary)
        assert await table_rows(primary, "ADMIN.T") == await table_rows(standby, "ADMIN.T")
        assert (primary.role, standby.role) == (Role.STANDBY, Role.PRIMARY)
        primary, standby = standby, primary
    assert await rows(await logon(primary), "SELECT a FROM t ORDER BY a") == [[1], [2], [3]]
    await primary.close()
    await standby.close()


@in_loop
async def test_stop_and_start(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "db", clock) as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)")
        await database.shutdown()
        assert session.ended == 12572
        assert database.sessions == {}
        with pytest.raises(OracleError):
            await logon(database)
        await database.startup()
        again = await logon(database)
        assert await value(again, "SELECT count(*) FROM t") == 0
        assert await code_of(again, "INSERT INTO t VALUES (2)") == 0


@pytest.mark.parametrize("ddl", [False, True], ids=["rows only", "with DDL"])
@in_loop
async def test_a_fenced_primary_is_taken_back_and_tells_what_it_undid(tmp_path: Path, ddl: bool) -> None:
    async with opened(tmp_path / "db") as (old, session):
        await sql(session, "CREATE TABLE t (id NUMBER PRIMARY KEY, a VARCHAR2(10))")
        await sql(session, "INSERT INTO t VALUES (1, 'kept')", commit=True)
        new = standby_of(old, tmp_path)
        await sql(session, "INSERT INTO t VALUES (2, 'lost')", commit=True)
        if ddl:
            await sql(session, "ALTER TABLE t ADD (b NUMBER DEFAULT 1)")
        await sql(session, "UPDATE t SET a = 'changed' WHERE id = 1", commit=True)
        activation = await new.activate()
        await old.fence(activation.epoch)
        undone = await old.reinstate(activation.scn)
        assert [u.scn for u in undone] == list(range(activation.scn + 1, activation.scn + 1 + len(undone)))
        assert [u.ddl for u in undone if u.ddl] == (["ALTER TABLE t ADD (b NUMBER DEFAULT 1)"] if ddl else [])
        operations = [(c.table, c.operation) for u in undone for c in u.changes]
        assert operations == [("ADMIN.T", "INSERT"), ("ADMIN.T", "UPDATE")]
        assert undone[0].changes[0].new == (2, "lost")
        assert (old.role, old.received_scn, old.applied_scn) == (Role.STANDBY, activation.scn, activation.scn)
        theirs = await logon(new)
        await sql(theirs, "INSERT INTO t VALUES (3, 'new')", commit=True)
        ship(new, old)
        assert await table_rows(old, "ADMIN.T") == [(1, 1, "kept"), (2, 3, "new")]
        assert old.undone() == undone
        await new.close()


@in_loop
async def test_only_a_database_that_is_not_primary_is_taken_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, _):
        with pytest.raises(RoleError, match="fence it"):
            await database.reinstate(1)
        await database.fence(2)
        with pytest.raises(RoleError, match="no SCN 99"):
            await database.reinstate(99)


@in_loop
async def test_a_base_copy_does_not_wait_for_an_open_transaction(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)")
        assert database.snapshot_to(tmp_path / "base.db") == database.scn
        standby = Database.instantiate_standby(
            tmp_path / "standby", tmp_path / "base.db", name="fittrack", clock=database.clock
        )
        assert await table_rows(standby, "ADMIN.T") == []
        await standby.close()


def test_creating_twice_and_loading_nothing(tmp_path: Path) -> None:
    asyncio.run(create(tmp_path / "db").close())
    with pytest.raises(FileExistsError):
        create(tmp_path / "db")
    with pytest.raises(FileNotFoundError):
        Database.load(tmp_path / "none", ManualClock())


@in_loop
async def test_what_was_received_and_not_applied_is_undone_too(tmp_path: Path) -> None:
    """A standby that follows a promoted one must not keep redo of the branch that lost."""
    async with opened(tmp_path / "db") as (primary, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        first = standby_of(primary, tmp_path)
        second = Database.instantiate_standby(
            tmp_path / "second", tmp_path / "base.db", name="fittrack", clock=primary.clock
        )
        for number in range(4):
            await sql(session, "INSERT INTO t VALUES (:1)", [number], commit=True)
        entries = primary.redo_after(first.received_scn)
        first.receive(entries[:2], source_time=START)
        activation = await first.activate()
        second.receive(entries[:1], source_time=START)
        second.apply()
        second.receive(entries[1:], source_time=START)
        await second.fence(activation.epoch)
        assert (second.role, second.applied_scn) == (Role.DISABLED_STANDBY, entries[0].scn)
        undone = await second.reinstate(activation.scn)
        assert [u.scn for u in undone] == [e.scn for e in entries[2:]]
        assert (second.received_scn, second.applied_scn) == (activation.scn, entries[0].scn)
        ship(first, second)
        assert await table_rows(second, "ADMIN.T") == [(1, 0), (2, 1)]
        assert second.epoch == activation.epoch
        await first.close()
        await second.close()


@in_loop
async def test_a_standby_that_was_not_asked_takes_nothing_over(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, _):
        with pytest.raises(RoleError):
            await database.become_primary(2)
        await database.fence(2)
        with pytest.raises(RoleError):
            await database.become_primary(3)
        with pytest.raises(RoleError):
            await database.activate()
        with pytest.raises(RoleError):
            await database.become_standby(3)
