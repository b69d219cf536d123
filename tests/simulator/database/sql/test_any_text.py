"""Whatever a client sends, the answer is a plan or an ORA- error: an exception of our own would end its session."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.database.interface import OracleError
from simulator.database.sql.lexer import Kind, bind_names, replace_binds, tokenize
from tests.simulator.database.sql.conftest import Shell

_STATEMENTS = (
    "SELECT d.dummy, COUNT(*) OVER (PARTITION BY 1 ORDER BY 2) FROM dual d WHERE d.dummy LIKE 'x%' AND ROWNUM < 5",
    "WITH a (n) AS (SELECT 1 FROM dual UNION ALL SELECT n + 1 FROM a WHERE n < 3) SELECT MAX(n) FROM a GROUP BY n",
    "SELECT INTERVAL '1' DAY * 2 + SYSDATE, CAST(1 AS NUMBER(5,2)), JSON_VALUE(:1, '$.a' RETURNING NUMBER) FROM dual",
    "SELECT TRIM(BOTH 'x' FROM 'xax'), EXTRACT(YEAR FROM SYSDATE) FROM dual AS OF TIMESTAMP SYSTIMESTAMP FOR UPDATE",
    "INSERT INTO t (a, b) VALUES (:1, DEFAULT) RETURNING a INTO :2",
    "UPDATE t x SET (a, b) = (SELECT 1, 2 FROM dual), c = 'q' WHERE (a, b) IN ((1, 2), (3, 4))",
    "MERGE INTO t USING dual ON (a = 1) WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT MATCHED THEN INSERT (a) VALUES (1)",
    "BEGIN :x := :y + 1; DELETE FROM t WHERE a = 1 RETURNING b INTO :z; END;",
    "CREATE TABLE t (a NUMBER DEFAULT 1 PRIMARY KEY, b VARCHAR2(5 CHAR), CHECK (a > 0))",
)
_WORDS = sorted({word for text in _STATEMENTS for word in re.findall(r"\w+|'[^']*'|[^\s\w]", text)})


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """A statement with some of its words taken out, doubled or replaced."""
    parts = re.findall(r"\s+|\w+|'[^']*'|[^\s\w]", draw(st.sampled_from(_STATEMENTS)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(parts) - 1))
        parts[place] = draw(
            st.sampled_from(("", f" {draw(st.sampled_from(_WORDS))} ", parts[place] + " " + parts[place]))
        )
    return "".join(parts)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(mangled(), st.text(max_size=30)))
def test_only_oracle_errors(shell: Shell, text: str) -> None:
    error = None
    try:
        assert shell.do(shell.session.prepare(text)).sql == text
    except OracleError as raised:
        error = raised
    if error is not None:
        assert 0 < error.code < 100_000
        assert 0 <= error.offset <= len(text)


@given(
    st.lists(
        st.sampled_from((":1", ":name", ' : "x"', "':no'", '":no"', "--:no\n", "/*:no*/", "q'[:no']'", "a", "||", " "))
    )
)
def test_binds_are_found_where_they_are(parts: list[str]) -> None:
    text = " ".join(parts)
    tokens = tokenize(text)
    binds = [part for part in parts if part.strip().startswith(":")]
    assert len(bind_names(tokens)) == len(binds)
    replaced = tokenize(replace_binds(text, tokens))
    assert [t.value for t in replaced if t.kind is Kind.BIND] == [f"B{n}" for n in range(len(binds))]


def test_a_statement_nested_too_deeply(shell: Shell) -> None:
    assert shell.code(f"SELECT {'(' * 3000}1{')' * 3000} FROM dual") in (3001, 907)
    assert shell.value("SELECT " + " + ".join(["1"] * 200) + " FROM dual") == 200


@pytest.mark.parametrize("count", [1000])
def test_a_long_list(shell: Shell, count: int) -> None:
    listed = ", ".join(map(str, range(count)))
    assert shell.value(f"SELECT COUNT(*) FROM dual WHERE 5 IN ({listed})") == 1
