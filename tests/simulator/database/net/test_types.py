"""Values both ways: from the driver into the engine and back, unchanged."""

# ruff: noqa: DTZ001 - DATE and TIMESTAMP have no zone, so neither have the values that the driver takes and gives

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import oracledb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.database.net.conftest import Tiny

pytestmark = pytest.mark.wire

_DIGITS = st.integers(-(10**38) + 1, 10**38 - 1)
NUMBERS = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1),
    st.integers(-300, 300),
    st.builds(lambda digits, exponent: Decimal(f"{digits}E{exponent}"), _DIGITS, st.integers(-128, 80)),
    st.decimals(-(10**9), 10**9, places=2),
)
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))


@pytest.fixture(scope="module")
def cursor(server: Tiny) -> Iterator[oracledb.Cursor]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "create table kinds (id NUMBER(10), text VARCHAR2(100 CHAR), fixed CHAR(5), amount NUMBER(12,2),"
            " any NUMBER, day DATE, moment TIMESTAMP, zoned TIMESTAMP WITH TIME ZONE, bytes RAW(20), flag BOOLEAN,"
            " real BINARY_DOUBLE, doc JSON)"
        )
        cursor.execute("create table numbers (id NUMBER, value TEXT_NUMBER)")
        cursor.execute("create table moments (id NUMBER, day DATE, moment TIMESTAMP, zoned TIMESTAMP WITH TIME ZONE)")
        yield cursor
        connection.rollback()


def test_a_row_of_every_type(cursor: oracledb.Cursor) -> None:
    moment = datetime(2024, 2, 29, 23, 59, 58, 123456)
    zone = timezone(timedelta(hours=-3, minutes=-30))
    row = (7, "Zoë ☃ 😀", "abc  ", 12.34, 10**30, datetime(1999, 12, 31), moment, moment, b"\x00\xff", True, -0.5)
    cursor.setinputsizes(*[None] * 6, oracledb.DB_TYPE_TIMESTAMP, oracledb.DB_TYPE_TIMESTAMP_TZ)
    values = (*row[:7], moment.replace(tzinfo=zone), *row[8:], '{"steps": [1, 2.5], "name": "Zoë"}')
    cursor.execute("insert into kinds values (:1,:2,:3,:4,:5,:6,:7,:8,:9,:10,:11,:12)", values)
    cursor.execute("select * from kinds where id = 7")
    assert cursor.fetchall() == [(*row, {"steps": [1, 2.5], "name": "Zoë"})]


def test_columns_are_described(cursor: oracledb.Cursor) -> None:
    cursor.execute("select * from kinds where id = 0")
    columns = cursor.description or []
    described = {column.name: (column.type, column.precision, column.scale) for column in columns}
    assert described == {
        "ID": (oracledb.DB_TYPE_NUMBER, 10, 0),
        "TEXT": (oracledb.DB_TYPE_VARCHAR, None, None),
        "FIXED": (oracledb.DB_TYPE_CHAR, None, None),
        "AMOUNT": (oracledb.DB_TYPE_NUMBER, 12, 2),
        "ANY": (oracledb.DB_TYPE_NUMBER, 0, -127),
        "DAY": (oracledb.DB_TYPE_DATE, None, None),
        "MOMENT": (oracledb.DB_TYPE_TIMESTAMP, 0, 6),
        "ZONED": (oracledb.DB_TYPE_TIMESTAMP_TZ, 0, 6),
        "BYTES": (oracledb.DB_TYPE_RAW, None, None),
        "FLAG": (oracledb.DB_TYPE_BOOLEAN, None, None),
        "REAL": (oracledb.DB_TYPE_BINARY_DOUBLE, None, None),
        "DOC": (oracledb.DB_TYPE_VARCHAR, None, None),
    }
    assert columns[1].display_size == 100
    assert columns[11].is_json
    assert cursor.fetchall() == []


def test_nulls_of_every_type(cursor: oracledb.Cursor) -> None:
    cursor.setinputsizes(
        None, str, None, None, None, oracledb.DB_TYPE_DATE, None, None, oracledb.DB_TYPE_RAW, oracledb.DB_TYPE_BOOLEAN
    )
    cursor.execute("insert into kinds values (:1,:2,:3,:4,:5,:6,:7,:8,:9,:10,:11,:12)", [8, *[None] * 11])
    cursor.execute("select * from kinds where id = 8")
    assert cursor.fetchone() == (8, *[None] * 11)


def test_an_empty_string_is_null(cursor: oracledb.Cursor) -> None:
    cursor.execute("select :1 as bound, '' as literal", [""])
    assert cursor.fetchone() == (None, None)


@settings(max_examples=25, deadline=None)
@given(numbers=st.lists(NUMBERS, min_size=50, max_size=80))
def test_numbers_arrive_exactly(cursor: oracledb.Cursor, numbers: list[int | Decimal]) -> None:
    cursor.execute("delete from numbers")
    rows = [(i, Decimal(number)) for i, number in enumerate(numbers)]
    cursor.setinputsizes(None, oracledb.DB_TYPE_NUMBER)
    cursor.executemany("insert into numbers values (:1, :2)", rows)
    with cursor.connection.cursor() as reader:
        reader.execute("select value from numbers order by id", fetch_decimals=True)
        assert [value for (value,) in reader] == [value for _, value in rows]


@settings(max_examples=20, deadline=None)
@given(moments=st.lists(MOMENTS, min_size=40, max_size=60), minutes=st.integers(-12 * 60, 14 * 60))
def test_dates_and_times_arrive_exactly(cursor: oracledb.Cursor, moments: list[datetime], minutes: int) -> None:
    cursor.execute("delete from moments")
    cursor.setinputsizes(None, oracledb.DB_TYPE_DATE, oracledb.DB_TYPE_TIMESTAMP, oracledb.DB_TYPE_TIMESTAMP_TZ)
    zone = timezone(timedelta(minutes=minutes))
    rows = [(i, m, m, m.replace(tzinfo=zone)) for i, m in enumerate(moments)]
    cursor.executemany("insert into moments values (:1, :2, :3, :4)", rows)
    cursor.execute("select day, moment, zoned from moments order by id")
    assert cursor.fetchall() == [(m.replace(microsecond=0), m, m) for m in moments]


@pytest.mark.parametrize("offset", [timedelta(hours=5, minutes=30), timedelta(hours=-9, minutes=-30), timedelta()])
def test_a_zoned_value_shows_its_own_local_time(cursor: oracledb.Cursor, offset: timedelta) -> None:
    stored = datetime(2024, 3, 1, 2, 0, 0, tzinfo=timezone(offset)).isoformat()
    cursor.execute("insert into moments (id, zoned) values (:1, :2)", [-1, stored])
    cursor.execute("select zoned from moments where zoned = :1", [stored])
    assert cursor.fetchone() == (datetime(2024, 3, 1, 2, 0, 0),)


def test_a_plain_date_is_its_midnight(cursor: oracledb.Cursor) -> None:
    cursor.execute("insert into moments (id, day) values (-2, :1)", [date(2024, 5, 6)])
    cursor.execute("select day from moments where id = -2")
    assert cursor.fetchone() == (datetime(2024, 5, 6),)


@pytest.mark.parametrize("length", [1, 252, 253, 4000, 32767, 32768, 65535, 200_000, 1_000_003])
def test_strings_of_any_length(cursor: oracledb.Cursor, length: int) -> None:
    text = ("ä" + "x" * 996) * (length // 997) + "y" * (length % 997)
    cursor.execute("select :1 as text, 1 as one", [text])
    assert cursor.fetchone() == (text, 1)


@pytest.mark.parametrize("length", [1, 252, 253, 32768, 300_000])
def test_bytes_of_any_length(cursor: oracledb.Cursor, length: int) -> None:
    data = bytes(i % 256 for i in range(length))
    cursor.execute("select :1 as data", [data])
    assert cursor.fetchone() == (data,)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, -1e-300, 1.7976931348623157e308, float("inf"), float("-inf")])
def test_binary_doubles(cursor: oracledb.Cursor, value: float) -> None:
    cursor.setinputsizes(oracledb.DB_TYPE_BINARY_DOUBLE)
    cursor.execute("insert into kinds (id, real) values (9, :1)", [value])
    cursor.execute("select real from kinds where id = 9")
    assert cursor.fetchone() == (value,)
    cursor.execute("delete from kinds where id = 9")


def test_national_strings_travel_as_utf_16(cursor: oracledb.Cursor) -> None:
    out = cursor.var(oracledb.DB_TYPE_NVARCHAR)
    cursor.setinputsizes(i=oracledb.DB_TYPE_NVARCHAR, o=oracledb.DB_TYPE_NVARCHAR)
    cursor.execute("begin :o := :i; end;", i="Zoë ☃", o=out)
    assert out.getvalue() == "Zoë ☃"


def test_small_floats_and_binary_integers(cursor: oracledb.Cursor) -> None:
    cursor.setinputsizes(oracledb.DB_TYPE_BINARY_FLOAT, oracledb.DB_TYPE_BINARY_INTEGER)
    cursor.execute("select :1 as f, :2 as i", [0.5, -41])
    assert cursor.fetchone() == (0.5, -41)


def test_a_number_too_great_for_the_wire_is_an_error_of_its_own(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-01426"):
        cursor.execute("select 1e300 as big").fetchall()  # pyright: ignore[reportOptionalMemberAccess]
    cursor.execute("select 1 as fine")
    assert cursor.fetchone() == (1,)


def test_types_that_the_server_does_not_take_leave_the_session_open(cursor: oracledb.Cursor) -> None:
    with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        cursor.execute("select :1 as x", [timedelta(days=1)])
    array = cursor.arrayvar(int, [1, 2, 3])
    with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        cursor.execute("begin :o := :i; end;", i=array, o=cursor.var(int))
    with pytest.raises(oracledb.DatabaseError, match="ORA-03001"):
        cursor.execute("begin :o := 1; end;", o=cursor.var(oracledb.DB_TYPE_CURSOR))
    cursor.connection.ping()


def test_values_are_converted_by_an_output_type_handler(cursor: oracledb.Cursor) -> None:
    def as_text(cursor: oracledb.Cursor, column: oracledb.FetchInfo) -> oracledb.Var | None:
        return cursor.var(str, arraysize=cursor.arraysize) if column.type is oracledb.DB_TYPE_NUMBER else None

    with cursor.connection.cursor() as handled:
        handled.outputtypehandler = as_text
        handled.execute("select 12.5 as a, -3 as b, 'c' as c")
        assert handled.fetchone() == ("12.5", "-3", "c")


def test_utc_is_what_a_zoned_bind_means_without_a_zone(cursor: oracledb.Cursor) -> None:
    cursor.setinputsizes(None, oracledb.DB_TYPE_TIMESTAMP_TZ)
    cursor.execute("insert into moments (id, zoned) values (:1, :2)", [-3, datetime(2024, 1, 1, 12, tzinfo=UTC)])
    cursor.execute("select '' || zoned as text from moments where id = -3")
    assert cursor.fetchone() == ("2024-01-01T12:00:00+00:00",)
