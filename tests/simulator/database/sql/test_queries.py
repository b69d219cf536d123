"""Queries: what sqlglot or SQLite would get wrong, and what DESCRIBE says of the columns."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal

import pytest

from simulator.database.interface import ColumnType, Direction, StatementKind, Value
from tests.simulator.database.engines import naive
from tests.simulator.database.sql.conftest import Shell


@pytest.fixture(scope="module", autouse=True)
def tables(shell: Shell) -> Generator[None]:
    shell.run(
        "CREATE TABLE people (id NUMBER PRIMARY KEY, name VARCHAR2(20), born DATE, seen TIMESTAMP,"
        " pay NUMBER(8,2), doc CLOB CHECK (doc IS JSON), status VARCHAR2(10))"
    )
    people: list[list[Value]] = [
        [1, "Ann", naive(2000, 1, 1), naive(2026, 1, 1, 12), Decimal("100.10"), '{"tag": "x"}', "active"],
        [2, "bob", naive(1990, 6, 1), None, Decimal("50.25"), None, "active"],
        [3, None, None, naive(2026, 2, 1), None, None, "gone"],
    ]
    shell.run("INSERT INTO people VALUES (:1, :2, :3, :4, :5, :6, :7)", *people)
    shell.run("CREATE TABLE orders (id NUMBER, person NUMBER, points INTEGER, type VARCHAR2(5))")
    shell.run("INSERT INTO orders VALUES (:1, :2, :3, :4)", [1, 1, 10, "earn"], [2, 1, 5, "burn"], [3, 2, 7, "earn"])
    yield
    shell.run("DROP TABLE orders PURGE")
    shell.run("DROP TABLE people PURGE")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT COUNT(*) FROM people WHERE status = 'active'", [[2]]),
        ("SELECT SUM(points) FROM orders WHERE type = 'earn'", [[17]]),
        ("SELECT COUNT(*) FROM people WHERE status != 'gone'", [[2]]),
        ("SELECT name FROM people ORDER BY name", [["Ann"], ["bob"], [None]]),  # binary order, NULL last
        ("SELECT id FROM people ORDER BY pay DESC", [[3], [1], [2]]),  # NULL first when descending
        ("SELECT id FROM people WHERE name LIKE 'a%'", []),  # case-sensitive
        ("SELECT id FROM people WHERE name = ''", []),
        ("SELECT SUM(pay) FROM people", [[Decimal("150.35")]]),
        ("SELECT MAX(born), MIN(seen) FROM people", [[naive(2000, 1, 1), naive(2026, 1, 1, 12)]]),
        ("SELECT id FROM people WHERE born > DATE '1995-01-01'", [[1]]),
        ("SELECT id FROM people WHERE seen BETWEEN '01-JAN-26' AND '15-JAN-26'", [[1]]),
        ("SELECT id FROM people WHERE ROWNUM <= 2", [[1], [2]]),
        ("SELECT id FROM (SELECT id FROM people ORDER BY id DESC) WHERE ROWNUM < 2", [[3]]),
        ("SELECT id FROM people ORDER BY id OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [[2]]),
        ("SELECT id FROM people MINUS SELECT person FROM orders", [[3]]),
        (
            "SELECT p.id, o.points FROM people p, orders o WHERE p.id = o.person(+) AND p.id > 1 ORDER BY 1",
            [[2, 7], [3, None]],
        ),
        (
            "SELECT p.name, SUM(o.points) FROM people p JOIN orders o ON o.person = p.id GROUP BY p.name ORDER BY 2",
            [["bob", 7], ["Ann", 15]],
        ),
        (
            "SELECT name FROM people p WHERE EXISTS (SELECT 1 FROM orders o WHERE o.person = p.id AND o.points > 8)",
            [["Ann"]],
        ),
        ("SELECT id FROM people WHERE (id, status) IN ((1, 'active'), (3, 'active'))", [[1]]),
        ("SELECT (SELECT COUNT(*) FROM orders) FROM dual", [[3]]),
        ("SELECT LISTAGG(id, ',') WITHIN GROUP (ORDER BY id DESC) FROM people", [["3,2,1"]]),
        (
            "SELECT id, ROW_NUMBER() OVER (PARTITION BY status ORDER BY id) FROM people ORDER BY 1",
            [[1, 1], [2, 2], [3, 1]],
        ),
        ("WITH r (n) AS (SELECT 1 FROM dual UNION ALL SELECT n + 1 FROM r WHERE n < 4) SELECT SUM(n) FROM r", [[10]]),
        ("WITH a AS (SELECT id FROM people), b AS (SELECT id FROM a WHERE id > 1) SELECT COUNT(*) FROM b", [[2]]),
        ("SELECT LEVEL * 2 FROM dual CONNECT BY LEVEL <= 3", [[2], [4], [6]]),
        ("SELECT p.doc.tag FROM people p WHERE id = 1", [["x"]]),
        ("SELECT UNIQUE status FROM people ORDER BY 1", [["active"], ["gone"]]),
        ("SELECT MEDIAN(points) FROM orders", [[7]]),
        ("(SELECT 1 FROM dual)", [[1]]),
        ("SELECT /*+ FULL(p) */ id -- comment\n FROM people p WHERE id = 1", [[1]]),
        ('SELECT "ID" AS "Mixed" FROM people WHERE id = 1', [[1]]),
        ("SELECT a.* FROM (SELECT id, name FROM people) a WHERE id = 1", [[1, "Ann"]]),
        ("SELECT admin.people.id FROM admin.people WHERE people.id = 2", [[2]]),
        ("SELECT STDDEV(points), VARIANCE(points) FROM orders WHERE id = 1", [[0, 0]]),
    ],
)
def test_results(shell: Shell, query: str, expected: list[list[Value]]) -> None:
    assert shell.rows(query) == expected


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT", 936),
        ("SELECT 1", 923),
        ("SELECT x FROM people", 904),
        ("SELECT p.x FROM people p", 904),
        ('SELECT "name" FROM people', 904),  # quoted names are as they are written
        ("SELECT id FROM nobody", 942),
        ("SELECT id FROM people p, orders o", 918),
        ("SELECT COUNT(id FROM people", 907),
        ("SELECT id FROM people WHERE", 936),
        ("SELECT id, id FROM people UNION SELECT id FROM people", 1789),
        ("SELECT id FROM people WHERE SUM(id) > 1", 934),
        ("SELECT 'open FROM dual", 1756),
        ("SELEKT 1 FROM dual", 900),
        ("", 900),
        ("SELECT id FROM people SAMPLE (10)", 3001),
        ("SELECT status FROM people GROUP BY ROLLUP (status)", 3001),
        ("SELECT id FROM people WHERE ROWNUM > 5", 3001),
        ("SELECT id FROM people CONNECT BY PRIOR id = id", 3001),
        ("SELECT id FROM people FETCH FIRST 10 PERCENT ROWS ONLY", 3001),
    ],
)
def test_errors(shell: Shell, query: str, code: int) -> None:
    assert shell.code(query) == code


def test_an_error_names_its_place(shell: Shell) -> None:
    assert shell.error("SELECT id FROM people WHERE id = = 1").offset == 33
    assert shell.error("SELECT id FROM people WHERE x = 'abc").offset == 32
    assert shell.error("SELECT :1, :a_long_name, :2 FROM dual WHERE 1 = = 1", [1, 2, 3]).offset == 48


def test_descriptions(shell: Shell) -> None:
    statement = shell.do(
        shell.session.prepare(
            "SELECT p.*, COUNT(*) OVER () total, pay * 2, NVL(name, 'nobody'), TRUNC(seen), :1 FROM people p"
        )
    )
    assert statement.kind is StatementKind.QUERY
    described = [(c.name, c.type) for c in statement.columns]
    assert described == [
        ("ID", ColumnType.NUMBER),
        ("NAME", ColumnType.VARCHAR),
        ("BORN", ColumnType.DATE),
        ("SEEN", ColumnType.TIMESTAMP),
        ("PAY", ColumnType.NUMBER),
        ("DOC", ColumnType.JSON),
        ("STATUS", ColumnType.VARCHAR),
        ("TOTAL", ColumnType.NUMBER),
        ("PAY*2", ColumnType.NUMBER),
        ("NVL(NAME,'NOBODY')", ColumnType.VARCHAR),
        ("TRUNC(SEEN)", ColumnType.DATE),
        (":1", ColumnType.VARCHAR),
    ]
    by_name = {c.name: c for c in statement.columns}
    assert (by_name["PAY"].precision, by_name["PAY"].scale, by_name["ID"].scale) == (8, 2, -127)
    assert not by_name["ID"].nullable
    assert by_name["NAME"].size == 20
    assert all(c.size > 0 for c in statement.columns)


def test_what_only_the_value_tells(shell: Shell) -> None:
    result = shell.run("SELECT :1 a, :2 b FROM dual", [5, naive(2025, 1, 1)])
    assert [c.type for c in result.columns] == [ColumnType.NUMBER, ColumnType.TIMESTAMP]
    assert result.rows == [[5, naive(2025, 1, 1)]]


@pytest.mark.parametrize(
    ("text", "kind", "binds"),
    [
        ("SELECT :a, :b, :a FROM dual", StatementKind.QUERY, [("A", "IN"), ("B", "IN"), ("A", "IN")]),
        ("SELECT ':no', q'[:no]', \":no\" FROM dual WHERE 1 = :1 -- :no\n", None, None),
        (
            "UPDATE people SET name = :n WHERE id = :1 RETURNING id, name INTO :x, :y",
            StatementKind.DML,
            [("N", "IN"), ("1", "IN"), ("X", "RETURNING"), ("Y", "RETURNING")],
        ),
        (
            "BEGIN :out := :given + 1; :both := :both || 'x'; END;",
            StatementKind.PLSQL,
            [("OUT", "OUT"), ("GIVEN", "IN"), ("BOTH", "IN_OUT")],
        ),
        ("CREATE TABLE x (a NUMBER)", StatementKind.DDL, []),
        ("ALTER SESSION SET NLS_COMP = BINARY", StatementKind.OTHER, []),
        ("commit", StatementKind.OTHER, []),
    ],
)
def test_binds_in_the_drivers_order(
    shell: Shell, text: str, kind: StatementKind | None, binds: list[tuple[str, str]] | None
) -> None:
    if kind is None or binds is None:
        assert shell.code(text) == 904  # ":no" in double quotes is a column, and the only complaint
        return
    statement = shell.do(shell.session.prepare(text))
    assert statement.kind is kind
    assert [(slot.name, Direction(slot.direction).name) for slot in statement.binds] == binds
