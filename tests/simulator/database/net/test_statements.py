"""Statements: DML and its counts, RETURNING INTO, PL/SQL, errors, cursors that are run again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import oracledb
import pytest

from tests.simulator.database.net.conftest import Tiny

pytestmark = pytest.mark.wire


@pytest.fixture(scope="module", autouse=True)
def tables(server: Tiny) -> Iterator[None]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create table items (id INTEGER PRIMARY KEY, name VARCHAR2(50) NOT NULL, price NUMBER(10,2))")
        cursor.execute("create table parts (id NUMBER(10), item NUMBER(10) REFERENCES items (id))")
        yield


@pytest.fixture
def cursor(connection: oracledb.Connection) -> Iterator[oracledb.Cursor]:
    with connection.cursor() as opened:
        yield opened
    connection.rollback()


def _names(cursor: oracledb.Cursor) -> list[str]:
    return [column.name for column in cursor.description or ()]


def test_a_transaction_is_open_until_it_ends(connection: oracledb.Connection, cursor: oracledb.Cursor) -> None:
    assert not connection.transaction_in_progress
    cursor.execute("insert into items values (:id, :name, :price)", id=1, name="rope", price=Decimal("9.99"))
    assert connection.transaction_in_progress
    connection.rollback()
    assert not connection.transaction_in_progress
    cursor.execute("select count(*) as n from items")
    assert cursor.fetchone() == (0,)


def test_what_is_committed_is_seen_by_others(server: Tiny, connection: oracledb.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("insert into items values (2, 'mat', 1)")
    connection.commit()
    with server.connect() as other:
        other.autocommit = True
        found = other.cursor()
        found.execute("delete from items where id = :1", [2])
        assert found.rowcount == 1
        assert not other.transaction_in_progress
    cursor.execute("select * from items where id = 2")
    assert cursor.fetchall() == []


def test_many_rows_in_one_call(cursor: oracledb.Cursor) -> None:
    rows = [(i, f"item {i}", Decimal(i) / 100) for i in range(30_000)]
    cursor.executemany("insert into items values (:1, :2, :3)", rows)
    assert cursor.rowcount == len(rows)
    cursor.arraysize = 1000
    cursor.execute("select id, name, price from items order by id", fetch_decimals=True)
    assert cursor.fetchall() == rows


def test_long_values_travel_at_the_end_of_their_row(cursor: oracledb.Cursor) -> None:
    rows = [("a" * 40_000, 1, "b" * 33_000, "c"), ("d", 2, "e" * 50_000, "f" * 10)]
    cursor.execute("create table longs (a CLOB, id NUMBER, b CLOB, c VARCHAR2(10))")
    cursor.executemany("insert into longs values (:1, :2, :3, :4)", rows)
    cursor.execute("select a, id, b, c from longs order by id", fetch_lobs=False)
    assert cursor.fetchall() == rows


def test_row_counts_of_each_execution(cursor: oracledb.Cursor) -> None:
    cursor.executemany("insert into items values (:1, 'x', 0)", [(i,) for i in range(10)])
    cursor.executemany("update items set price = 1 where id < :1", [(3,), (0,), (7,)], arraydmlrowcounts=True)
    assert cursor.getarraydmlrowcounts() == [3, 0, 7]
    assert cursor.rowcount == 10


def test_batch_errors_name_the_rows_that_failed(cursor: oracledb.Cursor) -> None:
    rows = [(1, "a"), (1, "again"), (2, None), (3, "c")]
    cursor.executemany("insert into items values (:1, :2, 0)", rows, batcherrors=True, arraydmlrowcounts=True)
    errors = [(error.offset, error.full_code) for error in cursor.getbatcherrors()]
    assert errors == [(1, "ORA-00001"), (2, "ORA-01400")]
    assert cursor.getarraydmlrowcounts() == [1, 0, 0, 1]
    cursor.executemany("insert into items values (:1, :2, 0)", [(4, "d")], batcherrors=True)
    assert cursor.getbatcherrors() == []


def test_a_batch_without_the_option_stops_at_its_first_error(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.IntegrityError, match="ORA-00001"):
        cursor.executemany("insert into items values (:1, 'x', 0)", [(5,), (5,), (6,)])
    cursor.execute("select count(*) as n from items")
    assert cursor.fetchone() == (1,)


def test_returning_into(cursor: oracledb.Cursor) -> None:
    number, name = cursor.var(int), cursor.var(str)
    sql = "insert into items values (:1, :2, :3) returning id, upper(name) into :4, :5"
    cursor.execute(sql, [10, "rope", 5, number, name])
    assert (number.getvalue(), name.getvalue()) == ([10], ["ROPE"])
    cursor.execute(sql, [11, "mat", 5, number, name])
    assert (number.getvalue(), name.getvalue()) == ([11], ["MAT"])
    cursor.execute("update items set price = 6 returning id into :1", [number])
    assert number.getvalue() == [10, 11]
    cursor.execute("delete from items where id > :1 returning id into :2", [100, number])
    assert number.getvalue() == []


def test_returning_into_for_each_row_of_a_batch(cursor: oracledb.Cursor) -> None:
    numbers = cursor.var(int, arraysize=3)
    rows = [(20 + i, numbers) for i in range(3)]
    cursor.executemany("insert into items (id, name) values (:1, 'it''s :x') returning id into :2", rows)
    assert numbers.values == [[20], [21], [22]]


def test_plsql_binds_in_every_direction(cursor: oracledb.Cursor) -> None:
    out, both = cursor.var(str), cursor.var(int)
    for name, start in (("abc", 4), ("xyz", 40), ("a longer one", -1)):
        both.setvalue(0, start)
        cursor.execute("begin :out := upper(:name); :both := :both + 1; end;", out=out, name=name, both=both)
        assert (out.getvalue(), both.getvalue()) == (name.upper(), start + 1)


def test_plsql_for_many_rows(cursor: oracledb.Cursor) -> None:
    doubled = cursor.var(int, arraysize=4)
    cursor.executemany("begin :o := :i * 2; end;", [{"i": i, "o": doubled} for i in range(4)])
    assert doubled.values == [0, 2, 4, 6]
    cursor.executemany("begin insert into items values (:1, 'p', 0); end;", [(i,) for i in range(50, 60)])
    cursor.execute("select count(*) as n from items")
    assert cursor.fetchone() == (10,)


def test_null_out_binds(cursor: oracledb.Cursor) -> None:
    values = [cursor.var(kind) for kind in (str, int, oracledb.DB_TYPE_BOOLEAN, oracledb.DB_TYPE_CLOB)]
    cursor.execute("begin :1 := null; :2 := null; :3 := null; :4 := null; end;", values)
    assert [value.getvalue() for value in values] == [None] * 4


def test_an_error_knows_its_place(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError) as caught:
        cursor.execute("select id, absent from items")
    (error,) = caught.value.args
    assert (error.full_code, error.offset) == ("ORA-00904", 11)
    assert error.message.startswith("ORA-00904: ABSENT: invalid identifier")
    with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):
        cursor.execute("delete from nowhere")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("insert into items values (1, 'x', 0), (1, 'y', 0)", "ORA-00001"),
        ("insert into items (id) values (1)", "ORA-01400"),
        ("insert into parts values (1, 4711)", "ORA-02291"),
    ],
)
def test_integrity_errors_are_told_apart(cursor: oracledb.Cursor, sql: str, code: str) -> None:
    with pytest.raises(oracledb.IntegrityError, match=code):
        cursor.execute(sql)


def test_an_application_error(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-20001: closed for today"):
        cursor.execute("begin raise_application_error(-20001, 'closed for today'); end;")
    with pytest.raises(oracledb.DatabaseError, match=r"ORA-06550.*\n?.*PLS-00201"):
        cursor.execute("begin nobody(1); end;")


def test_after_an_error_the_same_statement_can_work(cursor: oracledb.Cursor) -> None:
    """A failed first run must not leave the client with a cursor that the server has closed."""
    sql = "insert into items values (:1, :2, 0)"
    for _ in range(3):
        with pytest.raises(oracledb.IntegrityError):
            cursor.execute(sql, [30, None])
    cursor.execute(sql, [30, "now"])
    with pytest.raises(oracledb.IntegrityError):
        cursor.execute(sql, [30, "twice"])
    cursor.execute(sql, [31, "more"])
    assert cursor.rowcount == 1


def test_a_statement_run_again_with_other_bind_types(cursor: oracledb.Cursor) -> None:
    for value in ("text", 12, None, "longer text" * 10, 3):
        cursor.execute("select :1 as v", [value])
        assert cursor.fetchone() == (value,)


def test_a_column_that_changes_its_type_is_described_again(cursor: oracledb.Cursor) -> None:
    sql = "select case when :n = 1 then 1 else 'one' end as v"
    for number, value in ((1, 1), (2, "one"), (1, 1)):
        cursor.execute(sql, n=number)
        assert cursor.fetchall() == [(value,)]


def test_a_table_that_was_made_anew_is_described_again(cursor: oracledb.Cursor) -> None:
    cursor.execute("create table shape (a NUMBER)")
    cursor.execute("select * from shape")
    assert _names(cursor) == ["A"]
    cursor.execute("drop table shape")
    cursor.execute("create table shape (a VARCHAR2(10), b NUMBER)")
    cursor.parse("select * from shape where 1 = 1")
    assert _names(cursor) == ["A", "B"]


@pytest.mark.parametrize("rows", [0, 1, 2, 99, 100, 101, 200, 1000])
@pytest.mark.parametrize(("prefetch", "size"), [(2, 100), (0, 100), (1000, 1), (100, 100)])
def test_every_row_comes_once(cursor: oracledb.Cursor, rows: int, prefetch: int, size: int) -> None:
    cursor.prefetchrows, cursor.arraysize = prefetch, size
    numbers = f"with x(n) as (values (1)) select value from json_each('{list(range(rows))}')"
    for _ in range(2):
        cursor.execute(numbers)
        assert [value for (value,) in cursor] == list(range(rows))


def test_a_wide_row(cursor: oracledb.Cursor) -> None:
    cursor.execute(f"select {', '.join(f'{i} as c{i}' for i in range(300))}")
    assert cursor.fetchone() == tuple(range(300))


def test_more_statements_than_the_client_caches(connection: oracledb.Connection) -> None:
    """Each statement that leaves the client's cache is closed on the server by a piggyback."""
    connection.stmtcachesize = 5
    with connection.cursor() as cursor:
        for i in range(1500):
            cursor.execute(f"select {i} as v")
            assert cursor.fetchone() == (i,)


def test_too_many_open_cursors(server: Tiny) -> None:
    with server.connect(stmtcachesize=2000) as connection:
        cursor = connection.cursor()
        for i in range(1000):
            cursor.execute(f"select {i} as v")
        with pytest.raises(oracledb.DatabaseError, match="ORA-01000"):
            cursor.execute("select 1000 as v")
        connection.ping()


def test_a_statement_is_parsed_without_being_run(cursor: oracledb.Cursor) -> None:
    cursor.parse("select id, name from items where id = :1")
    assert _names(cursor) == ["ID", "NAME"]
    cursor.parse("insert into items values (1, 'x', 0)")
    cursor.parse("begin null; end;")
    with pytest.raises(oracledb.DatabaseError, match="ORA-00942"):
        cursor.parse("select * from nowhere")
    cursor.execute("select count(*) as n from items")
    assert cursor.fetchone() == (0,)


def test_a_statement_that_is_none(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-00900"):
        cursor.execute("frobnicate the database")
    cursor.connection.ping()


def test_labels_for_monitoring_reach_the_session(
    server: Tiny, connection: oracledb.Connection, cursor: oracledb.Cursor
) -> None:
    connection.module, connection.action, connection.clientinfo = "drill", "failover", "info"
    connection.client_identifier, connection.dbop = "client", "operation"
    cursor.execute("select 1 as x")
    connection.action = None  # pyright: ignore[reportAttributeAccessIssue] - how an action is ended
    cursor.execute("select 2 as x")
    assert cursor.fetchone() == (2,)
    assert [event for event in json.loads(server.ask("events")) if event.startswith("dbms")][-4:] == [
        "dbms_session.set_identifier ['client']",
        "dbms_application_info.set_module ['drill', 'failover']",
        "dbms_application_info.set_client_info ['info']",
        "dbms_application_info.set_action [None]",
    ]


def test_the_current_schema_reaches_the_session(server: Tiny, cursor: oracledb.Cursor) -> None:
    cursor.connection.current_schema = "FITTRACK"
    cursor.execute("select 1 as x")
    assert 'ALTER SESSION SET CURRENT_SCHEMA = \\"FITTRACK\\"' in server.ask("events")


def test_what_the_server_lacks_leaves_the_session_open(server: Tiny) -> None:
    with server.connect() as connection:
        with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
            connection.tpc_begin(connection.xid(1, "global", "branch"))
        with pytest.raises(oracledb.DatabaseError, match=r"ORA-03001.*scrollable"):
            connection.cursor(scrollable=True).execute("select 1 as x")
        with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
            connection.queue("q").enqone(connection.msgproperties(payload=b"x"))
        with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
            connection.direct_path_load("SCOTT", "ITEMS", ["ID"], [(1,)])
        connection.ping()
