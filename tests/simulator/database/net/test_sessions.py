"""Sessions that end from the other side, pools, and pooled servers."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager

import oracledb
import pytest

from tests.simulator.database.net.conftest import PASSWORD, USER, Tiny, wait_until

pytestmark = pytest.mark.wire


@contextmanager
def _pool(server: Tiny, **options: object) -> Generator[oracledb.ConnectionPool]:
    settings = {"user": USER, "password": PASSWORD, "dsn": server.dsn, "min": 1, "max": 4} | options
    pool = oracledb.create_pool(**settings)  # pyright: ignore
    try:
        yield pool
    finally:
        pool.close(force=True)


def _tell(server: Tiny, block: str, number: int) -> None:
    with server.connect() as other:
        other.cursor().execute(f"begin {block}(:1); end;", [number])


def test_logging_off_ends_the_session(server: Tiny) -> None:
    connection = server.connect()
    number = connection.session_id
    assert number in json.loads(server.ask("sessions"))
    connection.close()
    wait_until(lambda: number not in json.loads(server.ask("sessions")))


def test_closing_rolls_back(server: Tiny) -> None:
    with server.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("create table if not exists unsaved (id NUMBER)")
        cursor.execute("insert into unsaved values (1)")
    with server.connect() as connection:
        cursor = connection.cursor()
        cursor.execute("select count(*) as n from unsaved")
        assert cursor.fetchone() == (0,)


def test_a_killed_session(server: Tiny) -> None:
    connection = server.connect()
    _tell(server, "tiny.kill", connection.session_id)
    with pytest.raises(oracledb.DatabaseError, match="ORA-00028") as caught:
        connection.ping()
    assert caught.value.args[0].full_code == "DPY-4011"
    assert not connection.is_healthy()
    with pytest.raises(oracledb.InterfaceError, match="DPY-1001"):
        connection.ping()


def test_a_session_that_is_shutting_down_answers_once_more(server: Tiny) -> None:
    with server.connect() as connection:
        _tell(server, "tiny.stop", connection.session_id)
        cursor = connection.cursor()
        cursor.execute("select 1 as x")
        assert cursor.fetchone() == (1,)
        assert not connection.is_healthy()


def test_draining_lets_clients_finish(server: Tiny) -> None:
    """The client is told at once; its transaction still commits, and its pool then drops the connection."""
    with _pool(server) as pool:
        connection = pool.acquire()
        cursor = connection.cursor()
        cursor.execute("create table if not exists drained (id NUMBER)")
        cursor.execute("insert into drained values (1)")
        assert connection.is_healthy()
        server.ask("drain")
        cursor.execute("insert into drained values (2)")
        assert not connection.is_healthy()
        connection.commit()
        number = connection.session_id
        pool.release(connection)
        with pool.acquire() as fresh:
            assert fresh.session_id != number
            found = fresh.cursor()
            found.execute("select count(*) as n from drained")
            assert found.fetchone() == (2,)
            found.execute("drop table drained")


def test_an_idle_limit(server: Tiny) -> None:
    connection = server.connect()
    server.ask("drain 2396")
    with pytest.raises(oracledb.DatabaseError, match="DPY-4033"):
        connection.ping()


def test_disconnecting_ends_every_session(server: Tiny) -> None:
    connections = [server.connect() for _ in range(3)]
    assert server.ask("disconnect") == "ok"
    for connection in connections:
        with pytest.raises(oracledb.DatabaseError, match=r"DPY-4011|DPY-1001"):
            connection.ping()
    server.connect().close()


def test_a_pool_replaces_connections_that_died(server: Tiny) -> None:
    with _pool(server, min=2, ping_interval=0) as pool:
        with pool.acquire() as one, pool.acquire() as two:
            numbers = {one.session_id, two.session_id}
        server.ask("disconnect")
        with pool.acquire() as one, pool.acquire() as two:
            assert not numbers & {one.session_id, two.session_id}
            one.ping()
            two.ping()


def test_a_pool_that_loses_its_service_gets_it_back(server: Tiny) -> None:
    server.ask("refuse tiny_low 12514")
    with _pool(server, dsn=f"{server.host}:{server.port}/tiny_low", min=0) as pool:
        with pytest.raises(oracledb.DatabaseError, match="DPY-6001"):
            pool.acquire()
        server.ask("offer tiny_low")
        with pool.acquire() as connection:
            connection.ping()


@pytest.mark.parametrize("purity", [oracledb.PURITY_SELF, oracledb.PURITY_NEW])
def test_pooled_servers_start_clean(server: Tiny, purity: oracledb.Purity) -> None:
    """Released work is rolled back, and cursors of the last user are gone on both sides."""
    dsn = f"{server.dsn}:pooled"
    with _pool(server, dsn=dsn, min=1, max=1, cclass="FITTRACK", purity=purity) as pool:
        with pool.acquire() as connection, connection.cursor() as cursor:
            cursor.execute("create table if not exists pooled (id NUMBER, note CLOB)")
        for i in range(30):
            with pool.acquire() as connection, connection.cursor() as cursor:
                cursor.execute("insert into pooled values (:1, 'n')", [i])
                cursor.execute("select id, note from pooled")
                assert [(number, note.read()) for number, note in cursor] == [(i, "n")]


def test_a_pooled_server_without_a_pool(server: Tiny) -> None:
    with server.connect(dsn=f"{server.dsn}:pooled") as connection:
        cursor = connection.cursor()
        cursor.execute("select 1 as x")
        assert cursor.fetchone() == (1,)
