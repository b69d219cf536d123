import oracledb
import pytest

from tests.simulator.database.net.conftest import Tiny


def test_first_query(cursor: oracledb.Cursor) -> None:
    cursor.execute("select 1 + 1 as two, 'text' as word")
    assert cursor.fetchall() == [(2, "text")]
