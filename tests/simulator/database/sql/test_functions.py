"""Expressions: what Oracle's functions and operators give."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from simulator.database.interface import Value
from tests.simulator.database.engines import START, naive
from tests.simulator.database.sql.conftest import Shell


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("5 / 2", Decimal("2.5")),
        ("6 / 2", 3),
        ("0.1 + 0.2", Decimal("0.3")),
        ("2 * 3 + 4", 10),
        ("MOD(-7, 3)", -1),
        ("ROUND(2.5)", 3),
        ("ROUND(-2.5)", -3),
        ("ROUND(1234.567, -2)", 1200),
        ("ROUND(1.005, 2)", Decimal("1.01")),
        ("TRUNC(-2.7)", -2),
        ("POWER(2, 10)", 1024),
        ("ABS(-3) + SIGN(-2) + CEIL(1.2) + FLOOR(1.8)", 5),
        ("TO_NUMBER('12.50')", Decimal("12.5")),
        ("GREATEST(1, 3, 2)", 3),
        ("LEAST(1, NULL, 2)", None),
        ("NVL(NULL, 'x')", "x"),
        ("NVL2('a', 1, 2)", 1),
        ("COALESCE(NULL, NULL, 7)", 7),
        ("NULLIF(1, 1)", None),
        ("DECODE(NULL, NULL, 'same', 'other')", "same"),
        ("DECODE(3, 1, 'a', 2, 'b')", None),
        ("CASE WHEN '' IS NULL THEN 'empty is null' END", "empty is null"),
        ("'a' || NULL || 1 || 2.5", "a12.5"),
        ("'x' || .5", "x.5"),
        ("UPPER('straße') || LOWER('ÄÖ')", "STRASSEäö"),
        ("INITCAP('hello world')", "Hello World"),
        ("SUBSTR('abcdef', 0, 2)", "ab"),
        ("SUBSTR('abcdef', -2)", "ef"),
        ("SUBSTR('abc', 5)", None),
        ("INSTR('banana', 'a', 1, 2)", 4),
        ("INSTR('banana', 'a', -1)", 6),
        ("LENGTH('äöü')", 3),
        ("LPAD('7', 3, '0') || RPAD('x', 3, '-')", "007x--"),
        ("TRIM('  a ') || LTRIM('xxa', 'x') || RTRIM('ayy', 'y')", "aaa"),
        ("TRIM(LEADING '0' FROM '007')", "7"),
        ("REPLACE('a-b-c', '-')", "abc"),
        ("TRANSLATE('abc', 'ab', 'x')", "xc"),
        ("REGEXP_REPLACE('a1b22', '[0-9]+', '#')", "a#b#"),
        ("REGEXP_SUBSTR('one two', '[[:alpha:]]+', 1, 2)", "two"),
        ("ASCII('A') || CHR(66)", "65B"),
        ("TO_CHAR(1234.5, '9,999.00')", " 1,234.50"),
        ("TO_CHAR(0.5, 'FM0.00')", "0.50"),
        ("TO_CHAR(-5)", "-5"),
        ("TO_CHAR(.25)", ".25"),
        ("TO_CHAR(12345, '999')", "####"),
        ("CAST('12' AS NUMBER)", 12),
        ("CAST(1.567 AS NUMBER(5,1))", Decimal("1.6")),
        ("CAST(42 AS VARCHAR2(10))", "42"),
        ("STANDARD_HASH('a', 'MD5')", bytes.fromhex("0cc175b9c0f1b6a831c399e269772661")),
        ("q'[it's]'", "it's"),
    ],
)
def test_numbers_and_text(shell: Shell, expression: str, expected: Value) -> None:
    assert shell.of(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("SYSTIMESTAMP", START),
        ("SYSDATE", START.replace(tzinfo=None)),
        ("DATE '2025-01-15'", naive(2025, 1, 15)),
        ("TIMESTAMP '2025-01-15 10:30:00.25'", naive(2025, 1, 15, 10, 30, 0, 250000)),
        ("DATE '2025-01-15' + 1.5", naive(2025, 1, 16, 12)),
        ("DATE '2025-01-15' - DATE '2025-01-01'", 14),
        ("SYSTIMESTAMP - INTERVAL '90' MINUTE", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ("SYSDATE + INTERVAL '1 02:00:00' DAY TO SECOND", naive(2026, 3, 2, 10)),
        ("DATE '2025-01-31' + NUMTODSINTERVAL(36, 'HOUR')", naive(2025, 2, 1, 12)),
        ("DATE '2025-01-15' + INTERVAL '1-2' YEAR TO MONTH", naive(2026, 3, 15)),
        ("INTERVAL '1' DAY * 2 + DATE '2025-01-01'", naive(2025, 1, 3)),
        ("EXTRACT(DAY FROM (TIMESTAMP '2025-01-03 00:00:00' - TIMESTAMP '2025-01-01 00:00:00'))", 2),
        ("EXTRACT(YEAR FROM SYSDATE)", 2026),
        ("ADD_MONTHS(DATE '2025-01-31', 1)", naive(2025, 2, 28)),
        ("MONTHS_BETWEEN(DATE '2025-03-15', DATE '2025-01-15')", 2),
        ("LAST_DAY(DATE '2024-02-05')", naive(2024, 2, 29)),
        ("NEXT_DAY(DATE '2025-01-15', 'FRIDAY')", naive(2025, 1, 17)),
        ("TRUNC(TIMESTAMP '2025-01-15 10:30:00')", naive(2025, 1, 15)),
        ("TRUNC(DATE '2025-05-15', 'Q')", naive(2025, 4, 1)),
        ("ROUND(TIMESTAMP '2025-01-15 12:00:00')", naive(2025, 1, 16)),
        ("ROUND(DATE '2025-12-16', 'MM')", naive(2026, 1, 1)),
        ("TRUNC(SYSDATE, 'HH24')", naive(2026, 3, 1, 8)),
        ("TO_DATE('15-JAN-25')", naive(2025, 1, 15)),
        ("TO_DATE('2025-01-15 23:59', 'YYYY-MM-DD HH24:MI')", naive(2025, 1, 15, 23, 59)),
        ("TO_TIMESTAMP('2025-01-15 10:00:00.5', 'YYYY-MM-DD HH24:MI:SS.FF')", naive(2025, 1, 15, 10, 0, 0, 500000)),
        (
            "TO_TIMESTAMP_TZ('2025-01-15 10:00:00 +02:00', 'YYYY-MM-DD HH24:MI:SS TZH:TZM')",
            datetime(2025, 1, 15, 8, tzinfo=UTC),
        ),
        ("TO_CHAR(DATE '2025-01-15', 'FMDay, DD Month YYYY')", "Wednesday, 15 January 2025"),
        ("TO_CHAR(SYSTIMESTAMP, 'YYYY-MM-DD\"T\"HH24:MI:SS.FF3TZH:TZM')", "2026-03-01T08:00:00.000+00:00"),
        ("TO_CHAR(DATE '2025-01-15', 'DY DDD Q IW HH12:MI AM')", "WED 015 1 03 12:00 AM"),
        ("NVL(CAST(NULL AS DATE), DATE '2025-01-01')", naive(2025, 1, 1)),
        ("CASE WHEN DATE '2025-01-15' > '14-JAN-25' THEN 'later' END", "later"),
    ],
)
def test_dates(shell: Shell, expression: str, expected: Value) -> None:
    assert shell.of(expression) == expected


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("1 / 0", 1476),
        ("NOSUCH(1)", 904),
        ("SUBSTR('a')", 938),
        ("NVL(1)", 938),
        ("UPPER('a', 'b')", 909),
        ("TO_NUMBER('abc')", 1722),
        ("TO_DATE('2025-13-01', 'YYYY-MM-DD')", 1843),
        ("TO_DATE('2025-02-30', 'YYYY-MM-DD')", 1839),
        ("TO_DATE('2025-01-01 x', 'YYYY-MM-DD')", 1830),
        ("TO_DATE('x', 'YYYY')", 1858),
        ("TO_DATE('2025', 'YYYYY%L')", 1821),
        ("TO_CHAR(SYSDATE, 'LOL')", 1821),
        ("TRUNC(SYSDATE, 'XX')", 1898),
        ("SYSDATE + SYSDATE", 975),
        ("SYSDATE + INTERVAL '1:2' HOUR", 1867),
        ("SYSTIMESTAMP - SYSTIMESTAMP", 3001),
        ("SYSTIMESTAMP AT TIME ZONE 'Europe/Berlin'", 3001),
        ("SYS_CONTEXT('USERENV', 'NO_SUCH_THING')", 2003),
        ("POWER(-1, 0.5)", 1428),
    ],
)
def test_errors(shell: Shell, expression: str, code: int) -> None:
    assert shell.code(f"SELECT {expression} FROM dual") == code


def test_session_functions(shell: Shell) -> None:
    assert shell.of("SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')") == "ADMIN"
    assert shell.of("SYS_CONTEXT('userenv', 'db_name')") == "FITTRACK"
    assert shell.of("USER") == "ADMIN"
    guid = shell.of("SYS_GUID()")
    assert isinstance(guid, bytes)
    assert len(guid) == 16
    number = shell.of("DBMS_RANDOM.VALUE(5, 6)")
    assert isinstance(number, Decimal)
    assert 5 <= number < 6


def test_one_statement_has_one_time(shell: Shell) -> None:
    ((first, second),) = shell.rows("SELECT SYSTIMESTAMP, SYSTIMESTAMP FROM dual")
    assert first == second


def test_date_masks_of_the_session(shell: Shell) -> None:
    shell.run("ALTER SESSION SET NLS_DATE_FORMAT = 'YYYY/MM/DD'")
    assert shell.of("TO_CHAR(DATE '2025-01-15')") == "2025/01/15"
    assert shell.of("TO_DATE('2025/01/16')") == naive(2025, 1, 16)
    shell.run("ALTER SESSION SET NLS_DATE_FORMAT = 'DD-MON-RR'")


def test_json(shell: Shell) -> None:
    document = '{"a": {"b": [1, {"c": "x"}]}, "n": null, "t": true}'
    assert shell.of("JSON_VALUE(:1, '$.a.b[0]' RETURNING NUMBER)", document) == 1
    assert shell.of("JSON_VALUE(:1, '$.a.b[1].c')", document) == "x"
    assert shell.of("JSON_VALUE(:1, '$.t')", document) == "true"
    assert shell.of("JSON_VALUE(:1, '$.a')", document) is None
    assert shell.of("JSON_QUERY(:1, '$.a.b[*]' WITH WRAPPER)", document) == '[1, {"c": "x"}]'
    assert shell.rows("SELECT 1 FROM dual WHERE JSON_EXISTS(:1, '$.a.b')", document) == [[1]]
    assert shell.rows("SELECT 1 FROM dual WHERE JSON_EXISTS(:1, '$.z')", document) == []
    assert shell.rows("SELECT 1 FROM dual WHERE :1 IS NOT JSON", "nonsense") == [[1]]
    assert shell.code("SELECT JSON_VALUE('{', '$.a' ERROR ON ERROR) FROM dual") == 40441
    assert shell.code("SELECT JSON_VALUE('{}', 'a') FROM dual") == 40442
