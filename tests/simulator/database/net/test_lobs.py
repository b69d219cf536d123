"""Large objects: read in parts, created, written, bound, and fetched as plain values."""

from __future__ import annotations

from collections.abc import Iterator

import oracledb
import pytest

from tests.simulator.database.net.conftest import Tiny

pytestmark = pytest.mark.wire

TEXT = "Zoë ☃ walks. " * 20_000
DATA = bytes(range(256)) * 1_000


@pytest.fixture(scope="module")
def cursor(server: Tiny) -> Iterator[oracledb.Cursor]:
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("create table papers (id NUMBER, text CLOB, data BLOB)")
        cursor.executemany(
            "insert into papers values (:1, :2, :3)", [(1, TEXT, DATA), (2, "short", b"s"), (3, None, None)]
        )
        connection.commit()
        yield cursor


def _papers(cursor: oracledb.Cursor) -> list[tuple[oracledb.LOB | None, oracledb.LOB | None]]:
    cursor.execute("select text, data from papers order by id")
    return cursor.fetchall()


def test_locators_are_read_whole_and_in_parts(cursor: oracledb.Cursor) -> None:
    (text, data), (short, _), nothing = _papers(cursor)
    assert text is not None
    assert data is not None
    assert short is not None
    assert nothing == (None, None)
    assert (text.size(), data.size()) == (len(TEXT), len(DATA))
    assert (text.read(), data.read(), short.read()) == (TEXT, DATA, "short")
    assert text.read(5, 9) == TEXT[4:13]
    assert data.read(len(DATA) - 1) == DATA[-2:]
    assert text.read(len(TEXT) + 1) == ""
    assert text.getchunksize() > 0


def test_the_same_query_again_and_again(cursor: oracledb.Cursor) -> None:
    """From the second run on the client knows the columns, and sends no define of its own."""
    for _ in range(3):
        assert [text.read() for text, _ in _papers(cursor)[:2] if text] == [TEXT, "short"]


def test_a_locator_outlives_the_next_run_of_its_query(cursor: oracledb.Cursor) -> None:
    kept = [_papers(cursor)[1][0] for _ in range(5)]
    assert [lob.read() for lob in kept if lob] == ["short"] * 5


def test_plain_values_instead_of_locators(cursor: oracledb.Cursor) -> None:
    for _ in range(2):
        cursor.execute("select id, text, data from papers order by id", fetch_lobs=False)
        assert cursor.fetchall() == [(1, TEXT, DATA), (2, "short", b"s"), (3, None, None)]


def test_fetching_in_pieces(cursor: oracledb.Cursor) -> None:
    cursor.arraysize = 1
    cursor.execute("select text from papers order by id", fetch_lobs=False)
    assert [text for (text,) in cursor] == [TEXT, "short", None]
    cursor.arraysize = 100


def test_a_type_handler_may_ask_for_plain_text(cursor: oracledb.Cursor) -> None:
    def as_long(cursor: oracledb.Cursor, column: oracledb.FetchInfo) -> oracledb.Var | None:
        kind = {oracledb.DB_TYPE_CLOB: oracledb.DB_TYPE_LONG, oracledb.DB_TYPE_BLOB: oracledb.DB_TYPE_LONG_RAW}
        wanted = kind.get(column.type)
        return cursor.var(wanted, arraysize=cursor.arraysize) if wanted else None

    with cursor.connection.cursor() as handled:
        handled.outputtypehandler = as_long
        handled.execute("select id, data, text from papers where id < 3 order by id")
        assert handled.fetchall() == [(1, DATA, TEXT), (2, b"s", "short")]


def test_temporary_lobs_are_written_trimmed_and_bound(cursor: oracledb.Cursor) -> None:
    connection = cursor.connection
    text, data = connection.createlob(oracledb.DB_TYPE_CLOB), connection.createlob(oracledb.DB_TYPE_BLOB, b"start")
    text.write(TEXT)
    text.write("END", len(TEXT) + 1)
    text.write("é", 3)
    data.write(b"!", 8)
    assert data.read() == b"start\0\0!"
    data.trim(6)
    expected = TEXT[:2] + "é" + TEXT[3:] + "END"
    assert text.size() == len(expected)
    cursor.execute("insert into papers values (4, :1, :2)", [text, data])
    cursor.execute("select text, data from papers where id = 4", fetch_lobs=False)
    assert cursor.fetchone() == (expected, b"start\0")
    connection.rollback()


def test_a_national_clob_keeps_its_text(cursor: oracledb.Cursor) -> None:
    lob = cursor.connection.createlob(oracledb.DB_TYPE_NCLOB, "Zoë ☃ 😀")
    assert lob.read() == "Zoë ☃ 😀"


def test_trimming_beyond_the_end_is_refused(cursor: oracledb.Cursor) -> None:
    lob = cursor.connection.createlob(oracledb.DB_TYPE_CLOB, "short")
    with pytest.raises(oracledb.DatabaseError, match="ORA-22926"):
        lob.trim(100)


def test_opening_and_closing(cursor: oracledb.Cursor) -> None:
    lob = cursor.connection.createlob(oracledb.DB_TYPE_BLOB)
    assert not lob.isopen()
    lob.open()
    assert lob.isopen()
    lob.close()
    assert not lob.isopen()


def test_a_long_text_out_of_plsql(cursor: oracledb.Cursor) -> None:
    out = cursor.var(oracledb.DB_TYPE_CLOB)
    cursor.execute("begin :o := :i || '!'; end;", o=out, i=TEXT)
    assert out.getvalue().read() == TEXT + "!"


def test_temporary_lobs_do_not_pile_up(cursor: oracledb.Cursor) -> None:
    """A client frees a temporary LOB with its next call; reading a freed one is an error, not a crash."""
    connection = cursor.connection
    for i in range(200):
        lob = connection.createlob(oracledb.DB_TYPE_CLOB, f"text {i}")
        assert lob.read() == f"text {i}"
        del lob
    connection.ping()
