"""The past, against a model: AS OF, flashback and copies at an SCN show exactly what was committed then."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.database.engine import Database
from simulator.database.interface import Value
from simulator.database.session import EngineSession
from simulator.database.sql.types import to_stamp
from tests.simulator.database.engines import START, ManualClock, code_of, in_loop, logon, opened, rows, sql, value

Rows = dict[int, str]
Step = tuple[str, int, str]

_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 6), st.text("ab", max_size=2)),
        st.tuples(st.just("delete"), st.integers(1, 6), st.just("")),
        st.tuples(st.just("commit"), st.integers(0, 90), st.just("")),
        st.tuples(st.just("rollback"), st.just(0), st.just("")),
        st.tuples(st.just("other table"), st.just(0), st.just("")),
    ),
    max_size=25,
)


async def _take(session: EngineSession, clock: ManualClock, working: Rows, step: Step) -> None:
    """One step on the database and on the model."""
    match step:
        case ("put", key, text):
            await sql(session, "DELETE FROM t WHERE id = :1", [key])
            await sql(session, "INSERT INTO t VALUES (:1, :2)", [key, text])
            working[key] = text
        case ("delete", key, _):
            await sql(session, "DELETE FROM t WHERE id = :1", [key])
            working.pop(key, None)
        case ("other table", _, _):
            await sql(session, "INSERT INTO noise SELECT count(*) FROM t")
        case (_, seconds, _):
            clock.advance(seconds)


async def _history(
    database: Database, session: EngineSession, clock: ManualClock, steps: Sequence[Step]
) -> list[tuple[int, datetime, Rows]]:
    """(SCN, commit time, rows) after each commit, the empty table first."""
    history = [(database.scn, clock.now(), {})]
    committed: Rows = {}
    working: Rows = {}
    for step in [*steps, ("commit", 1, "")]:
        await _take(session, clock, working, step)
        if step[0] == "commit":
            await session.commit()
            committed = dict(working)
            if database.scn > history[-1][0]:
                history.append((database.scn, clock.now(), committed))
        elif step[0] == "rollback":
            await session.rollback()
            working = dict(committed)
    return history


def _plain(found: list[list[Value]]) -> Rows:
    return {int(str(key)): str(text or "") for key, text in found}


async def _check(steps: Sequence[Step], directory: Path) -> None:
    clock = ManualClock()
    async with opened(directory / "db", clock) as (database, session):
        await sql(session, "CREATE TABLE noise (a NUMBER)")
        await sql(session, "CREATE TABLE t (id NUMBER PRIMARY KEY, a VARCHAR2(5)) ENABLE ROW MOVEMENT")
        history = await _history(database, session, clock, steps)
        last_of_moment = {moment: state for _, moment, state in history}
        for scn, moment, state in history:
            assert _plain(await rows(session, f"SELECT id, a FROM t AS OF SCN {scn}")) == state
            seen = await rows(session, "SELECT id, a FROM t AS OF TIMESTAMP :1", moment)
            assert _plain(seen) == last_of_moment[moment]
        scn, _, state = history[len(history) // 2]
        database.copy_at(directory / "copy.db", scn)
        copy = Database.instantiate_standby(directory / "copy", directory / "copy.db", name="copy", clock=clock)
        await copy.activate()
        assert _plain(await rows(await logon(copy), "SELECT id, a FROM t")) == state
        await copy.close()
        await sql(session, f"FLASHBACK TABLE t TO SCN {scn}")
        assert _plain(await rows(session, "SELECT id, a FROM t")) == state


@settings(max_examples=12, deadline=None)
@given(_steps)
def test_every_past_state_is_the_models(steps: Sequence[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_check(steps, Path(directory)))


@in_loop
async def test_the_times_and_numbers_that_there_is_no_past_for(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "db", clock) as (database, session):
        clock.advance(60)
        await sql(session, "CREATE TABLE t (a NUMBER)")
        assert await code_of(session, "SELECT * FROM t AS OF TIMESTAMP :1", START - timedelta(days=1)) == 8180
        assert await code_of(session, "SELECT * FROM t AS OF TIMESTAMP :1", clock.now() + timedelta(seconds=1)) == 8186
        assert await code_of(session, "SELECT * FROM t AS OF TIMESTAMP :1", START) == 1466  # before its creation
        assert await code_of(session, "SELECT * FROM t AS OF SCN :1", database.scn + 1) == 8181
        assert await code_of(session, "SELECT * FROM v$database AS OF SCN :1", database.scn) == 8187
        assert await code_of(session, "SELECT * FROM t VERSIONS BETWEEN SCN 1 AND 2") in (933, 3001)


@in_loop
async def test_a_changed_definition_ends_the_past_of_that_table_alone(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        for name in ("changed", "kept"):
            await sql(session, f"CREATE TABLE {name} (a NUMBER)")
            await sql(session, f"INSERT INTO {name} VALUES (1)", commit=True)
        scn = database.scn
        await sql(session, "DELETE FROM kept", commit=True)
        await sql(session, "ALTER TABLE changed ADD (b NUMBER)")
        await sql(session, "CREATE INDEX kept_ix ON kept (a)")
        await sql(session, "COMMENT ON TABLE kept IS 'harmless'")
        assert await code_of(session, f"SELECT * FROM changed AS OF SCN {scn}") == 1466
        assert await value(session, f"SELECT count(*) FROM kept AS OF SCN {scn}") == 1
        await sql(session, "TRUNCATE TABLE kept")
        assert await code_of(session, f"SELECT * FROM kept AS OF SCN {scn}") == 1466


@in_loop
async def test_rows_are_brought_back_by_a_query_of_the_past(tmp_path: Path) -> None:
    """The runbook's repair: insert what is missing from the table as it was."""
    clock = ManualClock()
    async with opened(tmp_path / "db", clock) as (_, session):
        await sql(session, "CREATE TABLE users (id NUMBER PRIMARY KEY, name VARCHAR2(20), born DATE)")
        await sql(
            session, "INSERT INTO users VALUES (:1, :2, :3)", *[[n, f"u{n}", START] for n in range(50)], commit=True
        )
        good = to_stamp(clock.advance(60))[:19]
        clock.advance(60)
        await sql(session, "DELETE FROM users WHERE id >= 10", commit=True)
        moment = f"TO_TIMESTAMP('{good}', 'YYYY-MM-DD HH24:MI:SS')"
        assert await value(session, f"SELECT count(*) FROM users AS OF TIMESTAMP {moment}") == 50
        text = (
            f"INSERT INTO users SELECT * FROM users AS OF TIMESTAMP {moment} past"
            " WHERE past.id NOT IN (SELECT id FROM users)"
        )
        assert (await sql(session, text, commit=True)).rowcount == 40
        assert await value(session, "SELECT count(*) FROM users") == 50
        assert (
            await value(session, "SELECT count(*) FROM users AS OF TIMESTAMP SYSTIMESTAMP - INTERVAL '1' SECOND") == 50
        )
        assert (
            await value(session, "SELECT count(*) FROM users AS OF TIMESTAMP SYSTIMESTAMP - INTERVAL '30' SECOND") == 50
        )


@in_loop
async def test_flashback_of_a_parent_leaves_its_children_alone(tmp_path: Path) -> None:
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE parent (id NUMBER PRIMARY KEY, a NUMBER)")
        assert await code_of(session, f"FLASHBACK TABLE parent TO SCN {database.scn}") == 8189
        await sql(session, "ALTER TABLE parent ENABLE ROW MOVEMENT")
        await sql(session, "CREATE TABLE child (id NUMBER REFERENCES parent ON DELETE CASCADE)")
        await sql(session, "INSERT INTO parent VALUES (1, 1)")
        await sql(session, "INSERT INTO child VALUES (1)", commit=True)
        scn = database.scn
        await sql(session, "UPDATE parent SET a = 2", commit=True)
        await sql(session, "INSERT INTO parent VALUES (2, 2)", commit=True)
        await sql(session, f"FLASHBACK TABLE parent TO SCN {scn}")
        assert await rows(session, "SELECT id, a FROM parent") == [[1, 1]]
        assert await value(session, "SELECT count(*) FROM child") == 1
        await sql(session, "INSERT INTO parent VALUES (2, 2)")
        await sql(session, "INSERT INTO child VALUES (2)", commit=True)
        assert await code_of(session, f"FLASHBACK TABLE parent TO SCN {scn}") == 2091  # an orphan would remain
        assert await value(session, "SELECT count(*) FROM parent") == 2


@in_loop
async def test_restore_points_and_scn_functions(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(tmp_path / "db", clock) as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER) ENABLE ROW MOVEMENT")
        await sql(session, "CREATE RESTORE POINT before_load")
        clock.advance(10)
        await sql(session, "INSERT INTO t VALUES (1)", commit=True)
        loaded = database.scn
        assert await value(session, f"SELECT SCN_TO_TIMESTAMP({loaded}) FROM dual") == clock.now().replace(tzinfo=None)
        assert await value(session, "SELECT TIMESTAMP_TO_SCN(SYSTIMESTAMP) FROM dual") == loaded
        assert await value(session, "SELECT current_scn FROM v$database") == loaded
        assert database.scn_at(START - timedelta(seconds=1)) == 0
        await sql(session, "FLASHBACK TABLE t TO RESTORE POINT before_load")
        assert await value(session, "SELECT count(*) FROM t") == 0
        assert await code_of(session, "FLASHBACK TABLE t TO RESTORE POINT none") == 38780


@pytest.mark.parametrize("ddl", [False, True], ids=["rows only", "with DDL"])
@in_loop
async def test_a_copy_at_an_scn_is_a_database_of_its_own(tmp_path: Path, ddl: bool) -> None:
    async with opened(tmp_path / "db") as (database, session):
        await sql(session, "CREATE TABLE t (a NUMBER)")
        await sql(session, "INSERT INTO t VALUES (1)", commit=True)
        scn = database.scn
        await sql(session, "INSERT INTO t VALUES (2)", commit=True)
        if ddl:
            await sql(session, "DROP TABLE t PURGE")
        database.copy_at(tmp_path / "copy.db", scn)
        copy = Database.instantiate_standby(tmp_path / "copy", tmp_path / "copy.db", name="clone", clock=database.clock)
        assert (copy.name, copy.scn) == ("CLONE", scn)
        await copy.activate()
        assert await rows(await logon(copy), "SELECT a FROM t") == [[1]]
        await copy.close()
