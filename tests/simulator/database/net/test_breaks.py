"""Calls that are cancelled, that take too long, or whose client vanishes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable

import oracledb
import pytest

from tests.simulator.database.net.conftest import PASSWORD, USER, Tiny, wait_until

pytestmark = pytest.mark.wire

SLEEP = "begin dbms_session.sleep(60); end;"
ENDLESS = "with recursive x(n) as (select 1 union all select n + 1 from x) select count(*) as n from x"
WORK = pytest.mark.parametrize("sql", [SLEEP, ENDLESS], ids=["waiting", "computing"])


def _running(server: Tiny) -> bool:
    return server.ask("running") != "0"


def _when_running(server: Tiny, act: Callable[[], None]) -> threading.Thread:
    """Act from another thread once the server is at work on the call."""

    def wait_and_act() -> None:
        wait_until(lambda: _running(server))
        act()

    thread = threading.Thread(target=wait_and_act)
    thread.start()
    return thread


@WORK
def test_a_cancelled_call(server: Tiny, connection: oracledb.Connection, sql: str) -> None:
    cursor = connection.cursor()
    for _ in range(3):
        canceller = _when_running(server, connection.cancel)
        with pytest.raises(oracledb.DatabaseError, match="ORA-01013"):
            cursor.execute(sql)
        canceller.join()
        cursor.execute("select 1 as x")
        assert cursor.fetchone() == (1,)


def test_a_cancel_leaves_the_transaction_as_it_was(server: Tiny, connection: oracledb.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("create table if not exists uncancelled (id NUMBER)")
    cursor.execute("insert into uncancelled values (1)")
    canceller = _when_running(server, connection.cancel)
    with pytest.raises(oracledb.DatabaseError, match="ORA-01013"):
        cursor.execute(SLEEP)
    canceller.join()
    assert connection.transaction_in_progress
    connection.rollback()
    assert not connection.transaction_in_progress


@WORK
def test_a_call_that_takes_too_long(connection: oracledb.Connection, sql: str) -> None:
    cursor = connection.cursor()
    connection.call_timeout = 60
    for _ in range(3):
        with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
            cursor.execute(sql)
        cursor.execute("select 1 as x")
        assert cursor.fetchone() == (1,)
    assert connection.is_healthy()


def test_a_time_out_leaves_the_transaction_as_it_was(connection: oracledb.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("create table if not exists kept (id NUMBER)")
    cursor.execute("insert into kept values (1)")
    connection.call_timeout = 60
    with pytest.raises(oracledb.DatabaseError, match="DPY-4024"):
        cursor.execute(SLEEP)
    connection.call_timeout = 0
    cursor.execute("select count(*) as n from kept")
    assert cursor.fetchone() == (1,)
    connection.rollback()


def test_cancelling_while_nothing_runs_breaks_the_next_call_only(connection: oracledb.Connection) -> None:
    connection.cancel()
    with pytest.raises(oracledb.DatabaseError, match="ORA-01013"):
        connection.ping()
    connection.ping()


def test_cancels_at_any_moment(connection: oracledb.Connection) -> None:
    """A break may meet the request, the running call or its answer: the session always survives it."""
    cursor = connection.cursor()
    cancelled = 0
    for i in range(60):
        timer = threading.Timer(i / 20_000, connection.cancel)
        timer.start()
        try:
            cursor.execute(f"select value from json_each('{list(range(300))}')")
            assert len(cursor.fetchall()) == 300
        except oracledb.OperationalError as error:
            assert "ORA-01013" in str(error)  # noqa: PT017 - either outcome is right
            cancelled += 1
        timer.join()
        try:
            connection.ping()
        except oracledb.OperationalError as error:  # the cancel came after the answer
            assert "ORA-01013" in str(error)  # noqa: PT017
            cancelled += 1
    assert cancelled
    cursor.execute("select 1 as x")
    assert cursor.fetchone() == (1,)


def test_an_error_in_the_client_while_it_reads_an_answer(connection: oracledb.Connection) -> None:
    """The driver then breaks the call itself; here it learns from the description that it cannot convert."""
    with connection.cursor() as cursor:
        cursor.outputtypehandler = lambda cursor, _: cursor.var(oracledb.DB_TYPE_DATE, arraysize=cursor.arraysize)
        with pytest.raises(oracledb.DatabaseError, match="DPY-4007"):
            cursor.execute("select 1 as number")
    cursor = connection.cursor()
    cursor.execute("select 1 as x")
    assert cursor.fetchone() == (1,)


CLIENT = """
import sys
import oracledb

connection = oracledb.connect(user=sys.argv[1], password=sys.argv[2], dsn=sys.argv[3])
cursor = connection.cursor()
cursor.execute("create table if not exists vanished (id NUMBER)")
cursor.execute("insert into vanished values (1)")
print(connection.session_id, flush=True)
cursor.execute(sys.argv[4])
"""


@WORK
def test_a_client_that_vanishes_ends_its_session(server: Tiny, sql: str) -> None:
    """Its running call is interrupted and its transaction rolled back."""
    arguments = [sys.executable, "-c", CLIENT, USER, PASSWORD, server.dsn, sql]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        number = int(client.stdout.readline())
        wait_until(lambda: _running(server))
        client.kill()
    wait_until(lambda: number not in json.loads(server.ask("sessions")))
    with server.connect() as other:
        found = other.cursor()
        found.execute("select count(*) as n from vanished")
        assert found.fetchone() == (0,)
